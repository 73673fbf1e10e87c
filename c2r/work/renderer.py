"""A process that draws what it is asked for, and of several wishes of one viewer only the newest: ``python -m
c2r.work.renderer``. It knows no page.

A line of JSON on its input is a wish: ``{"id", "viewer", "ask"}``, where an ask has the fields of an `Ask` and a
``kind`` (plane or sample), or ``{"forget": id}``. Frames come back on its output: four bytes of length (little-endian),
then safetensors whose header says which wish they belong to, ``what`` they are (record, end, refused, dropped) and what
is ``about`` them. It ends with its input, or when nobody has asked for `IDLE` seconds.
"""

import json
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from safetensors.numpy import save

from c2r.base.errors import InputError
from c2r.look.boundary import Mapped

IDLE = 900.0  # seconds without a wish after which the process ends; whoever asks next starts another
LENGTH = 4  # bytes that say how long a frame is
PATHS = ("path", "beside")  # fields of an `Ask` that are paths


class Wish(NamedTuple):
    """What a viewer asked for last."""

    id: int
    viewer: str
    ask: dict[str, Any]


class Dropped(Exception):
    """The viewer asked for something else meanwhile, or left."""


class Waiting:
    """The newest wish of each viewer, those who wait longest first. Threads share it."""

    def __init__(self) -> None:
        self._wishes: OrderedDict[str, Wish] = OrderedDict()
        self._gone: set[int] = set()
        self._newest: dict[str, int] = {}
        self._changed = threading.Condition()
        self._closed = False

    def add(self, wish: Wish) -> Wish | None:
        """Take a wish; returns the one of the same viewer that it replaces, if that was still waiting."""
        with self._changed:
            before = self._wishes.get(wish.viewer)
            self._wishes[wish.viewer] = wish  # in the place in the queue of the one before
            self._newest[wish.viewer] = wish.id
            self._changed.notify()
            return before

    def forget(self, id: int) -> None:
        """Nobody waits for this wish any more."""
        with self._changed:
            self._gone.add(id)
            for viewer in [viewer for viewer, wish in self._wishes.items() if wish.id == id]:
                del self._wishes[viewer]

    def close(self) -> None:
        """There will be no more wishes."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, patience: float) -> Wish | None:
        """The next wish; None when there are no more, or none came for `patience` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._wishes or self._closed, patience)
            return None if self._closed or not self._wishes else self._wishes.popitem(last=False)[1]

    def done(self, wish: Wish) -> None:
        """Forget what is remembered of a wish that has been answered."""
        with self._changed:
            self._gone.discard(wish.id)
            if self._newest.get(wish.viewer) == wish.id:
                del self._newest[wish.viewer]

    def stale(self, wish: Wish) -> bool:
        """Whether its viewer asked for something else since, or left."""
        with self._changed:
            return self._closed or wish.id in self._gone or self._newest.get(wish.viewer) != wish.id


Arrays = dict[str, np.ndarray]
Render = Callable[[dict[str, Any], Mapped], Iterable[tuple[Arrays, dict[str, Any]]]]


def serve(render: Render, source: Iterable[str | bytes], sink: IO[bytes], mapped: Mapped, idle: float = IDLE) -> None:
    """Answer wishes until there are no more.

    :param render: gets an ask and a ``map`` that stops within a batch once the wish is stale
    """
    waiting, mutex = Waiting(), threading.Lock()

    def send(id: int, what: str, arrays: Arrays | None = None, about: object = "") -> None:
        frame = framed(id, what, arrays or {}, about)
        with mutex:
            sink.write(frame)
            sink.flush()

    threading.Thread(target=_listen, args=(source, waiting, send), daemon=True).start()
    while wish := waiting.take(idle):
        try:
            for arrays, about in render(wish.ask, _watched(mapped, waiting, wish)):
                if waiting.stale(wish):
                    raise Dropped
                send(wish.id, "record", arrays, about)
            send(wish.id, "end")
        except Dropped:
            send(wish.id, "dropped")
        except InputError as error:
            send(wish.id, "refused", about=str(error))
        except Exception as error:  # a process that others wait for goes on
            print(f"A plane broke with {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            send(wish.id, "refused", about=f"The plane broke with {type(error).__name__}: please report it.")
        waiting.done(wish)


def framed(id: int, what: str, arrays: Arrays, about: object) -> bytes:
    """One frame, its length first."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    content = save(plain, metadata={"id": str(id), "what": what, "about": json.dumps(about)})
    return len(content).to_bytes(LENGTH, "little") + content


def _listen(source: Iterable[str | bytes], waiting: Waiting, send: Callable[[int, str], None]) -> None:
    """Take wishes down until the input ends; one that is replaced is answered at once."""
    for line in source:
        told = json.loads(line)
        if "forget" in told:
            waiting.forget(int(told["forget"]))
        elif replaced := waiting.add(Wish(int(told["id"]), str(told["viewer"]), told["ask"])):
            send(replaced.id, "dropped")
    waiting.close()


def _watched(mapped: Mapped, waiting: Waiting, wish: Wish) -> Mapped:
    """A ``map`` that raises `Dropped` as soon as the wish is stale."""

    def checked(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(part: Any) -> Any:
            if waiting.stale(wish):
                raise Dropped
            return function(part)

        return call

    return lambda function, parts: mapped(checked(function), parts)


def _answers(ask: dict[str, Any], mapped: Mapped) -> Iterator[tuple[Arrays, dict[str, Any]]]:
    """What a wish is about: a plane, or under ``kind`` what attacks find on its sample."""
    from c2r.work import planepoints, planes, sampleattacks

    kind = ask.pop("kind", "plane")
    wish = planepoints.Ask(**ask | {name: Path(ask[name]) for name in PATHS if ask.get(name)})
    if kind == "sample":
        yield sampleattacks.attacked(wish, mapped)
    else:
        yield from planes.render(wish, mapped)


def main() -> None:
    """Serve on this process's input and output; whatever else is printed goes to the errors."""
    import torch

    from c2r.work import sampleattacks  # noqa: F401 - loaded before the first wish, which then does not wait for it

    torch.set_num_threads(1)  # a batch belongs to one core, and each core has batches of its own
    with os.fdopen(os.dup(1), "wb") as sink, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        os.dup2(2, 1)
        serve(_answers, sys.stdin.buffer, sink, pool.map)
        pool.shutdown(wait=False, cancel_futures=True)
        sink.flush()
        os._exit(0)  # its listener may still wait for a line


if __name__ == "__main__":
    main()
