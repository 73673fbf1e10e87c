"""Where C2R's curriculum stands: the order of an epoch, what of it is left, and where the attacks behind it start.

Letters: N stored images, p² parts of each, C channels, H W sides, M images of a mini-batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from c2r.core.linesearch import Start
from c2r.core.partition import expand
from c2r.methods.context import Context
from c2r.methods.scoring import Scores


@dataclass
class Epoch:
    """An order [N] of the images, the position in it from which the next mini-batch is cut, and the warm start.

    Attacks act on what networks are trained on, the N·p² effective images: warm holds a perturbation of those
    [N·p², C, H, W] in pixel units and the loss [N·p²] there.
    """

    warm: Start
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    position: int = 0

    @classmethod
    def before(cls, context: Context) -> "Epoch":
        """Before the first order: nothing was attacked yet."""
        return cls(Start(torch.zeros_like(expand(context.start.images, context.config.partition))))

    @classmethod
    def restored(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> "Epoch":
        """What a state kept."""
        return cls(Start(tensors["delta"], tensors.get("loss")), tensors["order"], facts["position"])

    @property
    def over(self) -> bool:
        """Whether every image had its turn."""
        return self.position >= len(self.order)

    def renew(self, order: Tensor, scores: Scores) -> None:
        """Begin anew in another order; attacks start from what those behind the scores found."""
        self.warm, self.order, self.position = Start(scores.delta, scores.loss), order, 0

    def batch(self, size: int) -> Tensor:
        """The images [M] of the next mini-batch, at most `size`."""
        self.position += size
        return self.order[self.position - size : self.position]

    def tensors(self) -> dict[str, Tensor]:
        """What a state keeps of it, by name, beside the position."""
        kept = {"delta": self.warm.delta, "order": self.order}
        return kept if self.warm.loss is None else kept | {"loss": self.warm.loss}


def rows(index: Tensor, partition: int) -> Tensor:
    """Indices [M·p²] of the effective images of the stored ones `index` [M]."""
    parts = partition**2
    return (index[:, None] * parts + torch.arange(parts, device=index.device)).view(-1)
