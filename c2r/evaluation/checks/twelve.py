"""The table of the twelve checks of an evaluation. Cheap ones run with every evaluation, the others on demand.

A pitfall with both has two checks of one number; the one on demand includes the cheap one, and its badge takes that
one's place.
"""

from collections.abc import Callable, Iterable, Iterator

from c2r.errors import InputError, unknown
from c2r.evaluation.badges import PITFALLS, Badge, grey
from c2r.evaluation.checks import budgets, constants, masking, modes, records, space, threats
from c2r.evaluation.checks.subject import Check, Subject, clean, percent

CHECKS: dict[str, Check] = {
    "input-space": Check(
        1,
        True,
        "Value range of the images, accuracy of clamp(x, 0, 1) without attack, accuracy of normalised images, largest"
        " |x' − x| of every L∞ row and of a short PGD.",
        f"red: clamped and clean accuracy differ by more than {100 * space.SAME:g} points, values outside [0, 1], |x' −"
        f" x| over ε, or a network gains over {100 * space.UNDRESSED:g} points from normalised images; amber: a row"
        " moves no pixel by half its ε.",
        space.PIXELS,
        space.input_space,
    ),
    "gradient-masking": Check(
        2,
        True,
        "Order of FGSM, PGD and AutoAttack, Square against gradient attacks, share of images without gradient.",
        f"red: a stronger attack leaves over {100 * masking.TOLERANCE:g} points more (and more than paired noise), or"
        f" over {100 * masking.NO_SLOPE_BAD:g} % of the images have no gradient; amber: any has none.",
        masking.STRONGER,
        masking.masking,
    ),
    "autoattack-budget": Check(
        3,
        True,
        "Iterations, targets and queries of AutoAttack rows against the official ones, passes spent, versions.",
        f"red: below {100 * budgets.HALF:g} % of an official budget, or fewer passes than surviving images need; amber:"
        " below the official budget (AA-lite), not recorded, or no AutoAttack.",
        "Run AutoAttack with its official budget, or call it AA-lite.",
        budgets.autoattack,
    ),
    "train-mode": Check(
        4,
        True,
        "Training flags of all parts, and parameters and buffers before and after a short attack.",
        "red: any part in training mode, or anything changed; amber: parameters that ask for gradients.",
        modes.EVAL,
        modes.train_mode,
    ),
    "test-leakage": Check(
        5,
        True,
        "Which split selected the checkpoint, and how far the best step is above the last.",
        "red: best on test; amber: unknown, or an imported set whose own selection is unknown.",
        records.HELD_OUT,
        records.test_leakage,
    ),
    "attack-settings": Check(
        6,
        True,
        "Step sizes, steps and starts in the options of the rows.",
        "amber: 10 or more steps of at least ε, steps that cannot cross ε, 2/225, no random start; otherwise grey until"
        " the sweep runs.",
        budgets.STEPS_ADVICE,
        budgets.settings,
    ),
    "normalisation-constants": Check(
        7,
        True,
        "Constants inside the networks, statistics of set, train and test data, constants stored with the set, channel"
        " histograms.",
        f"red: a network's constants, or those of a set that were not undone, are over {constants.CONSTANT:g} away"
        f" from the recorded ones; amber: those of an imported set, networks and training data over"
        f" {constants.CONSTANT:g}, train and test over {constants.DRIFT:g}, contrast over {constants.CONTRAST:g} times,"
        " or not recorded.",
        "Use one pair of constants for set, training and test.",
        constants.normalisation_constants,
    ),
    "precision": Check(
        8,
        True,
        "Precision and TF32 flags, the networks' types, weights and logits that are no numbers, share of exactly zero"
        " cross-entropy gradients in each precision.",
        f"red: a network below float32, a weight or logit that is NaN or infinite, or over {100 * modes.SILENT:g} %"
        " zero gradients in the precision used; amber: any, not float32, TF32 on, or not recorded.",
        modes.FULL,
        modes.precision,
    ),
    "threat-models": Check(
        10,
        True,
        "Rows grouped by norm, radius and goal; distances reached; attacks equal to clean.",
        f"red: an attack within {100 * threats.EQUAL:g} points of clean, one key over unlike threats, a wrong norm, a"
        " distance over its radius; amber: equal to clean although margins fall, no radius, no distance, targeted"
        " without success.",
        "Compare only rows of one norm, radius and goal.",
        threats.threat_models,
    ),
    "metric-artefacts": Check(
        11,
        True,
        "Clean, worst and average accuracy, ratios, intervals, outcomes per image against the rows.",
        f"red: an attack over {100 * threats.ABOVE:g} points above clean, or rows that contradict their outcomes;"
        f" amber: clean − worst under {100 * threats.FLAT:g} point, fewer than {threats.FEW} attacks, an interval over"
        f" ± {100 * threats.WIDE:g} points.",
        "Quote clean, worst and average accuracy with intervals first.",
        threats.metric_artefacts,
    ),
    "budgets-and-seeds": Check(
        12,
        True,
        "Networks with seeds, effective and stored images, bytes, labels, network, training length, test subset, data"
        " hash.",
        f"red: one network; amber: {records.SEEDS - 1} networks, one from a weights file, soft labels over"
        f" {100 * records.LABELS:g} % of the bytes, subset not stored, another copy of the data, unshuffled batches, or"
        " not recorded.",
        "Score at least three networks, and compare only equal budgets.",
        records.budgets,
    ),
    "masking-curves": Check(
        2,
        False,
        f"Check 2, and on up to {masking.PROBE} images: PGD at a quarter of the pixel range (or 8 ε, at most half),"
        " cross-entropy against margin loss, loss along the gradient and a random direction.",
        f"red: over {100 * masking.LEFT_BAD:g} % survive the large radius, margin loss breaks over"
        f" {100 * masking.LOSS_GAP_BAD:g} points more, or the random direction climbs higher at ε; amber: over"
        f" {100 * masking.LEFT:g} %, over {100 * masking.LOSS_GAP:g} points.",
        masking.STRONGER,
        masking.curves,
    ),
    "attack-sweep": Check(
        6,
        False,
        f"PGD with 10, 50 and 100 steps and 1 and {budgets.SWEEP_RESTARTS} restarts on {budgets.SWEEP_IMAGES} images,"
        " against the evaluation's own PGD.",
        f"red: the sweep breaks over {100 * budgets.BAD:g} points more; amber: over {100 * budgets.WARN:g}.",
        budgets.STEPS_ADVICE,
        budgets.sweep,
    ),
    "gradient-agreement": Check(
        8,
        False,
        f"Check 8, and the share of equal gradient signs in bfloat16 and float16 on {modes.PROBE} images.",
        f"red: under {100 * modes.AGREE:g} % in the precision used.",
        modes.FULL,
        modes.agreement,
    ),
    "batch-coupling": Check(
        9,
        False,
        f"The same {modes.ALONE} images alone, together, and shuffled among {modes.CROWD} others.",
        f"red: logits differ by over {modes.APART:g}, over {100 * modes.STRAYED:g} % of the pixel values end elsewhere,"
        f" or {modes.ONE + 1} verdicts flip; amber: one flips.",
        modes.SUMS,
        modes.batch_coupling,
    ),
}
THOROUGH = tuple(
    {check.number: name for name, check in sorted(CHECKS.items(), key=lambda item: item[1].number)}.values()
)  # the deepest of each number


def run(
    subject: Subject, names: Iterable[str] | None = None, on: Callable[[str, float], None] | None = None
) -> Iterator[Badge]:
    """Run checks, the cheap ones without `names`, and yield each badge when it is known.

    A check that cannot be made gives a grey badge with the reason; it never stops the others.

    :param on: called before each check with its name and the share of the checks done
    :raises InputError: for an unknown name
    """
    chosen = [name for name, check in CHECKS.items() if check.cheap] if names is None else list(names)
    for name in chosen:
        if name not in CHECKS:
            raise unknown("check", name, list(CHECKS))
    for number, name in enumerate(chosen):
        if on:
            on(name, number / len(chosen))
        yield _guarded(subject, CHECKS[name])


ON_RIGHT_IMAGES = (2, 3, 6, 9)  # checks of attacks: they say nothing where no image is classified correctly


def _guarded(subject: Subject, check: Check) -> Badge:
    before = clean(subject)
    if check.number in ON_RIGHT_IMAGES and before is not None and before < 1 / max(1, len(subject.y)):
        told = f"Clean accuracy is {percent(before)} (n = {len(subject.y)}), so there was nothing to attack."
        return grey(check.number, told, "Check network, labels and normalisation first.", cheap=check.cheap)
    try:
        return check.run(subject)
    except InputError as error:
        return grey(check.number, str(error), check.advice, cheap=check.cheap)
    except Exception as error:  # records and networks come from anywhere: whatever it trips over, the others go on
        told = f"The check stopped with {type(error).__name__}: {error}."
        return grey(
            check.number,
            told,
            "Evaluate again; a record from elsewhere may lack what this check needs.",
            cheap=check.cheap,
        )


def described() -> str:
    """The checks as the page `docs/checks.md`."""
    lines = [
        "# The twelve checks",
        "",
        (
            "Each badge is green, amber or red with its figures, or grey where it cannot be judged. Checks marked *on"
            " demand* attack a few hundred images; the others run with every evaluation. Limits are constants in"
            " `c2r/evaluation/checks`, each with its reason. This page is written by"
        ),
        "`python -c \"from c2r.evaluation.checks import described; print(described(), end='')\" > docs/checks.md`.",
        "",
    ]
    for number, (_, title, why) in PITFALLS.items():
        lines += [f"## {number}. {title}", "", why, ""]
        for name, check in CHECKS.items():
            if check.number == number:
                when = "" if check.cheap else ", on demand"
                lines.append(f"- `{name}`{when}: {check.looks} Limits: {check.limits} What to do: {check.advice}")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"
