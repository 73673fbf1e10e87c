"""The section that joins the attempts of one norm, radius and goal: average, worst case and ratios."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from c2r.attacks.figurekey import ball
from c2r.evaluation import metrics
from c2r.evaluation.wording import NONE, percent
from c2r.report.subject import Subject

NAMES = {"clean": "Clean accuracy"} | metrics.NAMES


class Threat(NamedTuple):
    """One threat of one run: accuracies as shares, drop rates and `ratios` (in the order of `metrics.RATIOS`) in
    percent, None where one is undefined."""

    letter: str
    ball: str
    attacks: str
    clean: float | None
    average: float | None
    worst: str
    worst_image: str | None
    drop_rate: float | None
    drop_rate_average: float | None
    ratios: list[float | None]
    warnings: Sequence[str]


def threats(subjects: Sequence[Subject]) -> dict[str, Any] | None:
    """Average, worst case and ratios of each threat, with definitions and warnings; None where nothing was attacked."""
    joined = [_threat(s, group) for s in subjects for group in s.digest.get("groups", [])]
    if not joined:
        return None
    return {
        "threats": joined,
        "apart": [f"{s.letter}: {sentence}" for s in subjects if (sentence := _apart(s))],
        "ratios": [metrics.NAMES[name] for name in metrics.RATIOS],
        "warnings": [f"{threat.letter}, {threat.ball}: {warning}" for threat in joined for warning in threat.warnings],
        "definitions": [[NAMES.get(name, name), *definition] for name, definition in metrics.DEFINITIONS.items()],
    }


def _threat(s: Subject, group: dict[str, Any]) -> Threat:
    return Threat(
        s.letter,
        ball(group["norm"], group["eps"]) + (" targeted" if group["targeted"] else ""),
        ", ".join(s.attempts[key]["label"] for key in group["keys"]),
        s.attempts.get("clean", {}).get("mean"),
        group["average"],
        _worst(s, group),
        _worst_image(group["worst_image"], s.per_image),
        group["drop_rate"],
        group["drop_rate_average"],
        [group[name] for name in metrics.RATIOS],
        group["warnings"],
    )


def _worst(s: Subject, group: dict[str, Any]) -> str:
    key = group["worst_key"]
    return f"{percent(group['worst'])} ({s.attempts[key]['label']})" if key else NONE


def _worst_image(seen: dict[str, Any] | None, where: str) -> str | None:
    return None if seen is None else f"{percent(seen['accuracy'])} of {seen['n']} {where}, {seen['networks']} networks"


def _apart(s: Subject) -> str:
    """The attempts that belong to no threat, as a sentence."""
    unbounded, controls = (
        [s.attempts[key]["label"] for key in s.digest.get(name, [])] for name in ("unbounded", "controls")
    )
    told = [f"{', '.join(unbounded)} without a radius, so outside every average."] if unbounded else []
    return " ".join(told + ([f"{', '.join(controls)} is no attack but a control."] if controls else []))
