"""Paired differences: two evaluations on the same test images, compared image by image. numpy, no torch.

Both sides saw the same images, so most of their scatter is common and drops out of the difference; intervals of either
side alone, laid beside each other, are far too wide to decide anything. Letters: M evaluation networks, n test images,
U units (the networks of one distilled set; the sets, where a side has several), D draws.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from c2r.evaluation.wording import points

DRAWS = 4000
LEVEL, CHANCE = 95.0, 0.05  # of the interval, in percent; of the exact test
VERDICTS = ("better", "worse", "undecided")
REFUSED = "No paired comparison is possible"
UNSTORED = f"{REFUSED}: the outcomes of single test images are not stored."
ONE_SEED = "One distillation seed each: the difference is between these two sets, not between the methods."


class Side(NamedTuple):
    """What one side left right: for each of its distilled sets 0 or 1 [M, n], the numbers [n] of the test images, the
    data's hash."""

    right: Sequence[np.ndarray]
    images: np.ndarray
    data: str


class Difference(NamedTuple):
    """Accuracy of the one side minus the other's, in shares, with its 95 % interval; networks and seeds (distilled
    sets) of each side.

    p: of the exact McNemar test, where one network stands on either side; else None.
    """

    value: float
    low: float
    high: float
    n: int
    networks: tuple[int, int]
    seeds: tuple[int, int]
    p: float | None = None

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` of the one side, ``undecided`` when the interval holds zero or the exact test finds
        chance enough."""
        if self.p is not None and self.p >= CHANCE:
            return "undecided"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "undecided"

    @property
    def text(self) -> str:
        """In points: ``+3.2 (+1.1 to +5.3)``."""
        return f"{points(self.value)} ({points(self.low)} to {points(self.high)})"

    @property
    def basis(self) -> str:
        """What it rests on, ``n = 359 test images; 3 and 3 networks; 1 and 1 distillation seeds``."""
        networks, seeds = (f"{own} and {other}" for own, other in (self.networks, self.seeds))
        return f"n = {self.n:,} test images; {networks} networks; {seeds} distillation seeds"

    def sentence(self, name: str, other: str) -> str:
        """The difference in a sentence, with what it does not say."""
        chance = "" if self.p is None else f", exact McNemar p = {self.p:.2g}"
        told = f"{name} minus {other}: {self.text} points, 95 % interval, {self.basis}{chance}: {self.verdict}."
        return f"{told} {ONE_SEED}" if self.seeds == (1, 1) else told


def counted(differences: Sequence[Difference]) -> str:
    """How many are decided, and which way: ``2 better, 1 undecided``."""
    verdicts = [difference.verdict for difference in differences]
    return ", ".join(f"{verdicts.count(word)} {word}" for word in VERDICTS if word in verdicts)


def obstacle(side: Side, other: Side) -> str:
    """Why two sides cannot be compared image by image, as a sentence; '' when they can."""
    if not side.data or not other.data:
        return f"{REFUSED}: the hash of the real data is not recorded."
    if side.data != other.data:
        return f"{REFUSED}: the real data differ (hash {side.data} and {other.data})."
    if not np.array_equal(np.sort(side.images), np.sort(other.images)):
        return f"{REFUSED}: the test images are not the same ({len(side.images):,} and {len(other.images):,})."
    return ""


def difference(side: Side, other: Side, seed: int = 0, draws: int = DRAWS) -> Difference:
    """Mean accuracy of `side` minus that of `other` on the same images, with a 95 % interval over images and networks.

    Images are drawn again in pairs. Half an image is added where one side alone is right, on either side (Agresti and
    Min 2005), so that few images, or outcomes that are all alike, do not look certain. Three networks are too few to
    draw from: what they add is drawn from Student's t at the variance between them, less the part that the images alone
    explain. Ask `obstacle` first.
    """
    sides = [[right[:, np.argsort(s.images)] for right in s.right] for s in (side, other)]
    units = [np.stack([right.mean(0) for right in sets]) if len(sets) > 1 else sets[0].astype(float) for sets in sides]
    networks = [sum(len(right) for right in sets) for sets in sides]
    chance, each = np.random.default_rng(seed), units[0].mean(0) - units[1].mean(0)
    value = float(each.mean())
    drawn = _of_images(each, chance, draws) + _of_units(units, chance, draws)
    low, high = np.percentile(drawn, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    p = mcnemar(sides[0][0][0], sides[1][0][0]) if networks == [1, 1] else None
    low, high = min(float(low), value), max(float(high), value)
    return Difference(value, low, high, len(each), (networks[0], networks[1]), (len(side.right), len(other.right)), p)


def _of_images(each: np.ndarray, chance: np.random.Generator, draws: int) -> np.ndarray:
    """The mean difference [D] over images drawn again from those of difference `each` [n]; equal ones are drawn
    together."""
    values, counts = np.unique(each.round(9), return_counts=True)
    values, weights = np.append(values, [1.0, -1.0]), np.append(counts, [0.5, 0.5])
    return chance.multinomial(len(each), weights / weights.sum(), draws) @ values / len(each)


def _of_units(units: Sequence[np.ndarray], chance: np.random.Generator, draws: int) -> np.ndarray:
    """What other networks (or sets) would add to the mean difference [D]; 0 where a side has one only, which says
    nothing of others."""
    freedom = np.array([len(u) - 1.0 for u in units])
    parts = np.array([_spread(u) / len(u) if len(u) > 1 else 0.0 for u in units])
    if not parts.any():
        return np.zeros(draws)
    welch = parts.sum() ** 2 / (parts[parts > 0] ** 2 / freedom[parts > 0]).sum()
    return np.sqrt(parts.sum()) * chance.standard_t(welch, draws)


def _spread(unit: np.ndarray) -> float:
    """The variance between units [U, n] on all images there could be: that of their means, less what n images leave to
    chance."""
    means, count = unit.mean(1), unit.shape
    rest = unit - means[:, None] - unit.mean(0) + means.mean()
    chance = float((rest**2).sum()) / ((count[0] - 1) * max(1, count[1] - 1))
    return max(0.0, float(means.var(ddof=1)) - chance / count[1])


def mcnemar(right: np.ndarray, other: np.ndarray) -> float:
    """Two-sided p of the exact McNemar test of two networks' outcomes [n] on the same images; 1 when they never
    disagree."""
    b, c = int(((right == 1) & (other == 0)).sum()), int(((right == 0) & (other == 1)).sum())
    count, term, total = b + c, 1, 0
    for k in range(min(b, c) + 1):
        total += term
        term = term * (count - k) // (k + 1)
    return min(1.0, 2 * total / 2**count)
