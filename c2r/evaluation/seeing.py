"""The first scorer of a run, trained again, and what it sees of a set. K classes, E effective images.

A finished run keeps no scorer: its checkpoint is gone. The same settings and seed give the same network.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from c2r.config import RunConfig
from c2r.core.contrastive import class_means
from c2r.core.pgd import pgd
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.data.real import RealData
from c2r.distilled import DistilledSet
from c2r.evaluation.objectives import Seen, Sight
from c2r.events import Progress, Snapshot
from c2r.methods.context import Context, start_of
from c2r.methods.observer import Observer
from c2r.methods.scoring import Scores
from c2r.networks.models import Network, frozen

CHUNK = 256  # images of one pass


def first_scorer(config: RunConfig, data: RealData, made: DistilledSet) -> Iterator[Progress | Network]:
    """Train the first scorer of a run again; yields progress, at last the frozen network.

    :param made: any set of the run: one that started from a given set drew no images
    """
    generator = torch.Generator().manual_seed(config.seed)
    start = start_of(config, data, made if config.imported else None, generator)
    only = config.model_copy(update={"scorers": config.scorers[:1]})
    observer = Observer(Context(only, data, start, generator, _unasked))
    yield from observer.prepare(None)
    network = frozen(observer.scorers[config.scorers[0]])
    network.reduced = False
    yield network


def _unasked(_seen: Snapshot) -> Scores:
    raise RuntimeError("nobody asks for scores while a scorer is trained")


def see(network: Network, images: Tensor, labels: Tensor, classes: int, threat: Threat, seed: int) -> Seen:
    """Images [E, C, H, W] in [0, 1] with labels [E] under a frozen network, clean and under PGD-10; equal seeds attack
    from equal starts."""
    generator = generator_for(seed, "predict", 0)
    moved = torch.cat(
        [
            x + pgd(network, x, y, threat=threat, generator=generator).delta
            for x, y in zip(images.split(CHUNK), labels.split(CHUNK), strict=True)
        ]
    )
    pixels = class_means(images.flatten(1), labels, classes)
    clean, adversarial = (_sight(network, x, labels, classes) for x in (images, moved))
    return Seen(images, labels, pixels, clean, adversarial)


@torch.no_grad()
def _sight(network: Network, images: Tensor, labels: Tensor, classes: int) -> Sight:
    """Features are summed a chunk at a time: those of the first block are larger than the images."""
    counts = torch.bincount(labels, minlength=classes)[:, None]
    embeddings, sums = [], None
    for x, y in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
        features = network.features(x)
        here = torch.bincount(y, minlength=classes)[:, None]
        parts = [class_means(block, y, classes) * here for block in features]
        sums = parts if sums is None else [a + b for a, b in zip(sums, parts, strict=True)]
        embeddings.append(features[-1])
    embedded = torch.cat(embeddings)
    return Sight(network.head(embedded), embedded, [total / counts.clamp(min=1) for total in sums or []])
