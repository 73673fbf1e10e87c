"""Cached reads of a run folder, keyed on path, step and modification time, with bounded size. Read-only: callers share the arrays.

Letters: N synthetic images, S recorded steps.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from c2r import runs
from c2r.errors import InputError
from c2r.summary import ranks

LIGHT = ("order", "labels", "margin_clean", "margin_adv", "pred_clean", "pred_adv")
EVENT_KEYS = ("step", "n", "margin_clean", "margin_adv", "share_clean", "share_robust")
Stamp = tuple[int, int]


def stamp(file: Path) -> Stamp:
    """(mtime in ns, size) of a file, (0, 0) when it is absent: the part of a cache key that notices a change."""
    try:
        facts = file.stat()
    except OSError:
        return (0, 0)
    return (facts.st_mtime_ns, facts.st_size)


def events(path: Path) -> list[dict[str, Any]]:
    """The recorded steps of a run, oldest first; a line without a step or margins is left out."""
    return _events(str(path), stamp(path / "events.jsonl"))


def rows(path: Path) -> list[dict[str, Any]]:
    """The evaluation rows that stand for a run (see `runs.results`), or those of an evaluation's folder; [] before the evaluation."""
    return own_rows(runs.results(path))


def own_rows(folder: Path) -> list[dict[str, Any]]:
    """The evaluation rows in this very folder; [] when it has none."""
    return _rows(str(folder), stamp(folder / "rows.jsonl"))


def frame(path: Path, step: int) -> dict[str, np.ndarray]:
    """All arrays of one recorded step. Raises InputError when missing or damaged."""
    return _frame(str(path), step, runs.FRAME_ARRAYS, stamp(_frame_file(path, step)))


def margins(path: Path, step: int) -> dict[str, np.ndarray]:
    """Only order, labels, margins and predictions [N] of one recorded step, without images. Raises InputError when missing or damaged."""
    return _margins(str(path), step, LIGHT, stamp(_frame_file(path, step)))


def images(path: Path, step: int) -> np.ndarray:
    """Only the images [N, C, H, W] of one recorded step. Raises InputError when missing or damaged."""
    return _images(str(path), step, ("images",), stamp(_frame_file(path, step)))["images"]


@dataclass(frozen=True)
class History:
    """What the curriculum was at `steps` [S]: orders, ranks and robust margins, each [S, N]."""

    steps: list[int]
    orders: np.ndarray
    ranks: np.ndarray
    margins: np.ndarray


def history(path: Path, steps: list[int]) -> History:
    """The curriculum at those of `steps` whose frame opens. Raises InputError when none does."""
    return _history(str(path), tuple(steps), stamp(path / "events.jsonl"))


def arrays(path: Path, name: str) -> dict[str, np.ndarray] | None:
    """The arrays of ``<name>.safetensors``, or None when the run has no such file. Raises InputError when damaged."""
    when = stamp(path / f"{name}.safetensors")
    return None if when == (0, 0) else _arrays(str(path), name, when)


def _frame_file(path: Path, step: int) -> Path:
    return path / "frames" / f"{step:06d}.safetensors"


@st.cache_resource(max_entries=32, show_spinner=False)
def _events(path: str, when: Stamp) -> list[dict[str, Any]]:  # noqa: ARG001 - `when` is part of the key
    found = {event["step"]: event for event in runs.read_events(Path(path)) if all(key in event for key in EVENT_KEYS)}
    return [found[step] for step in sorted(found)]


@st.cache_resource(max_entries=64, show_spinner=False)
def _rows(path: str, when: Stamp) -> list[dict[str, Any]]:  # noqa: ARG001 - `when` is part of the key
    return runs.own_rows(Path(path))


@st.cache_resource(max_entries=32, show_spinner=False)
def _images(path: str, step: int, only: tuple[str, ...], when: Stamp) -> dict[str, np.ndarray]:  # noqa: ARG001
    found = runs.read_frame(Path(path), step, only)
    if len(found["images"]) != len(_labels(path, stamp(Path(path) / "config.json"))):
        raise _other_images(path, step)
    return _frozen(found)


@st.cache_resource(max_entries=8, show_spinner=False)
def _frame(path: str, step: int, only: tuple[str, ...], when: Stamp) -> dict[str, np.ndarray]:  # noqa: ARG001
    return _of_this_run(path, step, only)


@st.cache_resource(max_entries=1024, show_spinner=False)
def _margins(path: str, step: int, only: tuple[str, ...], when: Stamp) -> dict[str, np.ndarray]:  # noqa: ARG001
    return _of_this_run(path, step, only)


@st.cache_resource(max_entries=16, show_spinner=False)
def _history(path: str, steps: tuple[int, ...], when: Stamp) -> History:  # noqa: ARG001
    found = {}
    for step in steps:
        with suppress(InputError):
            found[step] = margins(Path(path), step)
    if not found:
        raise InputError(f"Run {Path(path).name} has no readable frame: expected one per recorded step; choose another run.")
    orders = np.stack([frame["order"] for frame in found.values()])
    return History(
        list(found), orders, np.stack([ranks(order) for order in orders]), np.stack([frame["margin_adv"] for frame in found.values()])
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _arrays(path: str, name: str, when: Stamp) -> dict[str, np.ndarray]:  # noqa: ARG001
    return _frozen(runs.read_arrays(Path(path), name))


@st.cache_resource(max_entries=64, show_spinner=False)
def _labels(path: str, when: Stamp) -> np.ndarray:  # noqa: ARG001
    """The labels [N] of a run's images, which never change: those of the first frame that opens."""
    for step in runs.frame_steps(Path(path)):
        with suppress(InputError):
            return runs.read_frame(Path(path), step, ("labels",))["labels"]
    raise InputError(f"Run {Path(path).name} has no readable frame: expected one per recorded step; choose another run.")


def _of_this_run(path: str, step: int, only: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of a frame, labels among them, when it holds the same images as the other frames of the run. Raises InputError."""
    found = runs.read_frame(Path(path), step, only)
    if not np.array_equal(found["labels"], _labels(path, stamp(Path(path) / "config.json"))):
        raise _other_images(path, step)
    return _frozen(found)


def _other_images(path: str, step: int) -> InputError:
    return InputError(f"Frame {step} of run {Path(path).name} holds other images than the run's first frame: choose another step or run.")


def _frozen(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    for array in found.values():
        array.flags.writeable = False
    return found
