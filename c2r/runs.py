"""The run store: one folder per run, written by one process, read by anyone. Needs numpy, no torch.

Files (see the README's table): ``config.json manifest.json status.json control events.jsonl frames/<step>.safetensors
rows.jsonl synthetic.safetensors outcomes.safetensors basis.safetensors map.safetensors log.txt``. Every file is either
complete or absent (written beside, then renamed); the two ``.jsonl`` files are appended line by line, and a torn last
line is dropped by the reader. So a process may be killed at any instant and the folder still opens.
"""

import json
import os
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from c2r import schema
from c2r.config import RunConfig, from_json, to_json
from c2r.errors import InputError
from c2r.files import claim, hold, read_arrays, read_json, read_lines, read_text, save_arrays, write_atomic
from c2r.lifecycle import ALIVE, COMMANDS, STATES, allowed

FRAME_ARRAYS = (
    "images", "labels", "delta", "margin_clean", "margin_adv", "score", "order",
    "pred_clean", "pred_adv", "embedding_clean", "embedding_adv",
)  # fmt: skip


def default_store() -> Path:
    """``$C2R_RUNS``, or ``runs/`` beside the package: the same folder wherever the app or a command is started."""
    return Path(os.environ.get("C2R_RUNS") or Path(__file__).resolve().parents[1] / "runs")


def evaluation_id(config: RunConfig, now: datetime | None = None) -> str:
    """A readable, sortable name for an evaluation such as ``20261120-0937-12-pixel-2-255-pgd-at``."""
    return f"{now or datetime.now():%Y%m%d-%H%M-%S}-{re.sub('[^a-z0-9]+', '-', config.protocol)}-{config.eval_training}"


def new_id(config: RunConfig, now: datetime | None = None) -> str:
    """A readable, sortable run id such as ``20261120-0937-12-c2r-digits-ipc10``."""
    source = re.sub(r"[^a-z0-9]+", "-", Path(config.data).stem.lower()).strip("-") or "data"
    return f"{now or datetime.now():%Y%m%d-%H%M-%S}-{config.method}-{source}-ipc{config.ipc}"


def save_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Replace rows.jsonl as a whole: results are there completely or not at all."""
    write_atomic(path / "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


class RunWriter:
    """The one process that writes a run folder: a new one, or with `reopen` one whose process is gone. Raises InputError."""

    def __init__(self, path: Path, config: RunConfig, reopen: bool = False):
        self.path, self._written = Path(path), 0.0
        before = read_json(self.path / "status.json") if reopen else {}
        process = psutil.Process()
        self._status: dict[str, Any] = {
            "state": "queued", "phase": "starting", "step": 0, "total": 0, "eta_s": None, "figures": {}, "message": "",
            "pid": process.pid, "pid_started": process.create_time(), "started": time.time(), "heartbeat": time.time(), "seq": 0,
        }  # fmt: skip
        self._status |= {key: before[key] for key in ("started", "seq", "figures") if key in before}
        if not reopen:
            first = {"config.json": to_json(config), "status.json": json.dumps(self._status), "log.txt": ""}
            claim(self.path, first, "frames")
        self._lock = hold(self.path)
        (self.path / "control").unlink(missing_ok=True)
        self.status(force=True)

    @property
    def state(self) -> str:
        """The state as written last."""
        return str(self._status["state"])

    def status(self, force: bool = False, **changes: Any) -> None:
        """Merge `changes` into status.json; at most five writes a second unless forced or state or phase changes."""
        if not allowed(self.state, changes.get("state", self.state)):
            raise RuntimeError(f"a run cannot go from {self.state} to {changes['state']}")
        force = force or any(key in changes and changes[key] != self._status[key] for key in ("state", "phase"))
        self._status |= changes
        now = time.time()
        if not force and now - self._written < 0.2:
            return
        self._written = now
        self._status |= {"heartbeat": now, "seq": self._status["seq"] + 1}
        write_atomic(self.path / "status.json", json.dumps(self._status))

    def manifest(self, **facts: Any) -> None:
        """Store where the figures come from: versions, commit, device, data hash."""
        write_atomic(self.path / "manifest.json", json.dumps(facts, indent=2) + "\n")

    def frame(self, step: int, event: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Store one recorded step: first the frame, then its line in events.jsonl, so that an event implies a frame."""
        save_arrays(self.path, f"frames/{step:06d}", arrays)
        self.line("events", {"step": step, "time": time.time()} | event)

    def rewind(self, step: int) -> None:
        """Forget what was recorded after `step`: a resumed run records it again."""
        kept = [event for event in read_events(self.path) if event.get("step", -1) <= step]
        write_atomic(self.path / "events.jsonl", "".join(json.dumps(event) + "\n" for event in kept))
        for frame in frame_steps(self.path):
            if frame > step:
                (self.path / "frames" / f"{frame:06d}.safetensors").unlink()

    def line(self, name: str, value: dict[str, Any]) -> None:
        """Append one JSON line to ``<name>.jsonl``."""
        with open(self.path / f"{name}.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(value) + "\n")

    def take_command(self) -> str:
        """The command left in the control file, which is removed; '' when there is none."""
        try:
            word = (self.path / "control").read_text(encoding="utf-8", errors="replace").strip()
            (self.path / "control").unlink()
        except FileNotFoundError:
            return ""
        return word if word in COMMANDS else ""


def send(path: Path, command: str) -> None:
    """Leave `command` (pause, resume, step, stop) for the process that writes the run."""
    if command not in COMMANDS:
        raise InputError(f"Unknown command '{command}': choose one of {', '.join(COMMANDS)}.")
    write_atomic(Path(path) / "control", command)


@dataclass(frozen=True)
class Run:
    """What one look at a run folder shows. `problem` is '' or the sentence that says what is damaged."""

    path: Path
    state: str
    config: RunConfig | None = None
    status: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def alive(self) -> bool:
        return self.state in ALIVE


def open_run(path: Path) -> Run:
    """Look at a run folder. Never raises for damage: the Run says what is wrong."""
    path = Path(path)
    if path.is_file():
        return Run(path, "failed", problem=f"{path.name} is a file: expected a run folder; choose another.")
    if not path.is_dir():
        return Run(path, "failed", problem=f"There is no run folder {path.name}: it was deleted or never written; choose another run.")
    if not is_run(path):
        return Run(path, "failed", problem=f"{path.name} is no run folder: expected one with config.json and status.json; choose another.")
    try:
        status = read_json(path / "status.json")
        config = from_json(read_text(path / "config.json"))
        manifest = read_json(path / "manifest.json") if (path / "manifest.json").exists() else {}
        schema.check("status.json", status)
        schema.check("manifest.json", manifest)
    except InputError as error:
        return Run(path, "failed", problem=f"Run {path.name} is damaged. {error}")
    state = status.get("state")
    if state not in STATES:
        problem = f"Run {path.name} is damaged. status.json expects a state out of {', '.join(STATES)}, found '{state}'."
        return Run(path, "failed", config, status, manifest, problem)
    if state in ALIVE and not _process_alive(status):
        state = "lost"
    return Run(path, state, config, status, manifest)


def is_run(path: Path) -> bool:
    """Whether a folder is a run's, whole or damaged: it holds at least one of the files that every run starts with.

    A name that cannot be written as text, and so in no address, is none.
    """
    writable = path.name.encode("utf-8", "replace").decode() == path.name
    return writable and path.is_dir() and any((path / name).exists() for name in ("config.json", "status.json", "events.jsonl", "frames"))


def list_runs(store: Path) -> list[Run]:
    """All runs of a store, newest first; damaged ones are listed too, folders that never were a run are not."""
    store = Path(store)
    folders = [p for p in store.iterdir() if is_run(p) and not p.name.startswith(".")] if store.is_dir() else []
    return sorted((open_run(p) for p in folders), key=lambda run: (run.status.get("started", 0), run.id), reverse=True)


def read_events(path: Path) -> list[dict[str, Any]]:
    """The recorded steps, oldest first; a torn or damaged line is left out."""
    return [event for event in read_lines(Path(path) / "events.jsonl") if schema.EVENT(event)]


def evaluations(path: Path) -> list[Run]:
    """The evaluations of a run that have folders of their own, newest first; each looks like a run without frames."""
    folder = Path(path) / "evaluations"
    return list_runs(folder) if folder.is_dir() else []


def results(path: Path) -> Path:
    """The folder of the results that stand for a run: its newest finished evaluation, else the run folder itself."""
    return next((found.path for found in evaluations(path) if found.state == "done" and not found.problem), Path(path))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The results that stand for a run (see `results`), or those of one evaluation's folder; [] before the evaluation."""
    return own_rows(results(path))


def own_rows(folder: Path) -> list[dict[str, Any]]:
    """The results in this very folder; rows recorded before evaluations had protocols get the values they had then, damaged ones are left out."""
    rows = [row for row in read_lines(Path(folder) / "rows.jsonl") if schema.ROW(row)]
    return [{"key": row.get("attack"), "protocol": "custom", "options": {}} | row for row in rows]


def evaluation_facts(folder: Path) -> dict[str, Any]:
    """The facts about an evaluated set, {} when the folder has none. Raises InputError when they are damaged."""
    file = Path(folder) / "facts.json"
    found = read_json(file) if file.exists() else {}
    schema.check("facts.json", found)
    return found


def frame_steps(path: Path) -> list[int]:
    """The recorded steps that have a frame, ascending."""
    stems = [p.stem for p in (Path(path) / "frames").glob("[0-9]*.safetensors") if re.fullmatch(r"[0-9]{6,9}", p.stem)]
    return sorted(int(stem) for stem in stems if stem == f"{int(stem):06d}")


def read_frame(path: Path, step: int, only: tuple[str, ...] = FRAME_ARRAYS) -> dict[str, np.ndarray]:
    """The arrays `only` of one recorded step; nothing else is read. Raises InputError when missing, unreadable or incomplete."""
    arrays = read_arrays(path, f"frames/{step:06d}", only)
    missing = [name for name in only if name not in arrays]
    if missing:
        raise InputError(f"Frame {step} of run {Path(path).name} lacks {', '.join(missing)}: choose another step or start the run again.")
    return arrays


def _process_alive(status: dict[str, Any]) -> bool:
    try:
        process = psutil.Process(int(status["pid"]))
        return abs(process.create_time() - float(status["pid_started"])) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False
