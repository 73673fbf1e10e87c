"""Drives one piece of work in a run folder: its progress goes into status.json, the commands that came for it into it.

What the work is (a distillation, an evaluation) stands in `c2r.work.tasks`; a piece of work is a function of its
`Worker`.
"""

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from c2r.base import disasters
from c2r.base.errors import InputError
from c2r.events import Progress
from c2r.store.control import Listener
from c2r.store.writing import RunWriter

Show = Callable[[Progress, float | None], None]
Rows = list[dict[str, Any]]


class Stopped(Exception):
    """The person asked the work to stop."""


class Worker:
    """One piece of work from start to end. `show` is called with every Progress and the estimated seconds that remain.

    shares, expected: the forecast, share of each phase and seconds in all; paused, single: what was asked for last.
    """

    def __init__(self, writer: RunWriter, show: Show, listener: Listener):
        self.writer, self.show, self.listener = writer, show, listener
        self.began = time.monotonic()
        self.shares: dict[str, float] = {}
        self.expected = 0.0
        self.paused = self.single = False

    def run(self, work: Callable[["Worker"], Rows]) -> Rows:
        """Do the work. Returns its result rows; whatever happens, status.json tells the truth."""
        try:
            rows = work(self)
            self._end("done", state="done", phase="finished", message="")
        except (Stopped, KeyboardInterrupt):
            with suppress(OSError, InputError):
                self._end(
                    "stopped on request", state="stopped", message="Stopped on request; what was recorded is kept."
                )
            return []
        except BaseException as error:
            sentence = explain(error)
            self._fail(sentence)
            if isinstance(error, InputError) or not isinstance(error, Exception):
                raise
            raise InputError(sentence) from error
        return rows

    def _end(self, line: str, **facts: Any) -> None:
        """The last status, for which there always is room, and then a line of the log, if there is room for one."""
        self.writer.status(eta_s=None, force=True, **facts)
        with suppress(OSError):
            self.log(line)

    def forecast(self, shares: dict[str, float], seconds: float) -> None:
        """Say how the work divides into phases (shares that sum to 1) and how long it should take; the clock starts."""
        self.shares, self.expected, self.began = shares, seconds, time.monotonic()

    def log(self, line: str) -> None:
        """One line into log.txt."""
        with open(self.writer.path / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")

    def loading(self, what: str, share: float) -> None:
        """Progress of reading data; it may come from another thread, so no command is obeyed here."""
        with suppress(OSError):  # a full disk is told by what is written next, and not as a fault of the data
            self.writer.status(phase="data", step=int(100 * share), total=100, message=what)
        self.show(Progress("data", int(100 * share), 100), None)

    def progress(self, progress: Progress) -> None:
        """Take down where the work is and do what was asked for. Raises `Stopped`."""
        eta = self._eta(progress)
        facts: dict[str, Any] = {
            "phase": progress.phase,
            "step": progress.step,
            "total": progress.total,
            "eta_s": eta,
            "message": progress.doing,
        }
        self.writer.status(**facts | ({"figures": progress.figures} if progress.figures else {}))
        self.show(progress, eta)
        self._obey()

    def recorded(self) -> None:
        """A step was recorded: after 'step' the work pauses here."""
        self.paused = self.paused or self.single

    def _obey(self) -> None:
        """Do what was asked for; returns when the work may go on. 'step' goes on to the next recorded step."""
        waited = time.monotonic()
        while True:
            with self.writer.mutex:
                command = self.listener.take()
                if command == "stop":
                    raise Stopped
                if command in ("resume", "step"):
                    self.paused, self.single = False, command == "step"
                elif command == "pause":
                    self.paused = True
                ahead = "step" if self.single and not self.paused else ""
                self.writer.status(state="paused" if self.paused else "running", asked=ahead)
            if not self.paused:
                break
            time.sleep(0.1)
        self.began += time.monotonic() - waited

    def _eta(self, progress: Progress) -> float | None:
        names = list(self.shares)
        if progress.phase not in names:
            return None
        before = sum(self.shares[name] for name in names[: names.index(progress.phase)])
        done = min(1.0, before + self.shares[progress.phase] * progress.step / max(progress.total, 1))
        measured = (time.monotonic() - self.began) / done if done else 0.0
        return (1 - done) * (done * measured + (1 - done) * self.expected)

    def _fail(self, sentence: str) -> None:
        """Say so in status.json; where nothing can be written, or the folder is gone, the terminal alone hears it."""
        with suppress(OSError, InputError):
            self._end(traceback.format_exc(), state="failed", message=sentence)


def explain(error: BaseException) -> str:
    """One sentence for a person, whatever went wrong."""
    if isinstance(error, InputError):
        return str(error)
    name, said = type(error).__name__, disasters.first_line(error)
    return (
        disasters.sentence(error)
        or f"The run broke with {name} ({said}): the details are in its log.txt; please report them."
    )
