"""Drives one piece of work in a run folder: its progress goes into status.json, the control file's commands into it.

What the work is (a distillation, an evaluation) stands in `c2r.tasks`; a piece of work is a function of its `Worker`.
"""

import errno
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

import torch

from c2r.distill import Progress
from c2r.errors import InputError
from c2r.runs import RunWriter

Show = Callable[[Progress, float | None], None]
Rows = list[dict[str, Any]]


class Stopped(Exception):
    """The person asked the work to stop."""


class Worker:
    """One piece of work from start to end. `show` is called with every Progress and the estimated seconds that remain.

    shares, expected: the forecast, share of each phase and seconds in all; paused, single: what was asked for last.
    """

    def __init__(self, writer: RunWriter, show: Show):
        self.writer, self.show = writer, show
        self.began = time.time()
        self.shares: dict[str, float] = {}
        self.expected = 0.0
        self.paused = self.single = False

    def run(self, work: Callable[["Worker"], Rows]) -> Rows:
        """Do the work. Returns its result rows; whatever happens, status.json tells the truth."""
        try:
            rows = work(self)
        except (Stopped, KeyboardInterrupt):
            self.log("stopped on request")
            self.writer.status(state="stopped", eta_s=None, message="Stopped on request; what was recorded is kept.")
            return []
        except BaseException as error:
            sentence = explain(error)
            self._fail(sentence)
            if isinstance(error, InputError) or not isinstance(error, Exception):
                raise
            raise InputError(sentence) from error
        self.writer.status(state="done", phase="finished", eta_s=None, message="", force=True)
        self.log("done")
        return rows

    def forecast(self, shares: dict[str, float], seconds: float) -> None:
        """Say how the work divides into phases (shares that sum to 1) and how long it should take; the clock starts."""
        self.shares, self.expected, self.began = shares, seconds, time.time()

    def log(self, line: str) -> None:
        """One line into log.txt."""
        with open(self.writer.path / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")

    def loading(self, what: str, share: float) -> None:
        """Progress of reading data; it may come from another thread, so no command is obeyed here."""
        self.writer.status(phase="data", step=int(100 * share), total=100, message=what)
        self.show(Progress("data", int(100 * share), 100), None)

    def progress(self, progress: Progress) -> None:
        """Take down where the work is and do what the control file says. Raises `Stopped`."""
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
        """Do what the control file says; returns when the work may go on. 'step' goes on to the next recorded step."""
        waited = time.time()
        while True:
            command = self.writer.take_command()
            if command == "stop":
                self.writer.status(state="stopping", message="Stopping: what was recorded is being put away.")
                raise Stopped
            if command in ("resume", "step"):
                self.paused, self.single = False, command == "step"
            elif command == "pause":
                self.paused = True
            self.writer.status(state="paused" if self.paused else "running")
            if not self.paused:
                break
            time.sleep(0.1)
        self.began += time.time() - waited

    def _eta(self, progress: Progress) -> float | None:
        names = list(self.shares)
        if progress.phase not in names:
            return None
        before = sum(self.shares[name] for name in names[: names.index(progress.phase)])
        done = before + self.shares[progress.phase] * progress.step / max(progress.total, 1)
        measured = (time.time() - self.began) / done if done else 0.0
        return (1 - done) * (done * measured + (1 - done) * self.expected)

    def _fail(self, sentence: str) -> None:
        try:
            self.log("".join(traceback.format_exc()))
            self.writer.status(state="failed", eta_s=None, message=sentence, force=True)
        except OSError:
            print(sentence, file=sys.stderr)


def explain(error: BaseException) -> str:
    """One sentence for a person, whatever went wrong."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full: expected room for the run folder; free some space and start the run again."
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The device ran out of memory: expected what the Start page estimates; lower ipc, width or real_batch and start again."
    return f"The run broke with {type(error).__name__} ({error}): the details are in its log.txt; please report them."
