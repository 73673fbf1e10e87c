"""What attacks climb: cross-entropy, logit margin, difference of logits ratio. L images, K classes; methods spec §1.2.

Every loss is one value per image, raised by the attack; a targeted loss rises towards the target.
"""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from c2r.core.margins import decided, logit_margin


@dataclass(frozen=True)
class Aim:
    """True labels y [L] and, for a targeted attack, the classes to reach [L]."""

    y: Tensor
    target: Tensor | None = None

    def of(self, index: Any) -> "Aim":
        """The same for the images at `index`."""
        return Aim(self.y[index], None if self.target is None else self.target[index])

    def goal(self, logits: Tensor) -> Tensor:
        """[L], above 0 until the attack succeeds: y wins no longer (a tie counts as lost), or, targeted, the target
        does."""
        return logit_margin(logits, self.y) if self.target is None else -logit_margin(logits, self.target)

    def standing(self, logits: Tensor) -> Tensor:
        """`goal`, and minus infinity where the logits decide nothing: a network that answers NaN withstands no
        attack."""
        goal = self.goal(logits)
        return goal.masked_fill(~decided(logits, goal), float("-inf"))


def cross_entropy(logits: Tensor, aim: Aim) -> Tensor:
    """CE of the true class; targeted: minus that of the target."""
    wanted = F.cross_entropy(logits, aim.y if aim.target is None else aim.target, reduction="none")
    return wanted if aim.target is None else -wanted


def margin(logits: Tensor, aim: Aim) -> Tensor:
    """max_{k≠y} z_k − z_y; targeted: z_t − max_{k≠t} z_k (Carlini and Wagner 2017, f6)."""
    return -aim.goal(logits)


def dlr(logits: Tensor, aim: Aim) -> Tensor:
    """Difference of logits ratio (Croce and Hein 2020, eq. 6 and 7).

    Untargeted −(z_y − max_{k≠y} z_k) / (z_(1) − z_(3)); targeted −(z_y − z_t) / (z_(1) − (z_(3) + z_(4))/2). With fewer
    classes than these name, where the ratio could not change, the difference alone.
    """
    ordered = logits.topk(min(4, logits.shape[1]), 1).values
    if aim.target is None:
        lead, low = logit_margin(logits, aim.y), ordered[:, 2:3]
    else:
        own, wanted = (logits.gather(1, k[:, None]).squeeze(1) for k in (aim.y, aim.target))
        lead, low = own - wanted, ordered[:, 2:4].mean(1, keepdim=True) if logits.shape[1] >= 4 else ordered[:, :0]
    return -lead / (ordered[:, :1] - low + 1e-12).squeeze(1) if low.shape[1] else -lead


LOSSES = {"ce": cross_entropy, "margin": margin, "dlr": dlr}
