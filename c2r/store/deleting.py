"""Deleting runs with undo. No torch.

A deleted run is moved to ``<store>/.trash/<id>-<time>`` (time in UTC). It stays there until it is brought back or the
trash is emptied.
"""

import os
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from c2r.errors import InputError
from c2r.store.claiming import hold, settle
from c2r.store.kinds import check_own
from c2r.store.runs import ended

TRASH, MOMENT = ".trash", "%Y%m%d-%H%M%S-%f"
_ENTRY = re.compile(r"(?P<id>.+)-(?P<time>\d{8}-\d{6}-\d{6})")


def delete(path: Path, store: Path) -> Path:
    """Move a run folder of `store` into its trash, from where `undo` brings it back, and return its place there.

    :raises InputError: no run folder directly in the store, a link, a sample, a run or evaluation that lives
    """
    path, store = Path(path).absolute(), Path(store)
    if path.is_symlink() or path.name.startswith(".") or path.parent.resolve() != store.resolve():
        raise InputError(
            f"{path} is a link or no folder of the run store {store}: expected a run folder in it; choose one that"
            " 'list' shows."
        )
    check_own(path)
    ended(path, "deleted")
    place = store / TRASH / f"{path.name}-{datetime.now(UTC):{MOMENT}}"
    if place.parent.is_symlink():
        raise InputError(f"The trash {place.parent} is a link: expected a folder of the store itself; remove the link.")
    try:
        place.parent.mkdir(exist_ok=True)
        with hold(path) as held:
            if os.name == "nt":  # an open file would keep the folder from moving there
                held.close()
            os.rename(path, place)
    except OSError as error:
        raise InputError(
            f"Run {path.name} cannot be moved to the trash ({error.strerror}): expected a store of yours; check it."
        ) from None
    return place


@dataclass(frozen=True)
class Deleted:
    """A run in the trash: its folder there, the id it had, and when it was deleted (UTC)."""

    path: Path
    id: str
    time: datetime


def deleted(store: Path) -> list[Deleted]:
    """List the runs in the trash of a store, newest first."""
    folder = Path(store) / TRASH
    names = os.listdir(folder) if folder.is_dir() and not folder.is_symlink() else []
    entries = [_deleted(folder / name) for name in names]
    return sorted((entry for entry in entries if entry), key=lambda entry: entry.time, reverse=True)


def _deleted(path: Path) -> Deleted | None:
    parts = _ENTRY.fullmatch(path.name)
    if not parts or path.is_symlink() or not path.is_dir():
        return None
    try:
        return Deleted(path, parts["id"], datetime.strptime(parts["time"], MOMENT).replace(tzinfo=UTC))
    except ValueError:
        return None


def undo(name: str, store: Path) -> Path:
    """Bring a deleted run back and return its folder; when its id was taken meanwhile it gets another.

    :param name: its id, which means the run deleted last, or its name in the trash
    :raises InputError: no such run in the trash
    """
    store = Path(store)
    entry = next((entry for entry in deleted(store) if name in (entry.id, entry.path.name)), None)
    if entry is None:
        raise InputError(
            f"The trash of {store} holds no run '{name}': expected one that 'python -m c2r storage' lists as deleted;"
            " it may be gone."
        )
    return settle(entry.path, store, entry.id)


def empty_trash(store: Path, older_than_days: float = 0) -> int:
    """Remove for good what was deleted more than `older_than_days` days ago, and return how many runs.

    Raises InputError.
    """
    if not older_than_days >= 0:
        raise InputError(f"Days must be 0 or more to empty the trash, found {older_than_days}: choose another number.")
    limit = datetime.now(UTC) - timedelta(days=min(older_than_days, 36_500))
    # 0 days: all of them, even those from after a clock was set back
    old = [entry for entry in deleted(store) if entry.time <= limit or not older_than_days]
    for entry in old:
        try:
            shutil.rmtree(entry.path)
        except OSError as error:
            raise InputError(
                f"{entry.path} cannot be removed ({error.strerror}): expected a folder of yours; remove it yourself."
            ) from None
    return len(old)
