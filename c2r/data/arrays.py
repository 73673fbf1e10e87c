"""Readers of plain arrays: scikit-learn's handwritten digits, and ``.npz`` files. numpy, no torch, nothing is
unpickled.

An npz holds ``x_train y_train x_test y_test``, or ``train_images train_labels test_images test_labels``, or
``images labels`` (a fixed fifth of each class is then the test split). Images are uint8, or floats in [0, 1];
[N, H, W], [N, H, W, C] or [N, C, H, W] with C 1 or 3.
"""

import gzip
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path

import numpy as np

from c2r.data.pixels import channels_first, own_side, resize
from c2r.data.splits import (
    Shape,
    Splits,
    Tell,
    at_side,
    outline,
    require_alike,
    require_counts,
    stratified,
    whole_labels,
)
from c2r.errors import InputError
from c2r.paths import at_home

DIGITS = Shape(channels=1, size=8, classes=10, train=1352, test=445, smallest=131)
LAYOUTS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images", "labels"),
)
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_digits(data: str, side: int, tell: Tell) -> Splits:
    """The 1,797 handwritten digits that scikit-learn ships (UCI, Alpaydin & Kaynak 1998), 8×8; values 0-16 become
    0-255.

    A fixed quarter of each class is the test split. The file is read without importing scikit-learn, which takes
    seconds.
    """
    folders = getattr(util.find_spec("sklearn"), "submodule_search_locations", None) or ["sklearn"]
    file = Path(folders[0]) / "datasets" / "data" / "digits.csv.gz"
    try:
        with gzip.open(file, "rt") as text:
            table = np.loadtxt(text, delimiter=",")
    except OSError:
        raise InputError(
            f"The digits of scikit-learn are missing ({file}): expected its own copy; run pip install scikit-learn."
        ) from None
    images = resize(np.round(table[:, :64] * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8), side, data)
    labels = table[:, 64].astype(np.int64)
    train, test = stratified(labels, 4)
    tell("Reading digits", 1.0)
    return Splits(images[train], labels[train], images[test], labels[test])


def peek_digits(data: str, side: int) -> Shape:
    """The Shape of the digits at `side` px."""
    return at_side(DIGITS, side, data)


def read_npz(data: str, side: int, tell: Tell) -> Splits:
    """Both splits of an npz file at `side` px (0: their own). Raises InputError for damage, missing or pickled
    arrays."""
    headers = _headers(data)
    names = _layout(headers, data)
    with _damage(data), np.load(at_home(data), allow_pickle=False) as file:
        arrays = [file[name] for name in names]
    tell("Reading arrays", 0.5)
    if len(arrays) == 2:
        images, labels = arrays
        parts = stratified(whole_labels(labels, "train", data), 5)
        arrays = [array[part] for part in parts for array in (images, labels)]
    pixels = [resize(_as_bytes(channels_first(images, data), data), side, data) for images in arrays[::2]]
    tell("Reading arrays", 1.0)
    return Splits(pixels[0], arrays[1], pixels[1], arrays[3])


def peek_npz(data: str, side: int) -> Shape:
    """The outline of an npz file, from its headers and its labels."""
    headers = _headers(data)
    names = _layout(headers, data)
    with _damage(data), np.load(at_home(data), allow_pickle=False) as file:
        labels = [file[name] for name in names[1::2]]
    if len(labels) == 1:
        whole = whole_labels(labels[0], "train", data)
        labels = [whole[part] for part in stratified(whole, 5)]
    shapes = [channels_first(_hollow(*headers[name]), data).shape[1:] for name in names[::2]]
    channels, height, width = shapes[0]
    if not side:
        require_alike(shapes[0], shapes[-1], data)
    require_alike(shapes[0][:1], shapes[-1][:1], data)
    return outline(channels, side or own_side((width, height), data), labels[0], labels[1], (), data)


def _hollow(shape: tuple[int, ...], kind: np.dtype) -> np.ndarray:
    """An array of this shape that takes no memory."""
    return np.broadcast_to(np.zeros((), kind), shape)


def _headers(data: str) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Shape and type of every array, without reading the arrays. Raises InputError for damage."""
    headers = {}
    with _damage(data), zipfile.ZipFile(at_home(data)) as archive:
        for member in archive.namelist():
            if member.endswith(".npy"):
                with archive.open(member) as file:
                    shape, _, kind = HEADERS[np.lib.format.read_magic(file)](file)
                whole = all(0 <= side < 2**62 for side in shape)
                if not whole or (
                    math.prod(shape) * kind.itemsize > archive.getinfo(member).file_size and not kind.hasobject
                ):
                    raise ValueError("an array claims more than the file holds")
                headers[member.removesuffix(".npy")] = (shape, kind)
    return headers


@contextmanager
def _damage(data: str) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, RuntimeError, OSError):
        raise InputError(
            f"The file {data} is damaged: expected a complete npz file; write or download it again."
        ) from None


def _layout(headers: dict[str, tuple[tuple[int, ...], np.dtype]], data: str) -> tuple[str, ...]:
    """The names of the arrays that hold images and labels, in pairs. Raises InputError when they cannot be used."""
    names = next((layout for layout in LAYOUTS if all(name in headers for name in layout)), None)
    if names is None:
        raise InputError(
            f"{data} holds the arrays {', '.join(sorted(headers)) or 'none'}: expected {', '.join(LAYOUTS[0])}, "
            "or train_images and so on, or images and labels; rename them."
        )
    for name in names:
        if headers[name][1].hasobject:
            raise InputError(
                f"Array '{name}' of {data} holds pickled objects: expected plain numbers, for safety; store it as"
                " uint8."
            )
    for images, labels in zip(names[::2], names[1::2], strict=True):
        require_counts(_length(headers[images][0]), _length(headers[labels][0]), f"'{images}'", data)
        _require_kind(headers[images][1], data)
        if 0 in headers[images][0][1:]:
            raise InputError(
                f"Array '{images}' of {data} has shape {list(headers[images][0])}: expected images with sides; write it"
                " again."
            )
    return names


def _length(shape: tuple[int, ...]) -> int:
    return shape[0] if shape else 0


def _require_kind(kind: np.dtype, data: str) -> None:
    if kind != np.uint8 and kind.kind != "f":
        raise InputError(f"The images of {data} are {kind}: expected uint8, or floats in [0, 1]; convert them.")


def _as_bytes(images: np.ndarray, data: str) -> np.ndarray:
    if images.dtype == np.uint8 or not len(images):
        return images.astype(np.uint8)
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"The images of {data} are floats from {low:g} to {high:g}: expected [0, 1] or uint8; rescale them."
        )
    return np.round(images * 255).astype(np.uint8)
