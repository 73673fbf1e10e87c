"""LS-PGD: line-search PGD with a warm start, after C2R (step rule and Z second-hand).

Per sample: if the loss at x + δ̂ has not fallen since it was cached, δ̂ is reused (one forward). Else each of T rounds
spends one backward on v = sign ∇ and then only forwards on the candidates P(δ̂ + αβ^q ε v), q < Z, and keeps the best.
The start stays among the candidates, so the loss never falls below it. Letters: B samples, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.core.margins import sample_losses
from c2r.core.threat import Threat
from c2r.settings import AttackSettings

Model = Callable[[Tensor], Tensor]


@dataclass
class Trace:
    """What one call found and what it cost.

    delta [B, C, H, W] in pixel units; loss, start_loss [B]; logits [B·parts, K] at x + delta;
    reused, improved [B] bool (neither: searched, and the start was kept); forwards, backwards: sums over samples.
    """

    delta: Tensor
    loss: Tensor
    start_loss: Tensor
    logits: Tensor
    reused: Tensor
    improved: Tensor
    forwards: int
    backwards: int


@dataclass(frozen=True)
class Search:
    """How far and how long an attack searches; `rounds` line searches per sample, 0 takes ``settings.ls_rounds``."""

    threat: Threat
    settings: AttackSettings
    rounds: int = 0


@dataclass(frozen=True)
class Start:
    """Where an attack starts: δ̂ [B, C, H, W], and the loss [B] at x + δ̂ when it was found.

    A sample whose loss has not fallen is reused as it is; without losses every sample is searched.
    """

    delta: Tensor
    loss: Tensor | None = None


def ls_pgd(model: Model, x: Tensor, labels: Tensor, search: Search, start: Start | None = None) -> Trace:
    """Attack images x [B, C, H, W] in [0, 1] with labels [B].

    :param model: frozen, in eval mode; maps [B, C, H, W] to logits [B·parts, K] (parts of one image adjacent)
    :param start: zero perturbations when absent
    """
    delta = torch.zeros_like(x) if start is None else search.threat.project(start.delta, x)
    if start is None or start.loss is None:
        active = torch.ones(len(x), dtype=torch.bool, device=x.device)
        nothing = x.new_full((len(x),), float("-inf"))
        trace = Trace(delta, nothing, nothing, x.new_empty(0), ~active, ~active, 0, 0)
    else:
        with torch.no_grad():
            logits = model(x + delta)
        loss = sample_losses(logits, labels)
        active = loss < start.loss - 1e-6
        trace = Trace(delta, loss, loss, logits, ~active, torch.zeros_like(active), len(x), 0)
    for _ in range(search.rounds or search.settings.ls_rounds):
        index = active.nonzero().squeeze(1)
        if not len(index):
            break
        active = torch.zeros_like(active).index_put((index,), _round(model, x, labels, index, trace, search))
    return trace


def _round(model: Model, x: Tensor, labels: Tensor, index: Tensor, trace: Trace, search: Search) -> Tensor:
    """One round on the samples `index`: a backward, then forward-only candidates. Updates `trace`; returns who
    gained."""
    threat, settings = search.threat, search.settings
    x, labels, start = x[index], labels[index], trace.delta[index]
    with torch.enable_grad():
        point = (x + start).requires_grad_(True)
        logits = model(point)
        losses = sample_losses(logits, labels)
        direction = torch.autograd.grad(losses.sum(), point)[0].sign()
    best, best_loss, best_logits = start, losses.detach(), logits.detach().view(len(x), -1, logits.shape[-1])
    if not len(trace.logits):  # the first look at any of them
        trace.loss = trace.start_loss = best_loss
        trace.logits = logits.detach()
    initial = best_loss
    for q in range(settings.ls_tries):
        candidate = threat.project(start + settings.ls_alpha * settings.ls_beta**q * threat.eps * direction, x)
        with torch.no_grad():
            logits = model(x + candidate)
        losses = sample_losses(logits, labels)
        better = losses > best_loss
        best_loss = torch.where(better, losses, best_loss)
        best = torch.where(better[:, None, None, None], candidate, best)
        best_logits = torch.where(better[:, None, None], logits.view_as(best_logits), best_logits)
    _store(trace, index, best, best_loss, best_logits)
    gained = best_loss > initial
    trace.improved = trace.improved.index_put((index,), trace.improved[index] | gained)
    trace.forwards += len(x) * (1 + settings.ls_tries)
    trace.backwards += len(x)
    return gained


def _store(trace: Trace, index: Tensor, delta: Tensor, loss: Tensor, logits: Tensor) -> None:
    trace.delta = trace.delta.index_put((index,), delta)
    trace.loss = trace.loss.index_put((index,), loss)
    shaped = trace.logits.view(len(trace.delta), -1, logits.shape[-1])
    trace.logits = shaped.index_put((index,), logits).view_as(trace.logits)
