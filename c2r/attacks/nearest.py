"""Attacks that look for the smallest L2 perturbation: Carlini and Wagner's, and DeepFool; methods spec §1.2.

They run on an `AttackState` whose rules say `nearest`, which keeps each image's smallest successful perturbation; ε
only says which of them count. Generators that yield the share of their work done. L live images.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from c2r.attacks.losses import margin
from c2r.attacks.state import AttackState

# half the width of the tanh box: 2 % wider than the pixel box, so that tanh has a slope where pixels are 0 or 1
HALF = 0.51
EDGE = math.atanh(0.5 / HALF)  # where the pixel box ends in tanh space


def cw_l2(
    state: AttackState, *, steps: int, rate: float, c: float, kappa: float, searches: int, leave: bool
) -> Iterator[float]:
    """Adam on |δ|² + c·max(z_y − max_{k≠y} z_k, −κ) in tanh space (Carlini and Wagner 2017); every image has its own c.

    More than six parameters, because each is an option of the catalog.

    :param searches: rounds; after each, an image that was fooled goes halfway to the largest c that failed, another
        halfway to the smallest that worked or, before one did, to ten times its c. With 1, c stays
    :param leave: an image leaves once it is fooled within ε: faster, with the same robust accuracy, but its distance is
        not the smallest
    """
    state.enough = leave
    weight = state.x.new_full((len(state.live),), c)
    low, high = torch.zeros_like(weight), torch.full_like(weight, math.inf)
    for search in state.steps(searches):
        worked = torch.zeros_like(weight, dtype=torch.bool)
        for number, (fooled, keep) in enumerate(_descent(state, steps, rate, kappa, weight)):
            low, high, weight, worked = low[keep], high[keep], weight[keep], worked[keep] | fooled
            yield (search + (number + 1) / steps) / searches
        low, high = torch.where(worked, low, weight), torch.where(worked, weight, high)
        weight = torch.where(high < math.inf, (low + high) / 2, 10 * weight)
    yield 1.0


def _descent(
    state: AttackState, steps: int, rate: float, kappa: float, weight: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """One round of Adam (Kingma and Ba 2015) with c = `weight` [L]; yields at each step who of those that stay is
    fooled, and who stays."""
    x, weight = state.x, weight[:, None, None, None]
    point, mean, square = ((x.clamp(0, 1) - 0.5) / HALF).atanh(), torch.zeros_like(x), torch.zeros_like(x)
    for number in state.steps(steps):
        curve = point.tanh()
        delta = (0.5 + HALF * curve).clamp(0, 1) - x
        gradient, gain, keep = state.gradient(delta, lambda logits, aim: margin(logits, aim).clamp(max=kappa))
        if not keep.all():
            x, curve, delta, mean, square, point, weight = (
                t[keep] for t in (x, curve, delta, mean, square, point, weight)
            )
        down = (2 * delta - weight * gradient) * HALF * (1 - curve.square())
        mean, square = torch.lerp(down, mean, 0.9), torch.lerp(down.square(), square, 0.999)
        size = rate * (1 - 0.999 ** (number + 1)) ** 0.5 / (1 - 0.9 ** (number + 1))
        point = (point - size * mean / (square.sqrt() + 1e-8)).clamp(-EDGE, EDGE)
        yield gain >= 0, keep


def deepfool(state: AttackState, *, steps: int, overshoot: float) -> Iterator[float]:
    """Step across the nearest linearised boundary until the class changes (Moosavi-Dezfooli et al. 2016), all images at
    once.

    As in the paper the sum of the steps, not each step, is stretched by 1 + `overshoot`. Pixels at 0 or 1 that a step
    would push further out do not count in its length, so that the others make up for them.
    """
    delta = state.start(random=False)
    for number in state.steps(steps):
        total = delta / (1 + overshoot) + state.jacobian(delta, _across)
        x = state.x
        delta = (x + (1 + overshoot) * total).clamp(0, 1) - x
        logits, _ = state.look(delta)
        crossed = state.aim.goal(logits) <= 0
        state.leave(crossed)
        delta = delta[~crossed]
        yield (number + 1) / steps
    yield 1.0


def _across(point: Tensor, behind: Tensor, gradients: Tensor) -> Tensor:
    """The smallest step [l, C, H, W] to the nearest linearised boundary; arguments as `network.jacobian` gives them."""
    here = point[:, None]
    outwards = ((here > 1 - 1e-6) & (gradients > 0)) | ((here < 1e-6) & (gradients < 0))
    gradients = gradients.masked_fill(outwards, 0)
    length = gradients.flatten(2).norm(dim=2).clamp(min=1e-12)
    row, nearest = torch.arange(len(point), device=point.device), (behind / length).argmin(1)
    size = behind[row, nearest] / length[row, nearest].square()
    return size[:, None, None, None] * gradients[row, nearest]
