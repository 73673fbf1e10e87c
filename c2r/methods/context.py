"""What a method is given to work with: settings, real data, where its images start, and building blocks.

Building blocks remember what they made, and keep it over a kill: networks trained on real data (`Context.networks`) and
the scores of a set (`Context.score`), which the observer gives.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.data.real import RealData, initial_images
from c2r.distilled import DistilledSet
from c2r.events import Event, Progress, Snapshot, State
from c2r.methods.pool import Pool, train_network
from c2r.methods.scoring import Scores
from c2r.networks.training import Loss, cross_entropy
from c2r.registry import METHODS

NETWORK = "network"  # what the parts of a state that hold a network are called


@dataclass
class Context:
    """What lives beside a method.

    :param data: real images; its tensors lie on the device to use
    :param start: images float [N, C, H, W] in [0, 1] and labels [N] to start from, and soft labels where a set has some
    :param generator: CPU generator of the networks' training; draws of an update come from
        `c2r.core.randomness.generator_for`, so that recording more or less often changes nothing
    :param score: the scores of a set under the first scorer; asked twice for one step, it answers with the same
    :param drawn: whether the start was drawn as the settings say, so that margins may choose it again
    """

    config: RunConfig
    data: RealData
    start: Snapshot
    generator: torch.Generator
    score: Callable[[Snapshot], Scores]
    drawn: bool = False
    pool: Pool = field(default_factory=Pool)
    began: float = field(default_factory=time.perf_counter)

    def networks(self, count: int, phase: str, loss: Loss = cross_entropy) -> Iterator[Progress]:
        """Train networks on the real data by `loss` until `pool` holds `count` of them."""
        first, steps = len(self.pool.ends), self.config.pool_steps
        for number in range(first, count):
            for step in train_network(self.pool, self.config, self.data, self.generator, loss):
                yield Progress(phase, (number - first) * steps + step, (count - first) * steps)

    def fill(self, count: int, phase: str, kept: Callable[[], State], loss: Loss = cross_entropy) -> Iterator[Event]:
        """Train networks until `pool` holds `count` of them, with a state after each, which `kept` gives."""
        while len(self.pool.ends) < count:
            number = len(self.pool.ends)
            for event in self.networks(number + 1, phase, loss):
                yield Progress(phase, number * event.total + event.step, count * event.total)
            yield kept()

    def keep(self, state: State) -> State:
        """The state of a method with what its building blocks hold."""
        return state.plus(
            {"generator": self.generator.get_state()},
            {"seconds": time.perf_counter() - self.began},
            self.pool.parts(NETWORK),
        )

    def restore(self, state: State) -> None:
        """Put the building blocks where a kept state left them."""
        self.generator.set_state(state.tensors["generator"].cpu())
        self.began = time.perf_counter() - float(state.facts["seconds"])
        self.pool.restore(NETWORK, state.parts, self.config, self.data)


def start_of(config: RunConfig, data: RealData, given: DistilledSet | None, generator: torch.Generator) -> Snapshot:
    """What a run starts from: the set that it is given, or images made of real ones or noise.

    :raises InputError: the method takes its images from a file and there is none
    """
    device = data.images.device
    if given is not None:
        images, labels = torch.from_numpy(given.images).float() / 255, torch.from_numpy(given.labels)
        soft = None if given.soft is None else torch.from_numpy(_as_floats(given.soft)).to(device)
        return Snapshot(0, images.to(device), labels.to(device), soft)
    if METHODS[config.method].source == "file":
        raise InputError(f"Method '{config.method}' expects a set to start from, found none: import or fork one.")
    images, labels = initial_images(data, config, generator)
    return Snapshot(0, images.to(device), labels.to(device))


def _as_floats(soft: np.ndarray) -> np.ndarray:
    """Probabilities as float16 where they come so, else as float32."""
    return soft if soft.dtype == np.float16 else soft.astype(np.float32)


def as_bytes(images: Tensor) -> np.ndarray:
    """Images in [0, 1] as they are stored, uint8."""
    stored: np.ndarray = (images.detach() * 255).round().to(torch.uint8).cpu().numpy()
    return stored


def made_of(seen: Snapshot, partition: int) -> DistilledSet:
    """The set as it would be stored if the run ended with what is seen."""
    soft = None if seen.soft is None else _as_floats(seen.soft.detach().cpu().numpy())
    return DistilledSet(as_bytes(seen.images), seen.labels.cpu().numpy(), soft, partition)
