"""The pieces of work a process can do in a run folder: distil and evaluate, evaluate a set again, draw its map.

The only place that joins `distill`, `evaluate`, `project` and the run store. `distil` and `evaluate_set` are functions
of a `Worker`, which owns status and commands.
"""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from c2r.base.errors import InputError
from c2r.base.paths import at_home
from c2r.config import RunConfig
from c2r.data.real import RealData, load_on_device
from c2r.data.splits import Shape
from c2r.distilled import DistilledSet
from c2r.events import Finished, Progress, State
from c2r.formats.fromrun import START
from c2r.formats.imported import ImportedSet
from c2r.formats.sets import check_same, fits, read_own, same_set
from c2r.look.project import joint_umap, sample_per_class
from c2r.methods.distill import distill
from c2r.methods.observer import Basis, Recorded
from c2r.registry import METHODS
from c2r.scorers import under
from c2r.store.checkpoint import forget_parts, read_state, save_state
from c2r.store.files import save_arrays, write_atomic
from c2r.store.runs import frame_steps, open_run, read_arrays, read_frame
from c2r.work.cost import EVALUATION, minutes, shares
from c2r.work.evaluations import evaluate_into
from c2r.work.manifest import command_line, manifest
from c2r.work.worker import Rows, Stopped, Worker

EMBEDDINGS = ("embedding_clean", "embedding_adv")


def distil(worker: Worker, config: RunConfig, preset: str, resume: bool = False) -> Rows:
    """Distil, draw the map, evaluate; a run of all real images only evaluates. Returns the result rows.

    :param resume: go on from the folder's checkpoint; the set and the results are those of a run that was never cut off
    """
    data = _opened(worker, config, preset)
    if METHODS[config.method].source == "all":
        return evaluate_into(worker, config, data, _all_real(data))
    path, made = worker.writer.path, None
    start, state = _own_start(path, config, data), read_state(path) if resume else None
    if resume:
        forget_parts(path, state)
        worker.writer.rewind(state.step if state else -1)
        worker.log(
            f"resumed after recorded step {state.step}"
            if state and state.step >= 0
            else "resumed before the first recorded step"
            if state
            else "resumed from the start: there was no checkpoint yet"
        )
    try:
        for event in distill(config, data, start.distilled if start else None, state):
            made = event.made if isinstance(event, Recorded | Finished) else made
            _take(worker, event)
        if not _map_is_whole(path):
            _draw(worker, config)
    except (Stopped, KeyboardInterrupt):
        if made is not None:
            save_arrays(path, "synthetic", made.arrays, made.about)
        raise
    constants = start.facts.get("metadata", {}) if start and METHODS[config.method].source == "file" else None
    rows = evaluate_into(worker, config, data, _own_set(path, config, data), constants)
    (path / "checkpoint.safetensors").unlink(missing_ok=True)  # a finished run has nowhere to go on to
    return rows


def _map_is_whole(path: Path) -> bool:
    """Whether an earlier process has drawn the map over all recorded steps."""
    try:
        return read_arrays(path, "map", only=("steps",))["steps"].tolist() == frame_steps(path)
    except (InputError, KeyError):
        return False


def evaluate_set(worker: Worker, config: RunConfig, run: Path) -> Rows:
    """Evaluate what the run in the folder `run` made, its set or (full-data) all real images, into the worker's folder.
    Returns the rows."""
    made, step = open_run(run), same_set(open_run(worker.writer.path), run)
    data = _opened(worker, config, "", EVALUATION, step=step)
    if made.config and made.config.data == config.data:
        check_same(data.hash, made, "bring them back, or name other data with --set data=PATH")
    if METHODS[config.method].source == "all":
        return evaluate_into(worker, config, data, _all_real(data))
    constants = _start(run, config).facts.get("metadata", {}) if METHODS[config.method].source == "file" else None
    return evaluate_into(worker, config, data, _own_set(run, config, data), constants)


def draw_map(path: Path) -> dict[str, int]:
    """Draw the map of a run folder over the steps recorded so far. Returns how many images and steps it shows."""
    run = open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    arrays = _map(path, run.config)
    save_arrays(path, "map", arrays)
    return {"images": len(arrays["index"]), "steps": len(arrays["steps"])}


def _opened(worker: Worker, config: RunConfig, preset: str, phases: tuple[str, ...] = (), **about: Any) -> RealData:
    """The real data; a new run notes where its figures come from, and `about`; a resumed one must find the same data
    again."""
    worker.log(command_line())
    data = load_on_device(config, worker.loading)
    worker.forecast(*_forecast(config, data, phases))
    before = open_run(worker.writer.path)
    check_same(data.hash, before)
    if not before.manifest:
        worker.writer.manifest(**manifest(config, data, preset), **about)
    worker.log(f"{data.name}: {len(data.images)} training images of {tuple(data.images.shape[1:])}, hash {data.hash}")
    return data


def _start(path: Path, config: RunConfig) -> ImportedSet:
    """The set that the run in the folder `path` started from. Runs of before kept it in the store only."""
    return read_own(path / START if (path / START).exists() else at_home(config.imported))


def _own_start(path: Path, config: RunConfig, data: RealData) -> ImportedSet | None:
    """The set that a run starts from, if any, put into its own folder: it goes where the run goes, and stays."""
    if not config.imported:
        return None
    start = _start(path, config)
    if not (path / START).exists():
        write_atomic(path / START, at_home(config.imported).read_bytes())
    fits(start, tuple(data.images.shape[1:]), len(data.classes))
    return start


def _all_real(data: RealData) -> DistilledSet:
    """All real training images, as if they were a set."""
    return DistilledSet(data.images.cpu().numpy(), data.labels.cpu().numpy())


def _own_set(path: Path, config: RunConfig, data: RealData) -> DistilledSet:
    """The set in a run folder, whose header runs of before left empty."""
    made = read_own(path / "synthetic.safetensors")
    fits(made, tuple(data.images.shape[1:]), len(data.classes))
    return replace(made.distilled, partition=config.partition)


def _take(worker: Worker, event: Any) -> None:
    path = worker.writer.path
    if isinstance(event, Progress):
        worker.progress(event)
    elif isinstance(event, Recorded):
        worker.writer.frame(event.step, event.event, event.arrays)
        worker.recorded()
    elif isinstance(event, Basis):
        save_arrays(path, "basis", event.arrays)
    elif isinstance(event, State):
        save_state(path, event)
    elif isinstance(event, Finished):
        save_arrays(path, "synthetic", event.made.arrays, event.made.about)


def _draw(worker: Worker, config: RunConfig) -> None:
    """Draw the map in a thread, so that heartbeat and commands go on meanwhile."""
    outcome: list[Any] = []

    def draw() -> None:
        try:
            outcome.append(_map(worker.writer.path, config))
        except Exception as error:  # raised again below, in the thread that reports it
            outcome.append(error)

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    while thread.is_alive():
        worker.progress(Progress("map", 0, 1))
        thread.join(0.25)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    save_arrays(worker.writer.path, "map", outcome[0])


def _map(path: Path, config: RunConfig) -> dict[str, np.ndarray]:
    """The joint UMAP over the recorded steps of a run folder under each of its scorers, as the arrays of
    map.safetensors."""
    steps = frame_steps(path)
    if len(steps) < 1:
        raise InputError(
            f"Run {path.name} has no recorded step yet: expected at least one; wait for the first frame and ask again."
        )
    index = sample_per_class(read_frame(path, steps[0], only=("labels",))["labels"], config.map_points)
    arrays = {"steps": np.array(steps), "index": index}
    for scorer in ("", *config.scorers[1:]):
        frames = (read_frame(path, step, EMBEDDINGS, scorer) for step in steps)
        clean, adversarial = zip(*(tuple(frame[name][index] for name in EMBEDDINGS) for frame in frames), strict=True)
        arrays |= under(joint_umap(np.stack(clean), np.stack(adversarial), config, config.seed), scorer)
    return arrays


def _forecast(config: RunConfig, data: RealData, phases: tuple[str, ...]) -> tuple[dict[str, float], float]:
    """Expected share of each phase in the work (the map of a whole run a twentieth), and the expected seconds."""
    shape = Shape(
        data.images.shape[1], data.images.shape[2], len(data.classes), len(data.images), len(data.test_images), 0
    )
    seconds = 60 * minutes(config, shape, data.images.device.type, torch.get_num_threads(), phases)
    expected = shares(config, shape, phases)
    if phases:
        return expected, seconds
    before = {name: 0.95 * share for name, share in expected.items() if name != "evaluate"}
    return before | {"map": 0.05, "evaluate": 0.95 * expected["evaluate"]}, seconds
