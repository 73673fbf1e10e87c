"""A set that a run starts from or evaluates: read from a file of the app's own, and whether it fits the real data."""

from pathlib import Path

from c2r.errors import InputError
from c2r.formats import ImportedSet, read_set


def read_own(file: str | Path) -> ImportedSet:
    """A set as runs and imports store it (safetensors, images uint8 in [0, 1]). Raises InputError."""
    return read_set(file, "safetensors", normalisation="none")


def fits(found: ImportedSet, shape: tuple[int, ...], classes: int) -> None:
    """Raise InputError when a set cannot stand for real data of this image shape (C, H, W) and class count."""
    if found.images.shape[1:] != tuple(shape):
        came, wanted = ("×".join(map(str, s)) for s in (found.images.shape[1:], shape))
        raise InputError(f"The set holds {came} images and the real data are {wanted}: choose other data or set image_size.")
    if int(found.labels.max()) >= classes:
        raise InputError(f"The set has labels up to {found.labels.max()}, the real data {classes} classes: choose other data.")
    if found.soft is not None and found.soft.shape[1] != classes:
        raise InputError(f"The set has soft labels over {found.soft.shape[1]} classes, the real data {classes}: choose other data.")
