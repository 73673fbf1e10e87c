"""The class-balanced queue of embeddings with random-projection retrieval, after C2R.

FIFO per class; it starts empty (no random vectors act as negatives) and keeps every row across the wrap, up to its
capacity. Letters: K classes, Q slots per class, D embedding, r projected dimensions, B rows, k hard negatives.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


class ClassQueue:
    """Q embeddings per class, newest overwrite oldest.

    :param generator: CPU generator that draws the projection R [r, D] once
    """

    def __init__(
        self,
        classes: int,
        capacity: int,
        dimension: int,
        rank: int,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
    ):
        self.rows = torch.zeros(classes, capacity, dimension, device=device)
        self.stored = torch.zeros(classes, dtype=torch.long, device=device)
        self.projection = (torch.randn(rank, dimension, generator=generator) / rank**0.5).to(device)

    def enqueue(self, embeddings: Tensor, labels: Tensor) -> None:
        """Append embeddings [B, D] to the queues of their labels [B], in order; gradients are cut."""
        classes, capacity, _ = self.rows.shape
        order = torch.argsort(labels, stable=True)
        counts = torch.bincount(labels, minlength=classes)
        first = counts.cumsum(0) - counts
        place = torch.arange(len(labels), device=labels.device) - first[labels[order]]
        newest = place >= counts[labels[order]] - capacity
        order, place = order[newest], place[newest]
        owner = labels[order]
        self.rows[owner, (self.stored[owner] + place) % capacity] = embeddings[order].detach().float()
        self.stored += counts

    def contents(self, label: int) -> Tensor:
        """The embeddings of one class, oldest first: [≤ Q, D]."""
        capacity, stored = self.rows.shape[1], int(self.stored[label])
        if stored <= capacity:
            return self.rows[label, :stored]
        return self.rows[label].roll(-(stored % capacity), 0)

    def hard_negatives(self, anchors: Tensor, labels: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The k other-class embeddings most similar to each anchor, by cosine in the projected space.

        :returns: embeddings [B, k', D] in full dimension and a mask [B, k'] (False = no such negative), k' = min(k,
            K·Q)
        """
        classes, capacity, dimension = self.rows.shape
        flat = self.rows.view(classes * capacity, dimension)
        with torch.no_grad():
            near = F.normalize(anchors @ self.projection.T, dim=1) @ F.normalize(flat @ self.projection.T, dim=1).T
            owner = torch.arange(classes, device=flat.device).repeat_interleave(capacity)
            filled = torch.arange(capacity, device=flat.device) < self.stored[:, None]
            allowed = filled.reshape(-1)[None] & (owner[None] != labels[:, None])
            top, index = near.masked_fill(~allowed, float("-inf")).topk(min(k, classes * capacity), dim=1)
        return flat[index], top > float("-inf")
