"""Whose a run folder is: made by one process, under a number where its name is taken, and held by a lock that ends with
it. No torch."""

import errno
import itertools
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from c2r.errors import InputError
from c2r.store.files import free_for_a_file, opened, sync_folder, write_atomic

try:
    import fcntl
except ImportError:  # Windows: the process id in status.json alone decides there
    fcntl = None  # type: ignore[assignment]

GLANCE = 0.3  # seconds for which whoever looks whether a folder is held may seem to hold it


def lock(file: IO[str], wait: bool = False) -> bool:
    """Lock an open file for this process, until it is closed or the process ends, however it ends. False: another
    process has it."""
    if not fcntl:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def unlock(file: IO[str]) -> None:
    """Give a lock back."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_UN)


def held(folder: Path) -> bool:
    """Whether a living process holds a run folder, also one of another container whose number means nothing here."""
    try:
        with opened(folder / "lock") as file:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def hold(folder: Path, patience: float = GLANCE) -> IO[str]:
    """Hold a run folder for this process. Raises InputError when another process holds it for longer than `patience`
    seconds."""
    free_for_a_file(folder / "lock")
    file = open(folder / "lock", "w", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the lock is held
    end = time.monotonic() + patience
    while fcntl and not (held := lock(file)) and time.monotonic() < end:
        time.sleep(0.05)
    if fcntl and not held:
        file.close()
        raise InputError(
            f"Run {folder.name} is being written by another process: expected one writer; wait for it or stop it."
        )
    return file


def holds(folder: Path, file: IO[str]) -> bool:
    """Whether `folder` still is the one held by the lock `file`: not deleted, and no other folder of its name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(folder / "lock"))
    except (FileNotFoundError, NotADirectoryError):
        return False


def claim(folder: Path, files: Mapping[str, bytes | str], inside: str, numbered: bool = False) -> Path:
    """Make a new run folder with `files` (name → content) and an empty folder `inside`: all of it at once, or nothing.
    Returns it.

    :param numbered: when `folder` is taken, ``folder-2``, ``folder-3`` … is made instead
    :raises InputError: a folder that is taken, or a place that cannot be written
    """
    with _spoken(folder):
        if not numbered and folder.is_dir() and any(folder.iterdir()):
            raise OSError(errno.ENOTEMPTY, "")
        reserved = reserve(folder) if numbered else None
        place = reserved or folder
        temporary = place.with_name(f".{place.name}.{uuid4().hex[:8]}.tmp")
        try:
            (temporary / inside).mkdir(parents=True)
            for name, text in files.items():
                write_atomic(temporary / name, text)
            fill(temporary, place)
            sync_folder(place.parent)
        except BaseException:
            if reserved:
                with suppress(OSError):
                    reserved.rmdir()
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return place


def reserve(wanted: Path) -> Path:
    """Make the empty folder `wanted`, or ``wanted-2``, ``wanted-3`` … when that is taken; nobody else gets the same.
    Raises OSError."""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        place = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with suppress(FileExistsError):
            place.mkdir()
            return place
    raise AssertionError("one number is free")


def fill(folder: Path, place: Path) -> None:
    """Rename `folder` to `place`, which is free or an empty folder. Raises OSError."""
    if os.name == "nt" and place.is_dir():  # where a folder cannot take the place of an empty one
        place.rmdir()
    os.rename(folder, place)


@contextmanager
def _spoken(folder: Path) -> Iterator[None]:
    """Within it, what keeps `folder` from being made is raised as an InputError with its sentence."""
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"The run folder {folder} is taken or not a folder: expected a new or empty folder; choose another --out."
        ) from None
    except PermissionError:
        raise InputError(
            f"No permission to write {folder}: expected a folder of yours; choose another --out."
        ) from None
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise InputError(
                f"The run folder {folder} is not empty: expected a new or empty folder; choose another --out."
            ) from None
        advice = (
            "free some space or"
            if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
            else "expected a place that can be written;"
        )
        raise InputError(
            f"The run folder {folder} cannot be made ({error.strerror}): {advice} choose another --out."
        ) from None
