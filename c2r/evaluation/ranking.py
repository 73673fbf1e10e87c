"""What comparable evaluations say about each other: paired differences, ranks, a sentence. No torch.

All sets saw the same test images, so they are compared image by image, see `c2r.evaluation.paired`. Letters: M
evaluation networks, n test images.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from c2r.evaluation import paired, wording
from c2r.evaluation.accuracies import Line, accuracy_of, keys_under, lines, right_of
from c2r.evaluation.contestant import Contestant, data_hash
from c2r.evaluation.digest import Threat, group_of
from c2r.evaluation.paired import Difference, Side
from c2r.evaluation.wording import listed

UNPAIRED = "the outcomes of single test images are not stored"
Rank = tuple[int, int]  # the best and the worst place that a set can have
Cells = Mapping[str, Difference | str]  # line → its paired difference, or why there is none


def compare(line: Line, contestant: Contestant, other: Contestant, threat: Threat | None) -> Difference | str:
    """The paired difference of two sets in one line, or why there is none."""
    if accuracy_of(line, contestant, threat) is None or accuracy_of(line, other, threat) is None:
        return "not measured on both"
    if line.of is None and _tried(contestant, threat) != _tried(other, threat):
        return "not the same attacks"
    sides = [_side(line, c, threat) for c in (contestant, other)]
    if sides[0] is None or sides[1] is None:
        return paired.UNSTORED
    return paired.obstacle(sides[0], sides[1]) or paired.difference(sides[0], sides[1])


def _tried(contestant: Contestant, threat: Threat | None) -> set[object]:
    digest = contestant.digest
    return {digest["attempts"][key]["of"] for key in keys_under(digest, threat)}


def _side(line: Line, contestant: Contestant, threat: Threat | None) -> Side | None:
    right, test = right_of(line, contestant, threat), contestant.test
    return None if right is None or "index" not in test else Side([right], test["index"], data_hash(contestant) or "")


def differences(contestants: Sequence[Contestant], threat: Threat | None, reference: str) -> dict[str, Cells]:
    """Name of each other set → line → its paired difference to the set called `reference`, or why there is none."""
    sets = {c.name: c for c in contestants}
    shown = lines(contestants, threat)
    return {
        name: {line.name: compare(line, contestant, sets[reference], threat) for line in shown}
        for name, contestant in sets.items()
        if name != reference
    }


def any_known(sets: Mapping[str, Cells]) -> bool:
    """Whether there is a paired difference at all."""
    return any(isinstance(cell, Difference) for cells in sets.values() for cell in cells.values())


def basis(sets: Mapping[str, Cells]) -> list[str]:
    """What the differences rest on, or why there are none: a sentence for all sets of which it is the same."""
    told: dict[str, list[str]] = {}
    for name, cells in sets.items():
        for cell in cells.values():
            if isinstance(cell, Difference):
                once = f" {paired.ONE_SEED}" if cell.seeds == (1, 1) else ""
                told.setdefault(f"{cell.basis}.{once}", []).append(name)
            elif cell.startswith(paired.REFUSED):
                told.setdefault(cell, []).append(name)
    return [f"{listed(list(dict.fromkeys(names)))}: {text}" for text, names in told.items()]


def deciding(contestants: Sequence[Contestant], threat: Threat | None) -> Line | None:
    """The line that ranks: right under every attack of the threat, image by image; None where that is not one line."""
    every = [line for line in lines(contestants, threat) if line.of is None]
    whole = len(every) == 1 and all(_side(every[0], c, threat) for c in contestants if not c.is_reference)
    return every[0] if whole else None


def ranks(contestants: Sequence[Contestant], threat: Threat | None) -> list[Rank | None]:
    """The places each set can have, 1 is best: behind all that are better by their paired difference, ahead of all that
    are worse.

    Undecided pairs leave both orders open, so a set may have a range. None for a reference, and for all where no paired
    comparison is possible.
    """
    line = deciding(contestants, threat)
    if line is None:
        return [None] * len(contestants)
    ranked = [i for i, contestant in enumerate(contestants) if not contestant.is_reference]
    behind, ahead = dict.fromkeys(ranked, 0), dict.fromkeys(ranked, 0)
    for i, j in combinations(ranked, 2):  # each pair once, so that both sides read the same verdict
        difference = compare(line, contestants[i], contestants[j], threat)
        if isinstance(difference, str):
            return [None] * len(contestants)
        if difference.verdict != "undecided":
            better, worse = (i, j) if difference.verdict == "better" else (j, i)
            behind[worse] += 1
            ahead[better] += 1
    return [(1 + behind[i], len(ranked) - ahead[i]) if i in behind else None for i in range(len(contestants))]


def places(contestants: Sequence[Contestant], ranks: Sequence[Rank | None]) -> list[str]:
    """Ranks as words: ``1``, ``1–2`` where the order is undecided, ``reference``, a dash."""
    texts = [wording.NONE if rank is None else "–".join(dict.fromkeys(map(str, rank))) for rank in ranks]
    return ["reference" if c.is_reference else text for c, text in zip(contestants, texts, strict=True)]


def standing(contestants: Sequence[Contestant], threat: Threat | None, ranks: Sequence[Rank | None]) -> str:
    """Who stands first among sets that may be ranked, in a sentence; undecided ones are named as such."""
    places = [(c, rank) for c, rank in zip(contestants, ranks, strict=True) if not c.is_reference]
    ranked = [c for c, _ in places]
    if threat is None or not any(group_of(c.digest, threat) for c in ranked):
        return "The sets are comparable, but no bounded attack was tried on them."
    if len(ranked) < 2:
        return f"{ranked[0].name} is the only set to rank; the others are references."
    line = deciding(contestants, threat)
    if line is None or any(rank is None for _, rank in places):
        missing = [c.name for c in ranked if line is None and not _stored(c, threat)]
        return (
            f"The sets are comparable, but not ranked: {UNPAIRED}{' for ' + listed(missing) if missing else ''}, so no"
            " paired comparison is possible."
        )
    first = [c for c, rank in places if rank and rank[0] == 1]
    return f"The sets are comparable{_who_is_first(line, ranked, first, threat)} {paired.ONE_SEED}"


def _who_is_first(line: Line, ranked: Sequence[Contestant], first: Sequence[Contestant], threat: Threat) -> str:
    """The end of the sentence on who stands first, of those that may: `first`."""
    share = {c.name: _mean(line, c, threat) for c in ranked}
    first = sorted(first, key=lambda c: -share[c.name])
    shares = listed([f"{c.name} {wording.percent(share[c.name])}" for c in first])
    what = f"right under every attack at {threat.label}"
    if len(first) == len(ranked):
        return f", and none stands apart: their paired differences are undecided ({what}: {shares})."
    if len(first) > 1:
        return f". {len(first)} may stand first, undecided between them ({what}: {shares})."
    best = first[0]
    nearest = max((c for c in ranked if c.name != best.name), key=lambda c: share[c.name])
    difference = compare(line, best, nearest, threat)
    apart = (
        f": {difference.text} points from {nearest.name}, paired, 95 % interval"
        if isinstance(difference, Difference)
        else ""
    )
    return f". {best.name} is first with {wording.percent(share[best.name])} {what}{apart}."


def _stored(contestant: Contestant, threat: Threat | None) -> bool:
    keys = keys_under(contestant.digest, threat)
    return "index" in contestant.test and all(key in contestant.correct for key in keys)


def _mean(line: Line, contestant: Contestant, threat: Threat | None) -> float:
    accuracy = accuracy_of(line, contestant, threat)
    return accuracy.mean if accuracy else 0.0
