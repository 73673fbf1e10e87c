"""A plane through images in pixel space: places on it, what of it lies within ε and within [0, 1]. No torch.

Images are what networks see (the parts of a stored image, expanded), float [C, H, W] in [0, 1]; P = C·H·W values. The
unit of the plane is the level: the root mean square over the P values of a change, in 1/255. So a change of every value
by 8/255 is 8 levels long, and what lies within ε (L∞) of an image is at most 255·ε levels away from it. Coordinates are
orthonormal in it. M places, n grid points per side, V corners of a convex polygon, counter-clockwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from c2r.base.errors import InputError

Array = np.ndarray
LEVEL = 1 / 255
UNIT = "levels of 1/255, root mean square per pixel value"
DEPENDENT = 1e-3  # of its length is what a direction must at least have across the others
SLACK = 1e-6  # of a pixel value, by which rounding may carry it over 0 or 1
EXACT = 1e-9  # of a pixel value, by which a corner may miss its half-plane
PART = 1024  # images of the plane in memory at once


class Landing(NamedTuple):
    """Where an image falls on a plane: its coordinates, and how far from the plane it lies, all in levels."""

    across: float
    up: float
    distance: float


@dataclass(frozen=True)
class Plane:
    """All origin + s·across + t·up.

    :param origin: the image at (0, 0), float64 [C, H, W]
    :param across, up: what one level to the right or upwards changes, float64 [C, H, W], orthogonal, each 1 level long
    """

    origin: Array
    across: Array
    up: Array

    @property
    def axes(self) -> Array:
        """Both directions, [2, P]."""
        return np.stack([self.across.ravel(), self.up.ravel()])

    def at(self, places: Array) -> Array:
        """The images [M, C, H, W] at places [M, 2]; they may leave [0, 1]."""
        images: Array = self.origin + (places @ self.axes).reshape(-1, *self.origin.shape)
        return images

    def landing(self, image: Array) -> Landing:
        """Where an image [C, H, W] falls, by the shortest way."""
        change = (image - self.origin).ravel()
        s, t = self.axes @ change / (change.size * LEVEL**2)
        return Landing(float(s), float(t), levels(change - np.array([s, t]) @ self.axes))


@dataclass(frozen=True)
class Window:
    """The square part of a plane that is looked at: its lower left corner and its side, in levels."""

    left: float
    bottom: float
    side: float

    @property
    def corners(self) -> Array:
        """Its four corners, [4, 2]."""
        return np.array([self.left, self.bottom]) + self.side * np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)

    def places(self, n: int) -> Array:
        """n × n places, corners among them, row by row from the bottom: [n·n, 2]."""
        steps = np.linspace(0, self.side, n)
        s, t = np.meshgrid(self.left + steps, self.bottom + steps)
        return np.stack([s.ravel(), t.ravel()], 1)


class Agreement(NamedTuple):
    """The share of grid points at which two networks see the same class: of all, and of those within [0, 1] (None
    where there are none), with the number of points of each."""

    whole: float
    inside: float | None
    points: int
    points_inside: int


def levels(change: Array) -> float:
    """How long a change of an image is, in levels."""
    return float(np.sqrt(np.mean(np.square(change, dtype=np.float64))) / LEVEL)


def plane(origin: Array, directions: Sequence[Array], draw: np.random.Generator | None = None) -> Plane:
    """The plane through an image and along the first two independent of `directions` [C, H, W]: the first is the
    horizontal axis, upwards is what the second has across it.

    :param draw: where directions are missing or lie on one line, random ones take their place
    :raises InputError: they lie on one line and nothing is to be drawn
    """
    origin = np.asarray(origin, np.float64)
    axes: list[Array] = []
    for direction in directions:
        if len(axes) < 2 and (axis := _across(np.asarray(direction, np.float64), axes)) is not None:
            axes.append(axis)
    if len(axes) < 2 and draw is None:
        raise InputError(
            "A plane expects three images that do not lie on one line, found two of them the same or all in a row:"
            " choose another third image, or a random direction."
        )
    while draw is not None and len(axes) < 2:
        if (axis := _across(draw.standard_normal(origin.shape), axes)) is not None:
            axes.append(axis)
    return Plane(origin, *axes)


def through(first: Array, second: Array, third: Array) -> Plane:
    """The plane through three images: `first` at (0, 0), `second` to its right, `third` above. Raises InputError for
    three on one line."""
    return plane(first, [np.subtract(second, first, dtype=np.float64), np.subtract(third, first, dtype=np.float64)])


def _across(direction: Array, axes: Sequence[Array]) -> Array | None:
    """What a direction has across the axes, one level long; None where that is next to nothing."""
    rest = direction
    for axis in axes:
        rest = rest - axis * float((rest * axis).sum() / (axis.size * LEVEL**2))
    if not levels(rest) > DEPENDENT * levels(direction):
        return None
    unit: Array = rest / levels(rest)
    return unit


def window_around(places: Array, margin: float = 0.25) -> Window:
    """The square around places [M, 2], with `margin` of its extent on every side of them; at least one level wide."""
    low, high = places.min(0), places.max(0)
    side = max(1.0, (1 + 2 * margin) * float((high - low).max()))
    left, bottom = (low + high - side) / 2
    return Window(float(left), float(bottom), side)


def window_of_ball(eps: float, margin: float = 0.25) -> Window:
    """The square around everything within ε of the origin, ε in pixel units: it depends on no image."""
    side = 2 * (1 + margin) * eps / LEVEL
    return Window(-side / 2, -side / 2, side)


def ball(plane: Plane, eps: float) -> Array:
    """The polygon [V, 2] of places within ε (L∞, pixel units) of the origin: all |aᵢs + bᵢt| ≤ ε at once, exactly."""
    reach = 1.001 * eps / LEVEL  # nothing of it lies farther away
    axes = plane.axes.T
    whole = Window(-reach, -reach, 2 * reach).corners
    return cut(whole, np.concatenate([axes, -axes]), np.full(2 * len(axes), eps))


def allowed(plane: Plane, window: Window) -> Array:
    """The polygon [V, 2] of places in the window whose images stay within [0, 1]; [0, 2] where there are none."""
    axes, origin = plane.axes.T, plane.origin.ravel()
    limits = np.concatenate([1 - origin, origin]) + SLACK
    return cut(window.corners, np.concatenate([axes, -axes]), limits)


def cut(corners: Array, normals: Array, limits: Array) -> Array:
    """What of a convex polygon [V, 2] lies in all half-planes normals·p ≤ limits, normals [H, 2], limits [H].

    The half-plane that cuts off most comes next, so few of many are ever looked at one by one.
    """
    for _ in range(len(limits)):
        beyond = (corners @ normals.T - limits).max(0, initial=0)
        worst = int(beyond.argmax())
        if beyond[worst] <= EXACT:
            break
        corners = _one_cut(corners, normals[worst], float(limits[worst]))
    return corners


def _one_cut(corners: Array, normal: Array, limit: float) -> Array:
    """Sutherland and Hodgman (1974), for one half-plane."""
    beyond = corners @ normal - limit
    kept: list[Array] = []
    for i in range(len(corners)):
        here, there = float(beyond[i - 1]), float(beyond[i])
        if (here > 0) != (there > 0):
            kept.append(corners[i - 1] + here / (here - there) * (corners[i] - corners[i - 1]))
        if there <= 0:
            kept.append(corners[i])
    return np.array(kept).reshape(-1, 2)


def area(corners: Array) -> float:
    """The area of a convex polygon [V, 2], in square levels."""
    s, t = corners.T
    return float((s * np.roll(t, -1) - np.roll(s, -1) * t).sum() / 2)


def outside(plane: Plane, places: Array) -> Array:
    """Which places [M, 2] have an image that leaves [0, 1] in any value: bool [M]. A rounding error does not count."""
    origin, axes = plane.origin.astype(np.float32).ravel(), plane.axes.astype(np.float32)
    found = []
    for part in np.split(places.astype(np.float32), range(PART, len(places), PART)):
        images = part @ axes
        images += origin
        found.append((images.min(1) < -SLACK) | (images.max(1) > 1 + SLACK))
    return np.concatenate(found)


def agreement(first: Array, second: Array, outside: Array) -> Agreement:
    """How far two networks agree on the classes of the same grid points, both [n, n], `outside` bool [n, n]."""
    same, inside = first == second, ~outside
    count = int(inside.sum())
    within = float(same[inside].mean()) if count else None
    return Agreement(float(same.mean()), within, same.size, count)
