"""What an update meets: a stage of the pool, real images and an augmentation, drawn from the seed and the step alone.

A stage is frozen, so what its queue holds can be made again from the steps that visited it: a checkpoint stores no
queue.
Letters: K classes, b real images per class, Q queue slots per class.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.core.augment import Transform, draw
from c2r.core.memory import ClassQueue
from c2r.core.pgd import Inner, attack
from c2r.core.randomness import generator_for
from c2r.core.whitening import Space, space_of
from c2r.data.real import ClassDraws, RealData, flips
from c2r.methods.c2r.settings import C2RConfig
from c2r.methods.context import Context
from c2r.methods.pool import Pool
from c2r.networks.models import Network

WHITENED = 1000  # real images from which the space of the contrast comes


@dataclass(frozen=True)
class Visit:
    """One update's draws, and what they give.

    stage, network: of the pool; transform: one augmentation for real and synthetic images alike; labels [K·b] of the
    real
    images; clean, adversarial: their features, one [K·b, D] per block; generator: for the draws still to come;
    forwards, backwards: cost of the attack, sums over images.
    """

    stage: int
    network: Network
    transform: Transform
    labels: Tensor
    clean: list[Tensor]
    adversarial: list[Tensor]
    generator: torch.Generator
    forwards: int
    backwards: int


def stage_of(step: int, pool: Pool, seed: int) -> tuple[int, torch.Generator]:
    """The stage that update `step` visits, and the generator of everything else that it draws."""
    generator = generator_for(seed, "update", step)
    return pool.draw(generator), generator


def visit(step: int, context: Context, draws: ClassDraws, config: C2RConfig, inner: str) -> Visit:
    """Draw what update `step` meets; the real images are augmented, then attacked by `inner`."""
    data = context.data
    stage, generator = stage_of(step, context.pool, config.seed)
    network = context.pool.stages[stage]
    index = draws.draw(generator, config.real_batch).view(-1).to(data.images.device)
    transform = draw(generator, network.mean.flatten(), network.std.flatten(), flips(data))
    labels, images = data.labels[index], transform(data.images[index].float() / 255)
    attacked = attack(network, images, labels, Inner(inner, config, generator, config.real_rounds, config.distill_eps))
    with torch.no_grad():
        clean, adversarial = (network.features(x) for x in (images, images + attacked.delta))
    return Visit(
        stage, network, transform, labels, clean, adversarial, generator, attacked.forwards, attacked.backwards
    )


class Queues:
    """One queue of adversarial real embeddings per stage, filled by the visits to that stage, and the space of the
    contrast there, in which they lie.

    :param data: real images, from which the spaces come
    :param again: gives the visit of an earlier step once more; past: the stages of the steps 1, 2, … that are done
    """

    def __init__(self, config: C2RConfig, data: RealData, again: Callable[[int], Visit], past: Iterable[int] = ()):
        self.config, self.data, self.again = config, data, again
        self.spaces: dict[int, Space] = {}
        self.held: dict[int, ClassQueue] = {}
        self.visited: dict[int, list[int]] = defaultdict(list)
        for step, stage in enumerate(past, 1):
            self.visited[stage].append(step)

    def of(self, seen: Visit) -> ClassQueue:
        """The queue of the visited stage; refilled when this process does not hold it yet."""
        if seen.stage not in self.held:
            config, device = self.config, seen.labels.device
            projection = generator_for(config.seed, "projection", seen.stage)
            queue = ClassQueue(
                len(self.data.classes), config.queue_size, seen.network.embedding, config.queue_rank, projection, device
            )
            for step in self.visited[seen.stage][-config.queue_size // config.real_batch :]:
                before = self.again(step)
                queue.enqueue(self.space(before)(before.adversarial[-1]), before.labels)
            self.held[seen.stage] = queue
        return self.held[seen.stage]

    def add(self, step: int, seen: Visit) -> None:
        """Enqueue what update `step` met."""
        self.of(seen).enqueue(self.space(seen)(seen.adversarial[-1]), seen.labels)
        self.visited[seen.stage].append(step)

    def space(self, seen: Visit) -> Space:
        """The space of the contrast under the visited stage, from real images that the stage alone decides."""
        if self.config.whiten == "none":
            return Space()
        if seen.stage not in self.spaces:
            draw = generator_for(self.config.seed, "whitening", seen.stage)
            index = torch.randperm(len(self.data.images), generator=draw)[:WHITENED].to(seen.labels.device)
            with torch.no_grad():
                real = torch.cat(
                    [seen.network.embed(self.data.images[some].float() / 255) for some in index.split(250)]
                )
            self.spaces[seen.stage] = space_of(real, self.config.whiten)
        return self.spaces[seen.stage]
