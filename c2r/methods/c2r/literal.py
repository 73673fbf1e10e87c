"""The paper's own loop, taken at its word (second-hand notes): a network is trained on the synthetic images by the same
loss that moves them, hardest first; no network ever sees real images but the scorer, which only looks.

Per mini-batch: attack under the network, (1 − η)·CE + η·CRL, one step of network *and* images, enqueue.
Letters: N stored images, p² parts of each, M effective images in the mini-batch, D embedding.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.contrastive import Keys, crl, itself
from c2r.core.curriculum import hardest_first, rank_weights
from c2r.core.linesearch import Start
from c2r.core.memory import ClassQueue
from c2r.core.pgd import Inner, attack
from c2r.core.randomness import generator_for
from c2r.events import Event, State
from c2r.methods.c2r.epoch import Epoch, rows
from c2r.methods.c2r.settings import LiteralConfig
from c2r.methods.context import Context
from c2r.methods.images import Optimised, begin, updates
from c2r.methods.pool import fresh
from c2r.methods.scoring import score
from c2r.networks.models import Network, frozen
from c2r.networks.training import descend


@dataclass
class Learner:
    """The network that is trained on the set, its momentum, and the queue of what it embedded."""

    network: Network
    velocities: list[Tensor]
    queue: ClassQueue

    @classmethod
    def fresh(cls, context: Context, config: LiteralConfig, number: int) -> "Learner":
        """The `number`-th network, which has seen nothing yet."""
        data, draws = context.data, generator_for(config.seed, "learner", number)
        device, classes = data.images.device, len(data.classes)
        network = fresh(config, data, draws).to(device)
        queue = ClassQueue(classes, config.queue_size, network.embedding, config.queue_rank, draws, device)
        return cls(frozen(network), [torch.zeros_like(p) for p in network.parameters()], queue)

    def tensors(self) -> dict[str, Tensor]:
        """What a state keeps of it, by name."""
        named = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        named |= {f"velocity.{number}": value for number, value in enumerate(self.velocities)}
        return named | {"queue.rows": self.queue.rows, "queue.stored": self.queue.stored}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up what a state kept."""
        for name, value in self.tensors().items():
            value.copy_(tensors[name])


@dataclass
class Literal(Optimised):
    """The images, and what the paper's own loop keeps beside them."""

    config: LiteralConfig
    epoch: Epoch
    learner: Learner

    def kept(self) -> State:
        """What the next update needs."""
        return super().kept().plus(self.epoch.tensors() | self.learner.tensors(), {"position": self.epoch.position})

    def restore(self, state: State) -> dict[str, Tensor]:
        """Take up what a state kept; the learner is the one of its step."""
        tensors = super().restore(state)
        self.epoch = Epoch.restored(tensors, state.facts)
        self.learner = Learner.fresh(self.context, self.config, _number(self.config, state.step))
        self.learner.restore(tensors)
        return tensors


def run(context: Context, state: State | None) -> Iterator[Event]:
    """Distil."""
    config = context.config
    assert isinstance(config, LiteralConfig), "the row of the table says so"
    by = partial(torch.optim.Adam, lr=config.image_rate)
    loop = Literal(context, by, config, Epoch.before(context), Learner.fresh(context, config, 0))
    yield from begin(loop, state)
    yield from updates(loop, lambda step: _update(loop, step))


def _number(config: LiteralConfig, step: int) -> int:
    """The number of the network that learns in an update, from 0 on."""
    return max(0, step - 1) // config.net_life if config.net_life else 0


def _cut_order(loop: Literal) -> None:
    """Begin an epoch: rank all images under the network that learns, hardest first."""
    warm = loop.epoch.warm
    seen = replace(loop.snapshot(), warm=(warm.delta, warm.loss))
    scores = score(seen, loop.config.partition, loop.learner.network, _inner(loop))
    loop.epoch.renew(hardest_first(scores.margin_adv), scores)
    loop.forwards += scores.forwards
    loop.backwards += scores.backwards


def _inner(loop: Literal) -> Inner:
    return Inner("ls-pgd", loop.config, generator_for(loop.config.seed, "update", loop.step + 1))


def _update(loop: Literal, step: int) -> None:
    """One mini-batch: attack, loss, a step of network and images, enqueue."""
    config, epoch = loop.config, loop.epoch
    if (number := _number(config, step)) != _number(config, step - 1):
        loop.learner = Learner.fresh(loop.context, config, number)
    if epoch.over:
        _cut_order(loop)
    index = epoch.batch(config.batch)
    at, warm = rows(index, config.partition), epoch.warm
    effective, labels = loop.effective()
    x, y = effective[at], labels[at]
    assert warm.loss is not None, "an order was cut, which attacks every image"
    trace = attack(loop.learner.network, x.detach(), y, _inner(loop), Start(warm.delta[at], warm.loss[at]))
    epoch.warm = Start(warm.delta.index_copy(0, at, trace.delta), warm.loss.index_copy(0, at, trace.loss))
    loop.forwards += trace.forwards
    loop.backwards += trace.backwards
    weights = rank_weights(epoch.order, config.hard_weight)[index].repeat_interleave(config.partition**2)
    _step(loop, (x, x + trace.delta, y, weights))


def _step(loop: Literal, taken: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    """(1 − η)·CE + η·CRL of a mini-batch moves network and images together; its adversaries join the queue."""
    config, learner = loop.config, loop.learner
    x, attacked, y, weights = taken
    network = learner.network.train().requires_grad_(True)
    clean, adversarial = network.embed(x), network.embed(attacked)
    keys = Keys(torch.cat([clean, adversarial]), torch.cat([y, y]), excluded=itself(len(y), 2 * len(y), y.device))
    negatives = learner.queue.hard_negatives(clean, y, config.hard_negatives)
    apart = (weights * crl(clean, y, keys, tau=config.tau, negatives=negatives)).mean()
    cross_entropy = (weights * F.cross_entropy(network.head(clean), y, reduction="none")).mean()
    total = (1 - config.eta) * cross_entropy + config.eta * apart
    parameters = list(network.parameters())
    *gradients, loop.images.grad = torch.autograd.grad(total, [*parameters, loop.images])
    descend(parameters, gradients, learner.velocities, config.net_rate)
    loop.move()
    frozen(network)
    learner.queue.enqueue(adversarial, y)
    terms = {"total": total, "ce": (1 - config.eta) * cross_entropy, "crl": config.eta * apart}
    loop.series = {name: float(term.detach()) for name, term in terms.items()}
