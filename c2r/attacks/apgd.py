"""Auto-PGD (Croce and Hein 2020): gradient ascent that halves its step size where progress stalls; methods spec §1.2.

Every image has its own step size and its own book of progress. Generators over an `AttackState` that yield the share of
their work done.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from c2r.attacks.losses import Aim, dlr
from c2r.attacks.state import AttackState, Loss

MOMENTUM = 0.25  # share of the last move in the next one
PROGRESS = 0.75  # share of steps that must have raised the loss, or the step size is halved


def apgd_ce(state: AttackState, *, steps: int, restarts: int) -> Iterator[float]:
    """Auto-PGD on the cross-entropy."""
    for restart in state.steps(restarts):
        for share in _run(state, steps, "ce"):
            yield (restart + share) / restarts
    yield 1.0


def apgd_t(state: AttackState, *, steps: int, targets: int) -> Iterator[float]:
    """Auto-PGD on the targeted DLR loss, one run for each of the `targets` classes most likely on the clean image.

    An image is done once it is misclassified, as whatever class.
    """
    targets = min(targets, state.classes - 1)
    for rank in state.steps(targets):
        for share in _run(state, steps, _towards, rank):
            yield (rank + share) / targets
    yield 1.0


def rivals(logits: Tensor, y: Tensor) -> Tensor:
    """The other classes, most likely first: logits [L, K], labels [L] → [L, K − 1]."""
    return logits.scatter(1, y[:, None], float("-inf")).argsort(1, descending=True)[:, :-1]


def checkpoints(steps: int) -> list[int]:
    """After how many steps progress is judged: 22 % of `steps`, then gaps that shrink by 3 % of them until they are 6
    %."""
    gap, shrink, least = (max(int(share * steps), 1) for share in (0.22, 0.03, 0.06))
    places = []
    at = gap
    while at <= steps:
        places.append(at)
        gap = max(gap - shrink, least)
        at += gap
    return places


def _towards(logits: Tensor, aim: Aim, target: Tensor) -> Tensor:
    return dlr(logits, Aim(aim.y, target))


@dataclass
class _Climb:
    """The live images on their way up: δ now and before [L, C, H, W], gradient and loss there, the best of each, and
    the book.

    size: step in units of ε; raised: steps since the last checkpoint that raised the loss; mark: best loss at that
    checkpoint; halved: whether the step size was halved there; all [L].
    """

    delta: Tensor
    before: Tensor
    gradient: Tensor
    loss: Tensor
    best_delta: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    size: Tensor
    raised: Tensor
    mark: Tensor
    halved: Tensor

    def of(self, keep: Tensor) -> "_Climb":
        """The same for those who stay, `keep` [L] bool."""
        return self if bool(keep.all()) else _Climb(*(getattr(self, field.name)[keep] for field in fields(self)))


def _run(state: AttackState, steps: int, loss: str | Loss, rank: int | None = None) -> Iterator[float]:
    """One run from a random start; `rank` names the rival that the loss aims at. The last point is only looked at."""
    judged, last = set(checkpoints(steps)), 0
    delta = state.start()
    gradient, value, keep = state.gradient(delta, loss, *_target(state, rank))
    delta = delta[keep]
    ones = torch.ones_like(value)
    climb = _Climb(delta, delta, gradient, value, delta, gradient, value, 2 * ones, 0 * ones, value, ones.bool())
    for number in state.steps(steps - 1):
        _move(climb, state, MOMENTUM if number else 0.0)
        gradient, value, keep = state.gradient(climb.delta, loss, *_target(state, rank))
        climb = climb.of(keep)
        _note(climb, gradient, value)
        if number + 1 in judged:
            _judge(climb, number + 1 - last)
            last = number + 1
        yield (number + 1) / steps
    if len(state.live):
        _move(climb, state, MOMENTUM if steps > 1 else 0.0)
        state.look(climb.delta)


def _target(state: AttackState, rank: int | None) -> tuple[Tensor, ...]:
    return () if rank is None else (rivals(state.clean, state.aim.y)[:, rank],)


def _move(climb: _Climb, state: AttackState, momentum: float) -> None:
    """δ ← P(δ + (1 − m)·(P(δ + η sign ∇) − δ) + m·(δ − δ before))."""
    threat, x, delta = state.threat, state.x, climb.delta
    size = (climb.size * threat.eps)[:, None, None, None]
    step = threat.project(delta + size * threat.steepest(climb.gradient), x) - delta
    climb.delta = threat.project(delta + (1 - momentum) * step + momentum * (delta - climb.before), x)
    climb.before = delta


def _note(climb: _Climb, gradient: Tensor, value: Tensor) -> None:
    """Write down what the step led to."""
    climb.raised = climb.raised + (value > climb.loss)
    better = value > climb.best_loss
    wide = better[:, None, None, None]
    climb.best_delta = torch.where(wide, climb.delta, climb.best_delta)
    climb.best_gradient = torch.where(wide, gradient, climb.best_gradient)
    climb.best_loss = torch.where(better, value, climb.best_loss)
    climb.gradient, climb.loss = gradient, value


def _judge(climb: _Climb, gap: int) -> None:
    """Halve the step size of images that oscillate or got nowhere since the last checkpoint, and send them back to
    their best point."""
    stuck = ~climb.halved & (climb.mark >= climb.best_loss)
    halve = (climb.raised <= PROGRESS * gap) | stuck
    wide = halve[:, None, None, None]
    climb.size = torch.where(halve, climb.size / 2, climb.size)
    climb.delta = torch.where(wide, climb.best_delta, climb.delta)
    climb.gradient = torch.where(wide, climb.best_gradient, climb.gradient)
    climb.raised, climb.mark, climb.halved = torch.zeros_like(climb.raised), climb.best_loss, halve
