"""What an evaluation rests on beside its settings: facts.json."""

from typing import Any

import numpy as np
import torch

from c2r.config import RunConfig
from c2r.data.real import RealData, statistics
from c2r.distilled import DistilledSet
from c2r.networks.naming import network_name
from c2r.registry import METHODS
from c2r.versions import versions


def set_facts(
    source: DistilledSet, config: RunConfig, data: RealData, constants: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What an evaluation rests on beside its settings: size, labels, constants, selection, seeds. Lists are per
    channel, in pixel units.

    :param constants: normalisation that came with an imported set
    """
    tested = len(data.test_images)
    return {
        **_size(source),
        **_pixels(source, data),
        "recipe": dict(source.recipe),
        "set_constants": constants,
        "selection": "last step",
        "best_minus_last": None,
        "network": network_name(config),
        "steps": config.eval_steps,
        "precision": "float32",
        "tf32": bool(torch.backends.cuda.matmul.allow_tf32),
        "data_hash": data.hash,
        "seeds": [config.seed + i for i in range(config.eval_seeds)],
        "subset": {"n": min(config.eval_images or tested, tested), "seed": config.seed, "stored": True},
        "shuffled": True,
        "origin": "imported" if METHODS[config.method].kind == "imported" else "own run",
        "versions": versions(),
    }


def _size(source: DistilledSet) -> dict[str, Any]:
    """Images, labels and bytes of the set."""
    return {
        "stored": len(source.images),
        "effective": source.effective,
        "bytes": source.images.nbytes,
        "label_bytes": source.label_bytes,
        "labels": "hard" if source.soft is None else "soft",
        "label_type": source.label_type,
        "partition": source.partition,
    }


def _pixels(source: DistilledSet, data: RealData) -> dict[str, Any]:
    """Mean and standard deviation of set, test and training images, and histograms of the first two."""
    images, test = source.images, data.test_images.cpu().numpy()
    mean, std = (value.tolist() for value in statistics(data))
    return {
        "set_mean": _mean(images),
        "set_std": _std(images),
        "test_mean": _mean(test),
        "test_std": _std(test),
        "train_mean": mean,
        "train_std": std,
        "assumed_mean": mean,
        "assumed_std": std,
        "histograms": {"set": _histogram(images), "test": _histogram(test)},
    }


def _mean(images: np.ndarray) -> list[float]:
    return [float(value) for value in images[:20_000].mean((0, 2, 3)) / 255]


def _std(images: np.ndarray) -> list[float]:
    return [float(value) for value in images[:20_000].std((0, 2, 3)) / 255]


def _histogram(images: np.ndarray) -> list[list[int]]:
    """Counts of pixel values in 32 bins, per channel."""
    return [np.bincount(images[:5000, c].ravel() >> 3, minlength=32).tolist() for c in range(images.shape[1])]
