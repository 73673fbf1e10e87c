"""The space of a contrast: embeddings centred and whitened on real images, so that their common direction, which makes
all cosines alike, is gone (whitening: Kessy et al. 2018). Letters: B rows, R real rows, D embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

SHRINK = 0.1  # share of the mean variance that every direction gets, so that rare directions do not explode


@dataclass(frozen=True)
class Space:
    """A linear map of embeddings: x ↦ (x − mean)·matrix; None leaves out a step."""

    mean: Tensor | None = None
    matrix: Tensor | None = None

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Embeddings [B, D] in this space, [B, D]."""
        centred = embeddings if self.mean is None else embeddings - self.mean
        return centred if self.matrix is None else centred @ self.matrix


def space_of(real: Tensor, kind: str) -> Space:
    """The space of real embeddings [R, D]: ``none`` as they are, ``centre``, or ``whiten``: the inverse square root of
    their covariance, shrunk towards a multiple of the identity."""
    if kind == "none":
        return Space()
    mean = real.mean(0)
    if kind == "centre":
        return Space(mean)
    centred = (real - mean).double()
    covariance = centred.T @ centred / len(real)
    values, vectors = torch.linalg.eigh(covariance)
    spread = values.clamp(min=0) * (1 - SHRINK) + SHRINK * values.mean()
    return Space(mean, (vectors * spread.rsqrt() @ vectors.T).to(real.dtype))
