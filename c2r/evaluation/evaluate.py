"""Evaluation of a set: train fresh networks on it, try a protocol's attempts on test images, and look back at the set.

Every figure is at a radius in pixel units with normalisation inside the network (except the legacy protocol, which says
so); the last training step is scored, nothing is selected on test. N stored images, p² parts of each, M evaluation
networks, n test images.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from c2r.attacks.protocols import PROTOCOLS, Attempt, attempts, expected_passes
from c2r.config import RunConfig
from c2r.data.real import RealData, fixed_test_subset, flips, statistics
from c2r.distilled import DistilledSet
from c2r.evaluation.measure import Measured, measure
from c2r.events import Progress
from c2r.methods.students import learn, recipe, tensors_of
from c2r.networks.models import Network, build, frozen
from c2r.networks.naming import network_name
from c2r.registry import METHODS

SCALE = 1000  # of the progress of an evaluation


@dataclass(frozen=True)
class Row:
    """One result: accuracy of one network under one attempt, with what defines it (see rows.jsonl)."""

    values: dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """An evaluation network, ready."""

    seed: int
    network: Network


@dataclass(frozen=True)
class Judged:
    """Everything about one finished network: its rows, and per attempt ``set/KEY`` uint8 [N], ``correct/KEY`` uint8 and
    ``margin/KEY`` float32 [n]."""

    seed: int
    rows: list[dict[str, Any]]
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Outcomes:
    """Per attempt, what happened to each image.

    synthetic: key → [M, N] uint8, 1 where a network still classifies every part of the stored image correctly ({} for
    real data).
    test: ``labels`` and ``index`` [n], and per key ``correct/KEY`` uint8 and ``margin/KEY`` float32, each [M, n].
    """

    synthetic: dict[str, np.ndarray]
    test: dict[str, np.ndarray]


Event = Progress | Row | Trained | Judged | Outcomes


@dataclass(frozen=True)
class Images:
    """What is attacked: test images [n, C, H, W] with labels [n], and the effective images [N·p², C, H, W] of the set
    with labels [N·p²], both in [0, 1]; parts: p²; looked_at: whether the set's own images are attacked too."""

    test: tuple[Tensor, Tensor]
    own: tuple[Tensor, Tensor]
    parts: int
    looked_at: bool


def evaluate(
    source: DistilledSet, config: RunConfig, data: RealData, known: Mapping[int, Judged] | None = None
) -> Iterator[Event]:
    """Evaluate a set; `data` lies on the device to use.

    Yields Progress; for each network `Trained`, a `Row` per attempt and `Judged`; at last `Outcomes`. Networks do not
    depend on each other, so an evaluation that was cut off goes on with the next one. All real images, as a set, are
    not attacked themselves.

    :param known: networks that are judged already, by seed
    """
    device = data.images.device
    index = fixed_test_subset(data, config.eval_images, config.seed).to(device)
    test = data.test_images[index].float() / 255, data.test_labels[index]
    *own, targets = tensors_of(source, device)
    images = Images(test, (own[0], own[1]), source.parts, METHODS[config.method].kind != "reference")
    clock = _Clock(config, images, len(data.classes))
    judged = dict(known or {})
    for number in range(config.eval_seeds):
        seed = config.seed + number
        if seed in judged:
            continue
        generator = torch.Generator().manual_seed(1_000_003 + seed)
        network = build(config, own[0].shape[1:], len(data.classes), statistics(data), generator, config.precision).to(
            device
        )
        taught = own[0], targets
        for step in learn(network, taught, recipe(config), config.eval_batch, flips(data), generator):
            yield clock.training(number, step)
        frozen(network).reduced = False  # evaluation attacks run in float32, always
        yield Trained(seed, network)
        judged[seed] = Judged(seed, [], {})
        for event in _judge(network, images, config, judged[seed]):
            yield clock.trying(number, *event) if isinstance(event, tuple) else event
        yield judged[seed]
    yield _outcomes(
        [judged[seed] for seed in sorted(judged)], {"labels": test[1].cpu().numpy(), "index": index.cpu().numpy()}
    )


def _judge(
    network: Network, images: Images, config: RunConfig, into: Judged
) -> Iterator[Row | tuple[Attempt, float, bool]]:
    """All attempts on one network, on test images and on the effective synthetic images: each part by itself, all must
    survive. Yields rows, and how far an attempt is: the share done, and whether on the set."""
    about = {
        "method": config.method,
        "training": config.eval_training,
        "protocol": config.protocol,
        "seed": into.seed,
        "split": "test",
        "network": network_name(config, with_depth=False),
    }
    for attempt in attempts(config):
        for event in _measure(network, *images.test, attempt, config):
            if isinstance(event, Measured):
                into.rows.append(about | event.row())
                into.arrays[f"correct/{attempt.key}"] = event.correct.to(torch.uint8).cpu().numpy()
                into.arrays[f"margin/{attempt.key}"] = event.margin.float().cpu().numpy()
                yield Row(into.rows[-1])
            else:
                yield attempt, event, False
        own = attempt.on_set(config.eval_set_budget)
        for event in _measure(network, *images.own, own, config) if images.looked_at else ():
            if isinstance(event, Measured):
                survived = event.correct.view(-1, images.parts).all(1)
                into.arrays[f"set/{attempt.key}"] = survived.to(torch.uint8).cpu().numpy()
            else:
                yield attempt, event, True


def _outcomes(judged: list[Judged], about: dict[str, np.ndarray]) -> Outcomes:
    arrays = {key: np.stack([network.arrays[key] for network in judged]) for key in judged[0].arrays}
    on_set = {key.removeprefix("set/"): value for key, value in arrays.items() if key.startswith("set/")}
    return Outcomes(on_set, about | {key: value for key, value in arrays.items() if not key.startswith("set/")})


class _Clock:
    """Progress of an evaluation in expected passes: training, then every attempt on test images and on the set."""

    def __init__(self, config: RunConfig, images: Images, classes: int):
        parts, tested = len(images.own[1]) if images.looked_at else 0, len(images.test[1])
        self.train = (
            config.eval_steps * config.eval_batch * (3 + 2 * config.eval_at_steps * (config.eval_training == "pgd-at"))
        )
        self.steps, self.seeds = config.eval_steps, config.eval_seeds
        self.cost, self.before, begin = {}, {}, float(self.train)
        for attempt in attempts(config):
            self.cost[attempt.key] = (
                expected_passes(attempt, classes) * tested,
                expected_passes(attempt.on_set(config.eval_set_budget), classes, 0.9) * parts,
            )
            self.before[attempt.key] = begin
            begin += sum(self.cost[attempt.key])
        self.one = begin

    def training(self, number: int, step: int) -> Progress:
        return self._at(number, self.train * step / self.steps, f"network {number + 1} of {self.seeds}: training")

    def trying(self, number: int, attempt: Attempt, share: float, on_set: bool) -> Progress:
        test, images = self.cost[attempt.key]
        done = self.before[attempt.key] + (test + share * images if on_set else share * test)
        what = "the synthetic images" if on_set else "test images"
        return self._at(number, done, f"network {number + 1} of {self.seeds}: {attempt.label} on {what}")

    def _at(self, number: int, done: float, doing: str) -> Progress:
        share = (number * self.one + done) / (self.seeds * self.one)
        return Progress("evaluate", int(SCALE * min(share, 1.0)), SCALE, doing=doing)


def _measure(network: Network, x: Tensor, y: Tensor, attempt: Attempt, config: RunConfig) -> Iterator[float | Measured]:
    return measure(network, x, y, attempt, seed=config.seed, legacy=PROTOCOLS[config.protocol].space == "legacy")
