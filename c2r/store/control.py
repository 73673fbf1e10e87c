"""Commands to a living run: a page or command line asks, a thread of its process answers, its work obeys. No torch.

A command lies in the run's control file until its process hears it, within a fifth of a second whatever the work is
busy with. The answer stands in status.json: `asked` until the command is done, for 'stop' the state ``stopping``. The
work does it when it comes by (`Listener.take`).
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from c2r.errors import InputError
from c2r.store.files import free_for_a_file
from c2r.store.lifecycle import ALIVE, COMMANDS, RESUMABLE, allowed, takes
from c2r.store.runs import Run, open_run, send
from c2r.store.writing import RunWriter

TAKEN = ".control.taken"  # what the control file is called while it is answered
LOOK = 0.2  # seconds between two looks at the control file
BEAT = 1.0  # seconds between two signs of life of a run that has nothing to say
REACHED = {"pause": ("paused",), "resume": ("running",), "step": ("paused",), "stop": ("stopping", "stopped")}
DONE = {"pause": "Paused", "resume": "Goes on", "step": "Paused", "stop": "Stopped"}
ASKED = {
    "pause": "Asked to pause, which it does at the next chance",
    "resume": "Asked to go on",
    "step": "Asked for the next recorded step, where it pauses",
    "stop": "Asked to stop, which it does at the next chance; what is recorded stays",
}


class Listener:
    """A thread that hears the commands to the run of `writer` from `with` to its end.

    The last command counts; a stop is final.
    """

    def __init__(self, writer: RunWriter):
        self.writer, self._word, self._over = writer, "", threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()

    @property
    def stopping(self) -> bool:
        """Say whether the run was asked to stop."""
        self.hear()
        return self._word == "stop"

    def take(self) -> str:
        """Return the command to do now, '' for none. Hold the writer's mutex until its new state is written."""
        self.hear()
        word = self._word
        if word != "stop":
            self._word = ""
        return word

    def hear(self) -> None:
        """Take what lies in the control file and answer it."""
        with self.writer.mutex, _taken(self.writer.path) as word:
            if not word or self._word == "stop" or self.writer.state not in ALIVE:
                return
            self._word = word
            if word == "stop" and allowed(self.writer.state, "stopping"):
                self.writer.status(state="stopping", asked="", message="Stopping: what was recorded is being put away.")
            else:
                self.writer.status(asked=word)

    def _listen(self) -> None:
        beat = time.monotonic()
        while not self._over.wait(LOOK):
            # A disk that is full or a folder that is gone is met and told by the work itself.
            with contextlib.suppress(OSError, InputError):
                self.hear()
                if time.monotonic() - beat > BEAT and self.writer.state in ALIVE:
                    beat = time.monotonic()
                    self.writer.status()


@contextlib.contextmanager
def _taken(folder: Path) -> Iterator[str]:
    """Take the command out of the control file in one piece, '' when there is none; it is gone when it is answered."""
    taken = folder / TAKEN
    try:
        free_for_a_file(folder / "control")
        os.replace(folder / "control", taken)
        word = taken.read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, InputError):
        word = ""
    yield word if word in COMMANDS else ""
    with contextlib.suppress(OSError):
        taken.unlink()


def ask(run: Run, word: str) -> None:
    """Leave the command `word` for a living run.

    :raises InputError: the run's state does not take it; the sentence says what would make sense
    """
    known = takes(run.state, asked(run))
    if word in known:
        send(run.path, word)
    elif not run.alive:
        further = "resume it, or start a new one" if run.state in RESUMABLE else "start a new one"
        raise InputError(f"Run {run.id} is {run.state}: expected a living run for '{word}'; {further}.")
    elif word == asked(run) or run.state == "stopping":
        raise InputError(
            f"Run {run.id} was asked to {asked(run) or 'stop'} already: expected some patience; it does so at the next"
            " chance."
        )
    else:
        raise InputError(f"Run {run.id} is {run.state} and does not take '{word}': expected one of {', '.join(known)}.")


def asked(run: Run) -> str:
    """Return what a living run was asked for and has not done yet, '' for nothing."""
    return "" if not run.alive else "stop" if run.state == "stopping" else str(run.status.get("asked") or "")


def heard(run: Run, word: str) -> bool:
    """Say whether the command `word` was taken and answered, or done already."""
    waits = any((run.path / name).exists() for name in ("control", TAKEN))
    return not waits and (asked(run) == word or run.state in REACHED[word] or not run.alive)


def done(run: Run, word: str) -> bool:
    """Say whether the command `word` was done, or the run has ended."""
    return heard(run, word) and not asked(run)


def wait(path: Path, word: str, seconds: float, until: Any = heard) -> Run:
    """Look at a run until `until` says yes to it and `word`, or the time is over, and return the last look."""
    end = time.monotonic() + seconds
    while not until(run := open_run(path), word) and time.monotonic() < end:
        time.sleep(0.05)
    return run


def said(run: Run, word: str) -> str:
    """Tell in one plain sentence what became of the command `word`."""
    if not heard(run, word):
        return f"Asked to {word}: run {run.id} has not answered yet."
    if not run.alive and run.state != "stopped":
        return f"Run {run.id} is {run.state}."
    if done(run, word):
        return f"{DONE[word]} {where(run)}."
    return f"{ASKED[word]} (now {where(run)})."


def where(run: Run) -> str:
    """Where a run is: ``at step 40``, ``in the evaluation, 41 %``, and of a phase of its method with a name in tables
    ``in phase 'Training the pool', step 2 of 6``."""
    phase, step, total = str(run.status.get("phase")), run.status.get("step") or 0, run.status.get("total") or 0
    places = {
        "starting": "before its work began",
        "data": "while the data are read",
        "scorer": f"while its scorers are trained, step {step} of {total}",
        "map": "while the map is drawn",
        "evaluate": f"in the evaluation, {100 * step / max(total, 1):.0f} %",
        "finished": "at its end",
    }
    labels = {told["name"]: told["label"] for told in run.manifest.get("phases", ()) if told["brief"]}
    if phase in labels:
        return f"in phase '{labels[phase]}', step {step} of {total}"
    return places.get(phase, f"at step {step}")
