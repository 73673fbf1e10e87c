"""The run store: one folder per run, written by one process (`c2r.store.writing`), read by anyone. numpy, no torch.

Files (see the README's table): ``config.json manifest.json status.json control events.jsonl frames/<step>.safetensors
rows.jsonl synthetic.safetensors outcomes.safetensors basis.safetensors map.safetensors log.txt``. Every file is either
complete or absent (written beside, then renamed); the two ``.jsonl`` files are appended line by line, and a torn last
line is dropped by the reader. So a process may be killed at any instant and the folder still opens.
"""

import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from c2r.base import disasters
from c2r.base.errors import InputError
from c2r.base.paths import at_home
from c2r.config import RunConfig, from_json
from c2r.scorers import stored
from c2r.store import claiming, processes, schema
from c2r.store.files import (
    RowNumbers,
    free_for_a_file,
    read_array_rows,
    read_arrays,
    read_json,
    read_lines_from,
    read_text,
    write_atomic,
)
from c2r.store.lifecycle import ALIVE, COMMANDS, STATES

FRAME_ARRAYS = (
    *("images", "labels", "delta"),
    *("margin_clean", "margin_adv", "score"),
    *("order", "pred_clean", "pred_adv", "embedding_clean", "embedding_adv"),
)
SOFT = "soft_labels"  # of a frame whose method changes them
OF_A_SCORER = (*FRAME_ARRAYS[3:6], *FRAME_ARRAYS[7:])  # what another scorer sees in the same images


def default_store() -> Path:
    """Return ``$C2R_RUNS``, or ``runs/`` beside the package: the same wherever the app or a command is started."""
    named = os.environ.get("C2R_RUNS")
    return at_home(named) if named else Path(__file__).resolve().parents[2] / "runs"


def word(text: str) -> str:
    """Return what becomes of a text in a name: small letters, digits and single hyphens, at most 40."""
    return re.sub(r"[^a-z0-9]+", "-", text[:400].lower())[:40].strip("-")


def evaluation_id(config: RunConfig, now: datetime | None = None) -> str:
    """Make a readable, sortable name for an evaluation such as ``20261120-0937-12-pixel-2-255-pgd-at``."""
    return f"{now or datetime.now():%Y%m%d-%H%M-%S}-{word(config.protocol)}-{word(config.eval_training)}"


def new_id(config: RunConfig, now: datetime | None = None) -> str:
    """Make a readable, sortable run id such as ``20261120-0937-12-c2r-digits-ipc10``."""
    data = word(Path(config.data).stem) or "data"
    return f"{now or datetime.now():%Y%m%d-%H%M-%S}-{config.method}-{data}-ipc{config.ipc}"


@disasters.spoken()
def send(path: Path, command: str) -> None:
    """Leave `command` (pause, resume, step, stop) for the process that writes the run.

    A stop that still waits there stays.
    """
    if command not in COMMANDS:
        raise InputError(f"Unknown command '{command}': choose one of {', '.join(COMMANDS)}.")
    file = Path(path) / "control"
    free_for_a_file(file)
    if command == "stop" or not file.exists() or read_text(file).strip() != "stop":
        write_atomic(file, command, durable=False)


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
    """Look at a run folder. Nothing is raised for damage: the Run says what is wrong."""
    path = Path(path)
    if path.is_file():
        return Run(path, "failed", problem=f"{path.name} is a file: expected a run folder; choose another.")
    if not path.is_dir():
        return Run(
            path,
            "failed",
            problem=f"There is no run folder '{path.name}': it was deleted or never written; choose another run.",
        )
    if not is_run(path):
        return Run(
            path,
            "failed",
            problem=(
                f"'{path.name or path}' is no run folder: expected one with config.json and status.json; choose"
                " another."
            ),
        )
    try:
        status = read_json(path / "status.json")
        config = from_json(read_text(path / "config.json"), "Its config.json")
        manifest = read_json(path / "manifest.json") if (path / "manifest.json").exists() else {}
        schema.check("status.json", status)
        schema.check("manifest.json", manifest)
    except InputError as error:
        return Run(path, "failed", problem=f"Run {path.name} is damaged. {error}")
    state = status.get("state")
    if state not in STATES:
        problem = (
            f"Run {path.name} is damaged. status.json expects a state out of {', '.join(STATES)}, found '{state}';"
            " choose another run."
        )
        return Run(path, "failed", config, status, manifest, problem)
    if state in ALIVE and not processes.alive(status) and not claiming.held(path):
        state = "lost"
    return Run(path, state, config, status, manifest)


def is_run(path: Path) -> bool:
    """Say whether a folder is a run's, whole or damaged.

    It holds at least one of the files that every run starts with, or may not be looked into. A name that cannot be
    written as text, and so in no address, is none.
    """
    if path.name.encode("utf-8", "replace").decode() != path.name or not path.is_dir():
        return False
    return any(
        os.path.exists(path / name) for name in ("config.json", "status.json", "events.jsonl", "frames")
    ) or _closed(path)


def _closed(folder: Path) -> bool:
    try:
        os.listdir(folder)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def list_runs(store: Path) -> list[Run]:
    """List all runs of a store, newest first, damaged ones too, but no folders that never were a run."""
    store = Path(store)
    folders = [p for p in store.iterdir() if is_run(p) and not p.name.startswith(".")] if os.path.isdir(store) else []
    return sorted((open_run(p) for p in folders), key=_age, reverse=True)


def _age(run: Run) -> tuple[int, float, str]:
    return run.status.get("number", 0), run.status.get("started", 0), run.id


def read_events(path: Path) -> list[dict[str, Any]]:
    """Read the recorded steps, oldest first; a torn or damaged line is left out."""
    return read_events_from(path, 0)[0]


def read_events_from(path: Path, start: int) -> tuple[list[dict[str, Any]], int]:
    """Read the recorded steps behind the first `start` bytes of events.jsonl, and say where the next look starts."""
    lines, end = read_lines_from(Path(path) / "events.jsonl", start)
    return [event for event in lines if schema.EVENT(event)], end


def evaluations(path: Path) -> list[Run]:
    """List the evaluations of a run that have folders of their own, newest first; each looks like a run without
    frames."""
    folder = Path(path) / "evaluations"
    return list_runs(folder) if os.path.isdir(folder) else []


def ended(path: Path, what: str) -> Run:
    """Open the run in `path` for something that needs it at rest and is called `what`: deleted, archived.

    Raises InputError while the run or one of its evaluations lives.
    """
    run = open_run(path)
    living = next((work for work in (run, *evaluations(path)) if work.alive), None)
    if living is not None:
        raise InputError(
            f"Run {living.id} is {living.state} and cannot be {what} now: expected one that has ended; stop it or wait."
        )
    return run


def frame_steps(path: Path) -> list[int]:
    """List the recorded steps that have a frame, ascending: those that thinning left."""
    try:
        names = os.listdir(Path(path) / "frames")
    except OSError:
        return []
    stems = [name.removesuffix(".safetensors") for name in names if re.fullmatch(r"[0-9]{6,9}\.safetensors", name)]
    return sorted(int(stem) for stem in stems if stem == f"{int(stem):06d}")


def read_rows_of(path: Path, step: int, array: str, rows: RowNumbers) -> np.ndarray:
    """Read of one array of a recorded step only the `rows`, in their order.

    Raises InputError when they are missing or unreadable.
    """
    return read_array_rows(path, f"frames/{step:06d}", array, rows)


def frame_file(path: Path, step: int) -> Path:
    """Return where the frame of a recorded step lies."""
    return Path(path) / "frames" / f"{step:06d}.safetensors"


def read_frame(path: Path, step: int, only: tuple[str, ...] = FRAME_ARRAYS, scorer: str = "") -> dict[str, np.ndarray]:
    """The arrays `only` of one recorded step; nothing else is read. Raises InputError when missing, unreadable or
    incomplete.

    :param scorer: whose margins and embeddings to read; '' for the run's first
    """
    plain = {stored(name, scorer if name in OF_A_SCORER else ""): name for name in only}
    arrays = read_arrays(path, f"frames/{step:06d}", tuple(plain))
    missing = [name for name in plain if name not in arrays and name != SOFT]
    if missing:
        raise InputError(
            f"Frame {step} of run {Path(path).name} lacks {', '.join(missing)}: choose another step or start the run"
            " again."
        )
    return {plain[name]: array for name, array in arrays.items()}
