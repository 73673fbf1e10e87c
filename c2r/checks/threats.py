"""Checks 10 and 11, from the rows: are figures compared that belong together, and do their ratios mean anything?"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from c2r.badges import Badge, Finding, settle
from c2r.catalog import CATALOG
from c2r.checks.subject import Row, Subject, accuracy, attempts, clean, percent, radius, threat
from c2r.fields import format_radius
from c2r.metrics import i_rr, rr, worst_case

EQUAL = 1e-4  # an attack that leaves exactly the clean accuracy most likely never ran (methods spec §6, 10)
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
    distances = {key: [row["distance"] for row in rows if row.get("distance") is not None] for key, rows in tried.items()}
    figures = {"groups": named, "distance": {key: float(np.mean(found)) for key, found in distances.items() if found}}
    findings = [Finding("green", f"{len(named)} threat model{'' if len(named) == 1 else 's'}: {_listed(named)}.")] if tried else []
    findings += _mixed(subject)
    for key, rows in tried.items():
        findings += [*_idle(subject, key, rows), *_label(key, rows), *_reach(key, rows), *_goal(key, rows)]
    return settle(10, findings, figures)


def _group(kind: tuple[str, float | None, bool]) -> str:
    norm, eps, targeted = kind
    return f"{norm or 'no norm'} {'unbounded' if eps is None else format_radius(eps)}{' targeted' if targeted else ''}"


def _listed(groups: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{name}: {', '.join(keys)}" for name, keys in groups.items())


def _mixed(subject: Subject) -> Iterator[Finding]:
    """One key over unlike threat models: whoever averages by key averages apples and pears."""
    for key, rows in attempts(subject).items():
        kinds = sorted({_group(threat(row)) for row in rows})
        if len(kinds) > 1:
            told = f"Rows called {key} mix {' and '.join(kinds)}."
            yield Finding("red", told, "Give every norm, radius and goal a key of its own, and never average over them.")


def _idle(subject: Subject, key: str, rows: list[Row]) -> Iterator[Finding]:
    base = {row.get("seed"): row["accuracy"] for row in subject.rows if row["attack"] == "clean"}
    same = [row for row in rows if base.get(row.get("seed")) and abs(row["accuracy"] - base[row.get("seed")]) < EQUAL]
    if same:
        told = f"{key} leaves exactly the clean accuracy ({percent(same[0]['accuracy'])}) on {len(same)} of {len(rows)} networks."
        yield Finding("red", told, "Check that the attack ran; a missing attack must not count as robustness.")


def _label(key: str, rows: list[Row]) -> Iterator[Finding]:
    known = CATALOG.get(rows[0]["attack"])
    if known and rows[0].get("norm") != known.norm:
        yield Finding("red", f"{key} is labelled {rows[0].get('norm') or 'without norm'} but works in {known.norm}.", "Correct its norm.")
    if radius(rows[0]) is None:
        distance = rows[0].get("distance")
        told = f"{key} has no radius, so its accuracy tends to 0 for any network"
        if distance is None:
            yield Finding("red", f"{told}, and no distance is recorded.", "Record the distance reached, or give it a radius.")
        else:
            yield Finding(
                "amber", f"{told}; median distance {distance:.3g}.", "Compare its distance, never average its accuracy with others."
            )


def _reach(key: str, rows: list[Row]) -> Iterator[Finding]:
    eps, found = radius(rows[0]), [row["distance"] for row in rows if row.get("distance") is not None]
    if eps and found and max(found) > SLACK * eps:
        told = f"{key} reaches a median distance of {255 * max(found):.3g}/255, beyond its radius of {255 * eps:.3g}/255."
        yield Finding("red", told, "Correct its radius, or project onto the ball.")
    if eps and not found and accuracy(rows) < 1 - EQUAL and "distance" not in rows[0]:
        yield Finding("amber", f"{key} does not say what distance it reached.", "Record the distance with every row.")


def _goal(key: str, rows: list[Row]) -> Iterator[Finding]:
    if rows[0].get("targeted") and any(row.get("success") is None for row in rows):
        told = f"{key} is targeted but says only its accuracy ({percent(accuracy(rows))})."
        yield Finding("amber", told, "Record how often the target class was reached.")


def metric_artefacts(subject: Subject) -> Badge:
    """Check 11: attacks above clean, tiny denominators, few attacks, wide intervals, rows that contradict their outcomes."""
    tried, base = attempts(subject), clean(subject)
    groups: dict[tuple[str, float | None, bool], dict[str, float]] = {}
    for key, rows in tried.items():
        if radius(rows[0]):
            groups.setdefault(threat(rows[0]), {})[key] = accuracy(rows)
    figures: dict[str, Any] = {"clean": base, "attacks": {key: accuracy(rows) for key, rows in tried.items()}}
    findings = [*_against_clean(base, groups), *_intervals(subject, figures), *_consistent(subject, figures)]
    return settle(11, findings, figures)


def _against_clean(base: float | None, groups: Mapping[tuple[str, float | None, bool], Mapping[str, float]]) -> Iterator[Finding]:
    if base is None:
        yield Finding("amber", "There is no clean accuracy to compare with.", "Run the unchanged images too.")
        return
    above = {key: value for values in groups.values() for key, value in values.items() if value > base + 1e-9}
    if above:
        key = max(above, key=lambda k: above[k])
        told = f"{len(above)} attack(s) leave more than the clean {percent(base)}, most {key} with {percent(above[key])}."
        yield Finding(
            "red" if above[key] > base + ABOVE else "amber", told, "No attack can help: check labels, input space and test images."
        )
    if not groups:
        yield Finding("amber", "No attack with a radius was run.", "Run at least three attacks at one radius.")
        return
    main = max(groups.values(), key=len)
    told = f"Clean {percent(base)}, worst attack {percent(min(main.values()))}, average {percent(sum(main.values()) / len(main))} of {len(main)}."
    ratios = ", ".join(
        f"{name} {'undefined' if v is None else f'{v:.1f} %'}"
        for name, v in (("RR", rr(base, main.values())), ("I-RR", i_rr(base, main.values())))
    )
    yield Finding("green", f"{told} {ratios}.")
    if len(main) < FEW:
        yield Finding(
            "amber",
            f"The ratios rest on {len(main)} attack(s).",
            f"Run at least {FEW} attacks of one threat model, or quote accuracies only.",
        )
    if base - min(main.values()) < FLAT:
        told = f"Clean and worst accuracy are {100 * (base - min(main.values())):.2f} points apart, so RR divides by almost nothing."
        yield Finding("amber", told, "Quote accuracies instead of RR.")


def _intervals(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    found = [row.get("interval") for row in subject.rows]
    known = [(high - low) / 2 for low, high in filter(None, found)]
    if len(known) < len(found):
        yield Finding(
            "amber", f"{len(found) - len(known)} of {len(found)} rows have no interval.", "Give every accuracy its 95 % interval."
        )
    if known:
        n, figures["half_width"] = min(row["n"] for row in subject.rows), max(known)
        told = f"The widest 95 % interval is ± {100 * max(known):.1f} points (n = {n:,})."
        yield Finding(
            "amber" if max(known) > WIDE else "green", told, "Attack at least 1,000 images before comparing figures a few points apart."
        )


def _consistent(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """Rows against the outcomes per image, and the worst case per image against the worst attack."""
    tried = attempts(subject)
    at_hand = {key: np.asarray(values) for key, values in subject.correct.items() if key in tried}
    wrong = [key for key, values in at_hand.items() if abs(float(values.mean()) - accuracy(tried[key])) > MATCH]
    if wrong:
        yield Finding("red", f"Rows contradict their outcomes per image: {', '.join(wrong)}.", "Evaluate again: the record was changed.")
    alike: dict[tuple[str, float | None, bool], dict[str, np.ndarray]] = {}
    for key, values in at_hand.items():
        if radius(tried[key][0]):
            alike.setdefault(threat(tried[key][0]), {})[key] = values
    if alike:
        members = max(alike.values(), key=len)
        worst = float(worst_case(members | ({"clean": subject.correct["clean"]} if "clean" in subject.correct else {})).mean())
        figures["worst_image"] = worst
        yield Finding("green", f"{percent(worst)} of the images withstand every one of {len(members)} attack(s).")
