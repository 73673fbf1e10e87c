"""The section with the accuracy under every attempt, and what attempts are called in all sections.

Letters: n test images, M evaluation networks.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from c2r.attacks import figurekey
from c2r.attacks.figurekey import FigureKey
from c2r.evaluation import metrics
from c2r.report import charts
from c2r.report.style import RUN_COLOURS
from c2r.report.subject import Subject
from c2r.report.wording import percent, threat


class Line(NamedTuple):
    """One attempt of one run: shares in [0, 1], `std` over networks in points, `drop` in percent, None where it is not
    known."""

    name: str
    ball: str | None
    letter: str
    mean: float | None
    std: float | None
    interval: tuple[float, float] | None
    networks: int
    n: int
    drop: float | None
    passes: float | None
    success: float | None


def accuracy(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Dots and table of every attempt; no lines where no run has results."""
    lines = list(_lines(subjects))
    if not lines:
        return {"lines": []}
    return {
        "headline": _headline(subjects),
        "chart": charts.dots(_dot_groups(subjects), "Test images classified correctly (%)"),
        "lines": lines,
        "untried": _untried(subjects),
    }


def labels(subjects: Sequence[Subject]) -> dict[FigureKey, str]:
    """What every figure that occurs is called: its label, and where two share one what tells them apart."""
    return figurekey.names({a["of"]: a["label"] for s in subjects for a in s.attempts.values()})


def names(s: Subject, subjects: Sequence[Subject] = ()) -> dict[str, str]:
    """What the attempts of one run are called beside those of the others, by the key its own evaluation gives them."""
    named = labels(subjects or [s])
    return {key: named[a["of"]] for key, a in s.attempts.items()}


def _lines(subjects: Sequence[Subject]) -> Iterator[Line]:
    for of, name in labels(subjects).items():
        for s in subjects:
            key, a = s.attempt(of)
            if a is not None:
                yield _line(s, of, name, key, a)


def _line(s: Subject, of: FigureKey, name: str, key: str, a: dict[str, Any]) -> Line:
    clean = s.attempts.get("clean", {}).get("mean")
    return Line(
        name,
        threat(of.norm, of.eps) if of.norm else None,
        s.letter,
        a["mean"],
        None if a["std"] is None else 100 * a["std"],
        a["interval"],
        a["seeds"],
        a["n"],
        metrics.drop_rate(clean, a["mean"]) if key != "clean" and of.norm else None,
        a["passes"],
        a["success"],
    )


def _untried(subjects: Sequence[Subject]) -> list[str]:
    """What the others were tried with and this run was not: not measured, never a neighbour's figure."""
    named = labels(subjects)
    lacks = {
        s.letter: [_with_ball(of, name) for of, name in named.items() if s.attempt(of)[1] is None] for s in subjects
    }
    return [
        f"{letter} has no result for {', '.join(missing)}: not measured."
        for letter, missing in lacks.items()
        if missing
    ]


def _with_ball(of: FigureKey, name: str) -> str:
    """The name with its threat, unless it holds that already."""
    return f"{name}, {of.threat}" if of.threat and of.threat not in name else name


def _dot_groups(subjects: Sequence[Subject]) -> list[tuple[str, list[charts.Dot]]]:
    several, groups = len(subjects) > 1, []
    for of, name in labels(subjects).items():
        own = "var(--clean)" if of.attack == "clean" else "var(--adversarial)"
        tried = [(s.letter, colour, s.attempt(of)[1]) for s, colour in zip(subjects, RUN_COLOURS, strict=False)]
        members = [
            charts.Dot(letter if several else "", a["mean"], a["interval"], colour if several else own)
            for letter, colour, a in tried
            if a is not None
        ]
        groups.append((_with_ball(of, name), members))
    return groups


def _headline(subjects: Sequence[Subject]) -> str:
    """What the dots show, of the first threat of each run."""
    told = []
    for s in subjects:
        clean, groups = s.attempts.get("clean", {}).get("mean"), s.digest.get("groups") or [{}]
        worst = groups[0].get("worst")
        if clean is None or worst is None:
            continue
        label = s.attempts[groups[0]["worst_key"]]["label"]
        ball = threat(groups[0]["norm"], groups[0]["eps"])
        told.append(
            f"{s.letter + ': ' if len(subjects) > 1 else ''}{percent(clean)} clean, {percent(worst)} under {label}"
            f" ({ball})"
        )
    return "; ".join(told) or "Accuracy under every attack"
