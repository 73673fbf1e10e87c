"""Does an objective predict robustness? Rank correlations of objectives with what networks trained on ready sets
withstand. numpy, no torch.

Letters: N sets, G different values, D draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from c2r.evaluation.metrics import wilson
from c2r.evaluation.objectives import OBJECTIVES
from c2r.evaluation.wording import number

DRAWS = 2000
LEVEL = 95.0  # of the interval, in percent
FEWEST = 5  # sets of which a rank correlation is taken
TARGET = "robust_accuracy"


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
PREDICTS, AGAINST, UNDECIDED, UNKNOWN = "predicts robustness", "points the wrong way", "undecided", "cannot be judged"


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
    """What was found of one objective over one group of sets; correlation: None where there is none."""

    objective: str
    group: str
    correlation: Correlation | None

    @property
    def verdict(self) -> str:
        """One of the four words: `UNDECIDED` when the interval holds zero."""
        if self.correlation is None:
            return UNKNOWN
        turned = self.correlation.turned(OBJECTIVES[self.objective].direction)
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
    held = np.zeros((len(counts), len(distinct)))
    np.add.at(held.T, group, counts.T)
    return (held.cumsum(1) - held / 2)[:, group]


def findings(rows: Sequence[Mapping[str, Any]], seed: int = 0, target: str = TARGET) -> Findings:
    """Every objective over every group of sets.

    :param rows: as stored: kind, values by objective, robust accuracy and loss
    """
    return {
        name: {
            group: Finding(name, group, _over(rows, name, kinds, target, seed)) for group, (_, kinds) in GROUPS.items()
        }
        for name in OBJECTIVES
    }


def _over(
    rows: Sequence[Mapping[str, Any]], name: str, kinds: Sequence[str], target: str, seed: int
) -> Correlation | None:
    pairs = [
        (row["values"][name], row[target])
        for row in rows
        if row["kind"] in kinds and row["values"].get(name) is not None
    ]
    return correlation([value for value, _ in pairs], [reached for _, reached in pairs], seed)


def statement(found: Mapping[str, Finding], group: str = "all") -> str:
    """What was found of one objective over a group of sets; over all sets with what the run's own steps alone say."""
    finding, own = found[group], found["own"]
    label = OBJECTIVES[finding.objective].label
    where = {"all": "", "sound": f" {GROUPS[group][0]}", "own": f" among {GROUPS[group][0]}"}[group]
    if finding.correlation is None:
        return f"{label} {UNKNOWN}{where}: fewer than {FEWEST} sets have a value, or all have the same"
    verb = "is undecided" if finding.verdict == UNDECIDED else finding.verdict
    said = f"{label} {verb}{where}: Spearman {finding.correlation.text}, n = {finding.correlation.n} sets"
    return f"{said}; {_alone(own)}" if group == "all" else said


def _alone(own: Finding) -> str:
    if own.correlation is None:
        return "this run alone has too few steps to say"
    does = {PREDICTS: "it does too", AGAINST: "it points the wrong way", UNDECIDED: "it is undecided"}[own.verdict]
    return f"among this run's {own.correlation.n} steps alone {does}, {own.correlation.text}"


def verdict(found: Mapping[str, Finding]) -> str:
    """What to make of one objective, in a sentence."""
    every, sound, own = (found[group].verdict for group in ("all", "sound", "own"))
    if every == UNKNOWN:
        return "Nothing can be said of it."
    if every == AGAINST:
        return "Sets that score better under it make less robust networks: optimising it may do harm here."
    if every == UNDECIDED:
        return "Undecided: the interval over all sets holds zero, so it may say nothing of robustness."
    if sound != PREDICTS:
        return (
            "It tells spoilt sets from sound ones and no more: without noised and shuffled sets it is"
            f" {_as_state(sound)}."
        )
    if own != PREDICTS:
        return f"It ranks sets of different origin, but among the steps of this run alone it is {_as_state(own)}."
    return "It ranks sets of different origin and the steps of this run: worth trying to optimise."


def _as_state(verdict_word: str) -> str:
    return {UNDECIDED: "undecided", AGAINST: "turned round", UNKNOWN: "not to be judged"}[verdict_word]


def summary(found: Findings) -> str:
    """How many objectives predict robustness, over all sets and among the run's own steps."""
    count = {
        group: sum(by_group[group].verdict == PREDICTS for by_group in found.values())
        for group in ("all", "sound", "own")
    }
    return (
        f"Of {len(found)} objectives, {count['all']} predict robustness over all sets, {count['sound']} without spoilt"
        f" sets, {count['own']} among this run's steps alone"
    )


def noise(rows: Sequence[Mapping[str, Any]], n: int) -> str:
    """How far the steps of the run differ in robust accuracy, beside what n test images leave to chance; '' without
    two steps."""
    reached = [row[TARGET] for row in rows if row["kind"] == "step"]
    if len(reached) < 2:
        return ""
    low, high = wilson(round(float(np.mean(reached)) * n), n)
    return (
        f"This run's {len(reached)} steps reach {number(min(reached))} to {number(max(reached))} % under PGD-10;"
        f" n = {n:,} test images alone leave each of them uncertain by ±{number((high - low) / 2)} points."
    )
