"""Targeted FAB (Croce and Hein 2020, "Minimally distorted adversarial examples"): the smallest L∞ step across each
boundary.

As in AutoAttack: from the image itself, without restarts and without a final search. A generator over an `AttackState`
that yields the share of its work done. L live images, D pixel values of one.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from c2r.attacks.apgd import rivals
from c2r.attacks.losses import Aim
from c2r.attacks.state import AttackState

BIAS = 0.1  # alpha_max: the largest share of the step from the image itself, against the step from the current point
OVERSHOOT = 1.05  # eta
BACK = 0.9  # beta: an adversarial point is pulled this far back towards the image


def fab_t(state: AttackState, *, steps: int, targets: int) -> Iterator[float]:
    """One run for each of the `targets` classes most likely on the clean image."""
    targets = min(targets, state.classes - 1)
    for rank in state.steps(targets):
        delta = state.start(random=False)
        for number in state.steps(steps):
            gradient, gap, keep = state.gradient(delta, _lead, rivals(state.clean, state.aim.y)[:, rank])
            delta = _towards(state.x, delta[keep], gradient, gap)
            logits, keep = state.look(delta)
            over = (logits.argmax(1) != state.aim.y)[:, None, None, None]
            delta = torch.where(over, BACK * delta[keep], delta[keep])
            yield (rank + (number + 1) / steps) / targets
    yield 1.0


def nearest_crossing(point: Tensor, weight: Tensor, gap: Tensor) -> Tensor:
    """The smallest L∞ step d [L, D] with point + d in [0, 1] and weight · d = −gap; where there is none, the step
    closest to it.

    Every pixel moves by λ or as far as the box lets it, so λ solves a rising, concave, piecewise linear equation.
    Newton's method from 0 ends after a few steps, exactly, and needs no sorting.

    :param point, weight: [L, D]; gap: [L]
    """
    way = -(weight * gap.sign()[:, None]).sign()
    room = torch.where(way < 0, point, 1 - point)
    slope, size = weight.abs(), torch.zeros_like(gap)
    reach = slope * room
    need = gap.abs() - reach.sum(1)
    for _ in range(point.shape[1]):
        free = (room > size[:, None]).float()
        rate, spared = (slope * free).sum(1), (reach * free).sum(1)
        wanted = torch.where(rate > 0, (need + spared) / rate, 1.0).clamp(max=1).maximum(size)
        if torch.equal(wanted, size):
            break
        size = wanted
    return torch.minimum(room, size[:, None]) * way


def _lead(logits: Tensor, aim: Aim, target: Tensor) -> Tensor:
    """How far the target is ahead of the true class, [L]."""
    return (logits.gather(1, target[:, None]) - logits.gather(1, aim.y[:, None])).squeeze(1)


def _towards(x: Tensor, delta: Tensor, gradient: Tensor, gap: Tensor) -> Tensor:
    """The next δ: a little past the linearised boundary, mixed from the steps that the current point and the image
    would take."""
    weight = gradient.flatten(1)
    here, origin = (x + delta).flatten(1), x.flatten(1)
    gaps = torch.cat([gap, gap - (weight * delta.flatten(1)).sum(1)])
    near, far = nearest_crossing(torch.cat([here, origin]), weight.repeat(2, 1), gaps).chunk(2)
    short, long = (step.abs().amax(1, keepdim=True).clamp(min=1e-8) for step in (near, far))
    share = (short / (short + long)).clamp(max=BIAS)
    point = (1 - share) * (here + OVERSHOOT * near) + share * (origin + OVERSHOOT * far)
    return point.clamp(0, 1).view_as(x) - x
