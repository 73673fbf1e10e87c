"""One slot per device and run store: whoever came first works, the others wait in order. No torch.

A waiting or working process holds a numbered ticket file by a lock that ends with the process, however it ends. The
oldest
ticket that is held has the slot; nobody else keeps a list, so apps and commands on one store cannot disagree. Where
files
cannot be locked (Windows) nobody waits.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from c2r.store.claiming import lock, unlock
from c2r.store.kinds import inside_a_run

FOLDER = ".slots"


@dataclass(frozen=True)
class Ticket:
    """A place in the queue of `folder`: its number, and the file that is held."""

    folder: Path
    number: int
    file: IO[str]


def place(run: Path, device: str) -> Path:
    """The queue that a run or evaluation folder belongs to: that of its store and of the device kind (cpu, cuda)."""
    return store_of(run) / FOLDER / device


def store_of(run: Path) -> Path:
    """The store that a run or evaluation folder lies in."""
    run = Path(run).absolute()
    return run.parents[2] if inside_a_run(run) else run.parent


def spoken(name: str) -> str:
    """What a ticket's name, a folder relative to the store, is called in a sentence."""
    run, evaluation, _ = name.partition("/evaluations/")
    return f"the evaluation of {run}" if evaluation else name


@contextlib.contextmanager
def ticket(folder: Path, name: str) -> Iterator[Ticket]:
    """Draw a ticket behind everybody who has one for `name`, a folder relative to the store; it is given back at the
    end."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "door", "w", encoding="utf-8") as door:
        lock(door, wait=True)  # one at a time, so that numbers have an order
        number = 1 + max((n for n, _ in _tickets(folder)), default=0)
        path = folder / f"{number:08d}.ticket"
        file = open(path, "w", encoding="utf-8")  # noqa: SIM115 - held until the end
        lock(file)
        with contextlib.suppress(OSError):  # a full disk: a ticket without a name counts all the same
            os.write(file.fileno(), name.encode())
        unlock(door)
    try:
        yield Ticket(folder, number, file)
    finally:
        path.unlink(missing_ok=True)
        file.close()


def ahead(mine: Ticket) -> list[str]:
    """Who holds older tickets, oldest first; [] when the slot is mine."""
    return _holders([path for number, path in _tickets(mine.folder) if number < mine.number])


def holders(store: Path) -> list[str]:
    """Who works or waits in a store, on any device: folders relative to it; [] when the store has no queue yet."""
    queues = Path(store) / FOLDER
    folders = [folder for folder in (queues.glob("*") if os.path.isdir(queues) else ()) if folder.is_dir()]
    return [name for folder in folders for name in _holders([path for _, path in _tickets(folder)])]


def _holders(tickets: list[Path]) -> list[str]:
    """The names on those tickets that are held. Tickets of dead processes are removed."""
    found = []
    for path in tickets:
        try:
            with open(path, "r+", encoding="utf-8") as file:
                if lock(file):
                    path.unlink(missing_ok=True)
                else:
                    found.append(file.read() or path.stem)
        except OSError:
            continue
    return found


def _tickets(folder: Path) -> list[tuple[int, Path]]:
    names = [name for name in os.listdir(folder) if name.endswith(".ticket")]
    return sorted((int(name.partition(".")[0]), folder / name) for name in names if name.partition(".")[0].isdigit())
