"""Writing a run folder: one process, every file complete or absent, the last word always true. numpy, no torch."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from c2r.config import RunConfig, to_json
from c2r.errors import InputError
from c2r.store import processes
from c2r.store.claiming import GLANCE, LOCK, claim, hold, holds
from c2r.store.files import free_for_a_file, read_json, save_arrays, sweep, write_atomic
from c2r.store.kinds import evaluates, inside_a_run
from c2r.store.lifecycle import ALIVE, allowed
from c2r.store.runs import frame_file, frame_steps, list_runs, read_events
from c2r.store.thinning import kept

# A file of so many bytes makes room for the last status of a run on a full disk.
RESERVE, RESERVED = ".reserve", 1 << 16
KEPT = ("started", "seq", "figures", "number", "worked_s", "of")  # what a reopened run keeps of its status
LEAVING = 10.0  # seconds a process that has stopped may take to be gone


def save_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Replace rows.jsonl as a whole: results are there completely or not at all."""
    write_atomic(path / "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


class RunWriter:
    """The one process that writes a run folder: a new one, or with `reopen` one whose process is gone.

    :param numbered: a new folder that is taken becomes ``path-2``, ``path-3`` …; `path` says which
    :param of: the folder of the run that is evaluated in this one; the folder itself says so, wherever it lies
    :raises InputError: a folder that is taken, held by another process, or cannot be written

    mutex: held while status.json is written; whoever decides by the state and then changes it holds it over both.
    """

    def __init__(
        self, path: Path, config: RunConfig, reopen: bool = False, numbered: bool = False, of: Path | None = None
    ):
        self.path, self.mutex = Path(path), threading.RLock()
        self._written, self._merged = float("-inf"), time.monotonic()
        self._status = self._first_status(evaluates(self.path, of), reopen)
        if not reopen:
            self.path = self._made(config, numbered)
        self._lock = hold(self.path, LEAVING if reopen else GLANCE)
        self._recent, self._recorded = config.frames_recent, [event["step"] for event in read_events(self.path)]
        if reopen:
            self._take_over()

    def _first_status(self, of: str, reopen: bool) -> dict[str, Any]:
        """Return the status before anything is done; a run that is reopened keeps what counts on."""
        status: dict[str, Any] = {
            "state": "queued",
            "phase": "starting",
            "step": 0,
            "total": 0,
            "eta_s": None,
            "figures": {},
            "message": "",
            "asked": "",
            "worked_s": 0.0,
            "started": time.time(),
            "heartbeat": time.time(),
            "seq": 0,
            "of": of,
        } | processes.own()
        if inside_a_run(self.path):  # by the order they came in, which setting the clock back does not change
            others = list_runs(self.path.parent)
            status["number"] = 1 + max((run.status.get("number", 0) for run in others), default=0)
        before = read_json(self.path / "status.json") if reopen else {}
        return status | {key: before[key] for key in KEPT if key in before}

    def _made(self, config: RunConfig, numbered: bool) -> Path:
        """Make the folder with its first files, all at once, and return where it is."""
        files: dict[str, bytes | str] = {
            "config.json": to_json(config),
            "status.json": json.dumps(self._status),
            "log.txt": "",
            LOCK: "",
            RESERVE: os.urandom(RESERVED),
        }
        return claim(self.path, files, "frames", numbered)

    def _take_over(self) -> None:
        """Clear away what the process before left in the folder, and say that this one has it now."""
        free_for_a_file(self.path / "control")
        sweep(self.path)
        (self.path / "control").unlink(missing_ok=True)
        write_atomic(self.path / RESERVE, os.urandom(RESERVED), durable=False)
        self.status(force=True)

    @property
    def state(self) -> str:
        """The state as written last."""
        return str(self._status["state"])

    def status(self, force: bool = False, **changes: Any) -> None:
        """Merge `changes` into status.json.

        It is written at most five times a second, unless forced or state, phase or what was asked changes.
        """
        with self.mutex:
            self._merge(force, changes)

    def _merge(self, force: bool, changes: dict[str, Any]) -> None:
        if not allowed(self.state, changes.get("state", self.state)):
            raise RuntimeError(f"a run cannot go from {self.state} to {changes['state']}")
        if not holds(self.path, self._lock):
            raise InputError(
                f"The run folder {self.path} was deleted or replaced while its process worked: expected it to stay;"
                " bring it back or start again."
            )
        force = force or any(
            key in changes and changes[key] != self._status[key] for key in ("state", "phase", "asked")
        )
        now = time.monotonic()
        worked, self._merged = (now - self._merged if self.state == "running" else 0.0), now
        before, self._status = self._status, self._status | changes | {"worked_s": self._status["worked_s"] + worked}
        if not force and time.monotonic() - self._written < 0.2:
            return
        self._status |= {"heartbeat": time.time(), "seq": self._status["seq"] + 1}
        if self.state not in ALIVE:
            (self.path / RESERVE).unlink(missing_ok=True)
        try:
            write_atomic(self.path / "status.json", json.dumps(self._status), durable=False)
        except OSError:
            self._status = before  # what stands in the file
            raise
        self._written = time.monotonic()

    def manifest(self, **facts: Any) -> None:
        """Store where the figures come from: versions, commit, device, data hash."""
        write_atomic(self.path / "manifest.json", json.dumps(facts, indent=2) + "\n")

    def frame(self, step: int, event: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Store one recorded step: its frame, then its line in events.jsonl.

        So the newest event always has its frame, and every event keeps its figures. Older frames are thinned then (see
        `c2r.store.thinning`).
        """
        save_arrays(self.path, f"frames/{step:06d}", arrays)
        self.line("events", {"step": step, "time": time.time()} | event)
        self._recorded.append(step)
        wanted = {self._recorded[position] for position in kept(len(self._recorded), self._recent)}
        for old in frame_steps(self.path):
            if old not in wanted:
                frame_file(self.path, old).unlink(missing_ok=True)

    def rewind(self, step: int) -> None:
        """Forget what was recorded after `step`: a resumed run records it again."""
        before = [event for event in read_events(self.path) if event["step"] <= step]
        write_atomic(self.path / "events.jsonl", "".join(json.dumps(event) + "\n" for event in before))
        self._recorded = [event["step"] for event in before]
        for frame in frame_steps(self.path):
            if frame > step:
                frame_file(self.path, frame).unlink()

    def line(self, name: str, value: dict[str, Any]) -> None:
        """Append one JSON line to ``<name>.jsonl``.

        It is on the disk when this returns, before a checkpoint that counts on it.
        """
        with open(self.path / f"{name}.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(value) + "\n")
            file.flush()
            os.fsync(file.fileno())
