"""Square attack in L∞ (Andriushchenko et al. 2020): random search with squares, logits only; methods spec §1.2.

A generator over an `AttackState` that yields the share of its work done. L live images of C channels and H × W pixels.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from c2r.attacks.losses import LOSSES
from c2r.attacks.state import AttackState

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries after which the share of changed pixels halves
AHEAD = 50  # queries whose squares are drawn at once


def square(state: AttackState, *, queries: int, share: float) -> Iterator[float]:
    """Start from vertical stripes of ±ε, then try squares of ±ε per channel and keep what lowers the loss.

    The loss is the margin, or the cross-entropy of the target where there is one. Every image has its own squares and
    signs.

    :param queries: squares tried; their size does not depend on it
    :param share: of the pixels in the first squares
    """
    search = _Search(state)
    for first in range(0, queries, AHEAD):
        sides = [side(query, share, *state.x.shape[2:]) for query in range(first, min(first + AHEAD, queries))]
        search.draw(sides)
        for number, size in enumerate(sides):
            if not len(state.live):
                return
            search.attempt(number, size)
            yield (first + number + 1) / queries
    search.finish()
    yield 1.0


def side(query: int, share: float, height: int, width: int) -> int:
    """Side of the square of one query: √(share of the pixels), at least 1; the share halves after each of
    `HALVINGS`."""
    halved = share / 2 ** sum(query > after for after in HALVINGS)
    return min(max(round(math.sqrt(halved * height * width)), 1), height, width)


class _Search:
    """The live images' best points, changed in place: only the square is written, and written back when it did not
    help.

    A pixel value is always one of two, as low or as high as ball and box let it be: `ends` [L, 2, C, H, W], flattened.
    """

    def __init__(self, state: AttackState):
        x, threat = state.x, state.threat
        self.state, self.shape = state, x.shape[1:]
        self.form = LOSSES["margin" if state.aim.target is None else "ce"]
        ends = torch.stack([(x - threat.eps).clamp(0, 1), (x + threat.eps).clamp(0, 1)], 1)
        stripes = state.noise.uniform(state.live, (self.shape[0], 1, self.shape[2])) < 0.5
        self.point = torch.where(stripes, ends[:, 0], ends[:, 1])
        self.ends, self.flat = ends.flatten(1), self.point.flatten(1)
        self.logits = state.query(self.point)
        self.loss = self.form(self.logits, state.aim)
        self.corner = self.signs = x.new_empty(len(x), 0)
        self._record(self.logits)

    def draw(self, sides: list[int]) -> None:
        """`corner` [L, Q] of the next squares, and `signs` [L, Q, C]: where in `ends` a channel's values lie."""
        channels, height, width = self.shape
        chance = self.state.noise.uniform(self.state.live, (len(sides), 2 + channels))
        size = torch.tensor(sides, device=chance.device)
        row, column = ((chance[:, :, i] * (length + 1 - size)).long() for i, length in ((0, height), (1, width)))
        self.corner = row * width + column
        self.signs = (chance[:, :, 2:] < 0.5) * math.prod(self.shape)

    def attempt(self, number: int, size: int) -> None:
        """Try one square on every live image; raises `loss` or leaves the point as it was."""
        index = self.corner[:, number, None, None] + self._patch(size)
        new = self.ends.gather(1, (index + self.signs[:, number, :, None]).flatten(1))
        index = index.flatten(1)
        old = self.flat.gather(1, index)
        self.flat.scatter_(1, index, new)
        logits = self.state.query(self.point)
        loss = self.form(logits, self.state.aim)
        fooled = self.state.aim.goal(logits) <= 0
        better = (loss > self.loss) | fooled
        self.flat.scatter_(1, index, torch.where(better[:, None], new, old))
        self.loss = torch.where(better, loss, self.loss)
        self.logits = torch.where(better[:, None], logits, self.logits)
        if fooled.any():
            self._record(self.logits)

    def finish(self) -> None:
        """Hand in the best points of those who withstood."""
        if len(self.state.live):
            self._record(self.logits)

    def _patch(self, size: int) -> Tensor:
        """Places of a square at corner 0 in a flattened image, [C, size²]."""
        channels, height, width = self.shape
        device = self.flat.device
        plane = torch.arange(size, device=device)[:, None] * width + torch.arange(size, device=device)
        return torch.arange(channels, device=device)[:, None] * (height * width) + plane.flatten()

    def _record(self, logits: Tensor) -> None:
        """Let the state take what was found, and forget who left."""
        keep = self.state.record(self.point - self.state.x, logits)
        if bool(keep.all()):
            return
        self.point = self.point[keep]
        self.flat, self.ends, self.logits, self.loss = (
            self.point.flatten(1),
            self.ends[keep],
            self.logits[keep],
            self.loss[keep],
        )
        self.corner, self.signs = self.corner[keep], self.signs[keep]
