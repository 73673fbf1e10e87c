"""Small networks of the toy: a pool trained adversarially on real points, and students of the distilled ones.

Letters: R real points, N distilled points, K classes.
"""

import copy
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import Tensor

from c2r.core.pgd import pgd
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.learn.points import Points, check_given, draw
from c2r.learn.settings import Toy
from c2r.networks.models import Network, build, frozen
from c2r.networks.training import Training, train
from c2r.settings import NetworkSettings

MLP = NetworkSettings(model="mlp", width=32, depth=2)
NETWORKS, STAGES, STEPS = 2, 2, 400  # networks of the pool, stages kept of each, training steps
BATCH, RATE, AT_STEPS = 96, 0.3, 1
LEAST = 0.02  # spread of points that lie on a line, so that nothing is divided by 0
STUDENT = Training(steps=300, rate=0.1, at_steps=2)


@dataclass(frozen=True)
class World:
    """What a toy begins with, and no step changes: points to train and to test on, and the frozen stages of the pool,
    of which the last is the scorer."""

    toy: Toy
    real: Points
    test: Points
    stages: tuple[Network, ...]

    @property
    def scorer(self) -> Network:
        """The network that margins are measured on."""
        return self.stages[-1]

    @property
    def reach(self) -> float:
        """How far an attack moves a point, in the points' units: an ε in normalised units is smaller by the spread."""
        return self.toy.eps * (float(self.scorer.std.mean()) if self.toy.space == "normalised" else 1.0)


@dataclass(frozen=True)
class Accuracy:
    """Shares of `n` points in [0, 1] that a network gets right, clean and under ten steps of PGD."""

    clean: float
    robust: float
    n: int


def world(toy: Toy) -> World:
    """The world of a toy; its pool depends on the points, the seed and ε alone and is kept. InputError for too few
    placed points."""
    check_given(toy, toy.per_class)
    real = draw(toy, 0)
    return World(toy, real, draw(toy, 1), _pool(toy.data, toy.seed, toy.eps, toy.given))


@lru_cache(maxsize=32)
def _pool(*key: object) -> tuple[Network, ...]:
    toy = Toy.model_validate(dict(zip(("data", "seed", "eps", "given"), key, strict=True)))
    real, stages = draw(toy, 0), []
    for number in range(NETWORKS):
        generator = generator_for(toy.seed, "scorer", number)
        model = fresh(real, real.classes, generator)
        how = Training(STEPS, RATE, Threat(toy.eps), AT_STEPS)
        for step in train(model, partial(batch_of, real, generator), how, generator):
            if step % (STEPS // STAGES) == 0:
                stages.append(frozen(copy.deepcopy(model)))
    return tuple(stages)


def fresh(real: Points, classes: int, generator: torch.Generator) -> Network:
    """A network that has seen nothing; it normalises by the real points, whose spread counts as `LEAST` or more."""
    statistics = real.x.mean((0, 2, 3)), real.x.std((0, 2, 3)).clamp_min(LEAST)
    return build(MLP, (2, 1, 1), classes, statistics, generator)


def batch_of(points: Points, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random mini-batch of points [B, 2, 1, 1] and labels [B]."""
    index = torch.randint(len(points.x), (BATCH,), generator=generator)
    return points.x[index], points.y[index]


def student(here: World, points: Points, number: int = 0) -> Network:
    """A fresh network trained adversarially on the distilled points alone, at the toy's ε in the points' units."""
    generator = generator_for(here.toy.seed, "student", number)
    model = fresh(here.real, here.real.classes, generator)
    how = Training(STUDENT.steps, STUDENT.rate, Threat(here.toy.eps), STUDENT.at_steps)
    for _ in train(model, lambda: (points.x, points.y), how, generator):
        pass
    return frozen(model)


def accuracy(model: Network, points: Points, reach: float) -> Accuracy:
    """What a network gets right of real points, clean and attacked by PGD within `reach`."""
    generator = generator_for(0, "look", 2)
    trace = pgd(model, points.x, points.y, threat=Threat(reach), generator=generator)
    with torch.no_grad():
        clean = model(points.x).argmax(1) == points.y
    robust = clean & (trace.logits.argmax(1) == points.y)
    return Accuracy(float(clean.float().mean()), float(robust.float().mean()), len(points.y))
