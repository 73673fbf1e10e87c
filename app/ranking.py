"""What comparable evaluations say about each other, as plain values: paired differences, ranks, a sentence. No
Streamlit.

All sets saw the same test images, so they are compared image by image, see `c2r.evaluation.paired`. Letters: M
evaluation networks, n test images.
"""

from collections.abc import Sequence
from itertools import combinations

from app.accuracies import Line, Summary, figure_of, group_of, lines, right_of
from app.attempts import Columns
from app.comparing import Contestant, Threat, data_hash, listed
from c2r.evaluation import paired
from c2r.evaluation.paired import Difference, Side

UNPAIRED = "the outcomes of single test images are not stored"


def compare(
    line: Line, one: Contestant, summary: Summary, other: Contestant, against: Summary, threat: Threat | None
) -> Difference | str:
    """The paired difference of two sets in one line, or why there is none."""
    if figure_of(line, one, summary, threat) is None or figure_of(line, other, against, threat) is None:
        return "not measured on both"
    if line.of is None and _tried(summary, threat) != _tried(against, threat):
        return "not the same attacks"
    sides = [_side(line, c, s, threat) for c, s in ((one, summary), (other, against))]
    if sides[0] is None or sides[1] is None:
        return paired.UNSTORED
    return paired.obstacle(sides[0], sides[1]) or paired.difference(sides[0], sides[1])


def _tried(summary: Summary, threat: Threat | None) -> set[object]:
    return {summary["attempts"][key]["of"] for key in (group_of(summary, threat) or {"keys": []})["keys"]}


def _side(line: Line, one: Contestant, summary: Summary, threat: Threat | None) -> Side | None:
    right = right_of(line, one, summary, threat)
    return None if right is None or "index" not in one.test else Side([right], one.test["index"], data_hash(one) or "")


def differences(
    contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None, reference: str
) -> dict[str, dict[str, Difference | str]]:
    """Name of each other set → line → its paired difference to the set called `reference`, or why there is none."""
    sets = dict(zip((c.name for c in contestants), zip(contestants, summaries, strict=True), strict=True))
    shown, other = lines(summaries, threat), sets[reference]
    return {
        name: {line.name: compare(line, *one, *other, threat) for line in shown}
        for name, one in sets.items()
        if name != reference
    }


def any_known(found: dict[str, dict[str, Difference | str]]) -> bool:
    """Whether there is a paired difference at all."""
    return any(isinstance(cell, Difference) for cells in found.values() for cell in cells.values())


def difference_table(found: dict[str, dict[str, Difference | str]], reference: str) -> Columns:
    """Paired differences in points with their interval and verdict: one line per figure, one column per set."""
    heads = list(dict.fromkeys(head for cells in found.values() for head in cells))
    table: Columns = {f"Minus {reference} (points)": heads}
    return table | {name: [_cell(cells[head]) for head in heads] for name, cells in found.items()}


def _cell(found: Difference | str) -> str:
    if isinstance(found, Difference):
        return f"{found.text}: {found.verdict}"
    return "not paired" if found.startswith(paired.REFUSED) else found


def basis(found: dict[str, dict[str, Difference | str]]) -> list[str]:
    """What the differences rest on, or why there are none: a sentence for all sets of which it is the same."""
    told: dict[str, list[str]] = {}
    for name, cells in found.items():
        for cell in cells.values():
            if isinstance(cell, Difference):
                once = f" {paired.ONE_SEED}" if cell.seeds == (1, 1) else ""
                told.setdefault(f"{cell.basis}.{once}", []).append(name)
            elif cell.startswith(paired.REFUSED):
                told.setdefault(cell, []).append(name)
    return [f"{listed(list(dict.fromkeys(names)))}: {text}" for text, names in told.items()]


def deciding(contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None) -> Line | None:
    """The line that ranks: right under every attack of the threat, image by image; None where that is not one line."""
    every = [line for line in lines(summaries, threat) if line.of is None]
    sets = [(c, s) for c, s in zip(contestants, summaries, strict=True) if not c.is_reference]
    whole = len(every) == 1 and all(_side(every[0], c, s, threat) for c, s in sets)
    return every[0] if whole else None


Rank = tuple[int, int]  # the best and the worst place that a set can have


def ranks(contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None) -> list[Rank | None]:
    """The places each set can have, 1 is best: behind all that are better by their paired difference, ahead of all that
    are worse.

    Undecided pairs leave both orders open, so a set may have a range. None for a reference, and for all where no paired
    comparison is
    possible.
    """
    line, sets = deciding(contestants, summaries, threat), list(zip(contestants, summaries, strict=True))
    if line is None:
        return [None] * len(sets)
    ranked = [i for i, (one, _) in enumerate(sets) if not one.is_reference]
    behind, ahead = dict.fromkeys(ranked, 0), dict.fromkeys(ranked, 0)
    for i, j in combinations(ranked, 2):  # each pair once, so that both sides read the same verdict
        found = compare(line, *sets[i], *sets[j], threat)
        if isinstance(found, str):
            return [None] * len(sets)
        if found.verdict != "undecided":
            better, worse = (i, j) if found.verdict == "better" else (j, i)
            behind[worse] += 1
            ahead[better] += 1
    return [(1 + behind[i], len(ranked) - ahead[i]) if i in behind else None for i in range(len(sets))]


def places(contestants: Sequence[Contestant], found: Sequence[Rank | None]) -> list[str]:
    """Ranks as words: ``1``, ``1–2`` where the order is undecided, ``reference``, a dash."""
    texts = ["–" if rank is None else "–".join(dict.fromkeys(map(str, rank))) for rank in found]
    return ["reference" if c.is_reference else text for c, text in zip(contestants, texts, strict=True)]


def standing(
    contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None, found: Sequence[Rank | None]
) -> str:
    """Who stands first among sets that may be ranked (`found`: their ranks), in a sentence; undecided ones are named as
    such."""
    ranked = [(c, s, place) for c, s, place in zip(contestants, summaries, found, strict=True) if not c.is_reference]
    if threat is None or not any(group_of(s, threat) for _, s, _ in ranked):
        return "The sets are comparable, but no bounded attack was tried on them."
    if len(ranked) < 2:
        return f"{ranked[0][0].name} is the only set to rank; the others are references."
    line = deciding(contestants, summaries, threat)
    if line is None or any(place is None for _, _, place in ranked):
        missing = [c.name for c, s, _ in ranked if line is None and not _stored(c, s, threat)]
        return (
            f"The sets are comparable, but not ranked: {UNPAIRED}{' for ' + listed(missing) if missing else ''}, so no"
            " paired comparison is possible."
        )
    first = sorted(
        ((c, s) for c, s, place in ranked if place and place[0] == 1), key=lambda pair: -_mean(line, *pair, threat)
    )
    shares = listed([f"{c.name} {100 * _mean(line, c, s, threat):.1f} %" for c, s in first])
    what = f"right under every attack at {threat.label}"
    if len(first) == len(ranked):
        return (
            f"The sets are comparable, and none stands apart: their paired differences are undecided ({what}:"
            f" {shares}). {paired.ONE_SEED}"
        )
    if len(first) > 1:
        return (
            f"The sets are comparable. {len(first)} may stand first, undecided between them ({what}: {shares})."
            f" {paired.ONE_SEED}"
        )
    one, nearest = (
        first[0],
        max(((c, s) for c, s, place in ranked if place and place[0] != 1), key=lambda pair: _mean(line, *pair, threat)),
    )
    said = compare(line, *one, *nearest, threat)
    apart = (
        f": {said.text} points from {nearest[0].name}, paired, 95 % interval" if isinstance(said, Difference) else ""
    )
    return (
        f"The sets are comparable. {one[0].name} is first with {100 * _mean(line, *one, threat):.1f} % {what}{apart}."
        f" {paired.ONE_SEED}"
    )


def _stored(one: Contestant, summary: Summary, threat: Threat | None) -> bool:
    keys = (group_of(summary, threat) or {"keys": []})["keys"]
    return "index" in one.test and all(key in one.correct for key in keys)


def _mean(line: Line, one: Contestant, summary: Summary, threat: Threat | None) -> float:
    found = figure_of(line, one, summary, threat)
    return found.mean if found else 0.0
