"""What the table of runs shows of each run at one glance: a few of its images, and the course of its margins. No
Streamlit.

Both are kept by file and time of change. Of a long events.jsonl only as many lines are read as the small line has
points.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from app import cache, frames, pictures
from c2r.base.errors import InputError
from c2r.base.untrusted import parse_json
from c2r.store import schema

SIDE = 28  # px of an image on a sheet, about
POINTS = 16  # of the line, which is some fifty pixels wide
LINE = 65_536  # bytes that a line of events.jsonl has at most, by far


def sheet(path: Path, step: int | None, columns: int, rows: int) -> bytes | None:
    """A PNG of a few images of a recorded step, evenly spread over the set; None when there are none to read."""
    if step is None:
        return None
    try:
        return _sheet(str(path), step, columns, rows, cache.frame_stamp(path, step)).tobytes()
    except InputError:
        return None


def course(path: Path) -> list[float] | None:
    """The median robust margins of up to `POINTS` recorded steps, the first and the last among them; None for fewer
    than two."""
    file = path / "events.jsonl"
    medians = _course(str(file), cache.stamp(file))
    return medians.tolist() if len(medians) > 1 else None


@cache.kept
def _sheet(path: str, step: int, columns: int, rows: int, when: cache.Stamp) -> np.ndarray:  # noqa: ARG001 - part of the key, here and below
    """The bytes of the PNG, as an array [bytes]."""
    n = len(cache.margins(Path(path), step)["labels"])
    ids = np.unique(np.linspace(0, n - 1, min(n, columns * rows)).round().astype(int)).tolist()
    images = frames.rows(Path(path), step, "images", ids)
    picture = pictures.strip([pictures.shrink(image, SIDE) for image in images], columns, to=SIDE)
    return np.frombuffer(pictures.png(picture), np.uint8)


@cache.kept
def _course(file: str, when: cache.Stamp) -> np.ndarray:
    if when[1] == 0:
        return np.empty(0)
    medians = dict(_points(Path(file), when[1]))
    return np.array([medians[step] for step in sorted(medians)], float)


def _points(file: Path, size: int) -> Iterator[tuple[int, float]]:
    """Step and median of the events that stand first, last and evenly spread in a file of `size` bytes; a damaged line
    is left out."""
    try:
        with open(file, "rb") as source:
            lines = [_line(source, start) for start in np.linspace(0, size, POINTS).astype(int).tolist()]
            source.seek(max(0, size - LINE))
            lines += source.read(LINE).split(b"\n")[-2:]
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, TypeError, LookupError):
            event = parse_json(line)
            step, median = event["step"], event["margin_adv"]["quantiles"][2]
            if schema.few(step) and schema.number(median):
                yield step, median


def _line(source: BinaryIO, start: int) -> bytes:
    """The first whole line that begins at or behind byte `start`."""
    source.seek(start)
    if start:
        source.readline(LINE)
    return source.readline(LINE)


def scale(courses: Iterable[Sequence[float] | None]) -> tuple[int, int]:
    """Whole numbers that hold all margin lines and 0, so that lines of two runs can be compared."""
    values = [0.0, *(value for course in courses for value in course or ())]
    return math.floor(min(values)), max(1, math.ceil(max(values)))
