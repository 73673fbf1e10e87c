"""The section with paired differences: every run minus the first, image by image, see `c2r.evaluation.paired`."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from c2r.evaluation import metrics, paired
from c2r.evaluation.paired import Difference, Side
from c2r.report import charts
from c2r.report.markup import Html, bullets, figure, section, table
from c2r.report.results import labels
from c2r.report.style import RUN_COLOURS
from c2r.report.subject import Subject


class Pair(NamedTuple):
    """One run minus the first in one figure: its name, its threat, the difference."""

    name: str
    ball: str
    letter: str
    found: Difference


def differences(subjects: Sequence[Subject]) -> Html:
    """Dots and table of the paired differences to the first run, and a sentence for every run that has none."""
    if len(subjects) < 2:
        return Html("")
    first, told, pairs = subjects[0], [], list[Pair]()
    for s in subjects[1:]:
        why = _obstacle(s, first)
        mine = [] if why else list(_pairs(s, first, subjects))
        pairs += mine
        told += [f"{s.letter} minus {first.letter}: {why or 'no figure was measured on both.'}"] if not mine else []
    if not pairs:
        return section("Paired differences", bullets(told))
    rows = [
        [p.name, p.ball, f"{p.letter} − {first.letter}", p.found.text, p.found.verdict, p.found.basis, _chance(p.found)]
        for p in pairs
    ]
    head = ["Figure", "Threat", "Runs", "Difference (points)", "Verdict", "It rests on", "McNemar p"]
    reach = max(0.01, *(abs(end) for p in pairs for end in (p.found.low, p.found.high)))
    note = (
        "Dots: the difference image by image; whiskers: its 95 % interval over images and networks; across 0 it is"
        " undecided. "
    )
    chart = charts.dots(
        _groups(pairs, subjects),
        f"Accuracy minus that of {first.letter} (points)",
        (-1.05 * reach, 1.05 * reach),
        _points,
    )
    once = paired.ONE_SEED if any(p.found.seeds == (1, 1) for p in pairs) else ""
    return section(
        "Paired differences",
        figure(_headline(pairs, first), chart, note + once),
        table(head, rows, once),
        bullets(told),
    )


def _side(s: Subject, right: np.ndarray | None) -> Side | None:
    data = s.evaluation.get("data")
    recorded = s.facts.get("data_hash") or (data.get("hash") if isinstance(data, dict) else None)
    return None if right is None or "index" not in s.test else Side([right], s.test["index"], str(recorded or ""))


def _obstacle(s: Subject, first: Subject) -> str:
    sides = [_side(one, next(iter(one.per_test_image("correct").values()), None)) for one in (s, first)]
    return paired.obstacle(sides[0], sides[1]) if sides[0] and sides[1] else paired.UNSTORED


def _pairs(s: Subject, first: Subject, subjects: Sequence[Subject]) -> Iterator[Pair]:
    mine, other = s.per_test_image("correct"), first.per_test_image("correct")
    for of, name in labels(subjects).items():
        sides = _side(s, mine.get(s.attempt(of)[0])), _side(first, other.get(first.attempt(of)[0]))
        if sides[0] and sides[1]:
            yield Pair(name, of.threat, s.letter, paired.difference(sides[0], sides[1]))
    for group in s.digest.get("groups", []):
        tried = {s.attempts[key]["of"] for key in group["keys"]}
        same = next(
            (g for g in first.digest.get("groups", []) if {first.attempts[key]["of"] for key in g["keys"]} == tried),
            None,
        )
        if same is None or len(tried) < 2 or not {*group["keys"]} <= mine.keys() or not {*same["keys"]} <= other.keys():
            continue
        every = [_side(one, _whole(right, g["keys"])) for one, right, g in ((s, mine, group), (first, other, same))]
        if every[0] and every[1]:
            ball = s.attempts[group["keys"][0]]["of"].threat
            yield Pair("All attacks, per image", ball, s.letter, paired.difference(every[0], every[1]))


def _whole(right: dict[str, np.ndarray], keys: Sequence[str]) -> np.ndarray:
    return metrics.worst_case({key: right[key] for key in (*keys, "clean") if key in right})


def _groups(pairs: Sequence[Pair], subjects: Sequence[Subject]) -> list[tuple[str, list[charts.Dot]]]:
    colours = {s.letter: RUN_COLOURS[i] for i, s in enumerate(subjects)}
    groups: dict[str, list[charts.Dot]] = {}
    for p in pairs:
        name = f"{p.name}, {p.ball}" if p.ball and p.ball not in p.name else p.name
        groups.setdefault(name, []).append(
            charts.Dot(p.letter, p.found.value, (p.found.low, p.found.high), colours[p.letter])
        )
    return list(groups.items())


def _headline(pairs: Sequence[Pair], first: Subject) -> str:
    verdicts = [p.found.verdict for p in pairs]
    counts = [f"{verdicts.count(word)} {word}" for word in ("better", "worse", "undecided") if word in verdicts]
    return f"Of {len(pairs)} differences to {first.letter}: {', '.join(counts)}"


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _chance(found: Difference) -> Any:
    return None if found.p is None else f"{found.p:.2g}"
