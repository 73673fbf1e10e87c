"""What lives between two updates of C2R, and how it is kept and comes back.

Letters: N stored images, p² parts of each, C channels, H W sides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from c2r.core.partition import expand
from c2r.events import Snapshot, State
from c2r.methods.c2r.cost import TERMS
from c2r.methods.c2r.settings import C2RConfig
from c2r.methods.context import Context
from c2r.methods.labels import current_labels
from c2r.registry import METHODS

SERIES = ("total", *TERMS, *(f"share_{term}" for term in TERMS))


@dataclass(frozen=True)
class Parts:
    """Which blocks C2R is made of: the switches of its ablations.

    :param order: how mini-batches are cut: ``hardest`` (AAC) or ``random``
    :param align: what shapes the embedding beside cross-entropy, if anything does
    :param attack: inner attack: ``ls-pgd``, or ``pgd`` (T steps from scratch, for the cost comparison)
    :param queue: whether CRL takes hard negatives from the class-balanced queue
    """

    order: Literal["hardest", "random"] = "hardest"
    align: Literal["crl", "class-mean", "nothing"] = "crl"
    attack: Literal["ls-pgd", "pgd"] = "ls-pgd"
    queue: bool = True


@dataclass
class SyntheticSet:
    """Images [N, C, H, W] in [0, 1] (the optimised tensor), labels [N], parts per side, and the warm start of the
    attacks.

    Attacks act on what networks are trained on, the N·p² effective images: delta [N·p², C, H, W] is a perturbation of
    those in pixel units, loss [N·p²] the scorer's loss there.
    """

    images: Tensor
    labels: Tensor
    partition: int
    delta: Tensor
    loss: Tensor | None = None

    @classmethod
    def start(cls, images: Tensor, labels: Tensor, partition: int) -> "SyntheticSet":
        """A fresh set: nothing attacked yet."""
        return cls(images.clone().requires_grad_(True), labels, partition, torch.zeros_like(expand(images, partition)))

    def effective(self) -> tuple[Tensor, Tensor]:
        """What networks are trained on: images [N·p², C, H, W], which carry the gradient, and labels [N·p²]."""
        return expand(self.images, self.partition), self.labels.repeat_interleave(self.partition**2)

    def rows(self, index: Tensor) -> Tensor:
        """Indices [M·p²] of the effective images of the stored ones `index` [M]."""
        parts = self.partition**2
        return (index[:, None] * parts + torch.arange(parts, device=index.device)).view(-1)


@dataclass
class Loop:
    """What lives between updates.

    step: the last update; order [N] and position: mini-batches are cut from here on; moments: of Adam; pull: the
    weight of CRL where a ratio of gradients sets it; shares: of each term in what moves the images, in percent, as they
    were last measured.
    """

    context: Context
    config: C2RConfig
    parts: Parts
    held: SyntheticSet
    series: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(SERIES))
    forwards: int = 0
    backwards: int = 0
    step: int = 0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    position: int = 0
    moments: Mapping[str, Tensor] = field(default_factory=dict)
    pull: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        """The set as it is after the last update. Labels are those of the pool, once it is trained, or those that the
        set came with."""
        held = self.held
        soft = current_labels(self.context, held.images, self.config)
        return Snapshot(
            self.step,
            held.images.detach(),
            held.labels,
            soft,
            self.series,
            (held.delta, held.loss),
            self.forwards,
            self.backwards,
        )


def begin(context: Context, state: State | None) -> Loop:
    """The loop before its first update, or where a kept state left it."""
    config, start = context.config, context.start
    assert isinstance(config, C2RConfig), "the row of the table says so"
    parts = Parts(**METHODS[config.method].parts)
    loop = Loop(context, config, parts, SyntheticSet.start(start.images, start.labels, config.partition))
    if state:
        _restore(loop, state)
    return loop


def kept(loop: Loop) -> State:
    """The loop as it is between two updates."""
    held = loop.held
    tensors = {"images": held.images, "delta": held.delta, "order": loop.order, **loop.moments}
    tensors |= {} if held.loss is None else {"loss": held.loss}
    facts = {
        "losses": dict(loop.series),
        "forwards": loop.forwards,
        "backwards": loop.backwards,
        "position": loop.position,
        "pull": loop.pull,
        "shares": loop.shares,
    }
    return State(loop.step, tensors, facts)


def _restore(loop: Loop, state: State) -> None:
    held, facts, device = loop.held, state.facts, loop.held.images.device
    tensors = {name: value.to(device) for name, value in state.tensors.items()}
    held.images.data.copy_(tensors["images"])
    held.delta, held.loss = tensors["delta"], tensors.get("loss")
    loop.step, loop.order, loop.position = state.step, tensors["order"], facts["position"]
    loop.pull, loop.shares = facts.get("pull", 0.0), facts.get("shares", {})
    loop.series, loop.forwards, loop.backwards = facts["losses"], facts["forwards"], facts["backwards"]
    loop.moments = {name: tensors[name] for name in ("exp_avg", "exp_avg_sq", "step") if name in tensors}
