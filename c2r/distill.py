"""The outer loop: a generator of events. It prints, saves and plots nothing; whoever runs it decides.

Randomness comes from one CPU generator seeded by the configuration, so the same seed on the same device gives the same
bits. N stored images, C channels, H W sides.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from c2r.augment import draw
from c2r.checkpoint import Checkpoint, PoolNetwork, pool_network, read_checkpoint
from c2r.config import RunConfig
from c2r.curriculum import batches, hardest_first, shuffled
from c2r.data import ClassDraws, RealData, initial_images
from c2r.loop import Loop, capture, restore
from c2r.methods import METHODS
from c2r.methods.c2r import Update, update
from c2r.pool import Pool, train_network
from c2r.project import pca_basis, separation
from c2r.sets import fits, read_own
from c2r.summary import margin_summary
from c2r.synthetic import Scores, SyntheticSet, embeddings, score


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
class Recorded:
    """A recorded step: its line for events.jsonl and the arrays of its frame."""

    step: int
    event: dict[str, Any]
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
        return {"images": self.images, "labels": self.labels} | ({} if self.soft is None else {"soft_labels": self.soft})


Event = Progress | Basis | Recorded | PoolNetwork | Checkpoint | Finished


def flips(data: RealData) -> bool:
    """Whether mirroring keeps the class: natural colour images yes; digits, letters and house numbers no."""
    return data.images.shape[1] == 3 and not data.name.startswith("svhn")


def distill(config: RunConfig, data: RealData, resume: Path | None = None) -> Iterator[Event]:
    """Distil `data`, whose tensors lie on the device to use. Yields events; the last one is `Finished`.

    :param resume: a run folder with a checkpoint to go on from; the result is that of a run that never stopped, bit for bit on the CPU
    """
    generator = torch.Generator().manual_seed(config.seed)
    images, labels, soft = _first_images(config, data, generator)
    device = data.images.device
    held = SyntheticSet.start(images.to(device), labels.to(device))
    losses: dict[str, float | None] = dict.fromkeys(("total", "match", "ce", "crl"))
    loop = Loop(config, data, generator, held, Pool(), flips(data), losses, began=time.perf_counter())
    found = read_checkpoint(resume) if resume else None
    if resume and found:
        restore(loop, resume, found)
    if loop.networks == 0:
        yield from _train_pool(loop, 1)
        yield Basis(_basis(loop))
    if loop.step < 0:
        loop.scores, loop.step = _score(loop), 0
        yield _record(loop, 0, loop.scores)
        yield capture(loop)
    if METHODS[config.method].updates:
        yield from _train_pool(loop, config.pool_size)
        yield from _update_images(loop)
    final = (loop.held.images.detach() * 255).round().to(torch.uint8)
    yield Finished(final.cpu().numpy(), labels.cpu().numpy(), soft)


def _first_images(config: RunConfig, data: RealData, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, np.ndarray | None]:
    """What the run starts from: the imported set of the settings, or images made of real ones or noise; and its soft labels."""
    if not config.imported and METHODS[config.method].source == "drawn":
        return *initial_images(data, config, generator), None
    found = read_own(config.imported)
    fits(found, tuple(data.images.shape[1:]), len(data.classes))
    return torch.from_numpy(found.pixels).float() / 255, torch.from_numpy(found.labels), found.soft


def _train_pool(loop: Loop, last: int) -> Iterator[Event]:
    """Train the pool's networks up to number `last`; each is handed out with a checkpoint, so that it is trained only once."""
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
    config, held, method = loop.config, loop.held, METHODS[loop.config.method]
    optimiser = torch.optim.Adam([held.images], lr=config.image_rate)
    if loop.moments:
        optimiser.state[held.images] = dict(loop.moments)
    draws = ClassDraws(loop.data.labels, len(loop.data.classes))
    for step in range(loop.step + 1, config.steps + 1):
        if not loop.pending or loop.scores is None:
            loop.scores = loop.scores if loop.fresh and loop.scores is not None else _score(loop)
            order = hardest_first(loop.scores.margin_adv) if method.order == "hardest" else shuffled(loop.scores.margin_adv, loop.generator)
            loop.pending = list(batches(order, config.batch))
        done = _loss(loop, loop.pending.pop(0), draws)
        optimiser.zero_grad(set_to_none=True)
        done.total.backward()
        optimiser.step()
        with torch.no_grad():
            held.images.clamp_(0, 1)
        loop.fresh, loop.step = False, step
        loop.losses = dict(done.parts)
        loop.forwards += done.forwards
        loop.backwards += done.backwards
        yield Progress("distill", step, config.steps, _figures(loop.scores))
        if step % config.record_every == 0 or step == config.steps:
            loop.scores, loop.fresh = _score(loop), True
            yield _record(loop, step, loop.scores)
            loop.moments = optimiser.state[held.images]
            yield capture(loop)


def _loss(loop: Loop, batch: torch.Tensor, draws: ClassDraws) -> Update:
    config, data, device = loop.config, loop.data, loop.data.images.device
    network, queue = loop.pool.draw(loop.generator)
    index = draws.draw(loop.generator, config.real_batch).view(-1).to(device)
    real = data.images[index].float() / 255, data.labels[index]
    transform = draw(loop.generator, network.mean.flatten(), network.std.flatten(), loop.flip)
    return update(loop.held, batch, real, network, queue, METHODS[config.method], config, transform, loop.generator)


def _score(loop: Loop) -> Scores:
    scores = score(loop.held, loop.pool.scorer, METHODS[loop.config.method], loop.config, loop.generator)
    loop.forwards += scores.forwards
    loop.backwards += scores.backwards
    return scores


def _figures(scores: Scores) -> dict[str, float]:
    return {"clean": float((scores.margin_clean > 0).float().mean()), "robust": float((scores.margin_adv > 0).float().mean())}


def _basis(loop: Loop) -> dict[str, np.ndarray]:
    count = min(2000, len(loop.data.images))
    index = torch.linspace(0, len(loop.data.images) - 1, count).round().long().to(loop.data.images.device)
    with torch.no_grad():
        embedded = [loop.pool.scorer.embed(loop.data.images[part].float() / 255) for part in index.split(500)]
    return pca_basis(torch.cat(embedded).cpu().numpy())


def _record(loop: Loop, step: int, scores: Scores) -> Recorded:
    held, config, scorer = loop.held, loop.config, loop.pool.scorer
    images = held.images.detach()
    clean, adversarial = (embeddings(x, scorer, config.partition).cpu().numpy() for x in (images, images + held.delta))
    labels = held.labels.cpu().numpy()
    arrays = {name: getattr(scores, name).cpu().numpy() for name in ("margin_clean", "margin_adv", "score", "pred_clean", "pred_adv")}
    arrays |= {
        "images": (images * 255).round().to(torch.uint8).cpu().numpy(), "labels": labels,
        "delta": held.delta.to(torch.float16).cpu().numpy(), "order": hardest_first(scores.margin_adv).cpu().numpy(),
        "embedding_clean": clean.astype(np.float16), "embedding_adv": adversarial.astype(np.float16),
    }  # fmt: skip
    event = {
        "seconds": time.perf_counter() - loop.began, "n": len(labels), "losses": loop.losses,
        "margin_clean": margin_summary(arrays["margin_clean"]), "margin_adv": margin_summary(arrays["margin_adv"]),
        "share_clean": _figures(scores)["clean"], "share_robust": _figures(scores)["robust"],
        "search": scores.search, "forwards": loop.forwards, "backwards": loop.backwards,
        "separation": {"clean": _finite(separation(clean, labels)), "adv": _finite(separation(adversarial, labels))},
    }  # fmt: skip
    return Recorded(step, event, arrays)


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
