"""The synthetic set of a run folder as an `ImportedSet`, ready to export, and the constants to train on a set with.
numpy, no torch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from c2r.config import RunConfig
from c2r.errors import InputError
from c2r.formats.imported import ImportedSet, counts
from c2r.formats.normalisation import NORMALISATIONS, Constants, constants, resolve
from c2r.store.files import read_arrays
from c2r.store.runs import Run, open_run, read_frame
from c2r.untrusted import parse_json

START = "start.safetensors"  # what a fork or an import started from
AUGMENTATION = "none stored: every training recipe draws its own"


def from_run(path: str | Path, step: int | None = None) -> ImportedSet:
    """The set a run made, with its settings as metadata.

    :param step: a recorded step; None takes the finished set
    :raises InputError: the folder is no run, is damaged, or has no such step
    """
    path = Path(path)
    run = open_run(path)
    if run.config is None:
        raise InputError(run.problem)
    arrays = (
        read_arrays(path, "synthetic") if step is None else read_frame(path, step, ("images", "labels", "soft_labels"))
    )
    images, labels = arrays["images"].astype(np.float32) / 255, arrays["labels"].astype(np.int64)
    soft = arrays.get("soft_labels") if step is None or "soft_labels" in arrays else _soft_at_every_step(path)
    names = tuple(map(str, run.manifest.get("classes") or range(int(labels.max()) + 1)))
    notes = _notes(run, run.config) | ({"recipe": recipe_of(path)} if step is None else {})
    facts: dict[str, Any] = {
        "dtype": str(arrays["images"].dtype),
        "shape": list(images.shape),
        "clipped": 0.0,
        "rounding": 0.0,
        "method": run.config.method,
        "data": str(run.manifest.get("data", {}).get("name", run.config.data)),
        "partition": run.config.partition,
        "partition_reason": "stored in the run",
        "labels": "hard" if soft is None else "soft: probabilities as stored",
        "metadata": notes,
    }
    made = ImportedSet(images, labels, soft, names, None, None, "run", str(path), facts | counts(labels, len(names)))
    mean, std = training_constants(made)
    return replace(made, facts=made.facts | {"metadata": notes | {"mean": list(mean), "std": list(std)}})


def _notes(run: Run, settings: RunConfig) -> dict[str, Any]:
    """The metadata that travel with a run's set."""
    config = settings.model_dump(mode="json")
    return {name: config[name] for name in ("ipc", "partition", "method", "seed")} | {
        "data_hash": run.manifest.get("data", {}).get("hash", ""),
        "augmentation": AUGMENTATION,
        "config": config,
    }


def _soft_at_every_step(path: Path) -> np.ndarray | None:
    """The soft labels [N, K] that the images of a run keep at every step, as no frame has its own; None when labels are
    hard."""
    for file in (START, "synthetic.safetensors"):
        if (path / file).exists():
            return read_arrays(path, file.removesuffix(".safetensors"), only=("soft_labels",)).get("soft_labels")
    return None


def recipe_of(path: Path) -> dict[str, Any]:
    """What the finished set of a run says about training on it; {} where it says nothing."""
    try:
        with safe_open(path / "synthetic.safetensors", framework="numpy") as stored:
            recipe = parse_json((stored.metadata() or {}).get("recipe", "{}"))
    except (SafetensorError, OSError, ValueError):
        return {}
    return recipe if isinstance(recipe, dict) else {}


def training_constants(found: ImportedSet, wanted: str = "") -> Constants:
    """Mean and standard deviation per channel to normalise the set's images with.

    `wanted` if given (as in `normalisation.resolve`), else the constants that were undone, else those stored in the
    metadata, else
    those of the data set it says it is from (CIFAR-10's as DC has them), else those of its own pixels.
    """
    channels, notes = found.images.shape[1], found.facts.get("metadata", {})
    name = found.facts.get("data", "")
    named = NORMALISATIONS.get("cifar10-dc" if name == "cifar10" else name)
    stored = (found.mean, found.std) if found.mean else (notes.get("mean"), notes.get("std"))
    if wanted:
        return resolve(found.images, wanted, Path(found.path).name) or ((0.0,) * channels, (1.0,) * channels)
    if (known := constants(*stored)) and len(known[0]) in (1, channels):
        return known
    if named and len(named[0]) == channels:
        return named
    std = np.maximum(found.images.std((0, 2, 3)), 0.01)
    return tuple(found.images.mean((0, 2, 3)).tolist()), tuple(std.tolist())
