"""FGSM (Goodfellow et al. 2015) and PGD-L∞ (Madry et al. 2018); methods spec §1.2. B images, K classes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.margins import sample_losses
from c2r.threat import Threat


@dataclass(frozen=True)
class Attacked:
    """Adversarial images [B, C, H, W], the logits [B, K·] and losses [B] there, and the cost in passes per image."""

    images: Tensor
    logits: Tensor
    loss: Tensor
    forwards: float
    backwards: float


Model = Callable[[Tensor], Tensor]


def fgsm(model: Model, x: Tensor, y: Tensor, *, threat: Threat, generator: torch.Generator | None = None, steps: int = 1) -> Attacked:  # noqa: ARG001
    """One step of size ε along the sign of the gradient, no random start. `generator` and `steps` are not used."""
    gradient, _, _ = _gradient(model, x, y)
    adversarial = x + threat.project(threat.eps * gradient.sign(), x)
    logits, loss = _look(model, adversarial, y)
    return Attacked(adversarial, logits, loss, 2, 1)


def pgd(model: Model, x: Tensor, y: Tensor, *, threat: Threat, generator: torch.Generator, steps: int = 10) -> Attacked:
    """`steps` steps of size ε/4 from a random start; the iterate with the largest loss of each image is kept."""
    delta = threat.random(x, generator)
    best, best_loss, best_logits = x, x.new_full((len(x),), float("-inf")), None
    for step in range(steps + 1):
        point = x + delta
        if step < steps:
            gradient, logits, loss = _gradient(model, point, y)
        else:
            logits, loss = _look(model, point, y)
        better = loss > best_loss
        best = torch.where(better[:, None, None, None], point, best)
        best_loss = torch.where(better, loss, best_loss)
        shaped = logits.view(len(x), -1, logits.shape[-1])
        best_logits = shaped if best_logits is None else torch.where(better[:, None, None], shaped, best_logits)
        if step < steps:
            delta = threat.project(delta + threat.eps / 4 * gradient.sign(), x)
    return Attacked(best, best_logits.view(-1, best_logits.shape[-1]), best_loss, steps + 1, steps)


def _gradient(model: Model, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    with torch.enable_grad():
        point = x.detach().requires_grad_(True)
        logits = model(point)
        loss = sample_losses(logits, y)
        gradient = torch.autograd.grad(loss.sum(), point)[0]
    return gradient, logits.detach(), loss.detach()


def _look(model: Model, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        logits = model(x)
        return logits, sample_losses(logits, y)
