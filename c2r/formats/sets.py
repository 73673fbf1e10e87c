"""A set that a run starts from or evaluates: read from a file of the app's own, and whether it fits the real data."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from c2r.base.errors import InputError
from c2r.formats import ImportedSet, read_set
from c2r.store.runs import Run, frame_steps, list_runs, read_arrays, read_frame


@contextmanager
def staged(file: Path) -> Iterator[None]:
    """Within it a set is put into `file`, below its store, for a run to start from. When no run is made of it, it goes
    again."""
    before, store = file.exists(), file.parents[1]
    try:
        yield
    except BaseException:
        if not before and not any(
            run.config and run.config.imported == str(file.resolve()) for run in list_runs(store)
        ):
            with suppress(OSError):
                file.unlink(missing_ok=True)
                file.parent.rmdir()
        raise


def read_own(file: str | Path) -> ImportedSet:
    """A set as runs and imports store it (safetensors, images uint8 in [0, 1]). Raises InputError."""
    return read_set(file, "safetensors", normalisation="none")


def step_of(path: Path) -> int | None:
    """The recorded step whose images are the set of the run folder `path`; None when it has no set or none of its
    frames holds it.

    A run that was stopped keeps the set of the step it had reached, and once resumed it records on.
    """
    try:
        images = read_arrays(path, "synthetic", only=("images",))["images"]
    except (InputError, KeyError):
        return None
    for step in reversed(frame_steps(path)):
        try:
            if np.array_equal(read_frame(path, step, ("images",))["images"], images):
                return step
        except InputError:
            continue
    return None


def same_set(evaluation: Run, run: Path) -> int | None:
    """The step of the set of the run folder `run`. Raises InputError when an unfinished evaluation began with another
    one, as far as it says."""
    before, now = evaluation.manifest.get("step"), step_of(run)
    if None not in (before, now) and before != now:
        raise InputError(
            f"The evaluation {evaluation.id} is of the images of step {before} and run {Path(run).name} has gone on to"
            f" step {now}: expected the same images as when it began; start a new evaluation."
        )
    return now


def fits(given: ImportedSet, shape: tuple[int, ...], classes: int) -> None:
    """Raise InputError when a set cannot stand for real data of this image shape (C, H, W) and class count."""
    if given.images.shape[1:] != tuple(shape):
        came, wanted = ("×".join(map(str, s)) for s in (given.images.shape[1:], shape))
        raise InputError(
            f"The set holds {came} images and the real data are {wanted}: choose other data or set image_size."
        )
    if int(given.labels.max()) >= classes:
        raise InputError(
            f"The set has labels up to {given.labels.max()}, the real data {classes} classes: choose other data."
        )
    if given.soft is not None and given.soft.shape[-1] != classes:
        raise InputError(
            f"The set has soft labels over {given.soft.shape[-1]} classes, the real data {classes}: choose other data."
        )


def check_same(digest: str, run: Run, advice: str = "bring them back or start a new run") -> None:
    """Raise InputError when the images are not those that a run's manifest names; a run without a hash is believed."""
    before = run.manifest.get("data", {}).get("hash")
    if before not in (None, digest):
        raise InputError(
            f"The data of run {run.id} changed (hash {before}, now {digest}): expected the same images as when it was"
            f" made; {advice}."
        )
