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
    best: Attacked | None = None
    for _ in range(steps):
        gradient, logits, loss = _gradient(model, x + delta, y)
        best = _worse(best or Attacked(x + delta, logits, loss, steps + 1, steps), x + delta, logits, loss)
        delta = threat.project(delta + threat.eps / 4 * gradient.sign(), x)
    logits, loss = _look(model, x + delta, y)
    return _worse(best or Attacked(x + delta, logits, loss, 1, 0), x + delta, logits, loss)


def _worse(best: Attacked, images: Tensor, logits: Tensor, loss: Tensor) -> Attacked:
    """For each image the one of two points with the larger loss."""
    better = loss > best.loss
    shaped = (len(loss), -1, logits.shape[-1])
    chosen = torch.where(better[:, None, None], logits.view(shaped), best.logits.view(shaped)).view_as(logits)
    images = torch.where(better[:, None, None, None], images, best.images)
    return Attacked(images, chosen, torch.where(better, loss, best.loss), best.forwards, best.backwards)


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
