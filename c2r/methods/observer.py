"""The observer: what every run records of its set, whatever the method, under the run's scorers.

It turns a snapshot into margins, order, embeddings, a frame and an event, and changes nothing: a run goes on as if
nobody had looked. Letters: N stored images, p² parts of each, D embedding.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from c2r.core.curriculum import hardest_first, shuffled
from c2r.core.partition import expand, fold
from c2r.core.pgd import Inner
from c2r.core.randomness import generator_for
from c2r.distilled import DistilledSet
from c2r.events import Progress, Snapshot, State
from c2r.look.project import pca_basis, separation
from c2r.look.summary import margin_summary
from c2r.methods.context import Context, made_of
from c2r.methods.pool import Pool, contrastive_loss, train_network
from c2r.methods.scoring import Scores, embeddings, score
from c2r.methods.starting import settled
from c2r.methods.students import Follower
from c2r.networks.models import Network
from c2r.registry import METHODS
from c2r.scorers import FOLLOWER, under

FIGURES = ("margin_clean", "margin_adv", "score", "pred_clean", "pred_adv")


@dataclass(frozen=True)
class Basis:
    """The PCA basis of each scorer, fitted once on real images' embeddings."""

    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Recorded:
    """A recorded step: its line for events.jsonl, the arrays of its frame, and the set as it would be if the run ended
    here."""

    step: int
    event: dict[str, Any]
    arrays: dict[str, np.ndarray]
    made: DistilledSet


def in_order(scores: Scores, order: str, seed: int, step: int) -> Tensor:
    """The order [N] in which an epoch that begins after `step` goes through the images; a mere rank for no order."""
    if order == "random":
        return shuffled(scores.margin_adv, generator_for(seed, "order", step))
    return hardest_first(scores.margin_adv)


@dataclass
class Observer:
    """The run's scorers by name, the first of which decides the order, and the last scores, a memory only."""

    context: Context
    scorers: dict[str, Network] = field(default_factory=dict)
    extra: Pool = field(default_factory=Pool)
    follower: Follower | None = None
    last: tuple[int, Scores] | None = None

    @property
    def figures(self) -> dict[str, float]:
        """Shares of images that are correct and robust, of the last scores."""
        return self.last[1].shares if self.last else {}

    def prepare(self, state: State | None) -> Iterator[Progress]:
        """Have the scorers, trained on real data or as a kept state holds them, and the start, which the margins under
        the first one may choose."""
        context, config = self.context, self.context.config
        if state:
            self.extra.restore("scorer", state.parts, config, context.data)
        if FOLLOWER in config.scorers:
            self.follower = Follower.untrained(config, context.data)
        if state and self.follower:
            self.follower.restore(state.tensors)
        work = {name: self._made(name) for name in config.scorers}
        total, done = sum(steps for _, steps in work.values()), 0
        for name, (steps, length) in work.items():
            for step in steps:
                yield Progress("scorer", done + step, total)
            done += length
            self.scorers[name] = self._ready(name)
            if len(self.scorers) == 1:
                context.start = settled(context, self.scorers[name])

    def _made(self, name: str) -> tuple[Iterator[int], int]:
        """What trains a scorer that does not stand yet, step by step, and how many steps that takes."""
        context, config = self.context, self.context.config
        if name == "ce":
            trained = (event.step for event in context.networks(1, "scorer"))
            return (trained if not context.pool.ends else iter(())), config.pool_steps
        if name == "ce-crl":
            return (self._contrastive() if not self.extra.ends else iter(())), config.pool_steps
        assert self.follower, "made before"
        return self._followed(self.follower), config.scorer_set_steps

    def _followed(self, follower: Follower) -> Iterator[int]:
        """Train the scorer on the start, unless a kept state holds it."""
        if follower.since < 0:
            yield from follower.refresh(made_of(self.context.start, self.context.config.partition), 0)

    def _ready(self, name: str) -> Network:
        if name == FOLLOWER and self.follower:
            return self.follower.network
        return self.context.pool.last(0) if name == "ce" else self.extra.last(0)

    def _contrastive(self) -> Iterator[int]:
        """Train the scorer whose loss is contrastive too, from draws of its own."""
        config, generator = self.context.config, generator_for(self.context.config.seed, "scorer", 0)
        loss = contrastive_loss(config.scorer_eta)
        yield from train_network(self.extra, config, self.context.data, generator, loss)
        self.extra = Pool([self.extra.last(0)], [1])

    def keep(self, state: State) -> State:
        """The state of a method with its building blocks and the scorers."""
        follower = self.follower.tensors() if self.follower else {}
        return self.context.keep(state).plus(follower, parts=self.extra.parts("scorer"))

    def basis(self) -> Basis:
        """The PCA basis of every scorer."""
        data = self.context.data
        arrays: dict[str, np.ndarray] = {}
        count = min(2000, len(data.images))
        index = torch.linspace(0, len(data.images) - 1, count).round().long().to(data.images.device)
        for number, (name, network) in enumerate(self.scorers.items()):
            with torch.no_grad():
                embedded = [network.embed(data.images[part].float() / 255) for part in index.split(500)]
            arrays |= under(pca_basis(torch.cat(embedded).cpu().numpy()), name if number else "")
        return Basis(arrays)

    def score(self, seen: Snapshot) -> Scores:
        """The scores of a set under the first scorer; taken once, or again after a resume, with the same result."""
        if self.last is None or self.last[0] != seen.step:
            self.last = seen.step, self._scores(seen, next(iter(self.scorers.values())))
        return self.last[1]

    def _scores(self, seen: Snapshot, network: Network) -> Scores:
        config = self.context.config
        generator = generator_for(config.seed, "look", seen.step)
        return score(seen, config.partition, network, Inner(METHODS[config.method].attack, config, generator))

    def record(self, seen: Snapshot) -> Recorded:
        """What is to be seen of a set."""
        config, made = self.context.config, made_of(seen, self.context.config.partition)
        if self.follower and self.follower.due(seen.step):
            for _ in self.follower.refresh(made, seen.step):
                pass
            self.scorers[FOLLOWER] = self.follower.network
        arrays: dict[str, np.ndarray] = {"images": made.images, "labels": made.labels}
        if made.soft is not None and seen.soft is not self.context.start.soft:
            arrays["soft_labels"] = made.soft
        event: dict[str, Any] = {
            "seconds": time.perf_counter() - self.context.began,
            "n": len(made.labels),
            "series": dict(seen.series),
            "forwards": seen.forwards,
            "backwards": seen.backwards,
        }
        for number, (name, network) in enumerate(self.scorers.items()):
            scores = self._scores(replace(seen, warm=None), network) if number else self.score(seen)
            figures, shown = self._under(seen, scores, network, made.labels)
            if number:
                event.setdefault("scorers", {})[name] = shown
            else:
                event |= shown
                figures |= {
                    "delta": fold(scores.delta, config.partition).to(torch.float16).cpu().numpy(),
                    "order": in_order(scores, METHODS[config.method].order, config.seed, seen.step).cpu().numpy(),
                }
            arrays |= under(figures, name if number else "")
        return Recorded(seen.step, event, arrays, made)

    def _under(
        self, seen: Snapshot, scores: Scores, network: Network, labels: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and figures of a set under one scorer."""
        parts = self.context.config.partition
        effective = expand(seen.images.detach(), parts)
        turned = self.follower.turned if self.follower and network is self.follower.network else torch.clone
        clean, adversarial = (
            turned(embeddings(x, network, parts)).cpu().numpy() for x in (effective, effective + scores.delta)
        )
        arrays = {name: getattr(scores, name).cpu().numpy() for name in FIGURES}
        arrays |= {
            "embedding_clean": clean.astype(np.float16),
            "embedding_adv": adversarial.astype(np.float16),
        }
        figures = {
            "margin_clean": margin_summary(arrays["margin_clean"]),
            "margin_adv": margin_summary(arrays["margin_adv"]),
            "share_clean": scores.shares["clean"],
            "share_robust": scores.shares["robust"],
            "search": scores.search,
            "separation": {
                "clean": _finite(separation(clean, labels)),
                "adv": _finite(separation(adversarial, labels)),
            },
        }
        return arrays, figures


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
