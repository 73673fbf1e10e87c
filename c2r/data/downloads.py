"""Sets that torchvision downloads once into a cache folder. torchvision (which brings torch) loads only when one is
read."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

from c2r.data.imagefiles import read_folder
from c2r.data.pixels import channels_first, resize
from c2r.data.splits import Shape, Splits, Tell, at_side
from c2r.errors import InputError
from c2r.paths import at_home


@dataclass(frozen=True)
class Named:
    """A set that torchvision downloads: its class there, how to ask for each split, the Shape, and what comes over the
    line.

    :param size: in the Shape, 0 where images have sizes of their own
    """

    kind: str
    splits: tuple[dict[str, Any], dict[str, Any]]
    shape: Shape
    megabytes: int


_FLAG = ({"train": True}, {"train": False})
NAMED = {
    "cifar10": Named("CIFAR10", _FLAG, Shape(3, 32, 10, 50_000, 10_000, 5000), 170),
    "cifar100": Named("CIFAR100", _FLAG, Shape(3, 32, 100, 50_000, 10_000, 500), 169),
    "mnist": Named("MNIST", _FLAG, Shape(1, 28, 10, 60_000, 10_000, 5421), 12),
    "fashion-mnist": Named("FashionMNIST", _FLAG, Shape(1, 28, 10, 60_000, 10_000, 6000), 31),
    "svhn": Named("SVHN", ({"split": "train"}, {"split": "test"}), Shape(3, 32, 10, 73_257, 26_032, 4659), 246),
    "imagenette": Named(
        "Imagenette",
        ({"split": "train", "size": "160px"}, {"split": "val", "size": "160px"}),
        Shape(3, 0, 10, 9469, 3925, 858),
        99,
    ),
}


def cache_folder() -> Path:
    """Where downloaded sets are kept: ``$C2R_DATA``, or ``~/.cache/c2r``."""
    return at_home(os.environ.get("C2R_DATA") or Path.home() / ".cache" / "c2r")


def read_named(data: str, side: int, tell: Tell) -> Splits:
    """Both splits of a set that torchvision knows, downloaded on first use. Raises InputError when that fails."""
    named, folder = NAMED[data], cache_folder() / data
    _require_size(data, side)
    kind = getattr(_torchvision_datasets(), named.kind)
    try:
        with _watched(folder, named.megabytes, tell):
            train, test = (kind(str(folder), download=True, **split) for split in named.splits)
    except (OSError, RuntimeError, EOFError) as error:
        reason = (str(getattr(error, "reason", error)).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{data} could not be downloaded into {folder} ({reason}): expected {named.megabytes} MB over a connection;"
            " connect and start again, or give a path to the images instead."
        ) from None
    if data == "imagenette":
        names = tuple(words[0] for words in train.classes)
        return replace(read_folder(str(folder / "imagenette2-160"), side, tell), names=names)
    images = [resize(channels_first(np.asarray(part.data), data), side, data) for part in (train, test)]
    labels = [np.asarray(part.labels if data == "svhn" else part.targets) for part in (train, test)]
    return Splits(images[0], labels[0], images[1], labels[1], tuple(map(str, getattr(train, "classes", ()))))


def _require_size(data: str, side: int) -> None:
    if not (side or NAMED[data].shape.size):
        raise InputError(
            f"The images of {data} have sizes of their own: expected one size; set image_size, for example to 64."
        )


def peek_named(data: str, side: int) -> Shape:
    """The Shape that a set has at `side` px, known without a download. Raises InputError when it needs a side."""
    _require_size(data, side)
    return at_side(NAMED[data].shape, side, data)


def _torchvision_datasets() -> Any:
    try:
        return import_module("torchvision.datasets")
    except (ImportError, RuntimeError, OSError) as error:
        build = metadata.version("torch").partition("+")[2]
        index = f" --index-url https://download.pytorch.org/whl/{build}" if build else ""
        raise InputError(
            f"torchvision does not load beside this torch ({str(error).splitlines()[0]}): expected two builds that"
            f" match; run pip install --force-reinstall torch torchvision{index}, or give a path to the images instead."
        ) from None


@contextmanager
def _watched(folder: Path, megabytes: int, tell: Tell) -> Iterator[None]:
    """Report how much of a download has arrived, twice a second, from the size of its folder."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            with suppress(OSError):
                arrived = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                tell("Downloading images", min(0.99, arrived / megabytes / 1e6))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
