"""Evaluation of a set: train fresh networks on it, attack them on test images, yield rows; and look back at the set.

Protocol: every figure is at radius ε in pixel units with normalisation inside the network; the last training step is
scored, nothing is selected on test. N stored images, M evaluation networks.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from c2r.attacks import ATTACKS, Model, label
from c2r.augment import draw
from c2r.config import RunConfig
from c2r.data import RealData, fixed_test_subset
from c2r.distill import Progress, flips
from c2r.fields import format_radius
from c2r.margins import logit_margin, worst_part
from c2r.metrics import wilson
from c2r.models import Network, build, frozen
from c2r.partition import expand
from c2r.pool import statistics
from c2r.synthetic import expanded
from c2r.threat import Threat
from c2r.training import train

CHUNK = 500


@dataclass(frozen=True)
class Row:
    """One result: accuracy of one network under one attack, with what defines it (see rows.jsonl)."""

    values: dict[str, Any]


@dataclass(frozen=True)
class Outcomes:
    """Per attack, [M, N] uint8: 1 where a network still classifies every part of the stored image correctly."""

    arrays: dict[str, np.ndarray]


def evaluate(images: np.ndarray, labels: np.ndarray, config: RunConfig, data: RealData) -> Iterator[Progress | Row | Outcomes]:
    """Evaluate stored images uint8 [N, C, H, W] with labels [N]; `data` lies on the device to use.

    Yields Progress, a `Row` per seed and attack, at last `Outcomes`.
    """
    device = data.images.device
    x, y = torch.from_numpy(images).to(device).float() / 255, torch.from_numpy(labels).to(device)
    index = fixed_test_subset(data, config.eval_images, config.seed).to(device)
    test = data.test_images[index].float() / 255, data.test_labels[index]
    normalisation = statistics(data)
    outcomes: dict[str, list[np.ndarray]] = {}
    total = config.eval_seeds * config.eval_steps
    for number in range(config.eval_seeds):
        seed = config.seed + number
        generator = torch.Generator().manual_seed(1_000_003 + seed)
        model = build(config, x.shape[1:], len(data.classes), normalisation, generator, config.precision).to(device)
        for step in _train(model, x, y, config, flips(data), generator):
            yield Progress("evaluate", number * config.eval_steps + step, total)
        frozen(model).reduced = False  # evaluation attacks run in float32, always
        for attack in ("clean", *config.eval_attacks):
            values = attack_row(model, *test, attack, config, generator)
            yield Row({"method": config.method, "training": config.eval_training, "seed": seed, "split": "test"} | values)
            outcomes.setdefault(attack, []).append(_outcome(model, x, y, attack, config, generator))
    yield Outcomes({attack: np.stack(rows) for attack, rows in outcomes.items()})


def _train(model: Network, x: Tensor, y: Tensor, config: RunConfig, flip: bool, generator: torch.Generator) -> Iterator[int]:
    images, labels = expand(x, config.partition), y.repeat_interleave(config.partition**2)
    mean, std = model.mean.flatten(), model.std.flatten()

    def batch() -> tuple[Tensor, Tensor]:
        index = torch.randperm(len(images), generator=generator)[: config.eval_batch].to(images.device)
        return draw(generator, mean, std, flip)(images[index]).clamp(0, 1), labels[index]

    threat = Threat(config.eps) if config.eval_training == "pgd-at" else None
    return train(
        model, batch, steps=config.eval_steps, rate=config.eval_rate, threat=threat, at_steps=config.eval_at_steps, generator=generator
    )


def attack_row(model: Network, x: Tensor, y: Tensor, attack: str, config: RunConfig, generator: torch.Generator) -> dict[str, Any]:
    """Accuracy of a frozen network on images [n, C, H, W] under `attack` ('clean' or a name of ATTACKS), as row values."""
    began = time.perf_counter()
    correct, forwards, backwards = 0, 1.0, 0.0
    for images, labels in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
        logits, forwards, backwards = _logits(model, images, labels, attack, config, generator)
        correct += int((logit_margin(logits, labels) > 0).sum())
    return {
        "network": f"{config.model}-{config.width}", "attack": attack, "label": label(attack, config), "norm": "Linf",
        "eps": format_radius(config.eps), "targeted": False, "accuracy": correct / len(y), "n": len(y),
        "interval": list(wilson(correct, len(y))), "forwards": forwards, "backwards": backwards,
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def _outcome(model: Network, x: Tensor, y: Tensor, attack: str, config: RunConfig, generator: torch.Generator) -> np.ndarray:
    seen, parts = expanded(model, config.partition), config.partition**2
    right = []
    for images, labels in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
        logits = _logits(seen, images, labels, attack, config, generator)[0]
        right.append(worst_part(logit_margin(logits, labels.repeat_interleave(parts)), parts) > 0)
    return torch.cat(right).to(torch.uint8).cpu().numpy()


def _logits(model: Model, x: Tensor, y: Tensor, attack: str, config: RunConfig, generator: torch.Generator) -> tuple[Tensor, float, float]:
    if attack == "clean":
        with torch.no_grad():
            return model(x), 1.0, 0.0
    found = ATTACKS[attack](model, x, y, threat=Threat(config.eps), generator=generator, steps=config.eval_pgd_steps)
    return found.logits, found.forwards, found.backwards
