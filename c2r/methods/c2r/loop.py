"""What lives between two updates of C2R, and how it is kept and comes back."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from c2r.events import Snapshot, State
from c2r.methods.c2r.cost import TERMS
from c2r.methods.c2r.epoch import Epoch
from c2r.methods.c2r.settings import C2RConfig
from c2r.methods.context import Context
from c2r.methods.images import Optimised
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
class Loop(Optimised):
    """The images, and what C2R keeps beside them.

    pull: the weight of CRL where a ratio of gradients sets it; shares: of each term in what moves the images, in
    percent, as they were last measured.
    """

    config: C2RConfig
    parts: Parts
    epoch: Epoch
    series: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(SERIES), init=False)
    pull: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)

    @classmethod
    def before(cls, context: Context) -> "Loop":
        """The loop before its first update."""
        config = context.config
        assert isinstance(config, C2RConfig), "the row of the table says so"
        parts = Parts(**METHODS[config.method].parts)
        return cls(context, partial(torch.optim.Adam, lr=config.image_rate), config, parts, Epoch.before(context))

    def snapshot(self) -> Snapshot:
        """The set after the last update, with the warm start of its attacks."""
        return replace(super().snapshot(), warm=(self.epoch.warm.delta, self.epoch.warm.loss))

    def kept(self) -> State:
        """What the next update needs."""
        facts = {"position": self.epoch.position, "pull": self.pull, "shares": self.shares}
        return super().kept().plus(self.epoch.tensors(), facts)

    def restore(self, state: State) -> dict[str, Tensor]:
        """Take up what a state kept."""
        tensors = super().restore(state)
        self.epoch = Epoch.restored(tensors, state.facts)
        self.pull, self.shares = state.facts.get("pull", 0.0), state.facts.get("shares", {})
        return tensors
