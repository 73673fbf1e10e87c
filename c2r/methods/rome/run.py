"""ROME's loop, in pixel space: (1 − α)·CE·w·accuracy + α·Σ_c |mean e(x_c) − mean e(x̃_c)|², x̃ real, attacked.

After the paper's Eq. and the released code (methods spec §3.2), with what differs from the code: images in [0, 1] with
the normalisation inside the network, so that ε means pixels; the squared L2 distance of the paper; (y + 1) mod K of any
number of classes; all classes in one pass; Adam; networks trained before, at all their stages, instead of beside.
Letters: N stored images, p² parts, K classes, b real images per class, D embedding.
"""

from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.augment import draw
from c2r.core.contrastive import class_means
from c2r.core.pgd import towards
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.data.real import ClassDraws, flips
from c2r.events import Event, State
from c2r.methods.context import Context
from c2r.methods.images import Optimised, begin, updates
from c2r.methods.rome.settings import RomeConfig

PGD_STEPS = 10


def run(context: Context, state: State | None) -> Iterator[Event]:
    """Distil."""
    config, data = context.config, context.data
    assert isinstance(config, RomeConfig), "the row of the table says so"
    held = Optimised(context, partial(torch.optim.Adam, lr=config.rome_rate))
    yield from begin(held, state)
    yield from context.fill(config.pool_size, "pool", held.kept)
    draws = ClassDraws(data.labels, len(data.classes))
    yield from updates(held, lambda step: held.descend(_loss(held, config, draws, step)))


def _loss(held: Optimised, config: RomeConfig, draws: ClassDraws, step: int) -> Tensor:
    """The loss of an update: a random stage of the pool, real images attacked towards the next class, one augmentation
    for real and synthetic images alike."""
    data, pool = held.context.data, held.context.pool
    classes, generator = len(data.classes), generator_for(config.seed, "update", step)
    network = pool.stages[pool.draw(generator)]
    index = draws.draw(generator, config.rome_batch).view(-1).to(data.images.device)
    transform = draw(generator, network.mean.flatten(), network.std.flatten(), flips(data))
    labels, real = data.labels[index], transform(data.images[index].float() / 255)
    attacked = towards(
        network, real, (labels + 1) % classes, threat=Threat(config.eps), generator=generator, steps=PGD_STEPS
    )
    with torch.no_grad():
        seen = network.embed(attacked)
        accuracy = float((network.head(seen).argmax(1) == labels).float().mean())
    effective, own = held.effective()
    embedded = network.embed(transform(effective))
    made = (torch.bincount(own, minlength=classes) > 0).float()[:, None]
    apart = (made * (class_means(seen, labels, classes) - class_means(embedded, own, classes))).square().sum()
    share, weight = config.rome_share, config.rome_weight * accuracy
    terms = {"match": share * apart, "ce": (1 - share) * weight * F.cross_entropy(network.head(embedded), own)}
    total = terms["match"] + terms["ce"]
    held.series = {name: float(term.detach()) for name, term in ({"total": total} | terms).items()}
    held.series["network_accuracy"] = 100 * accuracy
    held.forwards += (PGD_STEPS + 1) * len(real)
    held.backwards += PGD_STEPS * len(real)
    return total
