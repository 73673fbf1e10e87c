"""What attacks find on one image under one network: how far it withstands, and what a search spends to get there.

Pixel units of [0, 1] for every ε; losses are cross-entropies in nats, margins in logits. A pass is one forward or one
backward of one image. B radii at once, S steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.linesearch import Search, Start, ls_pgd
from c2r.core.margins import logit_margin, sample_losses

Model = Callable[[Tensor], Tensor]
STEPS = 10  # of PGD, each ε/4 long
AT_ONCE = 8  # radii that are tried together


class Course(NamedTuple):
    """The largest loss found so far, and the passes that were spent by then, from the start on."""

    passes: list[int]
    losses: list[float]


@dataclass(frozen=True)
class Radius:
    """The smallest ε at which PGD succeeds.

    :param broken: an ε at which it does, None where it does not up to `top`; 0 where the image is wrong unattacked
    :param unbroken: the largest ε tried below it at which it does not
    :param resolution: how far the two lie apart at most
    """

    broken: float | None
    unbroken: float
    top: float
    resolution: float


class Climb(NamedTuple):
    """PGD at B radii: loss and margin at every iterate, [S + 1, B], the start among them."""

    losses: Tensor
    margins: Tensor


def climb(network: Model, x: Tensor, label: int, radii: Tensor, start: Tensor | None = None) -> Climb:
    """PGD of `STEPS` steps of ε/4 on an image [1, C, H, W], at each of the radii [B] of its own.

    :param start: the perturbation [1, C, H, W] to start from, cut to each radius; none where it is absent: nothing is
        drawn, so the same image gives the same answer
    """
    eps = radii.view(-1, 1, 1, 1)
    labels = torch.full((len(radii),), label)
    delta = _within(torch.zeros_like(x) if start is None else start, x, eps)
    losses, margins = [], []
    for step in range(STEPS + 1):
        with torch.enable_grad():
            point = (x + delta).requires_grad_(step < STEPS)
            logits = network(point)
            loss = F.cross_entropy(logits, labels, reduction="none")
        losses.append(loss.detach())
        margins.append(logit_margin(logits.detach(), labels))
        if step < STEPS:
            delta = _within(delta + eps / 4 * torch.autograd.grad(loss.sum(), point)[0].sign(), x, eps)
    return Climb(torch.stack(losses), torch.stack(margins))


def _within(delta: Tensor, x: Tensor, eps: Tensor) -> Tensor:
    """The nearest perturbation within ε (L∞) of an image and within [0, 1]."""
    return (x + torch.minimum(torch.maximum(delta, -eps), eps)).clamp(0, 1) - x


def margins_over(network: Model, x: Tensor, label: int, radii: Tensor) -> Tensor:
    """The smallest margin that PGD finds within each of the ascending radii [B], an upper bound of the robust margin.

    What it finds within a smaller radius lies within the larger ones too, so no margin is above one before it.
    """
    return climb(network, x, label, radii).margins.amin(0).cummin(0).values


def radius(network: Model, x: Tensor, label: int, top: float, resolution: float) -> Radius:
    """The smallest ε up to `top` at which PGD succeeds: `AT_ONCE` radii are tried together, then as many between the
    first that succeeds and the one before it, until these lie no further apart than `resolution`.

    PGD need not succeed at every ε above one at which it does: between two tries it is taken to.
    """
    low, high = 0.0, top
    with torch.no_grad():
        clean = float(logit_margin(network(x), torch.tensor([label])))
    if clean <= 0:
        return Radius(0.0, 0.0, top, resolution)
    first = True
    while first or high - low > resolution * 1.000001:
        tried = torch.linspace(low, high, AT_ONCE + 1)[1:]
        broken = (climb(network, x, label, tried).margins.amin(0) <= 0).tolist()
        if first and not any(broken):
            return Radius(None, top, top, resolution)
        place = broken.index(True) if any(broken) else AT_ONCE - 1  # the last one succeeded before
        low, high = (low if place == 0 else float(tried[place - 1])), float(tried[place])
        first = False
    return Radius(high, low, top, resolution)


def line_search(network: Model, x: Tensor, label: int, search: Search, start: Tensor) -> Course:
    """LS-PGD's loss after each of its rounds from a perturbation [1, C, H, W], until a round gains nothing."""
    labels, delta = torch.tensor([label]), start
    passes, losses = [1], [loss_at(network, x, label, search.threat.project(start, x))]
    spent = 0
    for _ in range(search.rounds):
        trace = ls_pgd(network, x, labels, Search(search.threat, search.settings, 1), Start(delta))
        delta, spent = trace.delta, spent + trace.forwards + trace.backwards
        passes.append(spent)
        losses.append(float(trace.loss))
        if not bool(trace.improved):
            break
    return Course(passes, losses)


def steps_of(found: Climb) -> Course:
    """The course of PGD at one radius: the loss of an iterate is known after its forward."""
    return Course([2 * step + 1 for step in range(len(found.losses))], found.losses[:, 0].cummax(0).values.tolist())


@torch.no_grad()
def loss_at(network: Model, x: Tensor, label: int, delta: Tensor) -> float:
    """The cross-entropy of `label` at x + δ."""
    return float(sample_losses(network(x + delta), torch.tensor([label])))
