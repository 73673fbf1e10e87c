"""Real points in the unit square, drawn from the seed. To the core a point is an image of two channels and one pixel.

Letters: R points, K classes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.base.errors import InputError
from c2r.core.randomness import generator_for
from c2r.learn.given import missing
from c2r.learn.settings import Toy

COUNT = 420  # points of each of the two draws, for training and for testing


@dataclass(frozen=True)
class Points:
    """x [R, 2, 1, 1] in [0, 1], y [R]."""

    x: Tensor
    y: Tensor

    @property
    def classes(self) -> int:
        """K, counted by the largest label."""
        return int(self.y.max()) + 1

    def of(self, label: int) -> Tensor:
        """The points of one class."""
        return self.x[self.y == label]


def draw(toy: Toy, number: int) -> Points:
    """The `number`-th draw of the toy's points: 0 trains, 1 tests; points that were given are the same in both."""
    if toy.data == "given":
        return _given(toy)
    classes, place = SHAPES[toy.data]
    generator = generator_for(toy.seed, "look", number)
    y = torch.arange(COUNT) % classes
    flat = place(y, torch.rand(COUNT, generator=generator), torch.randn(COUNT, 2, generator=generator))
    return Points(flat.clamp(0, 1).view(-1, 2, 1, 1), y)


def _given(toy: Toy) -> Points:
    check_given(toy, 1)
    rows = torch.tensor(toy.given, dtype=torch.float32)
    return Points(rows[:, :2].reshape(-1, 2, 1, 1), rows[:, 2].long())


def check_given(toy: Toy, per_class: int) -> None:
    """Raise InputError where placed points are too few for `per_class` distilled ones of each class."""
    if toy.data == "given" and (lacking := missing(toy.given, per_class)):
        raise InputError(f"The placed points are too few: {lacking}")


def _moons(y: Tensor, along: Tensor, noise: Tensor) -> Tensor:
    angle, upper = math.pi * along, (y == 0).float()
    x = torch.cos(angle) * (2 * upper - 1) + (1 - upper)
    height = torch.sin(angle) * (2 * upper - 1) + 0.5 * (1 - upper)
    return torch.stack([0.2 + 0.28 * (x + 0.43), 0.5 + 0.36 * (height - 0.25)], 1) + 0.028 * noise


def _circles(y: Tensor, along: Tensor, noise: Tensor) -> Tensor:
    radius = torch.where(y == 0, 0.14, 0.37)[:, None]
    angle = 2 * math.pi * along
    return 0.5 + radius * torch.stack([angle.cos(), angle.sin()], 1) + 0.026 * noise


def _spirals(y: Tensor, along: Tensor, noise: Tensor) -> Tensor:
    angle = 2 * math.pi * (0.95 * along + y / 2)
    radius = (0.07 + 0.36 * along)[:, None]
    return 0.5 + radius * torch.stack([angle.cos(), angle.sin()], 1) + 0.012 * noise


def _blobs(y: Tensor, along: Tensor, noise: Tensor) -> Tensor:
    del along
    centres = torch.tensor([[0.28, 0.3], [0.72, 0.34], [0.48, 0.74]])
    return centres[y] + 0.085 * noise


Shape = Callable[[Tensor, Tensor, Tensor], Tensor]
SHAPES: dict[str, tuple[int, Shape]] = {
    "moons": (2, _moons),
    "spirals": (2, _spirals),
    "circles": (2, _circles),
    "blobs": (3, _blobs),
}
