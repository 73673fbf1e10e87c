"""What the embedding map is given: points, what colours them, what stands out, and the plane they lie in."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

Ranges = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Points:
    """Where P images of one step lie on the map, clean and adversarial [P, 2], and their classes [P].

    `classes` are the names [K] (numbers when None), `ids` [P] the numbers of the images, handed back by
    `selected_numbers` (their places in [P] when None); `background` [Q, 2] are real images behind them.
    """

    clean: Any
    adversarial: Any
    labels: Any
    classes: Any = None
    ids: Any = None
    background: Any = None


@dataclass(frozen=True)
class Colouring:
    """What colours the images: class needs nothing more; margin (logits), rank (0 = hardest) and broken (0/1) read
    `values` [P], and `limit` fixes the end of their colours."""

    by: str = "class"
    values: Any = None
    limit: float | None = None


@dataclass(frozen=True)
class Emphasis:
    """What stands out: the images at the positions `selected` in [P] are outlined, those at `lines` drawn as lines from
    clean to adversarial, and of all classes only `solo` keeps its strength; the classes `hidden` are not drawn."""

    selected: Any = None
    lines: Any = None
    solo: int | None = None
    hidden: Collection[int] = ()


@dataclass(frozen=True)
class Plane:
    """The plane of the map: the projection onto it, what its axes show (all images when None), the variance shares
    `explained` [2] of a PCA, and the width of the figure in px at which the plot is a square.

    `called`: what this map is called where several stand side by side, under one legend of their own: it has none then.
    """

    method: str = "UMAP"
    ranges: Ranges | None = None
    explained: Any = None
    side: int = 600
    called: str = ""


BY_CLASS, NOTHING, UMAP = Colouring(), Emphasis(), Plane()


def map_ranges(*points: Any) -> Ranges:
    """One square ((x0, x1), (y0, y1)) around all `points` [.., 2] of all steps, with a little room."""
    flat = np.concatenate([np.reshape(p, (-1, 2)) for p in points]).astype(float)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return (-1.0, 1.0), (-1.0, 1.0)
    middle, half = (flat.max(axis=0) + flat.min(axis=0)) / 2, 0.53 * float(np.ptp(flat, axis=0).max()) or 1.0
    return (float(middle[0] - half), float(middle[0] + half)), (float(middle[1] - half), float(middle[1] + half))


def margin_limit(margins: Any) -> float:
    """Where the colours of margins end on both sides of 0: beyond 99 of 100 of them."""
    return float(np.percentile(np.abs(margins), 99)) or 1.0
