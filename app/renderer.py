"""The process that draws planes, as the server sees it: started when first asked, asked by many, started again when it
ends. No torch, no Streamlit.

See `c2r.work.renderer` for what goes over its pipes. Each wish has a queue into which a thread puts its frames.
"""

import atexit
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from c2r.base.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = (sys.executable, "-m", "c2r.work.renderer")
PATIENCE = 60.0  # seconds that the next frame may take; the first ones of a process wait for its libraries
MOST = 64  # wishes that may wait at once
LENGTH = 4  # bytes before each frame


class Frame(NamedTuple):
    """One answer: what it is (record, end, refused, dropped), what is said about it, and its bytes."""

    what: str
    about: Any
    content: bytes


class Lost(InputError):
    """The process ended or kept silent; whoever asks again gets another."""


class Renderer:
    """One child process at most, shared by all sessions."""

    def __init__(self, program: tuple[str, ...] = PROGRAM):
        self.program = program
        self._process: subprocess.Popen | None = None
        self._waiting: dict[int, queue.Queue[Frame]] = {}
        self._numbers, self._mutex = itertools.count(1), threading.Lock()

    def frames(self, viewer: str, ask: dict[str, Any]) -> Iterator[Frame]:
        """Frames of a wish, the last of which is no record; a new wish of the same viewer drops it.

        Closed early, it takes the wish back. Raises Lost.
        """
        number, own = self._asked(viewer, ask)
        over = False
        try:
            while not over:
                try:
                    frame = own.get(timeout=PATIENCE)
                except queue.Empty:
                    raise Lost(f"A plane took longer than {PATIENCE:.0f} s: expected an answer; ask again.") from None
                over = frame.what != "record"
                if frame.what == "lost":
                    raise Lost("The process that draws planes ended: expected an answer; ask again.")
                yield frame
        finally:
            self._waiting.pop(number, None)
            if not over:
                self._forget(number)

    def warm(self) -> None:
        """Start the process if there is none, so that the first wish does not wait for its libraries."""
        with self._mutex:
            self._alive()

    def close(self) -> None:
        """End the process; the next wish starts another."""
        with self._mutex:
            process, self._process = self._process, None
        if process and process.stdin:
            process.stdin.close()
            process.terminate()
            process.wait(10)

    def _asked(self, viewer: str, ask: dict[str, Any]) -> tuple[int, queue.Queue[Frame]]:
        with self._mutex:
            if len(self._waiting) >= MOST:
                raise Lost(f"{MOST} planes are being drawn already: expected fewer at once; ask again in a moment.")
            process = self._alive()
            number, own = next(self._numbers), queue.Queue[Frame]()
            self._waiting[number] = own
            self._say(process, {"id": number, "viewer": viewer, "ask": ask})
        return number, own

    def _alive(self) -> subprocess.Popen:
        """The process, started if there is none; the mutex is held."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._started()
        return self._process

    def _started(self) -> subprocess.Popen:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *_given()])}
        process = subprocess.Popen(
            [*self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        threading.Thread(target=self._read, args=(process,), daemon=True).start()
        atexit.register(process.terminate)
        return process

    def _forget(self, number: int) -> None:
        with self._mutex:
            if self._process and self._process.poll() is None:
                self._say(self._process, {"forget": number})

    def _say(self, process: subprocess.Popen, told: dict[str, Any]) -> None:
        assert process.stdin
        try:
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
        except OSError:  # it has just ended, which the thread that reads tells whoever waits
            pass

    def _read(self, process: subprocess.Popen) -> None:
        """Hand out frames until the process ends, and then the news of it to whoever still waits for this one."""
        assert process.stdout
        while len(head := process.stdout.read(LENGTH)) == LENGTH:
            content = process.stdout.read(int.from_bytes(head, "little"))
            told = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
            if own := self._waiting.get(int(told["id"])):
                own.put(Frame(told["what"], json.loads(told["about"]), content))
        with self._mutex:
            if self._process in (process, None):
                self._process = None
                for own in self._waiting.values():
                    own.put(Frame("lost", "", b""))


def _given() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


SHARED = Renderer()
