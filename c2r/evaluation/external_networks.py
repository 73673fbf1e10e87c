"""Attack one network that was not trained here: load it, measure a protocol's attempts, run the cheap checks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from c2r import disasters
from c2r.attacks.protocols import PROTOCOLS, attempts, main_radius
from c2r.config import RunConfig
from c2r.data.real import RealData, fixed_test_subset, load_on_device, statistics
from c2r.data.sources import peek
from c2r.errors import InputError
from c2r.evaluation import checks
from c2r.evaluation.badges import to_json
from c2r.evaluation.measure import Measured, measure
from c2r.evaluation.weights import Loaded, load
from c2r.networks.models import Network
from c2r.versions import versions


class Source(NamedTuple):
    """Where a network comes from: its weights file (None: the model brings its own), its model, its normalisation."""

    weights: Path | None
    model: str
    normalisation: str


def attack_network(
    source: Source, config: RunConfig, split: str, n: int, told: Callable[[str, float], None] | None = None
) -> dict[str, Any]:
    """Every attempt of the protocol of `config` on `n` images of a split (0: all).

    :param told: gets the label of an attempt and the share done
    :returns: network, data, rows and checks, as plain values
    """
    shape = peek(config.data, config.image_size)
    loaded = load(*source, shape.channels, shape.size, config.norm)
    data = load_on_device(config.model_copy(update={} if loaded.side == shape.size else {"image_size": loaded.side}))
    x, y = _images(data, split, n, config.seed)
    network = loaded.network.to(x.device)
    _fits(network, x, len(data.classes))
    measured = list(_measured(network, x, y, config, told or _silent))
    rows = [_about(source.model, config, split) | outcome.row() for outcome in measured]
    subject = checks.Subject(
        rows=rows,
        networks=[network],
        x=x,
        y=y,
        eps=main_radius(config),
        classes=len(data.classes),
        protocol=config.protocol,
        facts=_facts(loaded, data, x, config.seed),
        config=config,
        margins={outcome.attempt.key: outcome.margin[None].cpu().numpy() for outcome in measured},
        correct={outcome.attempt.key: outcome.correct[None].cpu().numpy() for outcome in measured},
    )
    return {
        "network": f"{source.model} ({loaded.layout} layout)",
        "weights": str(source.weights or ""),
        "normalisation": loaded.told,
        "n": len(y),
        "split": split,
        "data": {"name": data.name, "hash": data.hash},
        "protocol": config.protocol,
        "rows": rows,
        "checks": to_json(checks.run(subject)),
    }


def _about(model: str, config: RunConfig, split: str) -> dict[str, Any]:
    """What every row of the evaluation has in common."""
    return {
        "method": "weights file",
        "network": model,
        "training": "unknown",
        "protocol": config.protocol,
        "seed": config.seed,
        "split": split,
    }


def _silent(_label: str, _share: float) -> None:
    """For nobody who listens."""


def _measured(
    network: Network, x: Tensor, y: Tensor, config: RunConfig, told: Callable[[str, float], None]
) -> Iterator[Measured]:
    """What each attempt of the protocol leaves of the network."""
    legacy = PROTOCOLS[config.protocol].space == "legacy"
    for attempt in attempts(config):
        for event in measure(network, x, y, attempt, seed=config.seed, legacy=legacy):
            if isinstance(event, Measured):
                yield event
            else:
                told(attempt.label, event)


def _images(data: RealData, split: str, n: int, seed: int) -> tuple[Tensor, Tensor]:
    if split == "train":
        data = replace(data, test_images=data.images, test_labels=data.labels)
    index = fixed_test_subset(data, n, seed).to(data.images.device)
    return data.test_images[index].float() / 255, data.test_labels[index]


def _fits(network: Any, x: Tensor, classes: int) -> None:
    try:
        with torch.no_grad():
            logits = network(x[:2])
        shape = tuple(logits.shape)
    except Exception as error:  # also of a module of somebody else's
        wanted = f"a network that takes {tuple(x[:2].shape)} and gives logits, of other --data or --model"
        raise InputError(disasters.broken("The network", error, wanted)) from None
    if logits.ndim != 2 or logits.shape[1] < classes:
        raise InputError(
            f"The network gives outputs of shape {shape} for 2 images: expected 2 × {classes} logits; choose other"
            " --data."
        )


def _facts(loaded: Loaded, data: RealData, x: Tensor, seed: int) -> dict[str, Any]:
    mean, std = loaded.network.mean.flatten().tolist(), loaded.network.std.flatten().tolist()
    flat, train = x.transpose(0, 1).flatten(1), statistics(data)
    return {
        "assumed_mean": mean,
        "assumed_std": std,
        "test_mean": flat.mean(1).tolist(),
        "test_std": flat.std(1).tolist(),
        "data_hash": data.hash,
        "train_mean": train[0].tolist(),
        "train_std": train[1].tolist(),
        "network": loaded.layout,
        "origin": "weights file",
        "selection": "unknown",
        "precision": "float32",
        "tf32": bool(torch.backends.cuda.matmul.allow_tf32),
        "subset": {"n": len(x), "seed": seed, "stored": False},
        "versions": versions(),
    }
