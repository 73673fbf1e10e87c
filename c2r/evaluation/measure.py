"""One network under one attempt: who is still right, with which margin, at what cost. n images, K classes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from c2r.attacks.protocols import Attempt
from c2r.attacks.run import AttackState, How, Model, prepared
from c2r.core.margins import decided, logit_margin
from c2r.evaluation.metrics import wilson
from c2r.networks.legacy import LegacySpace, clamp_only
from c2r.networks.models import Network


@dataclass(frozen=True)
class Measured:
    """What an attempt left of a network's accuracy.

    correct, margin: [n], still classified as y (never by logits that decide nothing), and the logit margin at the point
    found; reached: [n], targeted: classified as the target; distance: median size of what fooled the images that were
    right before, None when none was; moved: largest change of a pixel value, in 1/255; forwards, backwards: passes per
    image; seconds: of the whole attempt.
    """

    attempt: Attempt
    correct: Tensor
    margin: Tensor
    reached: Tensor | None
    distance: float | None
    moved: float
    forwards: float
    backwards: float
    seconds: float

    def row(self) -> dict[str, Any]:
        """The figures as values of a result row (see the run store)."""
        attempt, right, n = self.attempt, int(self.correct.sum()), len(self.correct)
        return {
            "key": attempt.key,
            "attack": attempt.attack,
            "label": attempt.label,
            "norm": attempt.norm,
            "eps": attempt.radius,
            "targeted": attempt.targeted,
            "options": dict(attempt.options),
            "accuracy": right / n,
            "n": n,
            "interval": list(wilson(right, n)),
            "success": None if self.reached is None else float(self.reached.float().mean()),
            "distance": self.distance,
            "moved": round(self.moved, 4),
            "forwards": self.forwards,
            "backwards": self.backwards,
            "seconds": self.seconds,
        }


def measure(
    network: Network, x: Tensor, y: Tensor, attempt: Attempt, *, seed: int, legacy: bool = False
) -> Iterator[float | Measured]:
    """Try one attempt on images x [n, C, H, W] in [0, 1] with labels y [n]; yields the share done, at last a
    `Measured`."""
    began = time.perf_counter()
    if attempt.attack in ("clean", "clamp"):
        logits = clamp_only(network, x) if attempt.attack == "clamp" else _logits(network, x)
        margin = logit_margin(logits, y)
        yield Measured(
            attempt,
            (margin > 0) & decided(logits, margin),
            margin,
            None,
            None,
            0.0,
            1.0,
            0.0,
            time.perf_counter() - began,
        )
        return
    model: Model = LegacySpace(network) if legacy else network
    start = model.enter(x) if isinstance(model, LegacySpace) else x
    how = How(
        attempt.eps,
        seed,
        attempt.targeted,
        attempt.options,
        last=legacy and attempt.attack in ("fgsm", "pgd", "pgd-l2"),
        anywhere=legacy,
    )
    state, work = prepared(attempt.attack, model, start, y, how)
    yield from work
    yield _measured(state, attempt, start, y, time.perf_counter() - began)


def _measured(state: AttackState, attempt: Attempt, x: Tensor, y: Tensor, seconds: float) -> Measured:
    attacked = state.result()
    correct = (
        (attacked.margin > 0) & decided(attacked.logits, attacked.margin) if attempt.targeted else ~attacked.fooled
    )
    reached = attacked.logits.argmax(1) == (y + 1) % attacked.logits.shape[1] if attempt.targeted else None
    moved = (attacked.fooled | ~correct) & (attacked.distance > 0)
    distance = float(attacked.distance[moved].median()) if moved.any() else None
    return Measured(
        attempt,
        correct,
        attacked.margin,
        reached,
        distance,
        255 * float((attacked.images - x).abs().max()),
        float(attacked.forwards.mean()),
        float(attacked.backwards.mean()),
        seconds,
    )


def _logits(network: Network, x: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([network(part) for part in x.split(256)])
