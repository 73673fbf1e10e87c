"""Ready sets of one run's size, good and bad ones: what objectives are compared on.

A plan names every set before any is made, so that work that was cut off goes on. Letters: N stored images, K classes,
p² parts of an image, E = N·p² effective images.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from c2r.config import RunConfig
from c2r.core.partition import expand
from c2r.core.randomness import generator_for
from c2r.data.real import ClassDraws, RealData, initial_images
from c2r.evaluation.predicting import KINDS
from c2r.methods.context import as_bytes
from c2r.store.runs import read_frame

POOL = 200  # real images per class, at least, among which the scorer finds the hardest
WINDOW = 5  # a set by margin is drawn from a fifth of them
NOISE = (8, 16, 32, 64, 128)  # half-widths of uniform noise, in 1/255
REAL = 1  # number of the draw of the real images that the scorer looks at; sets draw from `FIRST` on
FIRST = 10


class Recipe(NamedTuple):
    """One set of a plan: what it is called, its kind, its place in the plan, the recorded step it is made of (-1: of
    none), and how much of what its kind does, in [0, 1]."""

    name: str
    kind: str
    place: int
    step: int = -1
    amount: float = 0.0


@dataclass(frozen=True)
class Sources:
    """What sets are made of: a run's frames, real data, and a pool of real images (their numbers) with the robust
    margins that the scorer gives them."""

    path: Path
    config: RunConfig
    data: RealData
    pool: Tensor
    margins: Tensor

    @cached_property
    def labels(self) -> Tensor:
        """The labels [N] of the run's images."""
        first = min(int(file.stem) for file in (self.path / "frames").glob("*.safetensors"))
        return self.frame(first)[1]

    def frame(self, step: int) -> tuple[Tensor, Tensor]:
        """Stored images [N, C, H, W] in [0, 1] and labels [N] of a recorded step."""
        arrays = read_frame(self.path, step, ("images", "labels"))
        device = self.data.images.device
        return torch.from_numpy(arrays["images"]).to(device).float() / 255, torch.from_numpy(arrays["labels"]).to(
            device
        )

    def real(self, generator: torch.Generator, data: RealData | None = None) -> Tensor:
        """Random real images in the place of the run's: as many of each class, in as many parts, [N, C, H, W]."""
        labels = self.labels
        counts = torch.bincount(labels, minlength=len(self.data.classes))
        most = int(counts.max())
        changes = {"ipc": most, "init": "real"}
        images, _ = initial_images(data or self.data, self.config.model_copy(update=changes), generator)
        order = labels.argsort(stable=True)
        turn = torch.empty_like(labels)
        turn[order] = torch.arange(len(labels), device=labels.device) - (counts.cumsum(0) - counts)[labels[order]]
        return images[labels * most + turn]


def plan(count: int, steps: Sequence[int], seed: int) -> list[Recipe]:
    """`count` sets by the shares of `KINDS`; what a run with few recorded steps cannot fill becomes random real
    sets."""
    shares = {name: kind.share for name, kind in KINDS.items()}
    exact = {name: count * share / sum(shares.values()) for name, share in shares.items()}
    numbers = {name: int(value) for name, value in exact.items()}
    left = count - sum(numbers.values())
    for name in sorted(exact, key=lambda name: numbers[name] - exact[name])[:left]:
        numbers[name] += 1
    numbers["random"] += max(0, numbers["step"] - len(steps))
    numbers["step"] = min(numbers["step"], len(steps))
    recipes: list[Recipe] = []
    for kind, number in numbers.items():
        for i in range(number):
            recipes.append(MAKERS[kind].name(i, number, steps, seed)._replace(kind=kind, place=FIRST + len(recipes)))
    return recipes


def make(recipe: Recipe, sources: Sources) -> tuple[Tensor, Tensor]:
    """The effective images [E, C, H, W] in [0, 1], of stored bytes, and their labels [E]."""
    generator = generator_for(sources.config.seed, "predict", recipe.place)
    images, labels = MAKERS[recipe.kind].make(recipe, sources, generator)
    partition, device = sources.config.partition, images.device
    stored = torch.from_numpy(as_bytes(images)).to(device).float() / 255
    return expand(stored, partition), labels.repeat_interleave(partition**2)


def real_pool(config: RunConfig, data: RealData, per_class: int) -> Tensor:
    """Numbers of real training images that the scorer looks at, the same number of every class.

    :param per_class: images that a set takes of a class, its parts counted
    """
    smallest = int(torch.bincount(data.labels, minlength=len(data.classes)).min())
    wanted = min(smallest, max(POOL, 2 * per_class))
    return (
        ClassDraws(data.labels, len(data.classes)).draw(generator_for(config.seed, "predict", REAL), wanted).flatten()
    )


def _spread(i: int, count: int, steps: Sequence[int]) -> int:
    """The i-th of `count` evenly spread steps, the last one among them."""
    return steps[round((i + 1) / count * (len(steps) - 1))] if count < len(steps) else steps[i % len(steps)]


def _of_step(i: int, count: int, steps: Sequence[int], _seed: int) -> Recipe:
    place = round(i / max(1, count - 1) * (len(steps) - 1)) if count > 1 else len(steps) - 1
    return Recipe(f"step {steps[place]}", "", 0, steps[place])


def _of_random(i: int, _count: int, _steps: Sequence[int], seed: int) -> Recipe:
    return Recipe(f"random real images, draw {i + 1} of seed {seed}", "", 0)


def _of_margin(i: int, count: int, _steps: Sequence[int], _seed: int) -> Recipe:
    amount = i / max(1, count - 1)
    return Recipe(f"real images by margin, {100 * amount:.0f} % of the way from hardest to easiest", "", 0, -1, amount)


def _of_mixed(i: int, count: int, steps: Sequence[int], _seed: int) -> Recipe:
    step, amount = _spread(i, count, steps), (i + 1) / (count + 1)
    return Recipe(f"step {step}, {100 * amount:.0f} % of the images replaced by real ones", "", 0, step, amount)


def _of_noised(i: int, count: int, steps: Sequence[int], _seed: int) -> Recipe:
    step, width = _spread(i, count, steps), NOISE[i % len(NOISE)]
    return Recipe(f"step {step}, uniform noise ±{width}/255, draw {i + 1}", "", 0, step, width / 255)


def _of_shuffled(i: int, count: int, steps: Sequence[int], _seed: int) -> Recipe:
    step, amount = _spread(i, count, steps), (i + 1) / count
    return Recipe(f"step {step}, labels of {100 * amount:.0f} % of the images shuffled", "", 0, step, amount)


def _step(recipe: Recipe, sources: Sources, _generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return sources.frame(recipe.step)


def _random(_recipe: Recipe, sources: Sources, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return sources.real(generator), sources.labels


def _by_margin(recipe: Recipe, sources: Sources, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random real images out of a window of the pool, as wide in every class."""
    labels = sources.data.labels[sources.pool]
    need = int(torch.bincount(sources.labels).max()) * sources.config.partition**2
    kept = []
    for k in range(len(sources.data.classes)):
        own = torch.nonzero(labels == k).flatten()
        own = own[sources.margins[own].argsort(stable=True)]
        width = min(len(own), max(need, len(own) // WINDOW))
        first = round(recipe.amount * (len(own) - width))
        kept.append(own[first : first + width])
    index = sources.pool[torch.cat(kept)]
    data = replace(sources.data, images=sources.data.images[index], labels=sources.data.labels[index])
    return sources.real(generator, data), sources.labels


def _mixed(recipe: Recipe, sources: Sources, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    images, labels = sources.frame(recipe.step)
    taken = _some(len(labels), recipe.amount, generator).to(images.device)
    images[taken] = sources.real(generator)[taken]
    return images, labels


def _noised(recipe: Recipe, sources: Sources, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    images, labels = sources.frame(recipe.step)
    noise = torch.rand(images.shape, generator=generator).to(images.device)
    return (images + recipe.amount * (2 * noise - 1)).clamp(0, 1), labels


def _shuffled(recipe: Recipe, sources: Sources, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    images, labels = sources.frame(recipe.step)
    taken = _some(len(labels), recipe.amount, generator).to(images.device)
    labels[taken] = labels[taken[torch.randperm(len(taken), generator=generator).to(images.device)]]
    return images, labels


def _some(count: int, share: float, generator: torch.Generator) -> Tensor:
    return torch.randperm(count, generator=generator)[: round(share * count)]


class Kind(NamedTuple):
    """How the i-th of so many sets of a kind is called, from the recorded steps and the seed, and how it is made."""

    name: Callable[[int, int, Sequence[int], int], Recipe]
    make: Callable[[Recipe, Sources, torch.Generator], tuple[Tensor, Tensor]]


MAKERS = {
    "step": Kind(_of_step, _step),
    "random": Kind(_of_random, _random),
    "margin": Kind(_of_margin, _by_margin),
    "mixed": Kind(_of_mixed, _mixed),
    "noised": Kind(_of_noised, _noised),
    "shuffled": Kind(_of_shuffled, _shuffled),
}
