"""What a source of real images must hold: a train and a test split, labels 0 to K − 1, images of every class. numpy, no
torch.

Letters: N images, C channels, H W sides, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from c2r.errors import InputError
from c2r.untrusted import MOST_CLASSES, class_names, regular

Tell = Callable[[str, float], None]  # is told what is being done and the share done, 0 to 1
SMALLEST_SIDE = 8
SMALLEST_PART = 4


@dataclass(frozen=True)
class Shape:
    """The outline of a source: what preflight needs to know before anything is decoded. Images are square.

    :param train, test: numbers of images; `smallest`: train images of the smallest class, 0 when not counted
    """

    channels: int
    size: int
    classes: int
    train: int
    test: int
    smallest: int = 0


@dataclass(frozen=True)
class Splits:
    """What a reader found: uint8 images [N, C, H, W], labels [N] as stored, and class names, () when the source has
    none."""

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    names: tuple[str, ...] = ()


def trainable(splits: Splits, where: str) -> Splits:
    """`splits` with int64 labels and a name for every class. Raises InputError for whatever cannot be trained on."""
    for split, images, labels in (
        ("train", splits.images, splits.labels),
        ("test", splits.test_images, splits.test_labels),
    ):
        require_counts(len(images), len(labels), split, where)
    labels, test_labels = whole_labels(splits.labels, "train", where), whole_labels(splits.test_labels, "test", where)
    names = names_of_classes(labels, test_labels, splits.names, where)
    require_alike(splits.images.shape[1:], splits.test_images.shape[1:], where)
    require_side(splits.images.shape[-1], where)
    return Splits(splits.images, labels, splits.test_images, test_labels, names)


def outline(
    channels: int, size: int, labels: np.ndarray, test_labels: np.ndarray, names: tuple[str, ...], where: str
) -> Shape:
    """The Shape of a source whose labels are known and whose images are not decoded. Raises InputError as
    `trainable` does."""
    labels, test_labels = whole_labels(labels, "train", where), whole_labels(test_labels, "test", where)
    names = names_of_classes(labels, test_labels, names, where)
    require_side(size, where)
    return Shape(channels, size, len(names), len(labels), len(test_labels), int(np.bincount(labels).min()))


def whole_labels(values: np.ndarray, split: str, where: str) -> np.ndarray:
    """Labels as int64 [N] from any array [N] or [N, 1] of whole numbers from 0 on. Raises InputError otherwise."""
    labels = np.asarray(values)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1:
        raise InputError(
            f"The {split} labels of {where} have shape {list(labels.shape)}: expected one class number per image; store"
            " those."
        )
    if not len(labels):
        raise InputError(
            f"{where} has no {split} images: expected images of at least two classes; add some or choose other data."
        )
    wrong = _not_whole(labels)
    if wrong.any():
        raise InputError(
            f"A {split} label of {where} is '{labels[wrong.argmax()]}': expected whole numbers from 0 to classes - 1;"
            " renumber the classes."
        )
    if labels.min() < 0:
        raise InputError(
            f"A {split} label of {where} is negative ({labels.min()}): expected 0 to classes - 1; leave out images"
            " without a label."
        )
    if labels.max() >= 2**62:
        raise InputError(
            f"A {split} label of {where} is {labels.max().item()}, out of range: expected 0 to classes - 1; renumber"
            " the classes without gaps."
        )
    return labels.astype(np.int64)


def _not_whole(labels: np.ndarray) -> np.ndarray:
    if labels.dtype.kind in "iu":
        return np.zeros(len(labels), bool)
    if labels.dtype.kind != "f":
        return np.ones(len(labels), bool)
    return ~np.isfinite(labels) | (labels != np.round(labels))


def names_of_classes(
    labels: np.ndarray, test_labels: np.ndarray, names: tuple[str, ...], where: str
) -> tuple[str, ...]:
    """Names of all K classes, as words that can be stored and shown (numbers where the source has none).

    :raises InputError: a split lacks a class, or there are more classes than a run folder may name
    """
    if len(np.unique(labels)) < 2:
        raise InputError(f"{where} has one class only: expected at least two; add images of another class.")
    count = len(names) or min(int(labels.max()) + 1, len(labels))
    if count > MOST_CLASSES:
        raise InputError(
            f"{where} has {count} classes: expected at most {MOST_CLASSES}; choose other data or merge classes."
        )
    names = class_names(names or map(str, range(count)))
    for split, values in (("train", labels), ("test", test_labels)):
        if values.max() >= count:
            raise InputError(
                f"A {split} label of {where} is {values.max()}, out of range: expected 0 to {count - 1}; renumber the"
                " classes without gaps."
            )
        empty = np.flatnonzero(np.bincount(values, minlength=count) == 0)
        if len(empty):
            raise InputError(
                f"Class '{names[empty[0]]}' has no {split} images in {where}: expected some of every class; add them or"
                " remove the class."
            )
    return names


def require_alike(train: tuple[int, ...], test: tuple[int, ...], where: str) -> None:
    """Raise InputError unless images of both splits, [C, H, W], have the same channels and size."""
    if train != test:
        came, wanted = ("×".join(map(str, shape)) for shape in (test, train))
        raise InputError(
            f"The test images of {where} are {came} (channels × px), the training images {wanted}: expected the same of"
            " both; convert one of them."
        )


def require_counts(images: int, labels: int, split: str, where: str) -> None:
    """Raise InputError unless there is one label per image."""
    if images != labels:
        raise InputError(
            f"{where} has {images} images and {labels} labels ({split}): expected one label per image; write it again."
        )


def at_side(shape: Shape, side: int, where: str) -> Shape:
    """The Shape with images resized to `side` px; 0 keeps them. Raises InputError when that is too small."""
    require_side(side or shape.size, where)
    return replace(shape, size=side or shape.size)


def require_side(side: int, where: str) -> None:
    """Raise InputError for images too small for the networks."""
    if side < SMALLEST_SIDE:
        raise InputError(
            f"The images of {where} are {side} px wide: expected at least {SMALLEST_SIDE} px; set image_size to"
            f" {SMALLEST_SIDE} or more."
        )


def budget_problem(smallest: int, ipc: int, partition: int) -> str:
    """'' when the smallest class has enough train images for ipc × partition² parts, else the sentence that says it has
    not."""
    need = ipc * partition**2
    if need <= smallest:
        return ""
    return (
        f"The smallest class has {smallest} train images: expected at least ipc × partition² = {need}, "
        "one real image for every part; lower ipc or partition."
    )


def partition_problem(side: int, partition: int) -> str:
    """'' when each part of a stored image is at least 4 px wide, else the sentence that says it is not."""
    if side // partition >= SMALLEST_PART:
        return ""
    return (
        f"Images of {side} px cut into {partition} × {partition} parts leave {side // partition} px per part: "
        f"expected at least {SMALLEST_PART} px; lower partition or raise image_size."
    )


def require_content(path: Path) -> Path:
    """The path itself; raises InputError when it is no regular file or empty."""
    if regular(path, "a file of images and labels").stat().st_size == 0:
        raise InputError(f"The file {path} is empty: expected images and labels; write or download it again.")
    return path


def stratified(labels: np.ndarray, divisor: int) -> tuple[np.ndarray, np.ndarray]:
    """Train and test indices, both ascending; 1/`divisor` of each class (rounded down, at least one image) is test.

    The draw is always the same: NumPy keeps the stream of ``RandomState`` unchanged across versions.
    """
    random = np.random.RandomState(0)
    test = [random.permutation(members)[: max(1, len(members) // divisor)] for members in _members(labels)]
    chosen = np.sort(np.concatenate(test))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def _members(labels: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(labels == value) for value in np.unique(labels)]
