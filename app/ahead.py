"""What the Live page will ask of the chosen run, read while another page is being looked at, so that opening it does
not wait.

A run of 10,000 images and 5,000 recorded steps takes half a second to read. One thread reads; what it finds is kept by
`app.cache`.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from app import cache, views
from c2r.base.errors import InputError

_READER = ThreadPoolExecutor(1, thread_name_prefix="ahead")


def read(path: Path, steps: Sequence[int]) -> Future[None]:
    """Begin to read the course of a run with the recorded `steps`, and its curriculum up to the newest; returns at
    once."""
    return _READER.submit(_read, path, steps)


def _read(path: Path, steps: Sequence[int]) -> None:
    """What cannot be read now is left to the page, which says why."""
    with suppress(InputError, OSError):
        if known := views.with_figures(steps, cache.events(path)):
            cache.history(path, views.over_steps(known, known[-1]))
