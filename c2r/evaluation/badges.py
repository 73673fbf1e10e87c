"""Badges: what the twelve checks of an evaluation say, as plain values to store and to show. No torch.

The checks stand in `c2r.evaluation.checks`; the pitfalls and their numbers are those of the methods spec, §6.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from c2r.errors import InputError
from c2r.store import schema
from c2r.untrusted import parse_json

COLOURS = ("red", "amber", "grey", "green")  # worst first; grey: not run, or it cannot be judged
NOTHING = "Nothing to do."

# number → (name, title, why it matters)
PITFALLS: dict[int, tuple[str, str, str]] = {
    1: (
        "input-space",
        "Input space",
        (
            "An attack on normalised images has another radius than it says, and its clamp to [0, 1] alone destroys"
            " pictures."
        ),
    ),
    2: (
        "gradient-masking",
        "Gradient masking",
        (
            "A network whose gradients lead nowhere looks robust although almost every image has an adversarial example"
            " nearby."
        ),
    ),
    3: (
        "autoattack-budget",
        "AutoAttack's budget",
        "An AutoAttack with 10 instead of 100 iterations is a weaker attack under the same name.",
    ),
    4: (
        "train-mode",
        "Train mode",
        "Dropout or batch statistics that change while an attack runs make the network another one with every pass.",
    ),
    5: (
        "test-leakage",
        "Selection on test",
        "A checkpoint or an iteration chosen by its test accuracy reports the luck of the choice as a result.",
    ),
    6: (
        "attack-strength",
        "Steps and restarts",
        "Too few steps, a step as large as the radius or a single start leave adversarial examples unfound.",
    ),
    7: (
        "normalisation-constants",
        "Normalisation constants",
        "A set stored under other constants than the networks undo has another contrast than the images it stands for.",
    ),
    8: (
        "precision",
        "Precision",
        (
            "In half precision the gradient of a confident image is exactly zero, so the attack stands still and the"
            " image counts as robust."
        ),
    ),
    9: (
        "batch-coupling",
        "Batch coupling",
        (
            "When an image's adversarial example depends on its neighbours in the batch, the figure changes with the"
            " batch size."
        ),
    ),
    10: (
        "threat-models",
        "Threat models",
        (
            "Figures of unlike norms, radii or goals, or of an attack that never ran, mean nothing side by side or"
            " averaged."
        ),
    ),
    11: (
        "metric-artefacts",
        "Metric artefacts",
        "Ratios of few attacks, or over a denominator near zero, jump by more than the networks they compare.",
    ),
    12: (
        "budgets-and-seeds",
        "Budgets and seeds",
        "One network, more effective images or soft labels can make a larger difference than the method does.",
    ),
}
NAMES = {number: name for number, (name, _, _) in PITFALLS.items()}
TITLES = {number: title for number, (_, title, _) in PITFALLS.items()}
WHY = {number: why for number, (_, _, why) in PITFALLS.items()}


@dataclass(frozen=True)
class Badge:
    """The outcome of one check.

    :param number, name, title: of the pitfall, see `PITFALLS`
    :param colour: one of `COLOURS`; grey says in its evidence why it could not be judged
    :param evidence: sentences with the figures
    :param advice: one sentence: what to do
    :param figures: plain numbers and lists, for charts
    :param cheap: whether it came from the part of the check that runs with every evaluation
    """

    number: int
    name: str
    title: str
    colour: str
    evidence: str
    advice: str
    figures: dict[str, Any] = field(default_factory=dict)
    cheap: bool = True


KINDS = schema.fields(
    {
        "number": schema.few,
        "name": schema.text,
        "title": schema.text,
        "evidence": schema.text,
        "advice": schema.text,
        "cheap": schema.flag,
        "figures": schema.named(lambda _: True),
    }
)


@dataclass(frozen=True)
class Finding:
    """One thing a check saw: how bad it is, the sentence with its figures, what to do about it."""

    colour: str
    evidence: str
    advice: str = NOTHING


def settle(number: int, findings: Sequence[Finding], figures: dict[str, Any], *, cheap: bool = True) -> Badge:
    """The badge of a check: as bad as its worst finding, whose advice it takes; the evidence is everything seen, worst
    first."""
    ordered = sorted(findings, key=lambda finding: COLOURS.index(finding.colour))
    if not ordered:
        return grey(number, "There was nothing to look at.", "Run the evaluation first.", cheap=cheap)
    evidence = " ".join(finding.evidence for finding in ordered)
    advice = NOTHING if ordered[0].colour == "green" else ordered[0].advice
    return Badge(number, NAMES[number], TITLES[number], ordered[0].colour, evidence, advice, figures, cheap)


def grey(number: int, evidence: str, advice: str, *, cheap: bool = True) -> Badge:
    """A badge that judges nothing, and says why."""
    return Badge(number, NAMES[number], TITLES[number], "grey", evidence, advice, {}, cheap)


def worst_first(badges: Iterable[Badge]) -> list[Badge]:
    """Red, amber, grey, green; by number within a colour."""
    return sorted(badges, key=lambda badge: (COLOURS.index(badge.colour), badge.number))


def summary(badges: Iterable[Badge]) -> str:
    """``2 red, 1 amber, 9 green``; colours that do not occur are left out."""
    counts = Counter(badge.colour for badge in badges)
    return ", ".join(f"{counts[colour]} {colour}" for colour in COLOURS if counts[colour]) or "no checks"


def complete(badges: Iterable[Badge]) -> list[Badge]:
    """All twelve in order: of one number the last badge counts, and those that are missing stand as grey, not run."""
    last = {badge.number: badge for badge in badges}
    missing = "Not run: this check attacks a few hundred images and runs on demand."
    return [last.get(number) or grey(number, missing, "Run the checks on demand.", cheap=False) for number in PITFALLS]


def to_json(badges: Iterable[Badge]) -> list[dict[str, Any]]:
    """Badges as plain values."""
    return [asdict(badge) for badge in badges]


def from_json(values: Any) -> list[Badge]:
    """Badges from such values. Raises InputError when they are something else."""
    try:
        badges = [Badge(**value) for value in values]
        fits = all(badge.number in PITFALLS and badge.colour in COLOURS and KINDS(vars(badge)) for badge in badges)
    except TypeError:
        fits = False
    if not fits:
        raise InputError(
            "The stored checks cannot be read: expected a list of badges with number and colour; run the checks again."
        )
    return badges


def read(folder: Path) -> list[Badge]:
    """The badges of an evaluation's folder; [] when it has none. Raises InputError when checks.json is damaged."""
    file = Path(folder) / "checks.json"
    if not file.exists():
        return []
    try:
        values = parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(
            f"The checks.json of {file.parent.name} is damaged: expected the badges of an evaluation; run the checks"
            " again."
        ) from None
    return from_json(values)
