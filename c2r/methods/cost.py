"""What a method's work costs, counted in forward passes of one image: a forward 1, a backward to the image 1, a
backward to image and weights 2. No torch."""

from dataclasses import dataclass

from c2r.data.splits import Shape
from c2r.methods.settings import SoftConfig
from c2r.settings import RunConfig

PGD_STEPS = 10


@dataclass(frozen=True)
class Job:
    """Work that is done `times` over on batches of `images`, at `cost` forward passes per image."""

    phase: str
    times: float
    images: int
    cost: float


@dataclass(frozen=True)
class Spent:
    """What a method needs beside the scorer and the evaluation.

    :param jobs: its work
    :param networks: networks trained on real data whose stages it keeps, the scorer's among them
    :param floats: per kept stage and embedding dimension, numbers that it holds in memory (a queue)
    :param pixels: per stored pixel, numbers that a state holds beside the image
    """

    jobs: tuple[Job, ...] = ()
    networks: int = 1
    floats: int = 0
    pixels: int = 1


def nothing(config: RunConfig, shape: Shape) -> Spent:
    """A set that stays as it is costs nothing."""
    del config, shape
    return Spent()


def attack_cost(attack: str, config: RunConfig, rounds: int) -> int:
    """Passes of an attack on one image. LS-PGD costs, per round, a forward and backward and its candidates, though it
    reuses perturbations: an upper bound; PGD costs 2 per step and a last look."""
    return rounds * (2 + config.ls_tries) if attack == "ls-pgd" else 2 * PGD_STEPS + 1


def pool_only(config: RunConfig, shape: Shape) -> Spent:
    """Single-step adversarial training of a pool (5 passes an image), which then labels the set."""
    assert isinstance(config, SoftConfig), "the row of the table says so"
    trained = config.pool_size - ("ce" in config.scorers)
    labelled = shape.classes * config.ipc * config.partition**2
    jobs = Job("pool", trained * config.pool_steps, config.pool_batch, 5), Job("pool", config.pool_size, labelled, 1)
    return Spent(jobs, networks=config.pool_size)
