"""A distilled set as plain arrays, checked, in [0, 1], with what is known about it. numpy, no torch.

Letters: N images, C channels, H W sides, K classes.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from c2r.base.errors import InputError
from c2r.base.untrusted import MOST_CLASSES, class_names
from c2r.data.pixels import channels_first
from c2r.distilled import DistilledSet
from c2r.formats.guessing import guess_names, partition_facts
from c2r.formats.normalisation import Constants, resolve, undo


@dataclass(frozen=True)
class ImportedSet:
    """A distilled set, from a file or a run.

    :param images: float32 [N, C, H, W] in [0, 1]; `pixels` gives them as uint8
    :param labels: int64 [N], the largest entry of a soft label
    :param soft: float32 [N, K] or [N, V, K] probabilities, one per image, part or view, or None
    :param classes: K names
    :param mean, std: constants per channel that were undone, None when the file already was in [0, 1]
    :param facts: what was found: shape, range, counts, guesses, sha256, ``metadata`` as stored by the writer
    """

    images: np.ndarray
    labels: np.ndarray
    soft: np.ndarray | None
    classes: tuple[str, ...]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    format: str
    path: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> np.ndarray:
        """The images as uint8 [N, C, H, W], rounded; ``facts["rounding"]`` is the largest change, in [0, 1] units."""
        return np.round(self.images * 255).astype(np.uint8)

    @property
    def partition(self) -> int:
        """Parts per side of a stored image; 1 where nothing tells."""
        return self.facts.get("partition") or 1

    @property
    def distilled(self) -> DistilledSet:
        """The same as networks are trained on it."""
        recipe = self.facts.get("metadata", {}).get("recipe")
        known = recipe if isinstance(recipe, dict) else {}
        return DistilledSet(self.pixels, self.labels, self.soft, self.partition, known)


@dataclass(frozen=True)
class Raw:
    """What a reader found: images of any accepted shape and number type, labels hard or soft, constants the file
    states, other facts."""

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[Any, ...] = ()
    soft: np.ndarray | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    constants: Constants | None = None


def finish(raw: Raw, path: Path, format: str, normalisation: str) -> ImportedSet:
    """Check what a reader found and bring it into [0, 1].

    :raises InputError: no images, unequal counts, NaN, labels that are no classes; NormalisationNeeded as `resolve`
        says
    """
    name = path.name
    images = _numbers(channels_first(np.asarray(raw.images), name), name)
    if len(images) != len(raw.labels):
        raise InputError(
            f"{name} has {len(images)} images and {len(raw.labels)} labels: expected one label per image; write it"
            " again."
        )
    labels, soft, note = _labels(np.asarray(raw.labels), raw.soft, name)
    method, data = guess_names(path)
    constants = None
    if images.dtype == np.uint8 and normalisation == "ask":
        unit, clipped = images.astype(np.float32) / 255, 0.0
    else:
        values = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
        constants = resolve(values, normalisation, name, data, raw.constants)
        unit, clipped = undo(values, constants)
    classes = _class_names(labels, soft, raw.classes, name)
    facts: dict[str, Any] = {
        "dtype": str(raw.images.dtype),
        "shape": list(images.shape),
        "low": float(images.min()),
        "high": float(images.max()),
        "clipped": clipped,
        "rounding": float(np.abs(np.round(unit * 255) / 255 - unit).max()),
        "bytes": size_of(path),
        "sha256": digest(path),
        "method": method,
        "data": data,
        "labels": note,
    }
    facts |= counts(labels, len(classes)) | partition_facts(unit, method) | raw.facts
    mean, std = constants or (None, None)
    return ImportedSet(unit, labels, soft, classes, mean, std, format, str(path), facts)


def _numbers(images: np.ndarray, name: str) -> np.ndarray:
    if not images.size:
        raise InputError(f"{name} holds no images: expected at least one; choose another file or write it again.")
    if images.dtype.kind in "iub" and images.min() >= 0 and images.max() <= 255:
        return images.astype(np.uint8)
    if images.dtype.kind != "f":
        raise InputError(
            f"The images of {name} are {images.dtype}: expected whole numbers 0 to 255 or floats; convert them."
        )
    bad = ~np.isfinite(images)
    if bad.any():
        raise InputError(
            f"{int(bad.sum())} values of the images of {name} are NaN or infinite: expected finite numbers; the"
            " distillation diverged, so choose an earlier file."
        )
    return images


def _labels(labels: np.ndarray, soft: np.ndarray | None, name: str) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Hard labels, soft labels or None, and how they were stored."""
    if labels.ndim in (2, 3) and labels.shape[-1] > 1:
        soft, labels = labels, labels.reshape(len(labels), -1, labels.shape[-1]).mean(1).argmax(1)
    labels = labels.reshape(-1) if labels.ndim == 2 else labels
    if labels.ndim != 1 or labels.dtype.kind not in "iuf" or (labels != np.round(labels)).any() or (labels < 0).any():
        raise InputError(
            f"The labels of {name} are no class numbers: expected whole numbers from 0, or [N, K] soft labels; store"
            " those."
        )
    if labels.max() >= MOST_CLASSES:
        raise InputError(
            f"A label of {name} is {labels.max():g}: expected class numbers from 0 to {MOST_CLASSES - 1}; renumber the"
            " classes."
        )
    if soft is None:
        return labels.astype(np.int64), None, "hard"
    soft, note = _probabilities(np.asarray(soft), len(labels), name)
    return (
        (soft.argmax(-1) if note == "one-hot" else labels).astype(np.int64),
        None if note == "one-hot" else soft,
        note,
    )


def _probabilities(stored: np.ndarray, count: int, name: str) -> tuple[np.ndarray, str]:
    soft = stored.astype(np.float32)
    if soft.ndim not in (2, 3) or len(soft) != count or not np.isfinite(soft).all():
        raise InputError(
            f"The soft labels of {name} have shape {list(soft.shape)} or are not finite: expected [{count}, K]"
            f" or [{count}, views, K]; write it again."
        )
    if soft.min() >= 0 and np.abs(soft.sum(-1) - 1).max() < 0.01:
        kept = stored if stored.dtype == np.float16 else soft  # so that their bytes are those that were stored
        return kept, "one-hot" if soft.ndim == 2 and (
            (soft == 0) | (soft == 1)
        ).all() else "soft: probabilities as stored"
    raised = np.exp(soft - soft.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True), "soft: logits as stored, softmax at temperature 1 taken"


def _class_names(labels: np.ndarray, soft: np.ndarray | None, classes: tuple[Any, ...], name: str) -> tuple[str, ...]:
    count = max(int(labels.max()) + 1, soft.shape[-1] if soft is not None else 0)
    if classes and len(classes) < count:
        raise InputError(
            f"{name} names {len(classes)} classes and uses {count}: expected a name for every class; write it again."
        )
    if max(count, len(classes)) > MOST_CLASSES:
        raise InputError(
            f"{name} has {max(count, len(classes))} classes: expected at most {MOST_CLASSES}; leave out some."
        )
    return class_names(classes or map(str, range(count)))


def counts(labels: np.ndarray, classes: int) -> dict[str, Any]:
    """Images per class; ``ipc`` is their number where all classes have the same, else None."""
    per_class = np.bincount(labels, minlength=classes)
    return {"class_counts": per_class.tolist(), "ipc": int(per_class[0]) if (per_class == per_class[0]).all() else None}


def _parts(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(file.stat().st_size for file in _parts(path))


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder over the names and contents of its files, in order."""
    sha = hashlib.sha256()
    for file in _parts(path):
        if path.is_dir():
            sha.update(str(file.relative_to(path)).encode())
        with open(file, "rb") as opened:
            while block := opened.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()
