"""Figures of groups of distillation seeds: means with their spread, and paired differences of two groups. numpy, no
torch.
"""

from statistics import mean, stdev
from typing import NamedTuple

import numpy as np

from c2r.attacks.figurekey import FigureKey
from c2r.base.errors import InputError
from c2r.evaluation import paired, wording
from c2r.evaluation.contestant import data_hash
from c2r.evaluation.digest import attempt
from c2r.evaluation.groups import Evaluated, Group
from c2r.evaluation.paired import Difference, Side
from c2r.store import runs

UNMEASURED = "not measured on both"
DRAWS = 200_000  # of Student's t, for its quantile


class Spread(NamedTuple):
    """A figure of a group: its mean over the seeds of the mean over their networks, the standard deviation over the
    seeds (None for one), in shares; seeds, networks of all of them, n test images."""

    mean: float
    std: float | None
    seeds: int
    networks: int
    n: int

    @property
    def text(self) -> str:
        """In percent: ``59.3 ± 1.6``."""
        return wording.spread(self.mean, self.std)

    @property
    def basis(self) -> str:
        """``3 distillation seeds, 9 networks, n = 359 test images``."""
        seeds = f"{self.seeds} distillation seed{'' if self.seeds == 1 else 's'}"
        return f"{seeds}, {self.networks} networks, n = {self.n:,} test images"


def value_of(member: Evaluated, of: FigureKey) -> float | None:
    """The mean over the networks of one evaluation; None where it was not tried that way. A share."""
    figure = attempt(member.contestant.digest, of)[1]
    return figure["mean"] if figure else None


def spread(group: Group, of: FigureKey) -> Spread | None:
    """A figure of a group; None where no member was tried that way."""
    figures = [attempt(member.contestant.digest, of)[1] for member in group.members]
    known = [figure for figure in figures if figure and figure["mean"] is not None]
    if not known:
        return None
    means = [figure["mean"] for figure in known]
    networks = sum(figure["seeds"] for figure in known)
    return Spread(mean(means), stdev(means) if len(means) > 1 else None, len(means), networks, known[0]["n"])


def difference(group: Group, other: Group, of: FigureKey) -> Difference | str:
    """The paired difference of two groups in one figure, or why there is none, as a sentence.

    Where every seed has test images of its own, the differences are taken seed by seed, and the interval is Student's
    over the seeds.
    """
    if spread(group, of) is None or spread(other, of) is None:
        return UNMEASURED
    sides = [_sides(of_group, of) for of_group in (group, other)]
    if not all(sides):
        return paired.UNSTORED
    one, two = sides
    if _same_images(one) and _same_images(two):
        joined = [Side([r for s in side.values() for r in s.right], *next(iter(side.values()))[1:]) for side in sides]
        return paired.obstacle(joined[0], joined[1]) or paired.difference(joined[0], joined[1])
    return _seed_by_seed(one, two)


def _sides(group: Group, of: FigureKey) -> dict[int, Side]:
    """Seed → the outcomes of its member, of those that store them."""
    found = {member.made.seed: _side(member, of) for member in group.members}
    return {seed: side for seed, side in found.items() if side is not None}


def _side(member: Evaluated, of: FigureKey) -> Side | None:
    """Its outcomes, by the number of the test image; None where they are not stored."""
    name = f"correct/{attempt(member.contestant.digest, of)[0]}"
    try:
        test = runs.read_arrays(member.folder, "test", only=(name, "index"))
    except InputError:
        return None
    if name not in test or "index" not in test:
        return None
    order = np.argsort(test["index"])
    return Side([test[name][:, order]], test["index"][order], data_hash(member.contestant) or "")


def _same_images(sides: dict[int, Side]) -> bool:
    indices = [side.images for side in sides.values()]
    return all(np.array_equal(index, indices[0]) for index in indices[1:])


def _seed_by_seed(one: dict[int, Side], two: dict[int, Side]) -> Difference | str:
    """The mean of the differences of equal seeds on their own test images, with Student's interval over the seeds, at
    least as wide as the images of all seeds together leave it."""
    both = sorted(set(one) & set(two))
    reasons = [reason for seed in both if (reason := paired.obstacle(one[seed], two[seed]))]
    if reasons or len(both) < 2:
        return reasons[0] if reasons else f"{paired.REFUSED}: each seed has test images of its own, fewer than 2 agree."
    each = [paired.difference(one[seed], two[seed]) for seed in both]
    values, count = [d.value for d in each], len(both)
    t = float(np.quantile(np.abs(np.random.default_rng(0).standard_t(count - 1, DRAWS)), paired.LEVEL / 100))
    of_images = sum(((d.high - d.low) / 2) ** 2 for d in each) ** 0.5 / count
    value, half = mean(values), max(of_images, t * stdev(values) / count**0.5)
    networks = (sum(d.networks[0] for d in each), sum(d.networks[1] for d in each))
    return Difference(value, value - half, value + half, sum(d.n for d in each), networks, (count, count))
