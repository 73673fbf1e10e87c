"""Networks adversarially trained on real data, each kept at several stages: scorers, and what images are matched under.

They see every real image a few times at most, so mirroring is all the augmentation that helps (docs/experiments.md).
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from c2r.core.contrastive import Keys, crl, itself
from c2r.core.threat import Threat
from c2r.data.real import RealData, flips, statistics
from c2r.networks.models import Network, build, frozen
from c2r.networks.training import Loss, Training, cross_entropy, train
from c2r.settings import RunConfig

TAU = 0.2  # temperature of the contrastive loss in training a scorer


@dataclass
class Pool:
    """Frozen stages in order of training; ends: behind the last stage of each network."""

    stages: list[Network] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def last(self, number: int) -> Network:
        """Network `number` as its training left it."""
        return self.stages[self.ends[number] - 1]

    @property
    def networks(self) -> list[list[Network]]:
        """The stages of each network, in order of training."""
        return [self.stages[begin:end] for begin, end in zip([0, *self.ends], self.ends, strict=False)]

    def draw(self, generator: torch.Generator) -> int:
        """The number of a random stage."""
        return int(torch.randint(len(self.stages), (1,), generator=generator))

    def parts(self, called: str) -> dict[str, Mapping[str, Tensor]]:
        """The state of each network, by its name ``CALLED-NUMBER``, its stages as ``STAGE.NAME``."""
        return {
            f"{called}-{number}": {
                f"{i}.{name}": value for i, stage in enumerate(stages) for name, value in stage.state_dict().items()
            }
            for number, stages in enumerate(self.networks)
        }

    def restore(
        self, called: str, parts: Mapping[str, Mapping[str, Tensor]], config: RunConfig, data: RealData
    ) -> None:
        """Put the networks of `parts` into an empty pool."""
        while (name := f"{called}-{len(self.ends)}") in parts:
            tensors = parts[name]
            for stage in range(1 + max(int(key.partition(".")[0]) for key in tensors)):
                network = fresh(config, data, torch.Generator())
                own = (key for key in tensors if key.startswith(f"{stage}."))
                network.load_state_dict({key.partition(".")[2]: tensors[key] for key in own})
                self.stages.append(frozen(network.to(data.images.device)))
            self.ends.append(len(self.stages))


def train_network(
    pool: Pool, config: RunConfig, data: RealData, generator: torch.Generator, loss: Loss = cross_entropy
) -> Iterator[int]:
    """Train one more network on `data` (on its device) and keep its stages in `pool`; yields each training step.

    :param generator: CPU generator of every draw
    """
    device, flip = data.images.device, flips(data)
    model = fresh(config, data, generator).to(device)

    def batches() -> tuple[torch.Tensor, torch.Tensor]:
        index = torch.randint(len(data.images), (config.pool_batch,), generator=generator).to(device)
        images = data.images[index].float() / 255
        if flip:
            mirrored = (torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5).to(device)
            images = torch.where(mirrored, images.flip(3), images)
        return images, data.labels[index]

    how = Training(config.pool_steps, config.pool_rate, Threat(config.eps), 1, loss)
    for step in train(model, batches, how, generator):
        if step % config.pool_stage == 0 or step == config.pool_steps:
            pool.stages.append(frozen(copy.deepcopy(model)))
        yield step
    pool.ends.append(len(pool.stages))


def contrastive_loss(eta: float) -> Loss:
    """(1 − η)·cross-entropy + η·CRL of a batch, as C2R trains its network (second-hand): anchors are the clean
    embeddings, keys the clean and the attacked ones."""

    def loss(model: Network, clean: Tensor, attacked: Tensor, labels: Tensor) -> Tensor:
        anchors, moved = model.embed(clean), model.embed(attacked)
        excluded = itself(len(clean), 2 * len(clean), clean.device)
        keys = Keys(torch.cat([anchors, moved]), torch.cat([labels, labels]), excluded=excluded)
        apart = crl(anchors, labels, keys, tau=TAU).mean()
        return (1 - eta) * torch.nn.functional.cross_entropy(model.head(moved), labels) + eta * apart

    return loss


def fresh(config: RunConfig, data: RealData, generator: torch.Generator) -> Network:
    """A network of the run that has seen nothing yet, on the CPU; it normalises by the real training images."""
    return build(
        config, data.images.shape[1:], len(data.classes), statistics(data), generator, precision=config.precision
    )
