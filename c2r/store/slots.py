"""One slot per device and run store: whoever came first works, the others wait in order. No torch.

A waiting or working process holds a numbered ticket file by a lock that ends with the process, however it ends. The
oldest ticket that is held has the slot. Nobody else keeps a list, so apps and commands on one store cannot disagree.
"""

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from c2r.store.files import opened
from c2r.store.kinds import inside_a_run
from c2r.store.locks import discard, leads_to, lock, unlock

FOLDER = ".slots"
BEFORE = " "  # what stands before the name on a ticket: a byte that others may not read while it is held


@dataclass(frozen=True)
class Ticket:
    """A place in a queue: its number, where its file lies in the queue's folder, and that file, which is held."""

    number: int
    path: Path
    file: IO[bytes]


def place(run: Path, device: str) -> Path:
    """Return the queue that a run or evaluation belongs to: that of its store and of the device kind (cpu, cuda)."""
    return store_of(run) / FOLDER / device


def store_of(run: Path) -> Path:
    """Return the store that a run or evaluation folder lies in."""
    run = Path(run).absolute()
    return run.parents[2] if inside_a_run(run) else run.parent


def spoken(name: str) -> str:
    """Return what a ticket's name, a folder relative to the store, is called in a sentence."""
    run, evaluation, _ = name.partition("/evaluations/")
    return f"the evaluation of {run}" if evaluation else name


@contextlib.contextmanager
def ticket(folder: Path, name: str) -> Iterator[Ticket]:
    """Draw a ticket behind everybody who has one, and give it back at the end.

    :param name: for whom, a folder relative to the store
    :raises OSError: a queue that cannot be written or locked
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "door", "ab") as door:
        lock(door, math.inf)  # one at a time, so that numbers have an order
        mine = _drawn(folder)
        with contextlib.suppress(OSError):  # a full disk: a ticket without a name counts all the same
            os.write(mine.file.fileno(), f"{BEFORE}{name}".encode())
        unlock(door)
    try:
        yield mine
    finally:
        discard(mine.path, mine.file)


def _drawn(folder: Path) -> Ticket:
    """Draw a new last ticket and hold it.

    Before it is held somebody may take it for that of a dead process, and remove it; then another is drawn.
    """
    while True:
        number = 1 + max((taken for taken, _ in _tickets(folder)), default=0)
        path = folder / f"{number:08d}.ticket"
        file = open(path, "wb")  # noqa: SIM115 - it stays open as long as the ticket is held
        if lock(file, math.inf) and leads_to(path, file):
            return Ticket(number, path, file)
        file.close()


def ahead(mine: Ticket) -> list[str]:
    """List who holds older tickets, oldest first; [] when the slot is mine."""
    return _holders([path for number, path in _tickets(mine.path.parent) if number < mine.number])


def holders(store: Path) -> list[str]:
    """List who works or waits in a store, on any device: folders relative to it; [] when the store has no queue yet."""
    queues = Path(store) / FOLDER
    folders = [folder for folder in (queues.glob("*") if os.path.isdir(queues) else ()) if folder.is_dir()]
    return [name for folder in folders for name in _holders([path for _, path in _tickets(folder)])]


def _holders(tickets: list[Path]) -> list[str]:
    """Return the names on those tickets that are held."""
    return [name for name in map(_holder, tickets) if name]


def _holder(path: Path) -> str:
    """Return the name on a ticket that is held; '' for one that is not, of a dead process, which is removed."""
    try:
        with opened(path, os.O_RDWR) as file:
            if not lock(file):
                file.seek(len(BEFORE))
                return file.read().decode(errors="replace") or path.stem
            discard(path, file)
    except OSError:
        pass
    return ""


def _tickets(folder: Path) -> list[tuple[int, Path]]:
    names = [name for name in os.listdir(folder) if name.endswith(".ticket")]
    return sorted((int(name.partition(".")[0]), folder / name) for name in names if name.partition(".")[0].isdigit())
