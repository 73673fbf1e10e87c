"""CRL in one update of C2R: which embeddings are anchors, which are keys, in which space.

Letters: M synthetic effective images in the mini-batch, B real images, D embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.core.contrastive import Keys, crl, itself
from c2r.core.memory import ClassQueue
from c2r.core.whitening import Space
from c2r.methods.c2r.settings import C2RConfig
from c2r.methods.c2r.visits import Visit


@dataclass(frozen=True)
class Embedded:
    """Effective images under the visited network: embeddings [M, D] of both kinds, labels and weights [M]."""

    clean: Tensor
    adversarial: Tensor
    labels: Tensor
    weights: Tensor


def contrastive(taken: Embedded, seen: Visit, queue: ClassQueue | None, space: Space, settings: C2RConfig) -> Tensor:
    """CRL of the mini-batch, its images against each other, their adversaries, and the queue.

    ``synthetic`` as the paper has it: the clean images are anchors, and the mini-batch with its adversaries holds the
    keys; ``both`` adds adversarial real images to the keys; ``real``: those are the anchors, the mini-batch the keys.
    Weights count where an image is an anchor, or a positive of a real one.
    """
    inside = [space(taken.clean), space(taken.adversarial)]
    keys, labels = torch.cat(inside), torch.cat([taken.labels, taken.labels])
    real = space(seen.adversarial[-1]) if settings.anchors != "synthetic" else None
    if settings.anchors == "real" and real is not None:
        anchors, anchor_labels, weights = real, seen.labels, torch.ones_like(real[:, 0])
        compared = Keys(keys, labels, torch.cat([taken.weights, taken.weights]))
    else:
        anchors, anchor_labels, weights = inside[0], taken.labels, taken.weights
        if real is not None:
            keys, labels = torch.cat([keys, real]), torch.cat([labels, seen.labels])
        compared = Keys(keys, labels, excluded=itself(len(anchors), len(keys), anchors.device))
    negatives = queue.hard_negatives(anchors, anchor_labels, settings.hard_negatives) if queue else None
    return (weights * crl(anchors, anchor_labels, compared, tau=settings.tau, negatives=negatives)).mean()
