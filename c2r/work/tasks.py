"""The pieces of work a process can do in a run folder: distil and evaluate, evaluate a set again, draw its map.

The only place that joins `distill`, `evaluate`, `project` and the run store. `distil` and `evaluate_set` are functions
of a
`Worker`, which owns status and commands.
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch

from c2r.config import RunConfig
from c2r.data.real import RealData, load_on_device
from c2r.data.splits import Shape
from c2r.errors import InputError
from c2r.evaluation.evaluate import TrainingSet
from c2r.formats.fromrun import START
from c2r.formats.sets import check_same, fits, read_own, same_set
from c2r.look.project import joint_umap, sample_per_class
from c2r.methods.checkpoint import Checkpoint, PoolNetwork, read_checkpoint, save_checkpoint, save_pool_network
from c2r.methods.distill import Basis, Finished, Progress, Recorded, distill
from c2r.paths import at_home
from c2r.registry import METHODS
from c2r.store.files import save_arrays, write_atomic
from c2r.store.runs import frame_steps, open_run, read_arrays, read_frame
from c2r.work.cost import PHASES, flops, minutes
from c2r.work.evaluations import evaluate_into
from c2r.work.manifest import command_line, manifest
from c2r.work.worker import Rows, Stopped, Worker


def distil(worker: Worker, config: RunConfig, preset: str, resume: bool = False) -> Rows:
    """Distil, draw the map, evaluate; the method ``full-data`` only evaluates. Returns the result rows.

    :param resume: go on from the folder's checkpoint; the set and the results are those of a run that was never cut off
    """
    data = _opened(worker, config, preset)
    if METHODS[config.method].source == "all":
        return evaluate_into(worker, config, data, _training_set(None, config, data))
    path, made = worker.writer.path, None
    config = _with_own_start(path, config)
    if resume:
        found = read_checkpoint(path)
        worker.writer.rewind(found.step if found else -1)
        worker.log(
            f"resumed after recorded step {found.step}"
            if found
            else "resumed from the start: there was no checkpoint yet"
        )
    try:
        for event in distill(config, data, path if resume else None):
            made = event.made if isinstance(event, Recorded) else event if isinstance(event, Finished) else made
            _take(worker, event)
        if not _map_is_whole(path):
            _draw(worker, config)
    except (Stopped, KeyboardInterrupt):
        if made is not None:
            save_arrays(path, "synthetic", made.arrays)
        raise
    rows = evaluate_into(worker, config, data, _training_set(path, config, data))
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
    data = _opened(worker, config, "", ("evaluate",), step=step)
    if made.config and made.config.data == config.data:
        check_same(data.hash, made, "bring them back, or name other data with --set data=PATH")
    return evaluate_into(
        worker, config, data, _training_set(None if METHODS[config.method].source == "all" else run, config, data)
    )


def draw_map(path: Path) -> dict[str, int]:
    """Draw the map of a run folder over the steps recorded so far. Returns how many images and steps it shows."""
    run = open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    arrays = _map(path, run.config)
    save_arrays(path, "map", arrays)
    return {"images": len(arrays["index"]), "steps": len(arrays["steps"])}


def _opened(worker: Worker, config: RunConfig, preset: str, phases: tuple[str, ...] = PHASES, **about: Any) -> RealData:
    """The real data; a new run notes where its figures come from, and `about`; a resumed one must find the same data
    again."""
    worker.log(command_line())
    data = load_on_device(config, worker.loading)
    worker.forecast(*_forecast(config, data, phases))
    before = open_run(worker.writer.path)
    check_same(data.hash, before)
    if not before.manifest:
        worker.writer.manifest(**manifest(data, preset), **about)
    worker.log(f"{data.name}: {len(data.images)} training images of {tuple(data.images.shape[1:])}, hash {data.hash}")
    return data


def _with_own_start(path: Path, config: RunConfig) -> RunConfig:
    """The settings with the set that the run starts from, if any, in its own folder: it goes where the run goes, and
    stays."""
    own = path / START
    if config.imported and not own.exists():
        read_own(config.imported)
        write_atomic(own, at_home(config.imported).read_bytes())
    return config.model_copy(update={"imported": str(own)}) if config.imported else config


def _training_set(source: Path | None, config: RunConfig, data: RealData) -> TrainingSet:
    """What the evaluation networks are trained on: the set of a run folder, or (None) all real training images."""
    if source is None:
        return TrainingSet(data.images.cpu().numpy(), data.labels.cpu().numpy(), looked_at=False)
    found = read_own(source / "synthetic.safetensors")
    fits(found, tuple(data.images.shape[1:]), len(data.classes))
    start = (
        source / START if (source / START).exists() else at_home(config.imported)
    )  # runs of before kept it in the store only
    constants = read_own(start).facts.get("metadata", {}) if METHODS[config.method].source == "file" else None
    return TrainingSet(found.pixels, found.labels, found.soft, config.partition, constants=constants)


def _take(worker: Worker, event: Any) -> None:
    path = worker.writer.path
    if isinstance(event, Progress):
        worker.progress(event)
    elif isinstance(event, Recorded):
        worker.writer.frame(event.step, event.event, event.arrays)
        worker.recorded()
    elif isinstance(event, Basis):
        save_arrays(path, "basis", event.arrays)
    elif isinstance(event, PoolNetwork):
        save_pool_network(path, event)
    elif isinstance(event, Checkpoint):
        save_checkpoint(path, event)
    elif isinstance(event, Finished):
        save_arrays(path, "synthetic", event.arrays)


def _draw(worker: Worker, config: RunConfig) -> None:
    """Draw the map in a thread, so that heartbeat and commands go on meanwhile."""
    found: list[Any] = []

    def draw() -> None:
        try:
            found.append(_map(worker.writer.path, config))
        except Exception as error:  # raised again below, in the thread that reports it
            found.append(error)

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    while thread.is_alive():
        worker.progress(Progress("map", 0, 1))
        thread.join(0.25)
    if isinstance(found[0], Exception):
        raise found[0]
    save_arrays(worker.writer.path, "map", found[0])


def _map(path: Path, config: RunConfig) -> dict[str, np.ndarray]:
    """The joint UMAP over the recorded steps of a run folder, as the arrays of map.safetensors."""
    steps = frame_steps(path)
    if len(steps) < 1:
        raise InputError(
            f"Run {path.name} has no recorded step yet: expected at least one; wait for the first frame and ask again."
        )
    index = sample_per_class(read_frame(path, steps[0], only=("labels",))["labels"], config.map_points)
    frames = (read_frame(path, step, only=("embedding_clean", "embedding_adv")) for step in steps)
    clean, adversarial = zip(*((f["embedding_clean"][index], f["embedding_adv"][index]) for f in frames), strict=True)
    found = joint_umap(np.stack(clean), np.stack(adversarial), config, config.seed)
    return {"steps": np.array(steps), "index": index} | found


def _forecast(config: RunConfig, data: RealData, phases: tuple[str, ...]) -> tuple[dict[str, float], float]:
    """Expected share of each phase in the work (the map of a whole run a twentieth), and the expected seconds."""
    shape = Shape(
        data.images.shape[1], data.images.shape[2], len(data.classes), len(data.images), len(data.test_images), 0
    )
    seconds = 60 * minutes(config, shape, data.images.device.type, torch.get_num_threads(), phases)
    found = {name: value for name, value in flops(config, shape).items() if name in phases}
    total = sum(found.values())
    if phases != PHASES:
        return {name: value / total for name, value in found.items()}, seconds
    evaluation = found.pop("evaluate")
    shares = {name: value / total * 0.95 for name, value in found.items()} | {
        "map": 0.05,
        "evaluate": evaluation / total * 0.95,
    }
    return shares, seconds
