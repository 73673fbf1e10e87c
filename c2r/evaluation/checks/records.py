"""Checks 5 and 12, from the record alone: what was selected on which images, and what the figures cost."""

from collections.abc import Iterator
from statistics import mean, stdev
from typing import Any

from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import Subject, attempts, percent

LEAK = 0.01  # best checkpoint over last: above 1 point the choice moves the figure more than an attack's tolerance
SELECTION = {"last step": "green", "best on held-out train": "green", "best on test": "red"}
HELD_OUT = "Score the last step, or hold out 10 % of the train images to choose on."
SEEDS = 3  # the fewest networks that give a standard deviation worth the name
LABELS = 0.1  # soft labels of more than a tenth of the images' bytes are part of the budget
RECORDED = {
    "stored": "stored images",
    "effective": "effective images",
    "bytes": "bytes",
    "label_bytes": "label bytes",
    "labels": "label type",
    "network": "network",
    "data_hash": "data hash",
    "subset": "test subset",
    "shuffled": "whether batches are shuffled",
}
OF_A_SET = ("stored", "effective", "bytes", "label_bytes", "labels", "shuffled")  # what a weights file has none of


def test_leakage(subject: Subject) -> Badge:
    """Check 5: which split chose the checkpoint, and by how much the best step beats the last."""
    facts = subject.facts
    selection, gap = facts.get("selection") or "unknown", facts.get("best_minus_last")
    colour = SELECTION.get(selection, "amber")
    told = (
        f"Evaluation networks: {selection}."
        if colour != "amber"
        else f"How the evaluation networks were selected is {selection}."
    )
    findings = [Finding(colour, told, HELD_OUT if colour == "red" else "Record which split chose the checkpoint.")]
    if gap is not None:
        told = f"The best step is {100 * gap:.1f} points above the last."
        findings.append(Finding("amber" if selection == "unknown" and gap > LEAK else "green", told, HELD_OUT))
    if facts.get("origin") == "imported" and SELECTION.get(facts.get("set_selection", "")) != "green":
        told = "The set comes from elsewhere; whether its best step was picked on test images is unknown."
        findings.append(Finding("amber", told, "Ask its authors which split chose the set."))
    splits = sorted({str(row.get("split")) for row in subject.rows})
    if splits and splits != ["test"]:
        findings.append(Finding("amber", f"Rows were measured on {', '.join(splits)}.", "Measure on the test split."))
    return settle(5, findings, {"selection": selection, "best_minus_last": gap})


def budgets(subject: Subject) -> Badge:
    """Check 12: seeds, effective images, bytes, labels, network, training length, fixed subset, data hash."""
    facts = subject.facts
    figures = {name: facts[name] for name in RECORDED if facts.get(name) is not None}
    alone = facts.get("origin") == "weights file"
    missing = [
        words for name, words in RECORDED.items() if facts.get(name) is None and not (alone and name in OF_A_SET)
    ]
    missing += [] if alone or facts.get("epochs") or facts.get("steps") else ["training length"]
    findings = [*_seeds(subject, figures), *_cost(subject), *_images(subject)]
    if missing:
        findings.append(
            Finding(
                "amber", f"Not recorded: {', '.join(missing)}.", f"Record {', '.join(missing)} with the evaluation."
            )
        )
    return settle(12, findings, figures)


def _seeds(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    seeds = sorted(
        {row["seed"] for row in subject.rows if row.get("seed") is not None} or set(subject.facts.get("seeds") or ())
    )
    figures["seeds"] = len(seeds)
    advice = f"Train and score at least {SEEDS} networks with fixed seeds, and show the standard deviation."
    some = len(seeds) == SEEDS - 1 or subject.facts.get("origin") == "weights file"
    colour = "green" if len(seeds) >= SEEDS else "amber" if some else "red"
    yield Finding(
        colour,
        f"{len(seeds)} network{'' if len(seeds) == 1 else 's'} with a recorded seed (at least {SEEDS} wanted).",
        advice,
    )
    fewer = [key for key, rows in attempts(subject).items() if len({row.get("seed") for row in rows}) < len(seeds)]
    if fewer:
        yield Finding("amber", f"Run on fewer networks than the rest: {', '.join(fewer)}.", "Finish the evaluation.")
    spread = {key: stdev(row["accuracy"] for row in rows) for key, rows in attempts(subject).items() if len(rows) > 1}
    if spread:
        figures["std"] = spread
        yield Finding(
            "green",
            f"Standard deviation over networks: {100 * mean(spread.values()):.1f} points on average of the attacks.",
        )


def _cost(subject: Subject) -> Iterator[Finding]:
    facts = subject.facts
    stored, effective, size, labels = (facts.get(name) for name in ("stored", "effective", "bytes", "label_bytes"))
    if stored and effective and size is not None:
        length = (
            f"{facts['epochs']} epochs"
            if facts.get("epochs")
            else f"{facts['steps']} steps"
            if facts.get("steps")
            else "unknown length"
        )
        told = (
            f"{stored:,} stored images, {effective:,} effective, {size / 1e6:.3g} MB,"
            f" {facts.get('network') or 'unknown network'}, {length}, "
        )
        told += f"data {facts.get('data_hash') or 'without hash'}."
        yield Finding("green", told)
    if facts.get("labels") == "soft" and size:
        share = (labels or 0) / size
        told = f"Soft labels of {(labels or 0) / 1e6:.3g} MB, {percent(share)} of the images' bytes."
        yield Finding(
            "amber" if share > LABELS else "green",
            told,
            "Compare only with sets that have soft labels, or count their bytes too.",
        )


def _images(subject: Subject) -> Iterator[Finding]:
    """The test subset, the copy of the data, and the order of the batches."""
    facts = subject.facts
    subset, here, before = facts.get("subset") or {}, facts.get("data_hash"), facts.get("train_hash")
    if subset:
        fixed = bool(subset.get("stored")) and subset.get("seed") is not None
        told = (
            f"{subset.get('n', 0):,} test images, seed {subset.get('seed')}, indices"
            f" {'stored' if subset.get('stored') else 'not stored'}."
        )
        yield Finding("green" if fixed else "amber", told, "Fix the subset by a seed and store its indices.")
    if here and before and here != before:
        told = f"The set was made from another copy of the data ({before}) than it is scored on ({here})."
        yield Finding("amber", told, "Use one copy: re-encoded images cost up to 1.3 points.")
    if facts.get("shuffled") is False:
        yield Finding(
            "amber", "Training batches were not shuffled, so they are sorted by class.", "Shuffle the training images."
        )
