"""ROME's loop, in pixel space: (1 − α)·CE·w·accuracy + α·Σ_c |mean e(x_c) − mean e(x̃_c)|², x̃ real, attacked.

After the paper's Eq. and the released code (methods spec §3.2), with what differs from the code: images in [0, 1] with
the normalisation inside the network, so that ε means pixels; the squared L2 distance of the paper; (y + 1) mod K of any
number of classes; all classes in one pass; Adam; networks trained before, at all their stages, instead of beside.
Letters: N stored images, p² parts, K classes, b real images per class, D embedding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.augment import draw
from c2r.core.contrastive import class_means
from c2r.core.partition import expand
from c2r.core.pgd import towards
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.data.real import ClassDraws, flips
from c2r.events import Event, Finished, Progress, Snapshot, State
from c2r.methods.context import Context, made_of
from c2r.methods.labels import current_labels
from c2r.methods.rome.settings import RomeConfig

PGD_STEPS = 10


@dataclass
class Loop:
    """What lives between two updates: the images [N, C, H, W], which are optimised, labels [N], Adam's moments, and the
    figures and costs of the last update."""

    context: Context
    config: RomeConfig
    images: Tensor
    labels: Tensor
    step: int = 0
    moments: Mapping[str, Tensor] = field(default_factory=dict)
    series: dict[str, float | None] = field(default_factory=dict)
    forwards: int = 0
    backwards: int = 0

    def snapshot(self) -> Snapshot:
        """The set after the last update; labels of the pool once it is trained, or those that the set came with."""
        images, soft = self.images.detach(), current_labels(self.context, self.images, self.config)
        return Snapshot(
            self.step, images, self.labels, soft, self.series, forwards=self.forwards, backwards=self.backwards
        )

    def kept(self) -> State:
        """What the next update needs."""
        facts = {"series": self.series, "forwards": self.forwards, "backwards": self.backwards}
        return State(self.step, {"images": self.images, **self.moments}, facts)


def run(context: Context, state: State | None) -> Iterator[Event]:
    """Distil. Without a state the images are seen once before anything moves them."""
    loop = _begin(context, state)
    if state is None:
        yield loop.snapshot()
        yield loop.kept()
    yield from context.fill(loop.config.pool_size, "pool", loop.kept)
    yield from _updates(loop)
    yield Finished(made_of(loop.snapshot(), loop.config.partition))


def _begin(context: Context, state: State | None) -> Loop:
    config, start = context.config, context.start
    assert isinstance(config, RomeConfig), "the row of the table says so"
    loop = Loop(context, config, start.images.clone().requires_grad_(True), start.labels)
    if state:
        tensors = {name: value.to(start.images.device) for name, value in state.tensors.items()}
        loop.images.data.copy_(tensors["images"])
        loop.step, loop.series = state.step, state.facts["series"]
        loop.forwards, loop.backwards = state.facts["forwards"], state.facts["backwards"]
        loop.moments = {name: tensors[name] for name in ("exp_avg", "exp_avg_sq", "step") if name in tensors}
    return loop


def _updates(loop: Loop) -> Iterator[Event]:
    config, data = loop.config, loop.context.data
    optimiser = torch.optim.Adam([loop.images], lr=config.rome_rate)
    if loop.moments:
        optimiser.state[loop.images] = dict(loop.moments)
    draws = ClassDraws(data.labels, len(data.classes))
    for step in range(loop.step + 1, config.steps + 1):
        total = _loss(loop, draws, step)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()
        with torch.no_grad():
            loop.images.clamp_(0, 1)
        loop.step = step
        yield Progress("distill", step, config.steps)
        if step % config.record_every == 0 or step == config.steps:
            yield loop.snapshot()
            loop.moments = optimiser.state[loop.images]
            yield loop.kept()


def _loss(loop: Loop, draws: ClassDraws, step: int) -> Tensor:
    """The loss of an update: a random stage of the pool, real images attacked towards the next class, one augmentation
    for real and synthetic images alike."""
    config, data = loop.config, loop.context.data
    classes, generator = len(data.classes), generator_for(config.seed, "update", step)
    network = loop.context.pool.stages[loop.context.pool.draw(generator)]
    index = draws.draw(generator, config.rome_batch).view(-1).to(data.images.device)
    transform = draw(generator, network.mean.flatten(), network.std.flatten(), flips(data))
    labels, real = data.labels[index], transform(data.images[index].float() / 255)
    attacked = towards(
        network, real, (labels + 1) % classes, threat=Threat(config.eps), generator=generator, steps=PGD_STEPS
    )
    with torch.no_grad():
        seen = network.embed(attacked)
        accuracy = float((network.head(seen).argmax(1) == labels).float().mean())
    own = loop.labels.repeat_interleave(config.partition**2)
    embedded = network.embed(transform(expand(loop.images, config.partition)))
    made = (torch.bincount(own, minlength=classes) > 0).float()[:, None]
    apart = (made * (class_means(seen, labels, classes) - class_means(embedded, own, classes))).square().sum()
    share, weight = config.rome_share, config.rome_weight * accuracy
    terms = {"match": share * apart, "ce": (1 - share) * weight * F.cross_entropy(network.head(embedded), own)}
    total = terms["match"] + terms["ce"]
    loop.series = {name: float(term.detach()) for name, term in ({"total": total} | terms).items()}
    loop.series["network_accuracy"] = 100 * accuracy
    loop.forwards += (PGD_STEPS + 1) * len(real)
    loop.backwards += PGD_STEPS * len(real)
    return total
