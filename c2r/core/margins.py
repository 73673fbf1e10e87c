"""Margins and scores, after C2R: robust margin and perturbation score. Letters: B samples, p² parts, K classes."""

import torch.nn.functional as F
from torch import Tensor


def logit_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """g(x) = z_y − max_{k≠y} z_k. logits [B, K], labels [B] → [B]; negative means misclassified."""
    own = logits.gather(1, labels[:, None]).squeeze(1)
    others = logits.scatter(1, labels[:, None], float("-inf"))
    return own - others.amax(1)


def decided(logits: Tensor, margin: Tensor) -> Tensor:
    """Whether logits [B, K] with this margin [B] say anything, bool [B]: none is NaN, and the margin is a finite
    number."""
    return margin.isfinite() & ~logits.isnan().any(1)


def robust_margin(adversarial_logits: Tensor, labels: Tensor) -> Tensor:
    """m̂(x) = g(x + δ_T): the margin at the point an attack found, [B].

    An *upper bound* of the true robust margin min_δ g(x + δ): a stronger attack may find a smaller one. Say which
    attack.
    """
    return logit_margin(adversarial_logits, labels)


def hinge(margin: Tensor) -> Tensor:
    """[1 − m]₊, elementwise."""
    return F.relu(1 - margin)


def perturbation_score(adversarial_logits: Tensor, labels: Tensor) -> Tensor:
    """s(x) = [1 − m̂(x)]₊, [B]. max_i s_i = [1 − min_i m̂_i]₊, which C2R builds on."""
    return hinge(robust_margin(adversarial_logits, labels))


def worst_part(margin: Tensor, parts: int) -> Tensor:
    """Margin of a stored image = the smallest margin of its parts: [B·parts] → [B]."""
    return margin.view(-1, parts).amin(1)


def worst_prediction(logits: Tensor, labels: Tensor, parts: int) -> Tensor:
    """What the part with the smallest margin is taken for: logits [B·parts, K], labels [B·parts] → class [B]."""
    worst = logit_margin(logits, labels).view(-1, parts).argmin(1)
    return logits.argmax(1).view(-1, parts).gather(1, worst[:, None]).squeeze(1)


def sample_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each sample, summed over its parts: logits [B·parts, K], labels [B] → [B]."""
    parts = len(logits) // len(labels)
    return F.cross_entropy(logits, labels.repeat_interleave(parts), reduction="none").view(len(labels), parts).sum(1)
