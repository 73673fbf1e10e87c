"""Does an objective predict robustness? Rank correlations of objectives with what networks trained on ready sets
withstand. numpy, no torch.

Letters: N sets, G different values, D draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from c2r.evaluation.objectives import OBJECTIVES

DRAWS = 2000
LEVEL = 95.0  # of the interval, in percent
FEWEST = 5  # sets of which a rank correlation is taken


class Target(NamedTuple):
    """What a network trained on a set reached: on screen, as the object of 'predicts', its unit, what a stored value is
    multiplied with to have that unit, the sign of more robust, and what to keep in mind."""

    label: str
    word: str
    unit: str
    scale: float
    direction: int
    caution: str = ""


TARGETS = {
    "robust_accuracy": Target("PGD-10 accuracy", "robustness", "%", 100, 1),
    "robust_loss": Target(
        "PGD-10 cross-entropy",
        "robust loss",
        "nats",
        1,
        -1,
        "Cross-entropy also changes with how sure of themselves networks are: a lower one need not mean that more"
        " images withstand.",
    ),
}
ACCURACY = "robust_accuracy"


class Kind(NamedTuple):
    """A kind of ready sets: on screen, its share of the sets, and whether something is spoilt in them on purpose."""

    label: str
    share: int
    spoilt: bool = False


KINDS = {
    "step": Kind("this run's steps", 20),
    "random": Kind("random real", 10),
    "margin": Kind("real by margin", 10),
    "mixed": Kind("mixed", 5),
    "noised": Kind("noised", 8, spoilt=True),
    "shuffled": Kind("shuffled labels", 7, spoilt=True),
}

# Over which sets a correlation is taken: a few bad sets alone can make any loss look predictive.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "all": ("all sets", tuple(KINDS)),
    "sound": ("without noised and shuffled sets", tuple(name for name, kind in KINDS.items() if not kind.spoilt)),
    "own": ("this run's steps alone", ("step",)),
}
PREDICTS, AGAINST, UNDECIDED, UNKNOWN = "predicts", "points the wrong way", "undecided", "cannot be judged"


class Correlation(NamedTuple):
    """Spearman's rank correlation with its 95 % bootstrap interval over sets, of n sets."""

    value: float
    low: float
    high: float
    n: int

    @property
    def text(self) -> str:
        """``−0.83 (−0.90 to −0.70)``."""
        return f"{signed(self.value)} ({signed(self.low)} to {signed(self.high)})"

    def turned(self, direction: int) -> "Correlation":
        """The same with its sign turned where `direction` is −1, so that up is as the objective promises."""
        if direction > 0:
            return self
        return Correlation(-self.value, -self.high, -self.low, self.n)


@dataclass(frozen=True)
class Finding:
    """What was found of one objective over one group of sets; correlation with the target: None where there is none."""

    objective: str
    group: str
    target: str
    correlation: Correlation | None

    @property
    def turned(self) -> Correlation | None:
        """The correlation, turned so that up is as the objective promises."""
        sign = OBJECTIVES[self.objective].direction * TARGETS[self.target].direction
        return None if self.correlation is None else self.correlation.turned(sign)

    @property
    def verdict(self) -> str:
        """One of the four words: `UNDECIDED` when the interval holds zero."""
        turned = self.turned
        if turned is None:
            return UNKNOWN
        return PREDICTS if turned.low > 0 else AGAINST if turned.high < 0 else UNDECIDED


Findings = dict[str, dict[str, Finding]]  # objective → group → finding


def signed(value: float) -> str:
    """A correlation with a true minus sign and no minus zero."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's rank correlation of a and b [N], mean ranks where values are equal; None when one of them is
    constant."""
    value = float(_of_counts(a, b, np.ones((1, len(a))))[0]) if len(a) else float("nan")
    return value if np.isfinite(value) else None


def correlation(a: Sequence[float], b: Sequence[float], seed: int = 0, draws: int = DRAWS) -> Correlation | None:
    """Spearman's correlation with the percentile interval of `draws` bootstrap samples of the pairs; None for fewer
    than five pairs or a constant side."""
    one, other = np.asarray(a, float), np.asarray(b, float)
    value = spearman(one, other) if len(one) >= FEWEST else None
    if value is None:
        return None
    n = len(one)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws)
    drawn = _of_counts(one, other, counts)
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, [(100 - LEVEL) / 2, (100 + LEVEL) / 2]) if len(drawn) else (-1.0, 1.0)
    return Correlation(value, min(float(low), value), max(float(high), value), n)


def _of_counts(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The correlation [D] of samples in which pair i stands counts[:, i] times, counts [D, N]; NaN for a constant
    side."""
    one, other = _ranks(a, counts), _ranks(b, counts)
    total = counts.sum(1, keepdims=True)
    one, other = (ranks - (counts * ranks).sum(1, keepdims=True) / total for ranks in (one, other))
    spread = np.sqrt((counts * one**2).sum(1) * (counts * other**2).sum(1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (counts * one * other).sum(1) / spread
    return np.where(spread > 1e-9, np.clip(found, -1, 1), np.nan)


def _ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean ranks [D, N] of values [N] in samples with these counts [D, N]."""
    distinct, group = np.unique(values, return_inverse=True)
    held = counts @ (group[:, None] == np.arange(len(distinct))).astype(float)
    return (held.cumsum(1) - held / 2)[:, group]


def findings(rows: Sequence[Mapping[str, Any]], seed: int = 0, target: str = ACCURACY) -> Findings:
    """Every objective over every group of sets.

    :param rows: as stored: kind, values by objective, and what was reached by the names of `TARGETS`
    """
    return {
        name: {
            group: Finding(name, group, target, correlation(*_pairs(rows, name, kinds, target), seed))
            for group, (_, kinds) in GROUPS.items()
        }
        for name in OBJECTIVES
    }


def _pairs(
    rows: Sequence[Mapping[str, Any]], name: str, kinds: Sequence[str], target: str
) -> tuple[list[float], list[float]]:
    """The values of an objective and of what was reached, of those sets of these kinds that have both."""
    own = usable(rows, name, kinds, target)
    return [row["values"][name] for row in own], [row[target] for row in own]


def usable(rows: Sequence[Mapping[str, Any]], name: str, kinds: Sequence[str], target: str) -> list[Mapping[str, Any]]:
    """The rows of these kinds that have a value of the objective and of the target."""
    own = (row for row in rows if row["kind"] in kinds)
    return [row for row in own if row["values"].get(name) is not None and row[target] is not None]
