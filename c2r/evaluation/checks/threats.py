"""Checks 10 and 11, from the rows: are figures compared that belong together, and do their ratios mean anything?"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from c2r.attacks import figurekey
from c2r.attacks.catalog import CATALOG
from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import Subject, accuracy, attempts, clean, percent, radius, threat
from c2r.evaluation.metrics import drop_rate, i_rr, rr, worst_case

EQUAL = 1e-4  # an attack that leaves exactly the clean accuracy most likely never ran (methods spec §6, 10)
WORKED = 0.9  # an attack that ran lowers the margin of all but a few images with rugged surroundings
SLACK = 1.01  # a distance may be 1 % over its radius: rounding
FLAT = 0.01  # C − A* under 1 point: the denominator of RR is within the noise of 1,000 images
ABOVE = 0.002  # an attack above clean by more than .2 points has no business there; below that it may be rounding
FEW = 3  # attacks of a threat model: with two, RR only says how far the one is from the other
WIDE = 0.035  # half a 95 % interval: n = 1,000 gives 3.1 points at worst
MATCH = 1e-6  # a row's accuracy against the mean of its outcomes


def threat_models(subject: Subject) -> Badge:
    """Check 10: rows by norm, radius and goal; attacks that did nothing, went too far, or carry a wrong label."""
    tried = attempts(subject)
    groups: dict[tuple[str, float | None, bool], list[str]] = {}
    for key, rows in tried.items():
        groups.setdefault(threat(rows[0]), []).append(key)
    named = {_group(kind): keys for kind, keys in groups.items()}
    distances = {
        key: [row["distance"] for row in rows if row.get("distance") is not None] for key, rows in tried.items()
    }
    figures = {"groups": named, "distance": {key: float(np.mean(sizes)) for key, sizes in distances.items() if sizes}}
    findings = (
        [Finding("green", f"{len(named)} threat model{'' if len(named) == 1 else 's'}: {_listed(named)}.")]
        if tried
        else []
    )
    for rule in (_mixed, _idle, _labels, _unbounded, _reach, _goals):
        findings += rule(subject)
    return settle(10, findings, figures)


def _group(kind: tuple[str, float | None, bool]) -> str:
    norm, eps, targeted = kind
    return (
        f"{norm or 'no norm'} {'unbounded' if eps is None else figurekey.radius(eps)}{' targeted' if targeted else ''}"
    )


def _listed(groups: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{name}: {', '.join(keys)}" for name, keys in groups.items())


def _mixed(subject: Subject) -> Iterator[Finding]:
    """One key over unlike threat models: whoever averages by key averages apples and pears."""
    for key, rows in attempts(subject).items():
        kinds = sorted({_group(threat(row)) for row in rows})
        if len(kinds) > 1:
            told = f"Rows called {key} mix {' and '.join(kinds)}."
            yield Finding(
                "red", told, "Give every norm, radius and goal a key of its own, and never average over them."
            )


def _idle(subject: Subject) -> Iterator[Finding]:
    """Attacks that leave the clean accuracy: they never ran, unless margins show that they came closer to the
    boundary."""
    base = {row.get("seed"): row["accuracy"] for row in subject.rows if row["attack"] == "clean"}
    for key, rows in attempts(subject).items():
        same = [
            row for row in rows if base.get(row.get("seed")) and abs(row["accuracy"] - base[row.get("seed")]) < EQUAL
        ]
        if not same:
            continue
        told = (
            f"{key} leaves exactly the clean accuracy ({percent(same[0]['accuracy'])}) on {len(same)} of {len(rows)}"
            " networks"
        )
        share = _lowered(subject, key)
        if share > WORKED:
            told += f", although it lowers the margin of {percent(share)} of the images"
            yield Finding("amber", f"{told}.", "Use a larger radius: this one cannot tell networks apart.")
        else:
            yield Finding(
                "red", f"{told}.", "Check that the attack ran; a missing attack must not count as robustness."
            )


def _lowered(subject: Subject, key: str) -> float:
    """Share of the images that were right whose margin is smaller under the attack; 0 without margins."""
    before, after = (np.asarray(subject.margins.get(name, ())) for name in ("clean", key))
    if before.shape != after.shape or not (before > 0).any():
        return 0.0
    return float((after < before)[before > 0].mean())


def _labels(subject: Subject) -> Iterator[Finding]:
    for key, rows in attempts(subject).items():
        known = CATALOG.get(rows[0]["attack"])
        if known and rows[0].get("norm") != known.norm:
            yield Finding(
                "red",
                f"{key} is labelled {rows[0].get('norm') or 'without norm'} but works in {known.norm}.",
                "Correct its norm.",
            )


def _unbounded(subject: Subject) -> Iterator[Finding]:
    free = {key: rows for key, rows in attempts(subject).items() if radius(rows[0]) is None}
    dumb = [key for key, rows in free.items() if rows[0].get("distance") is None]
    if dumb:
        told = f"Neither a radius nor a distance is recorded of {', '.join(dumb)}."
        yield Finding(
            "red", told, "Record the distance reached, or give a radius; without either an accuracy means nothing."
        )
    listed = ", ".join(
        f"{key} (median distance {rows[0]['distance']:.3g})" for key, rows in free.items() if key not in dumb
    )
    if listed:
        told = f"Accuracy without a radius tends to 0 for any network: {listed}."
        yield Finding(
            "amber", told, "Compare the distances of these attacks, never average their accuracy with others."
        )


def _reach(subject: Subject) -> Iterator[Finding]:
    """Median distances beyond the radius, and distances that are not recorded at all."""
    far, silent = [], []
    for key, rows in attempts(subject).items():
        eps, sizes = radius(rows[0]), [row["distance"] for row in rows if row.get("distance") is not None]
        if eps and sizes and max(sizes) > SLACK * eps:
            far.append(f"{key} {255 * max(sizes):.4g}/255 at ε = {figurekey.radius(eps)}")
        if eps and "distance" not in rows[0]:
            silent.append(key)
    if far:
        told = f"Median distances beyond the radius: {', '.join(far)}."
        yield Finding("red", told, "Correct the radius, attack in pixel space, or project onto the ball.")
    if silent:
        yield Finding(
            "amber", f"No distance is recorded of {', '.join(silent)}.", "Record the distance with every row."
        )


def _goals(subject: Subject) -> Iterator[Finding]:
    for key, rows in attempts(subject).items():
        if rows[0].get("targeted") and any(row.get("success") is None for row in rows):
            told = f"{key} is targeted but says only its accuracy ({percent(accuracy(rows))})."
            yield Finding("amber", told, "Record how often the target class was reached.")


def metric_artefacts(subject: Subject) -> Badge:
    """Check 11: attacks above clean, tiny denominators, few attacks, wide intervals, rows that contradict their
    outcomes."""
    tried, base = attempts(subject), clean(subject)
    groups: dict[tuple[str, float | None, bool], dict[str, float]] = {}
    for key, rows in tried.items():
        if radius(rows[0]):
            groups.setdefault(threat(rows[0]), {})[key] = accuracy(rows)
    figures: dict[str, Any] = {"clean": base, "attacks": {key: accuracy(rows) for key, rows in tried.items()}}
    findings = [*_against_clean(base, groups), *_intervals(subject, figures), *_consistent(subject, figures)]
    return settle(11, findings, figures)


def _against_clean(
    base: float | None, groups: Mapping[tuple[str, float | None, bool], Mapping[str, float]]
) -> Iterator[Finding]:
    if base is None:
        yield Finding("amber", "There is no clean accuracy to compare with.", "Run the unchanged images too.")
        return
    above = {key: value for values in groups.values() for key, value in values.items() if value > base + 1e-9}
    if above:
        key = max(above, key=lambda k: above[k])
        told = f"{len(above)} attacks leave more than the clean {percent(base)}, most {key} with {percent(above[key])}."
        yield Finding(
            "red" if above[key] > base + ABOVE else "amber",
            told,
            "No attack can help: check labels, input space and test images.",
        )
    if not groups:
        yield Finding("amber", "No attack with a radius was run.", "Run at least three attacks at one radius.")
        return
    main = max(groups.values(), key=len)
    worst, average = min(main.values()), sum(main.values()) / len(main)
    named = {"drop rate": drop_rate(base, worst), "RR": rr(base, main.values()), "I-RR": i_rr(base, main.values())}
    ratios = ", ".join(f"{name} {'undefined' if value is None else f'{value:.1f} %'}" for name, value in named.items())
    yield Finding(
        "green",
        f"Clean {percent(base)}, worst of {len(main)} attacks {percent(worst)}, average {percent(average)}; {ratios}.",
    )
    if len(main) < FEW:
        yield Finding(
            "amber",
            f"The ratios rest on {len(main)} attacks.",
            f"Run at least {FEW} attacks of one threat model, or quote accuracies only.",
        )
    if base - worst < FLAT:
        told = f"Clean and worst accuracy are {100 * (base - worst):.2f} points apart, so RR divides by almost nothing."
        yield Finding("amber", told, "Quote accuracies instead of RR.")


def _intervals(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    intervals = [row.get("interval") for row in subject.rows]
    known = [(high - low) / 2 for low, high in filter(None, intervals)]
    if len(known) < len(intervals):
        yield Finding(
            "amber",
            f"{len(intervals) - len(known)} of {len(intervals)} rows have no interval.",
            "Give every accuracy its 95 % interval.",
        )
    if known:
        n, figures["half_width"] = min(row["n"] for row in subject.rows), max(known)
        told = f"The widest 95 % interval is ± {100 * max(known):.1f} points (n = {n:,})."
        yield Finding(
            "amber" if max(known) > WIDE else "green",
            told,
            "Attack at least 1,000 images before comparing figures a few points apart.",
        )


def _consistent(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """Rows against the outcomes per image, and the worst case per image against the worst attack."""
    tried = attempts(subject)
    at_hand = {key: np.asarray(values) for key, values in subject.correct.items() if key in tried}
    wrong = [key for key, values in at_hand.items() if abs(float(values.mean()) - accuracy(tried[key])) > MATCH]
    if wrong:
        yield Finding(
            "red",
            f"Rows contradict their outcomes per image: {', '.join(wrong)}.",
            "Evaluate again: the record was changed.",
        )
    alike: dict[tuple[str, float | None, bool], dict[str, np.ndarray]] = {}
    for key, values in at_hand.items():
        if radius(tried[key][0]):
            alike.setdefault(threat(tried[key][0]), {})[key] = values
    if alike:
        members = max(alike.values(), key=len)
        worst = float(
            worst_case(members | ({"clean": subject.correct["clean"]} if "clean" in subject.correct else {})).mean()
        )
        figures["worst_image"] = worst
        yield Finding("green", f"{percent(worst)} of the images withstand every one of {len(members)} attacks.")
