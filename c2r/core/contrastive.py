"""CRL, the contrastive robustness loss, after C2R (cosine similarity: second-hand).

For an anchor i with positives P(i) and candidates A(i) ⊇ P(i):
−1/|P(i)| Σ_{a∈P(i)} log( exp(cos(e_i, e_a)/τ) / Σ_{b∈A(i)} exp(cos(e_i, e_b)/τ) ).
Letters: B anchors, M keys, D embedding, k extra negatives per anchor.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Keys:
    """What anchors are compared with; keys of an anchor's class are its positives.

    :param embeddings: [M, D]
    :param labels: [M]
    :param weights: [M] weight of each key where it is a positive; ones when absent
    :param excluded: [B, M] True where a key is no candidate of the anchor (its own clean embedding)
    """

    embeddings: Tensor
    labels: Tensor
    weights: Tensor | None = None
    excluded: Tensor | None = None


def crl(
    anchors: Tensor, labels: Tensor, keys: Keys, *, tau: float, negatives: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Loss of each anchor, [B]; 0 for an anchor without positives.

    :param anchors: [B, D] with labels [B]; they and the keys are normalised here
    :param negatives: embeddings [B, k, D] of other classes and their mask [B, k], from the queue
    """
    anchors = F.normalize(anchors, dim=1)
    similarity = anchors @ F.normalize(keys.embeddings, dim=1).T / tau
    positive = labels[:, None] == keys.labels[None]
    if keys.excluded is not None:
        similarity = similarity.masked_fill(keys.excluded, float("-inf"))
        positive = positive & ~keys.excluded
    candidates = similarity
    if negatives is not None:
        extra = torch.einsum("bd,bkd->bk", anchors, F.normalize(negatives[0], dim=2)) / tau
        candidates = torch.cat([similarity, extra.masked_fill(~negatives[1], float("-inf"))], dim=1)
    log_share = similarity - candidates.logsumexp(1, keepdim=True)
    count = positive.sum(1)
    log_share = log_share if keys.weights is None else keys.weights * log_share
    total = log_share.masked_fill(~positive, 0.0).sum(1)
    return -total / count.clamp(min=1)


def itself(anchors: int, keys: int, device: torch.device) -> Tensor:
    """Anchor i is no key of its own where keys begin with the anchors: bool [anchors, keys]."""
    excluded = torch.zeros(anchors, keys, dtype=torch.bool, device=device)
    excluded[:, :anchors].fill_diagonal_(True)
    return excluded


def class_mean_alignment(clean: Tensor, adversarial: Tensor, labels: Tensor, classes: int) -> Tensor:
    """What CRL replaces, Σ_c |mean e(x_c) − mean e(x̃_c)|² over the classes present: embeddings [B, D] → scalar."""
    return (class_means(clean, labels, classes) - class_means(adversarial, labels, classes)).square().sum()


def class_means(embeddings: Tensor, labels: Tensor, classes: int, weights: Tensor | None = None) -> Tensor:
    """Mean embedding of each class, [K, D], its rows weighed where there are weights [B]; zero for a class without
    rows."""
    weighed = embeddings if weights is None else weights[:, None] * embeddings
    total = embeddings.new_zeros(classes, embeddings.shape[1]).index_add(0, labels, weighed)
    if weights is None:
        count = torch.bincount(labels, minlength=classes).clamp(min=1)
        return total / count[:, None]
    return total / embeddings.new_zeros(classes).index_add(0, labels, weights).clamp(min=1e-6)[:, None]
