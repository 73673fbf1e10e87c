"""The paper's own loop, taken at its word (second-hand notes): a network is trained on the synthetic images by the same
loss that moves them, hardest first; no network ever sees real images but the scorer, which only looks.

Per mini-batch: attack under the network, (1 − η)·CE + η·CRL, one step of network *and* images, enqueue.
Letters: N stored images, p² parts of each, M effective images in the mini-batch, D embedding.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.contrastive import Keys, crl, itself
from c2r.core.curriculum import hardest_first, rank_weights
from c2r.core.linesearch import Start
from c2r.core.memory import ClassQueue
from c2r.core.pgd import Inner, attack
from c2r.core.randomness import generator_for
from c2r.events import Event, Finished, Progress, Snapshot, State
from c2r.methods.c2r.loop import SyntheticSet
from c2r.methods.c2r.settings import LiteralConfig
from c2r.methods.context import Context, made_of
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
class Literal:
    """What lives between two updates; order [N] and position: mini-batches are cut from here on."""

    context: Context
    config: LiteralConfig
    held: SyntheticSet
    learner: Learner
    step: int = 0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    position: int = 0
    moments: dict[str, Tensor] = field(default_factory=dict)
    series: dict[str, float | None] = field(default_factory=dict)
    forwards: int = 0
    backwards: int = 0

    def snapshot(self) -> Snapshot:
        """The set after the last update; the scorer attacks it afresh, since δ is the learner's."""
        held, soft = self.held, self.context.start.soft
        images = held.images.detach()
        return Snapshot(
            self.step, images, held.labels, soft, self.series, forwards=self.forwards, backwards=self.backwards
        )

    def kept(self) -> State:
        """What the next update needs."""
        held = self.held
        tensors = {"images": held.images, "delta": held.delta, "order": self.order, **self.moments}
        tensors |= self.learner.tensors() | ({} if held.loss is None else {"loss": held.loss})
        facts = {"position": self.position, "series": self.series}
        return State(self.step, tensors, facts | {"forwards": self.forwards, "backwards": self.backwards})


def run(context: Context, state: State | None) -> Iterator[Event]:
    """Distil. Without a state the images are seen once before anything moves them."""
    loop = _begin(context, state)
    if state is None:
        yield loop.snapshot()
        yield loop.kept()
    config, held = loop.config, loop.held
    optimiser = torch.optim.Adam([held.images], lr=config.image_rate)
    if loop.moments:
        optimiser.state[held.images] = dict(loop.moments)
    for step in range(loop.step + 1, config.steps + 1):
        if config.net_life and step > 1 and (step - 1) % config.net_life == 0:
            loop.learner = Learner.fresh(context, config, (step - 1) // config.net_life)
        _update(loop, optimiser)
        loop.step = step
        yield Progress("distill", step, config.steps)
        if step % config.record_every == 0 or step == config.steps:
            yield loop.snapshot()
            loop.moments = optimiser.state[held.images]
            yield loop.kept()
    yield Finished(made_of(loop.snapshot(), config.partition))


def _begin(context: Context, state: State | None) -> Literal:
    config, start = context.config, context.start
    assert isinstance(config, LiteralConfig), "the row of the table says so"
    held = SyntheticSet.start(start.images, start.labels, config.partition)
    number = (state.step - 1) // config.net_life if state and config.net_life and state.step else 0
    loop = Literal(context, config, held, Learner.fresh(context, config, number))
    if state:
        tensors = {name: value.to(start.images.device) for name, value in state.tensors.items()}
        held.images.data.copy_(tensors["images"])
        held.delta, held.loss = tensors["delta"], tensors.get("loss")
        loop.learner.restore(tensors)
        loop.step, loop.order, loop.position = state.step, tensors["order"], state.facts["position"]
        loop.series = state.facts["series"]
        loop.forwards, loop.backwards = state.facts["forwards"], state.facts["backwards"]
        loop.moments = {name: tensors[name] for name in ("exp_avg", "exp_avg_sq", "step") if name in tensors}
    return loop


def _cut_order(loop: Literal) -> None:
    """Begin an epoch: rank all images under the network that learns, hardest first."""
    held, network = loop.held, loop.learner.network
    seen = replace(loop.snapshot(), warm=(held.delta, held.loss))
    scores = score(seen, held.partition, network, _inner(loop))
    held.delta, held.loss = scores.delta, scores.loss
    loop.order, loop.position = hardest_first(scores.margin_adv), 0
    loop.forwards += scores.forwards
    loop.backwards += scores.backwards


def _inner(loop: Literal) -> Inner:
    return Inner("ls-pgd", loop.config, generator_for(loop.config.seed, "update", loop.step + 1))


def _update(loop: Literal, optimiser: torch.optim.Adam) -> None:
    """One mini-batch: attack, loss, a step of network and images, enqueue."""
    held, config, learner, parts = loop.held, loop.config, loop.learner, loop.held.partition**2
    if loop.position >= len(loop.order):
        _cut_order(loop)
    index = loop.order[loop.position : loop.position + config.batch]
    rows = held.rows(index)
    effective, labels = held.effective()
    x, y = effective[rows], labels[rows]
    assert held.loss is not None, "an order was cut, which attacks every image"
    trace = attack(learner.network, x.detach(), y, _inner(loop), Start(held.delta[rows], held.loss[rows]))
    held.delta, held.loss = held.delta.clone(), held.loss.clone()
    held.delta[rows], held.loss[rows] = trace.delta, trace.loss
    loop.forwards += trace.forwards
    loop.backwards += trace.backwards
    weights = rank_weights(loop.order, config.hard_weight)[index].repeat_interleave(parts)
    _step(loop, optimiser, (x, x + trace.delta, y, weights))
    loop.position += config.batch


def _step(loop: Literal, optimiser: torch.optim.Adam, taken: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    """(1 − η)·CE + η·CRL of a mini-batch moves network and images together; its adversaries join the queue."""
    held, config, learner = loop.held, loop.config, loop.learner
    x, attacked, y, weights = taken
    network = learner.network.train().requires_grad_(True)
    clean, adversarial = network.embed(x), network.embed(attacked)
    keys = Keys(torch.cat([clean, adversarial]), torch.cat([y, y]), excluded=itself(len(y), 2 * len(y), y.device))
    negatives = learner.queue.hard_negatives(clean, y, config.hard_negatives)
    apart = (weights * crl(clean, y, keys, tau=config.tau, negatives=negatives)).mean()
    cross_entropy = (weights * F.cross_entropy(network.head(clean), y, reduction="none")).mean()
    total = (1 - config.eta) * cross_entropy + config.eta * apart
    parameters = list(network.parameters())
    *gradients, held.images.grad = torch.autograd.grad(total, [*parameters, held.images])
    descend(parameters, gradients, learner.velocities, config.net_rate)
    optimiser.step()
    with torch.no_grad():
        held.images.clamp_(0, 1)
    frozen(network)
    learner.queue.enqueue(adversarial, y)
    terms = {"total": total, "ce": (1 - config.eta) * cross_entropy, "crl": config.eta * apart}
    loop.series = {name: float(term.detach()) for name, term in terms.items()}
