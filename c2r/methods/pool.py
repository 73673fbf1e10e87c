"""The pool: networks adversarially trained on real data, each kept at several stages, under which images are matched.

They see every real image a few times at most, so mirroring is all the augmentation that helps (docs/experiments.md).
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from c2r.config import RunConfig
from c2r.core.threat import Threat
from c2r.data.real import RealData, statistics
from c2r.networks.models import Network, build, frozen
from c2r.networks.training import train


@dataclass
class Pool:
    """Frozen stages in order of training; the last stage of the first network is the scorer of every margin shown."""

    stages: list[Network] = field(default_factory=list)
    scored: int = -1

    @property
    def scorer(self) -> Network:
        """The network all margins are measured on."""
        return self.stages[self.scored]

    def draw(self, generator: torch.Generator) -> int:
        """The number of a random stage."""
        return int(torch.randint(len(self.stages), (1,), generator=generator))


def train_network(
    pool: Pool, config: RunConfig, data: RealData, generator: torch.Generator, flip: bool
) -> Iterator[int]:
    """Train one more network on `data` (on its device) and keep its stages in `pool`; yields each training step.

    :param generator: CPU generator of every draw
    """
    device, threat = data.images.device, Threat(config.eps)
    mean, std = statistics(data)
    model = build(config, data.images.shape[1:], len(data.classes), (mean, std), generator, config.precision).to(device)

    def batches() -> tuple[torch.Tensor, torch.Tensor]:
        index = torch.randint(len(data.images), (config.pool_batch,), generator=generator).to(device)
        images = data.images[index].float() / 255
        if flip:
            mirrored = (torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5).to(device)
            images = torch.where(mirrored, images.flip(3), images)
        return images, data.labels[index]

    steps = train(
        model, batches, steps=config.pool_steps, rate=config.pool_rate, threat=threat, at_steps=1, generator=generator
    )
    for step in steps:
        if step % config.pool_stage == 0 or step == config.pool_steps:
            pool.stages.append(frozen(copy.deepcopy(model)))
        yield step
    if pool.scored < 0:
        pool.scored = len(pool.stages) - 1
