"""The space that a run store takes up, and how much is free. No torch."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from c2r.store.deleting import deleted
from c2r.store.describing import about
from c2r.store.runs import list_runs

KINDS = ("frames", "networks", "parts", "evaluations", "other")
BEFORE = {"pool": "parts"}  # what folders of runs of before were called


def size(path: Path) -> dict[str, int]:
    """Count the bytes of the files in a run folder for each of `KINDS`.

    Networks are those of every evaluation, evaluations their other files.
    """
    sizes = dict.fromkeys(KINDS, 0)
    for (*folders, _), count in _files(Path(path)):
        top = BEFORE.get(folders[0], folders[0]) if folders else ""
        kind = "networks" if "networks" in folders else top
        sizes[kind if kind in sizes else "other"] += count
    return sizes


def storage(store: Path) -> dict[str, Any]:
    """Count what a store holds, in bytes.

    :returns: ``runs`` (id, name, sizes by kind, total), ``deleted`` (id, trash, time, total), ``rest``, ``total``,
        ``free``
    """
    store = Path(store)
    sizes = {run.path: size(run.path) for run in list_runs(store)}
    runs = [
        {"id": p.name, "name": about(p).name, "kinds": kinds, "total": sum(kinds.values())}
        for p, kinds in sizes.items()
    ]
    gone = [(entry, sum(size(entry.path).values())) for entry in deleted(store)]
    trash = [
        {"id": entry.id, "trash": entry.path.name, "time": entry.time.isoformat(), "total": count}
        for entry, count in gone
    ]
    total = sum(count for _, count in _files(store))
    rest = total - sum(sum(kinds.values()) for kinds in sizes.values()) - sum(count for _, count in gone)
    return {"runs": runs, "deleted": trash, "rest": max(0, rest), "total": total, "free": free(store)}


def free(store: Path) -> int:
    """Return the free bytes on the disk of a store, which need not exist yet."""
    near = next(place for place in (Path(store).absolute(), *Path(store).absolute().parents) if os.path.exists(place))
    return shutil.disk_usage(near).free


def _files(folder: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path below `folder` and the bytes of every file.

    Links are not followed, and what vanishes meanwhile is left out.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place, name)
            try:
                yield file.relative_to(folder).parts, file.lstat().st_size
            except OSError:
                continue
