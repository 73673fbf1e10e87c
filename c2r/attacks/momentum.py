"""MI-FGSM and VMI-FGSM; methods spec §1.2. `step` and `reach` are in units of ε.

Both are generators over a `Hunt` that yield the share of their work done.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from c2r.attacks.state import Hunt


def mi_fgsm(hunt: Hunt, *, steps: int, step: float, decay: float) -> Iterator[float]:
    """Sign steps along g ← decay·g + ∇/|∇|₁ from the image itself (Dong et al. 2018). A zero gradient leaves g its
    direction."""
    delta = hunt.start(random=False)
    momentum = torch.zeros_like(delta)
    for number in hunt.steps(steps):
        gradient, _, keep = hunt.gradient(delta)
        momentum = decay * momentum[keep] + _unit(gradient)
        delta = _climbed(hunt, delta[keep], step, momentum)
        yield (number + 1) / steps
    hunt.look(delta)
    yield 1.0


def vmi_fgsm(hunt: Hunt, *, steps: int, step: float, decay: float, samples: int, reach: float) -> Iterator[float]:
    """MI-FGSM on ∇ + v, where v, mean gradient around the last point minus the one there, evens out the surface (Wang
    and He 2021).

    :param samples: neighbours x + δ + r per step, uniform in |r|∞ ≤ reach·ε and not cut with the pixel box
    """
    delta = hunt.start(random=False)
    momentum, variance = torch.zeros_like(delta), torch.zeros_like(delta)
    for number in hunt.steps(steps):
        gradient, _, keep = hunt.gradient(delta)
        delta = delta[keep]
        momentum = decay * momentum[keep] + _unit(gradient + variance[keep])
        if number + 1 < steps and len(hunt.live):
            variance = _around(hunt, delta, samples, reach * hunt.threat.eps) - gradient
        delta = _climbed(hunt, delta, step, momentum)
        yield (number + 1) / steps
    hunt.look(delta)
    yield 1.0


def _around(hunt: Hunt, delta: Tensor, samples: int, radius: float) -> Tensor:
    """Mean gradient [L, C, H, W] over random neighbours of x + δ."""
    noise = torch.stack([hunt.noise.uniform(hunt.live, delta.shape[1:]) for _ in range(samples)])
    return hunt.slope(delta + (2 * noise - 1) * radius).mean(0)


def _climbed(hunt: Hunt, delta: Tensor, step: float, direction: Tensor) -> Tensor:
    return hunt.threat.project(delta + step * hunt.threat.eps * direction.sign(), hunt.x)


def _unit(gradient: Tensor) -> Tensor:
    """Each image's gradient over its own L1 norm; a zero gradient stays zero."""
    total = gradient.abs().sum((1, 2, 3), keepdim=True)
    return gradient / torch.where(total > 0, total, 1)
