"""Where names of groups stand on a map: beside the middle of their points, on no point and on no other name. numpy
only.

Letters: P points, K groups. Boxes are (left, right, bottom, top) in px of the plot.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LETTER, TALL = 7.2, 17.0  # px of a letter and of a line at font size 12
ROOM = 5.0  # px around a point that a name keeps free: its mark has a radius
REACH = tuple(range(0, 121, 12))  # px from the middle at which places are tried, nearest first
CELL = 4.0  # px of the grid on which points are counted
ROUND = 16  # directions tried at each distance
COVERED = 40.0  # px of distance that a covered point is worth, where every place covers some


class Name(NamedTuple):
    """The name of group `k`: the middle of its points, and where the middle of the name stands, both in data units."""

    k: int
    middle: tuple[float, float]
    place: tuple[float, float]


Span = tuple[float, float]


def place_names(
    middles: np.ndarray, names: Sequence[str], points: np.ndarray, ranges: tuple[Span, Span], side: float
) -> list[Name]:
    """Places for the `names` [K] of groups with these `middles` [K, 2] on a square plot `side` px wide; one without
    room is left out.

    `points` [P, 2]: everything that is drawn, NaN where nothing is; `ranges`: what the axes show.
    """
    low = np.array([ranges[0][0], ranges[1][0]])
    scale = np.array([ranges[0][1] - ranges[0][0], ranges[1][1] - ranges[1][0]]) / side
    counted = _counted((points[np.isfinite(points).all(1)] - low) / scale, side)
    turns = np.linspace(0, 2 * np.pi, ROUND, endpoint=False)
    ring = np.stack([np.sin(turns), np.cos(turns)], axis=1)
    offsets = np.concatenate([reach * (ring if reach else ring[:1]) for reach in REACH])
    taken: list[np.ndarray] = []
    placed = []
    for k, middle in enumerate(middles):
        if not np.isfinite(middle).all():
            continue
        half = np.array([LETTER * len(names[k]) / 2 + 2, TALL / 2])
        places = (middle - low) / scale + offsets
        best = _best(places, half, counted, taken, side)
        if best is not None:
            taken.append(np.concatenate([places[best], half]))
            placed.append(Name(k, _pair(middle), _pair(places[best] * scale + low if best else middle)))
    return placed


def _counted(drawn: np.ndarray, side: float) -> np.ndarray:
    """How many of the points [P, 2] in px lie left of and below each corner of a grid of `CELL` px, so that a box is
    counted at once."""
    n = int(np.ceil(side / CELL))
    cells, _, _ = np.histogram2d(drawn[:, 0], drawn[:, 1], bins=n, range=[(0, n * CELL)] * 2)
    return np.pad(cells, ((1, 0), (1, 0))).cumsum(0).cumsum(1)


def _best(
    places: np.ndarray, half: np.ndarray, counted: np.ndarray, taken: list[np.ndarray], side: float
) -> int | None:
    """Of `places` [C, 2], nearest first, the position of the best for a name of this `half` size; None where all are
    outside or on other names."""
    free = ((places - half >= 0) & (places + half <= side)).all(1)
    for other in taken:
        free &= (np.abs(places - other[:2]) >= half + other[2:]).any(1)
    if not free.any():
        return None
    last = len(counted) - 1
    left, low = np.clip(np.floor((places - half - ROOM) / CELL).astype(int), 0, last).T
    right, top = np.clip(np.ceil((places + half + ROOM) / CELL).astype(int), 0, last).T
    on_points = counted[right, top] - counted[left, top] - counted[right, low] + counted[left, low]
    cost = np.hypot(*(places - places[0]).T) + COVERED * on_points
    return int(np.where(free, cost, np.inf).argmin())


def _pair(point: np.ndarray) -> tuple[float, float]:
    return float(point[0]), float(point[1])
