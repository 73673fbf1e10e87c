"""Jitter (Schwinn et al. 2023); methods spec §1.2."""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor

from c2r.attacks.losses import Aim
from c2r.attacks.state import AttackState


def jitter(state: AttackState, *, steps: int, step: float, scale: float, noise: float) -> Iterator[float]:
    """PGD on |softmax(scale·z/|z|∞) + noise·N(0, I) − onehot|², from a random start; `step` in units of ε.

    The paper divides this by |δ|∞ once an image is misclassified, to shrink δ from there on. Here such an image has
    left, or, with a target, its gradient has changed by a positive factor that the sign takes out again.
    """
    threat = state.threat
    delta = state.start()
    for number in state.steps(steps):
        offsets = noise * state.noise.normal(state.live, (state.classes,))
        gradient, _, keep = state.gradient(
            delta, lambda logits, aim, offset: squared(logits, aim, offset, scale), offsets
        )
        delta = threat.project(delta[keep] + step * threat.eps * threat.steepest(gradient), state.x)
        yield (number + 1) / steps
    state.look(delta)
    yield 1.0


def squared(logits: Tensor, aim: Aim, offset: Tensor, scale: float) -> Tensor:
    """Mean squared distance of the scaled, shifted softmax from the true class; targeted: minus that from the target.
    [L]."""
    largest = logits.abs().amax(1, keepdim=True).clamp(min=1e-12)
    shares = (scale * logits / largest).softmax(1) + offset
    wanted = F.one_hot(aim.y if aim.target is None else aim.target, logits.shape[1])
    distance = (shares - wanted).square().mean(1)
    return distance if aim.target is None else -distance
