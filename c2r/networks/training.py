"""Training one network, standard or adversarial: shared by the pool (single step) and the evaluation (PGD-AT).

PGD-AT after Madry et al. 2018; the single step with a random start and size 1.25 ε after Wong et al. 2020. Adversarial
images are crafted in eval mode (Pang et al. 2021), so that batch norm's running statistics know only the images that
are trained on.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.threat import Threat
from c2r.networks.models import Network

Batches = Callable[[], tuple[Tensor, Tensor]]
Loss = Callable[[Network, Tensor, Tensor, Tensor], Tensor]  # (network, clean images, attacked images, labels) → scalar


def cross_entropy(model: Network, clean: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the attacked images [B, C, H, W]; labels [B] or probabilities [B, K]."""
    del clean
    return F.cross_entropy(model(attacked), labels)


def with_clean(share: float) -> Loss:
    """The mean of clean and attacked images' cross-entropy, the clean ones with weight `share` (RSLAD: 1/6).

    RSLAD's loss is the KL divergence from soft labels, which differs from cross-entropy by their entropy alone: the
    gradients to network and attack are the same.
    """

    def loss(model: Network, clean: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
        both = F.cross_entropy(model(clean), labels), F.cross_entropy(model(attacked), labels)
        return share * both[0] + (1 - share) * both[1]

    return loss if share else cross_entropy


@dataclass(frozen=True)
class Training:
    """How one network is trained.

    :param rate: peak of the one-cycle learning rate
    :param threat: ball of adversarial training, None for standard training; at_steps: attack steps in it
    :param loss: of one batch
    :param average: decay of the running mean of weights and buffers that the model ends with; 0 keeps the last ones
    """

    steps: int
    rate: float
    threat: Threat | None = None
    at_steps: int = 1
    loss: Loss = cross_entropy
    average: float = 0.0


def train(model: Network, batches: Batches, how: Training, generator: torch.Generator) -> Iterator[int]:
    """Train by SGD (momentum 0.9, weight decay 5e-4, one cycle); yields each step done.

    :param batches: draws images [B, C, H, W] in [0, 1] and labels [B], or probabilities [B, K]
    """
    model.train().requires_grad_(True)
    parameters = list(model.parameters())
    velocities = [torch.zeros_like(p) for p in parameters]
    mean = copy.deepcopy(model.state_dict()) if how.average else {}
    for step in range(how.steps):
        x, y = batches()
        attacked = x if how.threat is None else _adversarial(model, x, y, how.threat, how.at_steps, generator)
        gradients = torch.autograd.grad(how.loss(model, x, attacked, y), parameters)
        descend(parameters, gradients, velocities, how.rate * one_cycle((step + 1) / (how.steps + 1)))
        if mean:
            _average(mean, model, min(how.average, (step + 1) / (step + 10)))
        if mean and step + 1 == how.steps:
            model.load_state_dict(mean)
        yield step + 1


@torch.no_grad()
def _average(mean: dict[str, Tensor], model: Network, decay: float) -> None:
    """Move the running mean of weights and buffers towards the model's; a counter of batches is copied."""
    for name, value in model.state_dict().items():
        mean[name].lerp_(value, 1 - decay) if value.is_floating_point() else mean[name].copy_(value)


@torch.no_grad()
def descend(
    parameters: Sequence[Tensor], gradients: Sequence[Tensor], velocities: Sequence[Tensor], rate: float
) -> None:
    """One step of SGD with Nesterov momentum 0.9 and weight decay 5e-4, in place.

    The same as torch.optim.SGD, whose first use loads torch's compiler: 1.2 s more until the first picture.
    """
    for parameter, gradient, velocity in zip(parameters, gradients, velocities, strict=True):
        gradient = gradient + 5e-4 * parameter
        velocity.mul_(0.9).add_(gradient)
        parameter.sub_(rate * (gradient + 0.9 * velocity))


def one_cycle(progress: float) -> float:
    """Share of the peak rate after `progress` in [0, 1]: up linearly over the first 20 %, then down to 0."""
    return min(progress / 0.2, (1 - progress) / 0.8)


def _adversarial(
    model: Network, x: Tensor, y: Tensor, threat: Threat, steps: int, generator: torch.Generator
) -> Tensor:
    size = (1.25 if steps == 1 else 2.5 / steps) * threat.eps
    delta = threat.random(x, generator)
    model.eval().requires_grad_(False)
    for _ in range(steps):
        point = (x + delta).requires_grad_(True)
        gradient = torch.autograd.grad(F.cross_entropy(model(point), y, reduction="sum"), point)[0]
        delta = threat.project(delta + size * gradient.sign(), x)
    model.train().requires_grad_(True)
    return x + delta
