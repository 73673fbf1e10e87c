"""The claim of a process to a run folder. No torch.

One process makes the folder, under a number where its name is taken, and holds it by a lock that ends with the process.
"""

import errno
import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from c2r.errors import InputError
from c2r.store.files import free_for_a_file, sync_folder, write_atomic
from c2r.store.locks import leads_to, lock, locked

LOCK = "lock"  # the file of a run folder that its process has locked
GLANCE = 0.3  # seconds for which whoever looks whether a folder is held may seem to hold it


def held(folder: Path) -> bool:
    """Say whether a living process holds a run folder, also one of another container, whose number means nothing."""
    try:
        return locked(folder / LOCK)
    except OSError:
        return False


def hold(folder: Path, patience: float = GLANCE) -> IO[bytes]:
    """Hold a run folder for this process until the returned file is closed.

    :raises InputError: another process holds it for longer than `patience` seconds, or its disk has no locks
    """
    free_for_a_file(folder / LOCK)
    file = open(folder / LOCK, "ab")  # noqa: SIM115 - it stays open as long as the folder is held
    try:
        if lock(file, patience):
            return file
        wrong = "is being written by another process: expected one writer; wait for it or stop it."
    except OSError as error:
        wrong = f"cannot be locked ({error.strerror}): expected a disk that locks files; choose another run store."
    file.close()
    raise InputError(f"Run {folder.name} {wrong}")


def holds(folder: Path, file: IO[bytes]) -> bool:
    """Say whether `folder` still is the one held by the lock `file`: not deleted, and no other folder of its name."""
    return leads_to(folder / LOCK, file)


def claim(folder: Path, files: Mapping[str, bytes | str], inside: str, numbered: bool = False) -> Path:
    """Make a new run folder with `files` (name → content) and an empty folder `inside`, all at once or nothing.

    :param numbered: when `folder` is taken, ``folder-2``, ``folder-3`` … is made instead
    :returns: the folder that was made
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
    """Make the empty folder `wanted`, or ``wanted-2``, ``wanted-3`` … when that is taken, and return it.

    Nobody else gets the same. Raises OSError.
    """
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


def settle(folder: Path, store: Path, wanted: str) -> Path:
    """Move a complete run folder into the store under the id `wanted`, or ``wanted-2`` … when it is taken.

    Returns its new path. Raises InputError.
    """
    place = store / wanted
    try:
        place = reserve(place)
        fill(folder, place)
    except OSError as error:
        with suppress(OSError):
            place.rmdir()
        raise InputError(
            f"{place} cannot be made ({error.strerror}): expected a run store of yours with free space; check it."
        ) from None
    return place


@contextmanager
def _spoken(folder: Path) -> Iterator[None]:
    """Raise what keeps `folder` from being made, within it, as an InputError with its sentence."""
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
