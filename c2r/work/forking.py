"""A new run from a recorded step of another one, with settings of its own; both know of each other. No torch."""

import hashlib
from pathlib import Path
from typing import Any

from c2r.base.errors import InputError
from c2r.config import RunConfig, validate
from c2r.formats.fromrun import from_run
from c2r.formats.write import export_bytes, write_set
from c2r.registry import METHODS
from c2r.store.runs import Run, frame_steps, list_runs, open_run


def prepare(path: Path, step: int, store: Path, changes: dict[str, Any] | None = None) -> RunConfig:
    """The settings of a fork: those of the run in `path` with `changes`, starting from its images at `step`, which are
    put into the store.

    :raises InputError: no such run or step, unknown or wrong settings
    """
    run, config = _forkable(path, step)
    if fixed := [
        name for name in ("ipc", "partition", "image_size", "data", "parent", "imported") if name in (changes or {})
    ]:
        raise InputError(
            f"A fork keeps the images it starts from, and with them '{fixed[0]}': expected other settings; start a new"
            " run to change it."
        )
    file = start_file(path, step, store)
    base = config.model_dump(mode="json") | {"imported": str(file.resolve()), "parent": f"{run.id}@{step}"}
    settings = validate(base | (changes or {}))
    if METHODS[settings.method].source == "all":
        raise InputError("A fork starts from images and 'full-data' has none: choose another method.")
    write_set("safetensors", file, from_run(path, step))
    return settings


def start_file(path: Path, step: int, store: Path) -> Path:
    """Where the images of the run in `path` at `step` lie in a store, for a fork to start from. Raises InputError.

    Named by what it holds, too: runs of the same name in two stores are no namesakes here.
    """
    _forkable(path, step)
    content = export_bytes("safetensors", from_run(path, step))
    return (
        store
        / ".imports"
        / f"{Path(path).absolute().name}-step{step}-{hashlib.sha256(content).hexdigest()[:12]}.safetensors"
    )


def _forkable(path: Path, step: int) -> tuple[Run, RunConfig]:
    """The sound run in `path` with its settings. Raises InputError, also when it has no frame of this step."""
    run = open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    recorded(run, step)
    return run, run.config


def recorded(run: Run, step: int) -> None:
    """Raise InputError when the run has no frame of this step."""
    steps = frame_steps(run.path)
    if step not in steps:
        known = f"one of {_listed(steps)}" if steps else "a run that has recorded some"
        raise InputError(f"Run {run.id} has no recorded step {step}: expected {known}; choose another --step or run.")


def _listed(steps: list[int]) -> str:
    return ", ".join(map(str, steps)) if len(steps) < 12 else f"{steps[0]}, {steps[1]}, …, {steps[-1]}"


def parent(config: RunConfig) -> tuple[str, int] | None:
    """The run and step a fork comes from; None for a run that is no fork."""
    name, _, step = config.parent.rpartition("@")
    return (name, int(step)) if name and step.isdigit() else None


def children(run_id: str, store: Path) -> list[Run]:
    """The forks of a run in a store, newest first."""
    return [run for run in list_runs(store) if run.config and (found := parent(run.config)) and found[0] == run_id]
