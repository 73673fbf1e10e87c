"""What pages ask of one recorded step without holding it: images, δ and embeddings are read by rows or in parts.

A frame of 10,000 images of 32 × 32 pixels has 170 MB; a page shows some sixty of them. Letters: N synthetic images, D
embedding.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app import cache, views
from c2r.base.errors import InputError
from c2r.distilled import DistilledSet
from c2r.formats.fromrun import START
from c2r.look.project import apply_basis
from c2r.scorers import stored
from c2r.store import runs
from c2r.store.files import RowNumbers, outlines, read_array_rows

PART = 1000  # rows of a large array in memory at once


def rows(path: Path, step: int, name: str, ids: RowNumbers) -> np.ndarray:
    """Of the array `name` (images, delta, embedding_clean, …) of a recorded step the rows `ids`. Raises InputError."""
    return runs.read_rows_of(path, step, name, ids)


def projected(path: Path, step: int, scorer: str = "") -> cache.Arrays:
    """The embeddings of a recorded step on the PCA axes of a scorer, '' for the first: ``clean`` and ``adv`` [N, 2].
    Raises InputError, also without axes that fit."""
    return _projected(str(path), step, cache.frame_stamp(path, step), cache.stamp(path / "basis.safetensors"), scorer)


def axes(path: Path, scorer: str = "") -> cache.Arrays | None:
    """The PCA axes of a scorer, as `c2r.look.project.pca_basis` gives them; None without. Raises InputError."""
    return cache.of_scorer(cache.arrays(path, "basis"), scorer, ("mean", "axes", "explained"))


def stored_set(path: Path, step: int, partition: int) -> DistilledSet:
    """The set at a recorded step by its sizes: its arrays have their shapes and kinds, and hold zeros."""
    frame, soft = outlines(path, f"frames/{step:06d}"), _soft_file(path, step)
    labels = frame.get("labels", np.zeros(0, np.int64))
    images = frame.get("images", np.zeros((0, 1, 1, 1), np.uint8))
    return DistilledSet(images, labels, outlines(path, soft)[runs.SOFT] if soft else None, partition)


def soft_labels(path: Path, step: int, ids: RowNumbers) -> np.ndarray | None:
    """The soft labels of the images `ids` at a recorded step, over parts or views their mean: [M, K]; None where labels
    are hard. Raises InputError."""
    file = _soft_file(path, step)
    if not file:
        return None
    soft = read_array_rows(path, file, runs.SOFT, ids)
    return soft.mean(1) if soft.ndim == 3 else soft


def _soft_file(path: Path, step: int) -> str:
    """The file that holds the soft labels of a recorded step, '' for hard labels: its frame, else, of a method that
    leaves them as they are, what the run started from or made."""
    files = (f"frames/{step:06d}", START.removesuffix(".safetensors"), "synthetic")
    return next((file for file in files if runs.SOFT in outlines(path, file)), "")


def change_since(path: Path, first: int, step: int) -> np.ndarray:
    """Mean absolute change of each image between two recorded steps, in pixel units of [0, 1]: [N]. Raises
    InputError."""
    return _change(str(path), first, step, cache.frame_stamp(path, first), cache.frame_stamp(path, step))


def largest_delta(path: Path, step: int) -> float:
    """The largest |δ| of a recorded step, in pixel units of [0, 1]. Raises InputError."""
    return float(_largest(str(path), step, cache.frame_stamp(path, step)))


def nearest_other(path: Path, step: int, sample: int, scorer: str = "") -> int | None:
    """The image of another class whose clean embedding under a scorer lies nearest (Euclidean), None when there is
    none. Raises InputError."""
    name = stored("embedding_clean", scorer)
    point = rows(path, step, name, [sample])[0].astype(np.float32)
    distance = np.concatenate([((part.astype(np.float32) - point) ** 2).sum(1) for part in _parts(path, step, name)])
    return views.nearest_other(distance, cache.margins(path, step)["labels"], sample)


def distance(path: Path, step: int, pair: tuple[int, int], scorer: str = "") -> float:
    """How far two images lie apart in the clean embedding of a scorer (Euclidean). Raises InputError."""
    first, second = rows(path, step, stored("embedding_clean", scorer), list(pair)).astype(np.float32)
    return float(np.linalg.norm(first - second))


def _parts(path: Path, step: int, name: str) -> Iterator[np.ndarray]:
    """The array `name` of a recorded step, `PART` rows at a time."""
    n = len(cache.margins(path, step)["labels"])
    for start in range(0, n, PART):
        yield rows(path, step, name, range(start, min(n, start + PART)))


@cache.kept
def _projected(path: str, step: int, when: cache.Stamp, fitted: cache.Stamp, scorer: str) -> cache.Arrays:  # noqa: ARG001 - parts of the key
    basis = axes(Path(path), scorer)
    if basis is None:
        raise InputError(
            f"Run {Path(path).name} has no PCA axes of this scorer: expected those that a run writes; choose another"
            " run."
        )
    places = {}
    for name in ("clean", "adv"):
        parts = list(_parts(Path(path), step, stored(f"embedding_{name}", scorer)))
        if parts[0].shape[1] != len(basis["mean"]):
            raise InputError(
                f"basis.safetensors of run {Path(path).name} belongs to other images: expected what this run wrote;"
                " choose another run."
            )
        places[name] = np.concatenate([apply_basis(part, basis) for part in parts])
    return places


@cache.kept
def _change(path: str, first: int, step: int, *when: cache.Stamp) -> np.ndarray:  # noqa: ARG001
    pairs = zip(_parts(Path(path), first, "images"), _parts(Path(path), step, "images"), strict=True)
    return np.concatenate([views.change_between(before, now) for before, now in pairs])


@cache.kept
def _largest(path: str, step: int, when: cache.Stamp) -> np.ndarray:  # noqa: ARG001
    return np.max([np.abs(part.astype(np.float32)).max(initial=0) for part in _parts(Path(path), step, "delta")])
