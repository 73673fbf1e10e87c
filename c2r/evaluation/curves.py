"""What the charts of a comparison are drawn from: accuracy against ε, by class, and the distribution of margins. No
torch.

Letters: M evaluation networks, n test images, K classes, A attempts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from c2r.attacks import figurekey
from c2r.attacks.figurekey import FigureKey
from c2r.evaluation.accuracies import Accuracy, accuracy
from c2r.evaluation.contestant import Contestant
from c2r.fields import parse_radius

Curve = tuple[list[float], list[Accuracy]]  # radii in 1/255, ascending, radius 0 = clean


class Sweep(NamedTuple):
    """One attack over radii, of each contestant that was tried with it at two or more."""

    label: str
    norm: str
    curves: dict[str, Curve]


def sweeps(contestants: Sequence[Contestant]) -> list[Sweep]:
    """The attacks that contestants were tried with at two radii or more."""
    curves: dict[FigureKey, dict[str, Curve]] = {}
    labels: dict[FigureKey, str] = {}
    for contestant in contestants:
        clean = accuracy(contestant.digest["clean"])
        points: dict[FigureKey, dict[float, Accuracy]] = {}
        for figure in contestant.digest["attempts"].values():
            known, of = accuracy(figure), figure["of"]
            if known and of.norm and of.eps and of.eps != "unbounded":
                swept = of._replace(eps="")
                labels.setdefault(swept, figure["label"])
                points.setdefault(swept, {})[255 * parse_radius(of.eps)] = known
        for swept, at in points.items():
            if len(at) >= 2:
                radii = sorted(at)
                start: Curve = ([0.0], [clean]) if clean else ([], [])
                curve = ([*start[0], *radii], [*start[1], *(at[radius] for radius in radii)])
                curves.setdefault(swept, {})[contestant.name] = curve
    named = figurekey.names({of: labels[of] for of in curves})
    return [Sweep(named[of], of.norm, of_sets) for of, of_sets in curves.items()]


def by_class(contestant: Contestant, keys: Sequence[str], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy [K, A] of each class under each attempt, mean over networks and images (NaN for an absent class), and
    images per class [K]."""
    labels = contestant.test["labels"]
    counts = np.bincount(labels, minlength=classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [
            np.bincount(labels, weights=contestant.correct[key].mean(0), minlength=classes) / counts for key in keys
        ]
    return np.stack(columns, 1), counts


def cumulative(margins: np.ndarray, points: int = 101) -> tuple[np.ndarray, np.ndarray]:
    """The distribution of margins [M, n], pooled: `points` quantiles and the share at or below each, at most as many as
    margins."""
    values = np.sort(np.asarray(margins, dtype=np.float64).ravel())
    broken = int(np.searchsorted(values, 0.0, side="right"))
    border = [i for i in (broken - 1, broken) if 0 <= i < len(values)]  # both sides of 0: the share there is exact
    at = np.unique([*np.linspace(0, len(values) - 1, min(points, len(values))).round().astype(int), *border])
    return values[at], (at + 1) / len(values)
