"""The section with paired differences: every run minus the first, image by image, see `c2r.evaluation.paired`."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from c2r.evaluation import metrics, paired
from c2r.evaluation.paired import Difference, Side
from c2r.report import charts
from c2r.report.results import labels
from c2r.report.style import RUN_COLOURS
from c2r.report.subject import Arrays, Subject


class Pair(NamedTuple):
    """One run minus the first in one figure: its name, its threat, the letter of the run, the difference."""

    name: str
    ball: str
    letter: str
    difference: Difference


def differences(subjects: Sequence[Subject]) -> dict[str, Any] | None:
    """Dots and table of the paired differences to the first run, and a sentence for every run that has none; None for
    a single run."""
    if len(subjects) < 2:
        return None
    first, without, pairs = subjects[0], [], list[Pair]()
    for s in subjects[1:]:
        why = _obstacle(s, first)
        mine = [] if why else list(_pairs(s, first, subjects))
        pairs += mine
        without += [] if mine else [f"{s.letter} minus {first.letter}: {why or 'no figure was measured on both.'}"]
    return {"without": without, "rows": []} | (_shown(pairs, subjects) if pairs else {})


def _shown(pairs: Sequence[Pair], subjects: Sequence[Subject]) -> dict[str, Any]:
    first = subjects[0]
    reach = 1.05 * max(0.01, *(abs(end) for p in pairs for end in (p.difference.low, p.difference.high)))
    axis = f"Accuracy minus that of {first.letter} (points)"
    return {
        "headline": _headline(pairs, first),
        "chart": charts.dots(_groups(pairs, subjects), axis, (-reach, reach), _points),
        "caution": paired.ONE_SEED if any(p.difference.seeds == (1, 1) for p in pairs) else "",
        "rows": [_row(p, first) for p in pairs],
    }


def _row(p: Pair, first: Subject) -> list[Any]:
    difference = p.difference
    chance = None if difference.p is None else f"{difference.p:.2g}"
    letters = f"{p.letter} − {first.letter}"
    return [p.name, p.ball, letters, difference.text, difference.verdict, difference.basis, chance]


def _side(s: Subject, right: np.ndarray | None) -> Side | None:
    data = s.evaluation.get("data")
    recorded = s.facts.get("data_hash") or (data.get("hash") if isinstance(data, dict) else None)
    return None if right is None or "index" not in s.test else Side([right], s.test["index"], str(recorded or ""))


def _obstacle(s: Subject, first: Subject) -> str:
    mine, other = (_side(run, next(iter(run.per_test_image("correct").values()), None)) for run in (s, first))
    return paired.obstacle(mine, other) if mine and other else paired.UNSTORED


def _pairs(s: Subject, first: Subject, subjects: Sequence[Subject]) -> Iterator[Pair]:
    """The pairs of the figures that both measured, then those of the worst case per image under equal attacks."""
    mine, other = s.per_test_image("correct"), first.per_test_image("correct")
    for of, name in labels(subjects).items():
        sides = _side(s, mine.get(s.attempt(of)[0])), _side(first, other.get(first.attempt(of)[0]))
        if sides[0] and sides[1]:
            yield Pair(name, of.threat, s.letter, paired.difference(sides[0], sides[1]))
    for group in s.digest.get("groups", []):
        same = next((g for g in first.digest.get("groups", []) if _tried(first, g) == _tried(s, group)), None)
        if same is None or len(_tried(s, group)) < 2:
            continue
        sides = _side(s, _worst_case(mine, group["keys"])), _side(first, _worst_case(other, same["keys"]))
        if sides[0] and sides[1]:
            ball = s.attempts[group["keys"][0]]["of"].threat
            yield Pair("All attacks, per image", ball, s.letter, paired.difference(sides[0], sides[1]))


def _tried(s: Subject, group: dict[str, Any]) -> set[Any]:
    return {s.attempts[key]["of"] for key in group["keys"]}


def _worst_case(right: Arrays, keys: Sequence[str]) -> np.ndarray | None:
    """Where every attempt of a threat and clean left an image right, [M, n]; None where one attempt is not stored."""
    if not {*keys} <= right.keys():
        return None
    return metrics.worst_case({key: right[key] for key in (*keys, "clean") if key in right})


def _groups(pairs: Sequence[Pair], subjects: Sequence[Subject]) -> list[tuple[str, list[charts.Dot]]]:
    colours = {s.letter: RUN_COLOURS[i] for i, s in enumerate(subjects)}
    groups: dict[str, list[charts.Dot]] = {}
    for p in pairs:
        name = f"{p.name}, {p.ball}" if p.ball and p.ball not in p.name else p.name
        whisker = (p.difference.low, p.difference.high)
        groups.setdefault(name, []).append(charts.Dot(p.letter, p.difference.value, whisker, colours[p.letter]))
    return list(groups.items())


def _headline(pairs: Sequence[Pair], first: Subject) -> str:
    verdicts = [p.difference.verdict for p in pairs]
    counts = [f"{verdicts.count(word)} {word}" for word in ("better", "worse", "undecided") if word in verdicts]
    return f"Of {len(pairs)} differences to {first.letter}: {', '.join(counts)}"


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"
