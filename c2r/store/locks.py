"""Locks on open files, by filelock, on every system. No torch.

One process has a file until it lets go or ends, however it ends. A lock is on the file and not on its name, so whoever
has one can ask whether the name still leads there (`leads_to`). On Windows nobody else can read the first byte of a
locked file.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from filelock import lock_descriptor, unlock_descriptor

from c2r.store.files import opened

PAUSE = 0.01  # seconds between two tries to lock a file
LOOK = 0.05  # seconds in which two who look at a file at the same time get out of each other's way


def lock(file: IO[Any], patience: float = 0.0) -> bool:
    """Lock an open file for this process; False when another process has it for longer than `patience` seconds.

    :raises OSError: on a disk where files cannot be locked
    """
    end = time.monotonic() + patience
    while not lock_descriptor(file.fileno(), blocking=False):
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE)
    return True


def unlock(file: IO[Any]) -> None:
    """Give a lock back at once; a closed file gives it back when the system finds the time."""
    unlock_descriptor(file.fileno())


def locked(path: Path) -> bool:
    """Say whether a living process has the file at `path`, also one of another container.

    Raises OSError where there is no file.
    """
    try:
        file = opened(path, os.O_RDWR)  # network disks lock only what may be written
    except OSError:
        file = opened(path)
    with file:
        if not lock(file, LOOK):
            return True
        unlock(file)
    return False


def leads_to(path: Path, file: IO[Any]) -> bool:
    """Say whether `path` still is the name of an open file: it was not removed, and no other file took its place."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return False


def discard(path: Path, file: IO[Any]) -> None:
    """Remove the file at `path`, which this process has locked, and give the lock back."""
    with file, suppress(PermissionError):
        if leads_to(path, file):
            path.unlink(missing_ok=True)
        return
    with suppress(OSError):  # Windows removes no file that is open, here or by now elsewhere
        path.unlink()
