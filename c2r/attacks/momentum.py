"""MI-FGSM and VMI-FGSM; methods spec §1.2. `step` and `reach` are in units of ε.

Both are generators over an `AttackState` that yield the share of their work done.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from c2r.attacks.state import AttackState


def mi_fgsm(state: AttackState, *, steps: int, step: float, decay: float) -> Iterator[float]:
    """Sign steps along g ← decay·g + ∇/|∇|₁ from the image itself (Dong et al. 2018). A zero gradient leaves g its
    direction."""
    delta = state.start(random=False)
    momentum = torch.zeros_like(delta)
    for number in state.steps(steps):
        gradient, _, keep = state.gradient(delta)
        momentum = decay * momentum[keep] + _unit(gradient)
        delta = _climbed(state, delta[keep], step, momentum)
        yield (number + 1) / steps
    state.look(delta)
    yield 1.0


def vmi_fgsm(
    state: AttackState, *, steps: int, step: float, decay: float, samples: int, reach: float
) -> Iterator[float]:
    """MI-FGSM on ∇ + v, where v, mean gradient around the last point minus the one there, evens out the surface (Wang
    and He 2021).

    :param samples: neighbours x + δ + r per step, uniform in |r|∞ ≤ reach·ε and not cut with the pixel box
    """
    delta = state.start(random=False)
    momentum, variance = torch.zeros_like(delta), torch.zeros_like(delta)
    for number in state.steps(steps):
        gradient, _, keep = state.gradient(delta)
        delta = delta[keep]
        momentum = decay * momentum[keep] + _unit(gradient + variance[keep])
        if number + 1 < steps and len(state.live):
            variance = _around(state, delta, samples, reach * state.threat.eps) - gradient
        delta = _climbed(state, delta, step, momentum)
        yield (number + 1) / steps
    state.look(delta)
    yield 1.0


def _around(state: AttackState, delta: Tensor, samples: int, radius: float) -> Tensor:
    """Mean gradient [L, C, H, W] over random neighbours of x + δ."""
    noise = torch.stack([state.noise.uniform(state.live, delta.shape[1:]) for _ in range(samples)])
    return state.slope(delta + (2 * noise - 1) * radius).mean(0)


def _climbed(state: AttackState, delta: Tensor, step: float, direction: Tensor) -> Tensor:
    return state.threat.project(delta + step * state.threat.eps * direction.sign(), state.x)


def _unit(gradient: Tensor) -> Tensor:
    """Each image's gradient over its own L1 norm; a zero gradient stays zero."""
    total = gradient.abs().sum((1, 2, 3), keepdim=True)
    return gradient / torch.where(total > 0, total, 1)
