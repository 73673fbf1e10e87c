"""The outer loop: a generator of events. It prints, saves and plots nothing; whoever runs it decides.

Randomness comes from CPU generators seeded by the configuration, so the same seed on the same device gives the same
bits:
one for the start and the pool, one for each update, order and look, so that recording more or less often changes no
image.
N stored images, C channels, H W sides, p² parts of each.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from c2r.config import RunConfig
from c2r.core.curriculum import hardest_first, rank_weights, shuffled
from c2r.core.partition import fold
from c2r.core.randomness import generator_for
from c2r.data.real import ClassDraws, RealData, flips, initial_images
from c2r.formats.sets import fits, read_own
from c2r.look.project import pca_basis, separation
from c2r.look.summary import margin_summary
from c2r.methods.c2r.loop import Loop, capture, restore
from c2r.methods.c2r.synthetic import Look, SyntheticSet, embeddings, look
from c2r.methods.c2r.update import Update, update
from c2r.methods.c2r.visits import Queues, Visit, stage_of, visit
from c2r.methods.checkpoint import Checkpoint, PoolNetwork, pool_network, read_checkpoint
from c2r.methods.pool import Pool, train_network
from c2r.registry import METHODS


@dataclass(frozen=True)
class Progress:
    """Where the loop is: `step` of `total` in `phase`; figures to show beside it; what it is doing in detail."""

    phase: str
    step: int
    total: int
    figures: dict[str, float] = field(default_factory=dict)
    doing: str = ""


@dataclass(frozen=True)
class Basis:
    """The PCA basis, fitted once on real images' embeddings under the scorer."""

    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Finished:
    """The distilled set: images uint8 [N, C, H, W], labels [N], soft labels [N, K] of an imported set that has some."""

    images: np.ndarray
    labels: np.ndarray
    soft: np.ndarray | None = None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """As they are stored."""
        return {"images": self.images, "labels": self.labels} | (
            {} if self.soft is None else {"soft_labels": self.soft}
        )


@dataclass(frozen=True)
class Recorded:
    """A recorded step: its line for events.jsonl, the arrays of its frame, and the set as it would be if the run ended
    here."""

    step: int
    event: dict[str, Any]
    arrays: dict[str, np.ndarray]
    made: Finished


Event = Progress | Basis | Recorded | PoolNetwork | Checkpoint | Finished


def distill(config: RunConfig, data: RealData, resume: Path | None = None) -> Iterator[Event]:
    """Distil `data`, whose tensors lie on the device to use. Yields events; the last one is `Finished`.

    :param resume: a run folder with a checkpoint to go on from; the result is that of a run that never stopped, bit for
        bit on the CPU
    """
    generator = torch.Generator().manual_seed(config.seed)
    images, labels, soft = _first_images(config, data, generator)
    device = data.images.device
    held = SyntheticSet.start(images.to(device), labels.to(device), config.partition, soft)
    losses: dict[str, float | None] = dict.fromkeys(("total", "match", "ce", "crl"))
    loop = Loop(config, data, generator, held, Pool(), flips(data), losses, began=time.perf_counter())
    found = read_checkpoint(resume) if resume else None
    if resume and found:
        restore(loop, resume, found)
    if loop.networks == 0:
        yield from _train_pool(loop, 1)
        yield Basis(_basis(loop))
    if loop.step < 0:
        loop.step = 0
        yield _record(loop)
        yield capture(loop)
    if METHODS[config.method].updates:
        yield from _train_pool(loop, config.pool_size)
        yield from _update_images(loop)
    yield _made(loop.held)


def _first_images(
    config: RunConfig, data: RealData, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray | None]:
    """What the run starts from: the imported set of the settings, or images made of real ones or noise; and its soft
    labels."""
    if not config.imported and METHODS[config.method].source == "drawn":
        return *initial_images(data, config, generator), None
    found = read_own(config.imported)
    fits(found, tuple(data.images.shape[1:]), len(data.classes))
    return torch.from_numpy(found.pixels).float() / 255, torch.from_numpy(found.labels), found.soft


def _train_pool(loop: Loop, last: int) -> Iterator[Event]:
    """Train the pool's networks up to number `last`; each is handed out with a checkpoint, so that it is trained only
    once."""
    steps, total = loop.config.pool_steps, loop.config.pool_steps * loop.config.pool_size
    for number in range(loop.networks, last):
        before = len(loop.pool.stages)
        for step in train_network(loop.pool, loop.config, loop.data, loop.generator, loop.flip):
            yield Progress("pool", number * steps + step, total)
        loop.networks = number + 1
        yield pool_network(loop.pool, number, len(loop.pool.stages) - before)
        if loop.step >= 0:
            yield capture(loop)


def _update_images(loop: Loop) -> Iterator[Event]:
    config, held = loop.config, loop.held
    optimiser = torch.optim.Adam([held.images], lr=config.image_rate)
    if loop.moments:
        optimiser.state[held.images] = dict(loop.moments)
    queues, again = _queues(loop)
    for step in range(loop.step + 1, config.steps + 1):
        if loop.position >= len(loop.order):
            _cut_order(loop)
        done = _loss(loop, again(step), queues, step)
        optimiser.zero_grad(set_to_none=True)
        done.total.backward()
        optimiser.step()
        with torch.no_grad():
            held.images.clamp_(0, 1)
        loop.step, loop.position = step, loop.position + config.batch
        loop.losses = dict(done.parts)
        loop.forwards += done.forwards
        loop.backwards += done.backwards
        yield Progress("distill", step, config.steps, loop.figures)
        if step % config.record_every == 0 or step == config.steps:
            yield _record(loop)
            loop.moments = optimiser.state[held.images]
            yield capture(loop)


def _queues(loop: Loop) -> tuple[Queues, Callable[[int], Visit]]:
    """The queues as the steps that are done left them, and what draws the visit of a step."""
    config, method, classes = loop.config, METHODS[loop.config.method], len(loop.data.classes)
    draws = ClassDraws(loop.data.labels, classes)

    def again(step: int) -> Visit:
        return visit(step, loop.pool, loop.data, draws, method, config, loop.flip)

    past = [stage_of(step, loop.pool, config.seed)[0] for step in range(1, loop.step + 1)]
    return Queues(config, classes, again, past), again


def _cut_order(loop: Loop) -> None:
    """Begin an epoch: the set keeps what the scorer's attack finds now as its warm start, and mini-batches get a new
    order."""
    held, seen = loop.held, _look(loop)
    held.delta, held.loss = seen.delta, seen.loss
    loop.forwards += seen.forwards
    loop.backwards += seen.backwards
    loop.order, loop.position = _order(loop, seen), 0


def _order(loop: Loop, seen: Look) -> torch.Tensor:
    """The order in which an epoch that begins now goes through the images, [N]."""
    if METHODS[loop.config.method].order == "hardest":
        return hardest_first(seen.margin_adv)
    return shuffled(seen.margin_adv, generator_for(loop.config.seed, "order", loop.step))


def _loss(loop: Loop, seen: Visit, queues: Queues, step: int) -> Update:
    config, method = loop.config, METHODS[loop.config.method]
    batch = loop.order[loop.position : loop.position + config.batch]
    weights = rank_weights(loop.order, config.hard_weight)[batch]
    done = update(loop.held, batch, weights, seen, queues.of(seen) if method.queue else None, method, config)
    if method.queue:
        queues.add(step, seen)
    return done


def _look(loop: Loop) -> Look:
    """Look at the images as they are after the last update; taken once, or again after a resume, with the same
    result."""
    if loop.looked is None or loop.looked[0] != loop.step:
        generator = generator_for(loop.config.seed, "look", loop.step)
        loop.looked = loop.step, look(loop.held, loop.pool.scorer, METHODS[loop.config.method], loop.config, generator)
        loop.figures = _figures(loop.looked[1])
    return loop.looked[1]


def _figures(seen: Look) -> dict[str, float]:
    return {
        "clean": float((seen.margin_clean > 0).float().mean()),
        "robust": float((seen.margin_adv > 0).float().mean()),
    }


def _basis(loop: Loop) -> dict[str, np.ndarray]:
    count = min(2000, len(loop.data.images))
    index = torch.linspace(0, len(loop.data.images) - 1, count).round().long().to(loop.data.images.device)
    with torch.no_grad():
        embedded = [loop.pool.scorer.embed(loop.data.images[part].float() / 255) for part in index.split(500)]
    return pca_basis(torch.cat(embedded).cpu().numpy())


def _record(loop: Loop) -> Recorded:
    """What is to be seen of the images as they are; the run goes on as if nobody had looked."""
    held, config, scorer, seen = loop.held, loop.config, loop.pool.scorer, _look(loop)
    made, effective = _made(held), held.effective()[0].detach()
    clean, adversarial = (
        embeddings(x, scorer, config.partition).cpu().numpy() for x in (effective, effective + seen.delta)
    )
    arrays = {
        name: getattr(seen, name).cpu().numpy()
        for name in ("margin_clean", "margin_adv", "score", "pred_clean", "pred_adv")
    }
    order = _order(loop, seen) if METHODS[config.method].updates else hardest_first(seen.margin_adv)
    arrays |= {
        "images": made.images,
        "labels": made.labels,
        "delta": fold(seen.delta, config.partition).to(torch.float16).cpu().numpy(),
        "order": order.cpu().numpy(),
        "embedding_clean": clean.astype(np.float16),
        "embedding_adv": adversarial.astype(np.float16),
    }
    event = {
        "seconds": time.perf_counter() - loop.began,
        "n": len(made.labels),
        "losses": loop.losses,
        "margin_clean": margin_summary(arrays["margin_clean"]),
        "margin_adv": margin_summary(arrays["margin_adv"]),
        "share_clean": loop.figures["clean"],
        "share_robust": loop.figures["robust"],
        "search": seen.search,
        "forwards": loop.forwards,
        "backwards": loop.backwards,
        "separation": {
            "clean": _finite(separation(clean, made.labels)),
            "adv": _finite(separation(adversarial, made.labels)),
        },
    }
    return Recorded(loop.step, event, arrays, made)


def _made(held: SyntheticSet) -> Finished:
    images = (held.images.detach() * 255).round().to(torch.uint8).cpu().numpy()
    return Finished(images, held.labels.cpu().numpy(), held.soft)


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
