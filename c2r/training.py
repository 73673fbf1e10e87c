"""Training one network, standard or adversarial: shared by the pool (single step) and the evaluation (PGD-AT).

PGD-AT after Madry et al. 2018; the single step with a random start and size 1.25 ε after Wong et al. 2020.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.models import Network
from c2r.threat import Threat

Batches = Callable[[], tuple[Tensor, Tensor]]


def train(
    model: Network, batches: Batches, *, steps: int, rate: float, threat: Threat | None, at_steps: int, generator: torch.Generator
) -> Iterator[int]:
    """Train for `steps` steps of SGD (momentum 0.9, weight decay 5e-4, one cycle peaking at `rate`); yields each step done.

    :param batches: draws images [B, C, H, W] in [0, 1] and labels [B]
    :param threat: ball of adversarial training, None for standard training
    """
    model.train().requires_grad_(True)
    optimiser = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * one_cycle((step + 1) / (steps + 1))
        x, y = batches()
        if threat is not None:
            x = _adversarial(model, x, y, threat, at_steps, generator)
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), y).backward()
        optimiser.step()
        yield step + 1


def one_cycle(progress: float) -> float:
    """Share of the peak rate after `progress` in [0, 1]: up linearly over the first 20 %, then down to 0."""
    return min(progress / 0.2, (1 - progress) / 0.8)


def _adversarial(model: Network, x: Tensor, y: Tensor, threat: Threat, steps: int, generator: torch.Generator) -> Tensor:
    size = (1.25 if steps == 1 else 2.5 / steps) * threat.eps
    delta = threat.random(x, generator)
    model.requires_grad_(False)
    for _ in range(steps):
        point = (x + delta).requires_grad_(True)
        gradient = torch.autograd.grad(F.cross_entropy(model(point), y, reduction="sum"), point)[0]
        delta = threat.project(delta + size * gradient.sign(), x)
    model.requires_grad_(True)
    return x + delta
