"""SPSA (Uesato et al. 2018): Adam on a gradient estimated from differences along random signs, logits only; methods
spec §1.2.

A generator over an `AttackState` that yields the share of its work done. L live images.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from c2r.attacks.losses import margin
from c2r.attacks.state import AttackState

WORD = 32  # random signs taken from one number of 32 bits
ROWS = 64  # points evaluated together when few images are live


def spsa(state: AttackState, *, steps: int, samples: int, delta: float, rate: float) -> Iterator[float]:
    """Raise the margin loss by Adam with step `rate` in pixel units, clipped to ball and box.

    :param samples: random directions per step, two forwards each
    :param delta: how far to both sides of the point the loss is measured, in pixel units
    """
    shift = state.start(random=False)
    mean, square = torch.zeros_like(shift), torch.zeros_like(shift)
    for number in state.steps(steps):
        gradient = _estimate(state, shift, samples, delta)
        mean, square = torch.lerp(gradient, mean, 0.9), torch.lerp(gradient.square(), square, 0.999)
        size = rate * (1 - 0.999 ** (number + 1)) ** 0.5 / (1 - 0.9 ** (number + 1))
        shift = state.threat.project(shift + size * mean / (square.sqrt() + 1e-8), state.x)
        _, keep = state.look(shift)
        shift, mean, square = shift[keep], mean[keep], square[keep]
        yield (number + 1) / steps
    yield 1.0


def _estimate(state: AttackState, delta: Tensor, samples: int, width: float) -> Tensor:
    """Mean over `samples` sign tensors v of v·(l(x + δ + w·v) − l(x + δ − w·v)) / 2w, [L, C, H, W]."""
    total, centre, aim = torch.zeros_like(delta), state.x + delta, state.aim
    group = max(1, ROWS // len(delta))
    for first in range(0, samples, WORD):
        word = state.noise.bits(state.live, delta.shape[1:])
        for begin in range(first, min(first + WORD, samples), group):
            places = torch.arange(begin - first, min(begin + group, first + WORD, samples) - first, device=delta.device)
            signs = ((word >> places.view(-1, 1, 1, 1, 1)) & 1).float() * 2 - 1
            rows = torch.arange(len(delta), device=delta.device).repeat(len(places))
            above, below = (
                margin(state.query((centre + side * width * signs).flatten(0, 1), len(places)), aim.of(rows)).view(
                    len(places), -1
                )
                for side in (1, -1)
            )
            total += ((above - below)[:, :, None, None, None] * signs).sum(0)
    return total / (2 * width * samples)
