"""Which plane is asked for, and the images that fix it: one of a run, its recorded adversarial twin, one of another
class. p² parts of a stored image, which are what networks see; C, H, W as in `c2r.look.plane`.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.core.partition import expand
from c2r.store.runs import frame_file, open_run, read_frame, read_rows_of

Array = np.ndarray
PART = 256  # stored images expanded at once, where the nearest is looked for
FIRST, SECOND, OTHER = "image", "twin", "other"


@dataclass(frozen=True)
class Ask:
    """Which plane, and what is asked on it.

    :param path, network: a run folder, and one of the networks that it keeps
    :param step: the recorded step whose images are shown; held: the one whose images fix the plane, -1 for the same
    :param sample, part: a stored image, and which of its parts
    :param other: the stored image of another class that fixes the plane, -1 for the nearest one by pixels
    :param along: ``images``: the plane through the image, its adversarial twin and the other one; ``gradient``: through
        the image along the network's loss gradient and a random direction
    :param ball: look at what lies within ε of the image, instead of at all three
    :param beside, beside_network: another run folder and network to compare with, None for none
    :param attacks: say also where each attack of the evaluation lands
    """

    path: Path
    network: str
    step: int
    sample: int
    part: int = 0
    held: int = -1
    other: int = -1
    along: str = "images"
    ball: bool = False
    beside: Path | None = None
    beside_network: str = ""
    attacks: bool = False

    @property
    def frame_step(self) -> int:
        """The recorded step whose images fix the plane."""
        return self.step if self.held < 0 else self.held


@dataclass(frozen=True)
class Points:
    """The images that fix a plane, float64 [C, H, W] in [0, 1], by their kind; what they are called; the class asked
    about and that of the other image; where the adversarial twin comes from."""

    images: dict[str, Array]
    names: dict[str, str]
    label: int
    note: str


def points(ask: Ask, step: int, config: RunConfig) -> Points:
    """The image, its recorded adversarial twin and an image of another class at a recorded step. Raises InputError."""
    images, labels = _set(ask.path, step, _stamp(ask.path, step))
    p = config.partition
    if not 0 <= ask.sample < len(labels) or not 0 <= ask.part < p * p or ask.other >= len(labels):
        raise InputError(
            f"Run {ask.path.name} has images 0 to {len(labels) - 1} of {p * p} part(s) each, found image {ask.sample},"
            f" part {ask.part}, other image {ask.other}: choose others."
        )
    label = int(labels[ask.sample])
    first = _parts(images[[ask.sample]], p)[ask.part]
    delta = _expanded(read_rows_of(ask.path, step, "delta", [ask.sample]).astype(np.float32), p)[ask.part]
    if not np.isfinite(delta).all():
        raise InputError(f"Frame {step} of run {ask.path.name} is damaged: expected finite δ; choose another step.")
    found = {FIRST: first, SECOND: np.clip(first + delta, 0, 1)}
    names = {FIRST: _called(ask.sample, ask.part, p), SECOND: "its adversarial twin"}
    near = (ask.path, step, _stamp(ask.path, step), ask.sample, ask.part, p)
    number, part = (ask.other, 0) if ask.other >= 0 else _nearest(*near)
    if number >= 0:
        found[OTHER] = _parts(images[[number]], p)[part]
        names[OTHER] = _called(number, part, p) + ("" if ask.other >= 0 else ", nearest of another class by pixels")
    note = "" if p == 1 else "The twin is the recorded δ of the stored image, expanded like the image itself."
    return Points(found, names, label, note)


def nearest(images: Array, labels: Array, image: Array, label: int, p: int) -> tuple[int, int]:
    """Which part of which stored image of another class lies nearest in what networks see; (-1, 0) without one."""
    others = np.flatnonzero(labels != label)
    best, found = np.inf, (-1, 0)
    for numbers in np.split(others, range(PART, len(others), PART)):
        if not len(numbers):
            continue
        apart = ((_parts(images[numbers], p) - image) ** 2).reshape(len(numbers) * p * p, -1).sum(1)
        if apart.min() < best:
            place = int(apart.argmin())
            best, found = float(apart[place]), (int(numbers[place // (p * p)]), place % (p * p))
    return found


def _called(number: int, part: int, p: int) -> str:
    return f"image {number}" + (f" part {part + 1}" if p > 1 else "")


@lru_cache(2)
def _set(path: Path, step: int, _when: tuple[int, int]) -> tuple[Array, Array]:
    """Images and labels of a recorded step; two steps are kept, since a viewer looks at many images of one."""
    frame = read_frame(path, step, ("images", "labels"))
    return frame["images"], frame["labels"]


@lru_cache(512)
def _nearest(path: Path, step: int, when: tuple[int, int], sample: int, part: int, p: int) -> tuple[int, int]:
    images, labels = _set(path, step, when)
    return nearest(images, labels, _parts(images[[sample]], p)[part], int(labels[sample]), p)


def _stamp(path: Path, step: int) -> tuple[int, int]:
    """What changes when a frame is written again; zeros without a frame, which whoever reads it says."""
    try:
        facts = frame_file(path, step).stat()
    except OSError:
        return (0, 0)
    return (facts.st_mtime_ns, facts.st_size)


def config_of(path: Path) -> RunConfig:
    run = open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    return run.config


def _parts(images: Array, p: int) -> Array:
    """Stored images uint8 [M, C, H, W] as networks see them: float64 [M·p², C, H, W] in [0, 1]."""
    return _expanded(images.astype(np.float32) / 255, p).clip(0, 1)


def _expanded(stored: Array, p: int) -> Array:
    return expand(torch.from_numpy(stored), p).double().numpy()
