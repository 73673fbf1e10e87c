"""Networks trained on a distilled set: how an evaluation trains them, and how a scorer follows the set.

Letters: N stored images, p² parts of each, C channels, H W sides, K classes, R real images, D embedding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from c2r.config import RunConfig
from c2r.core.augment import draw
from c2r.core.partition import expand
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.data.real import RealData, flips
from c2r.distilled import DistilledSet
from c2r.methods.pool import fresh
from c2r.networks.models import Network, frozen
from c2r.networks.training import Training, train, with_clean

REFERENCE = 500  # real images by which the embeddings of one student are turned onto those of the first


def tensors_of(source: DistilledSet, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Expanded images [N·p², C, H, W] in [0, 1], their labels, and what training aims at (soft labels where there are
    some)."""
    images = expand(torch.from_numpy(source.images).to(device).float() / 255, source.partition)
    labels = torch.from_numpy(source.labels).to(device).repeat_interleave(source.parts)
    return images, labels, torch.from_numpy(source.targets()).to(device)


def recipe(config: RunConfig) -> Training:
    """The downstream training that the settings of an evaluation ask for, the same for every method."""
    threat = Threat(config.eps) if config.eval_training == "pgd-at" else None
    loss = with_clean(config.eval_clean_share)
    return Training(config.eval_steps, config.eval_rate, threat, config.eval_at_steps, loss, config.eval_average)


def learn(
    model: Network,
    taught: tuple[Tensor, Tensor],
    how: Training,
    batch: int,
    flip: bool,
    generator: torch.Generator,
) -> Iterator[int]:
    """Train `model` on expanded images and what they aim at, in augmented batches; yields each step done."""
    images, targets = taught
    mean, std = model.mean.flatten(), model.std.flatten()

    def drawn() -> tuple[Tensor, Tensor]:
        index = torch.randperm(len(images), generator=generator)[:batch].to(images.device)
        return draw(generator, mean, std, flip)(images[index]), targets[index]

    return train(model, drawn, how, generator)


@dataclass(frozen=True)
class Turn:
    """An orthogonal map of embeddings, rotation [D, D], about one centre [D] onto another."""

    centre: Tensor
    rotation: Tensor
    onto: Tensor

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Embeddings [B, D], turned."""
        return (embeddings - self.centre) @ self.rotation + self.onto


def procrustes(here: Tensor, home: Tensor) -> Turn:
    """The turn that brings embeddings `here` [R, D] nearest to `home` [R, D] (orthogonal Procrustes)."""
    centre, onto = here.mean(0), home.mean(0)
    u, _, v = torch.linalg.svd((here - centre).T @ (home - onto), full_matrices=False)
    return Turn(centre, u @ v, onto)


@dataclass
class Follower:
    """The scorer that is trained on the set itself, as C2R's network is (second-hand), and anew every so many updates.

    Each new network embeds images in a space of its own. So that maps of all steps share a frame, its embeddings are
    turned onto those of the first (`procrustes` on real images), which keeps all distances.

    since: the step of its training; home [R, D]: where the first one put the reference images; turn: from the present
    network's embeddings to the first one's, None where they are the same.
    """

    config: RunConfig
    data: RealData
    network: Network
    home: Tensor
    since: int = -1
    turn: Turn | None = None

    @classmethod
    def untrained(cls, config: RunConfig, data: RealData) -> "Follower":
        """Before any training; `refresh` comes first, or `restore`."""
        network = fresh(config, data, generator_for(config.seed, "student", 0)).to(data.images.device)
        return cls(config, data, network, torch.zeros(0))

    def due(self, step: int) -> bool:
        """Whether a recorded step is the first after another stretch of updates."""
        every = self.config.scorer_refresh
        return self.since < 0 or step // every > self.since // every

    def refresh(self, made: DistilledSet, step: int) -> Iterator[int]:
        """Train a new network on the set as it is; yields each training step."""
        config, data = self.config, self.data
        generator = generator_for(config.seed, "student", step)
        self.network = fresh(config, data, generator).to(data.images.device)
        images, _, targets = tensors_of(made, data.images.device)
        how = replace(recipe(config), steps=config.scorer_set_steps)
        yield from learn(self.network, (images, targets), how, config.eval_batch, flips(data), generator)
        frozen(self.network)
        self.since = step
        self._align()

    def turned(self, embeddings: Tensor) -> Tensor:
        """Embeddings [B, D] of the present network, turned onto the first one's."""
        return self.turn(embeddings) if self.turn else embeddings

    def _align(self) -> None:
        """Find the turn of a network that has just come; the first one's embeddings are everybody's home."""
        here = self._reference()
        self.home = self.home if len(self.home) else here
        self.turn = None if torch.equal(here, self.home) else procrustes(here, self.home)

    @torch.no_grad()
    def _reference(self) -> Tensor:
        data = self.data
        index = torch.linspace(0, len(data.images) - 1, min(REFERENCE, len(data.images))).round().long()
        return self.network.embed(data.images[index.to(data.images.device)].float() / 255)

    def tensors(self) -> dict[str, Tensor]:
        """What a state keeps of it, by name."""
        weights = {f"student.{name}": value for name, value in self.network.state_dict().items()}
        return weights | {"student-home": self.home, "student-since": torch.tensor(self.since)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what a state kept."""
        device = self.data.images.device
        own = {name: value for name, value in tensors.items() if name.startswith("student.")}
        self.network.load_state_dict({name.removeprefix("student."): value for name, value in own.items()})
        frozen(self.network)
        self.home, self.since = tensors["student-home"].to(device), int(tensors["student-since"])
        self._align()
