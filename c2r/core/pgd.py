"""The attack inside a distillation, as the method's row names it: LS-PGD, or PGD (its ablation), which keeps the worst
iterate.

Nobody leaves early here. Evaluation attacks, where an image leaves at the first success, stand in `c2r.attacks.run`. B
images.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.core.linesearch import Model, Search, Start, Trace, ls_pgd
from c2r.core.margins import sample_losses
from c2r.core.threat import Threat
from c2r.settings import RunConfig


@dataclass(frozen=True)
class Inner:
    """An attack by name, ``ls-pgd`` or ``pgd``, under a run's settings; `rounds` as in `linesearch.Search`; `eps` in
    pixel units, 0 takes the run's."""

    name: str
    config: RunConfig
    generator: torch.Generator
    rounds: int = 0
    eps: float = 0.0


def attack(model: Model, x: Tensor, y: Tensor, inner: Inner, start: Start | None = None) -> Trace:
    """Attack images [B, C, H, W] with labels [B] within its ε: LS-PGD (see there), or ten steps of PGD from
    scratch."""
    threat = Threat(inner.eps or inner.config.eps)
    if inner.name == "ls-pgd":
        return ls_pgd(model, x, y, Search(threat, inner.config, inner.rounds), start)
    return pgd(model, x, y, threat=threat, generator=inner.generator, steps=10)


def pgd(model: Model, x: Tensor, y: Tensor, *, threat: Threat, generator: torch.Generator, steps: int = 10) -> Trace:
    """`steps` steps of size ε/4 from a random start on the cross-entropy summed over parts (Madry et al. 2018).

    :param model: frozen; maps images [B, C, H, W] to logits [B·parts, K], parts of one image adjacent
    """
    delta = threat.random(x, generator)
    none = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    first = torch.full((len(x),), float("-inf"), device=x.device)
    trace = Trace(delta, first, first, x.new_empty(0), none, ~none, (steps + 1) * len(x), steps * len(x))
    for step in range(steps + 1):
        with torch.set_grad_enabled(step < steps):
            point = (x + delta).requires_grad_(step < steps)
            logits = model(point)
            losses = sample_losses(logits, y)
        _keep_worse(trace, delta, logits.detach(), losses.detach())
        if step < steps:
            delta = threat.project(delta + threat.eps / 4 * torch.autograd.grad(losses.sum(), point)[0].sign(), x)
    return trace


def towards(
    model: Model, x: Tensor, goals: Tensor, *, threat: Threat, generator: torch.Generator, steps: int = 10
) -> Tensor:
    """Targeted PGD: images [B, C, H, W] moved towards the classes `goals` [B], the last iterate, as ROME takes it.

    Steps of size ε/4 from a random start.
    """
    delta = threat.random(x, generator)
    for _ in range(steps):
        point = (x + delta).requires_grad_(True)
        gradient = torch.autograd.grad(sample_losses(model(point), goals).sum(), point)[0]
        delta = threat.project(delta - threat.eps / 4 * gradient.sign(), x)
    return x + delta


def _keep_worse(trace: Trace, delta: Tensor, logits: Tensor, losses: Tensor) -> None:
    better = losses > trace.loss
    shaped = logits.view(len(losses), -1, logits.shape[-1])
    before = trace.logits.view_as(shaped) if len(trace.logits) else shaped
    trace.logits = torch.where(better[:, None, None], shaped, before).view_as(logits)
    trace.delta = torch.where(better[:, None, None, None], delta, trace.delta)
    trace.loss = trace.start_loss = torch.where(better, losses, trace.loss)
