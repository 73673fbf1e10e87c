"""What lives between two phases of the toy. A state is never changed: every phase hands on a new one.

Letters: N distilled points, M of the mini-batch, K classes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from c2r.core.linesearch import Trace
from c2r.core.memory import ClassQueue
from c2r.core.randomness import generator_for
from c2r.learn.networks import World, fresh
from c2r.learn.points import Points
from c2r.networks.models import Network, frozen


@dataclass(frozen=True)
class Learner:
    """The network of the paper's own loop, which is trained beside the points, and its momentum."""

    network: Network
    velocities: tuple[Tensor, ...]


@dataclass(frozen=True)
class Scores:
    """Margins before and under the attack, and the score [1 − m̂]₊ of each point, all [N]."""

    clean: Tensor
    robust: Tensor
    score: Tensor


@dataclass(frozen=True)
class Pull:
    """What the loss phase found: the weighted terms, the share of each in the size of their gradients (percent), the
    gradient on the points [N, 2, 1, 1], and what the learner is to descend along, [] without one."""

    terms: Mapping[str, float]
    shares: Mapping[str, float]
    gradient: Tensor
    learner: tuple[Tensor, ...] = ()
    seen: tuple[Tensor, Tensor, int] | None = None  # embeddings and labels for the queue of a stage


@dataclass(frozen=True)
class State:
    """The toy between two phases.

    step: updates done; phase: the next one's number; delta [N, 2, 1, 1] and loss [N] (None before the first attack):
    the warm start; moments: of Adam; spent: forwards and backwards so far, sums over points. The rest is what this
    step's phases have found so far; order [N] stays until the next one.
    """

    points: Points
    delta: Tensor
    loss: Tensor | None = None
    step: int = 0
    phase: int = 0
    moments: tuple[Tensor, Tensor] | None = None
    queues: Mapping[int, ClassQueue] = field(default_factory=dict)
    learner: Learner | None = None
    spent: tuple[int, int] = (0, 0)
    trace: Trace | None = None
    scores: Scores | None = None
    order: Tensor | None = None
    pull: Pull | None = None

    @property
    def batch(self) -> Tensor:
        """The mini-batch [M]: the first half of the order."""
        assert self.order is not None, "the order phase comes before"
        return self.order[: math.ceil(len(self.order) / 2)]


def start(here: World) -> State:
    """Real points, the first ones of each class that the seed draws, attacked by nothing yet."""
    toy, real = here.toy, here.real
    generator = generator_for(toy.seed, "update", 0)
    chosen = [
        real.of(k)[torch.randperm(len(real.of(k)), generator=generator)[: toy.per_class]] for k in range(real.classes)
    ]
    x = torch.cat(chosen)
    y = torch.arange(real.classes).repeat_interleave(toy.per_class)
    return State(Points(x, y), torch.zeros_like(x), learner=_learner(here) if toy.method == "literal" else None)


def _learner(here: World) -> Learner:
    network = fresh(here.real, here.real.classes, generator_for(here.toy.seed, "learner", 0))
    return Learner(frozen(network), tuple(torch.zeros_like(p) for p in network.parameters()))


def network_of(here: World, state: State) -> Network:
    """The network that attacks, margins and regions are of: the one that learns beside the points, or the scorer."""
    return state.learner.network if state.learner else here.scorer
