"""Cached reads of a run folder, keyed on path, step and modification time, within one budget of bytes. Callers share
the arrays.

All of it together holds at most `BUDGET` bytes, beside a few figures; what was asked for longest ago goes first.
Images, δ
and embeddings are not kept: of them a page reads the rows it shows, see `app.frames`. Letters: N synthetic images, M
chosen
images, S recorded steps, R rank bins.
"""

import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache, cached
from cachetools.keys import hashkey

from c2r.base.errors import InputError
from c2r.look.summary import BIN_EDGES, hardest_first, rank_matrix, ranks
from c2r.scorers import stored
from c2r.store import results, runs
from c2r.store.schema import SCORED

BUDGET = 64 * 2**20  # bytes of everything kept
FIGURES = 48  # the figures kept, some 100 to 400 kB each: those of the last steps, which other sessions ask for next
SMALL = 500  # bytes that an entry, or a row of results, costs at least
EVENT = 6_000  # bytes of an event in memory
LIGHT = ("labels", "margin_clean", "margin_adv", "score", "pred_clean", "pred_adv")
EVENT_KEYS = ("step", "n", "margin_clean", "margin_adv", "share_clean", "share_robust")
Arrays = dict[str, np.ndarray]
Stamp = tuple[int, int]


@dataclass(frozen=True)
class Course:
    """The recorded steps of a run: events, oldest first; of all their histograms the sum and the largest count of each
    bin [60].

    They stand in the first `read` bytes of the file `inode`, as `when` it was looked at: when it grows, only the rest
    is read.
    """

    events: list[dict[str, Any]]
    total: np.ndarray
    most: np.ndarray
    read: int = 0
    inode: int = 0
    when: Stamp = (0, 0)


@dataclass(frozen=True)
class Ordered:
    """The images by robust margin at one step, hardest first [N], and the mean robust margins [R] by rank."""

    order: np.ndarray
    by_rank: np.ndarray


@dataclass(frozen=True)
class History:
    """What the curriculum was at `steps` [S]."""

    steps: list[int]
    ordered: list[Ordered]

    @property
    def orders(self) -> np.ndarray:
        """Who stood on which rank: [S, N]."""
        return np.stack([ordered.order for ordered in self.ordered])

    @property
    def by_rank(self) -> np.ndarray:
        """Mean robust margins by rank: [S, R]."""
        return np.stack([ordered.by_rank for ordered in self.ordered])

    def ranks(self, ids: list[int]) -> np.ndarray:
        """The ranks of the images `ids` [M]: [S, M]."""
        return np.stack([ranks(ordered.order)[ids] for ordered in self.ordered])


def _size(value: Any) -> int:
    """Roughly how many bytes a kept value takes."""
    if isinstance(value, Course):
        return SMALL + EVENT * len(value.events)
    if isinstance(value, list):
        return SMALL * (1 + len(value))
    parts = (
        value.values() if isinstance(value, dict) else vars(value).values() if isinstance(value, Ordered) else [value]
    )
    return SMALL + sum(part.nbytes for part in parts)


_KEPT: LRUCache = LRUCache(BUDGET, getsizeof=_size)
_FIGURES: LRUCache = LRUCache(FIGURES)
_LOCK = threading.RLock()
_READING = threading.Lock()  # one reads the events of a run, the others find them read
_DRAWING = threading.RLock()  # one draws a figure; always taken before the others, as what it draws is read meanwhile


def kept(read: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what `read` returns, by its arguments; a value beyond the whole budget is read again every time."""
    return cached(_KEPT, key=partial(hashkey, read), lock=_LOCK)(read)


def shared(key: Hashable, make: Callable[[], Any]) -> Any:
    """The figure that `make` returns, made once for all sessions that ask with this `key`, and never changed."""
    with _DRAWING:
        with _LOCK:
            if key in _FIGURES:
                return _FIGURES[key]
        figure = make()
        with _LOCK:
            _FIGURES[key] = figure
        return figure


def clear() -> None:
    """Forget everything."""
    with _LOCK:
        _KEPT.clear()
        _FIGURES.clear()


def stamp(file: Path) -> Stamp:
    """(mtime in ns, size) of a file, (0, 0) when it is absent: the part of a cache key that notices a change."""
    try:
        facts = file.stat()
    except OSError:
        return (0, 0)
    return (facts.st_mtime_ns, facts.st_size)


def course(path: Path, scorer: str = "") -> Course:
    """The recorded steps of a run with the figures of a scorer, '' for the first; a line without a step or margins is
    left out. Only what was added since the last look is read."""
    with _READING:
        return _course(path, scorer)


def _course(path: Path, scorer: str) -> Course:
    file, key = path / "events.jsonl", hashkey("course", str(path), scorer)
    now = stamp(file)
    with _LOCK:
        before: Course | None = _KEPT.get(key)
    if before is not None and before.when == now:
        return before
    inode = file.stat().st_ino if now != (0, 0) else 0
    grown = before is not None and before.inode == inode and before.when[1] < now[1]
    course = replace(_further(before if grown else None, path, scorer), inode=inode, when=now)
    with _LOCK, suppress(ValueError):  # too large to be kept
        _KEPT[key] = course
    return course


def events(path: Path, scorer: str = "") -> list[dict[str, Any]]:
    """The recorded steps of a run, oldest first; a line without a step or margins of the scorer is left out."""
    return course(path, scorer).events


def _further(before: Course | None, path: Path, scorer: str) -> Course:
    """The course `before` and what `events.jsonl` holds beyond it; all of the file when steps were recorded again."""
    lines, read = runs.read_events_from(path, before.read if before else 0)
    lines = [_under(event, scorer) for event in lines]
    by_step = {event["step"]: event for event in lines if all(key in event for key in EVENT_KEYS)}
    fresh = [by_step[step] for step in sorted(by_step)]
    counts = np.array([event[side]["counts"] for event in fresh for side in ("margin_clean", "margin_adv")], np.int64)
    counts = counts.reshape(-1, len(BIN_EDGES) - 1)
    total, most = counts.sum(0), counts.max(0, initial=0)
    if before is None:
        return Course(fresh, total, most, read)
    if fresh and before.events and fresh[0]["step"] <= before.events[-1]["step"]:
        return _further(None, path, scorer)
    return Course([*before.events, *fresh], before.total + total, np.maximum(before.most, most), read)


def _under(event: dict[str, Any], scorer: str) -> dict[str, Any]:
    """An event with the figures of a scorer in place of those of the first one; without them where it has none."""
    if not scorer:
        return event
    own = event.get("scorers", {}).get(scorer, {})
    others = {name: value for name, value in event.items() if name not in SCORED}
    return others | {name: own[name] for name in SCORED if name in own}


def rows(path: Path) -> list[dict[str, Any]]:
    """The evaluation rows that stand for a run (see `results.headline_folder`), or those of an evaluation's folder; []
    before the evaluation."""
    return own_rows(results.headline_folder(path))


def own_rows(folder: Path) -> list[dict[str, Any]]:
    """The evaluation rows in this very folder; [] when it has none."""
    return _rows(str(folder), stamp(folder / "rows.jsonl"))


def margins(path: Path, step: int, scorer: str = "") -> Arrays:
    """Labels, margins, scores and predictions [N] of one recorded step under a scorer, '' for the first, and `order`:
    the images by robust margin, hardest first.

    What a frame stores as its order is what mini-batches were cut from, which is random for some methods. Raises
    InputError when
    the frame is missing or damaged.
    """
    return _margins(str(path), step, frame_stamp(path, step), scorer)


def history(path: Path, steps: list[int], scorer: str = "") -> History:
    """The curriculum under a scorer at those of `steps` whose frame opens. Raises InputError when none does."""
    ordered = {}
    for step in steps:
        with suppress(InputError):
            ordered[step] = _ordered(str(path), step, frame_stamp(path, step), scorer)
    if not ordered:
        raise InputError(f"Run {path.name} has no readable frame: expected one per recorded step; choose another run.")
    return History(list(ordered), list(ordered.values()))


def arrays(path: Path, name: str) -> Arrays | None:
    """The arrays of ``<name>.safetensors``, or None when the run has no such file. Raises InputError when damaged."""
    when = stamp(path / f"{name}.safetensors")
    return None if when == (0, 0) else _arrays(str(path), name, when)


def of_scorer(arrays: Arrays | None, scorer: str, names: tuple[str, ...]) -> Arrays | None:
    """Arrays of which `names` are stored for each scorer, with those of this one in their place; None without them."""
    if arrays is None or not scorer:
        return arrays
    own = {name: arrays[stored(name, scorer)] for name in names if stored(name, scorer) in arrays}
    return {**arrays, **own} if len(own) == len(names) else None


def frame_stamp(path: Path, step: int) -> Stamp:
    """The `stamp` of a recorded step's frame."""
    return stamp(runs.frame_file(path, step))


@kept
def _rows(path: str, when: Stamp) -> list[dict[str, Any]]:  # noqa: ARG001 - `when` is part of the key, here and below
    return results.own_rows(Path(path))


@kept
def _margins(path: str, step: int, when: Stamp, scorer: str) -> Arrays:  # noqa: ARG001
    frame = _of_this_run(path, step, LIGHT, scorer)
    return frame | _frozen({"order": hardest_first(frame["margin_adv"]).astype(np.int32)})


@kept
def _ordered(path: str, step: int, when: Stamp, scorer: str) -> Ordered:  # noqa: ARG001
    frame = _of_this_run(path, step, ("labels", "margin_adv"), scorer)
    order = hardest_first(frame["margin_adv"]).astype(np.int32)
    by_rank, _ = rank_matrix(order[None], frame["margin_adv"][None])
    return Ordered(order, by_rank[0])


@kept
def _arrays(path: str, name: str, when: Stamp) -> Arrays:  # noqa: ARG001
    return _frozen(runs.read_arrays(Path(path), name))


@kept
def _labels(path: str, when: Stamp) -> np.ndarray:  # noqa: ARG001
    """The labels [N] of a run's images, which never change: those of the first frame that opens."""
    for step in runs.frame_steps(Path(path)):
        with suppress(InputError):
            return runs.read_frame(Path(path), step, ("labels",))["labels"].astype(np.int32)
    raise InputError(
        f"Run {Path(path).name} has no readable frame: expected one per recorded step; choose another run."
    )


def _of_this_run(path: str, step: int, only: tuple[str, ...], scorer: str) -> Arrays:
    """Arrays of a frame, labels among them, when it holds the same images as the other frames of the run. Raises
    InputError."""
    frame, labels = runs.read_frame(Path(path), step, only, scorer), _labels(path, stamp(Path(path) / "config.json"))
    if not np.array_equal(frame["labels"], labels):
        raise InputError(
            f"Frame {step} of run {Path(path).name} holds other images than the run's first frame: choose another step"
            " or run."
        )
    small = {name: array.astype(np.int32) if array.dtype == np.int64 else array for name, array in frame.items()}
    return _frozen(small | {"labels": labels})


def _frozen(arrays: Arrays) -> Arrays:
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
