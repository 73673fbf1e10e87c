"""The pieces of work a process can do in a run folder: distil and evaluate, evaluate a set again, draw its map.

The only place that joins `distill`, `evaluate`, `project` and the run store. `distil` and `evaluate_set` are functions of a
`Worker`, which owns status and commands.
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from c2r import device
from c2r.config import RunConfig
from c2r.cost import flops, minutes
from c2r.data import RealData, load
from c2r.distill import Basis, Finished, Progress, Recorded, distill
from c2r.errors import InputError
from c2r.evaluate import Outcomes, Row, Trained, TrainingSet, evaluate
from c2r.files import write_atomic
from c2r.judging import judge
from c2r.methods import METHODS
from c2r.models import Network
from c2r.origin import command_line, origin, set_facts
from c2r.project import joint_umap, sample_per_class
from c2r.runs import frame_steps, open_run, read_frame, save_arrays, save_rows
from c2r.sets import fits, read_own
from c2r.sources.splits import Shape
from c2r.worker import Rows, Stopped, Worker


def distil(worker: Worker, config: RunConfig, preset: str) -> Rows:
    """Distil, draw the map, evaluate; the method ``full-data`` only evaluates. Returns the result rows."""
    data = _opened(worker, config, preset)
    if METHODS[config.method].source == "all":
        return _judged(worker, config, data, _training_set(None, config, data))
    last: Recorded | None = None
    try:
        for event in distill(config, data):
            last = event if isinstance(event, Recorded) else last
            _take(worker, event)
        _draw(worker, config)
    except (Stopped, KeyboardInterrupt):
        if last is not None and not (worker.writer.path / "synthetic.safetensors").exists():
            save_arrays(worker.writer.path, "synthetic", {name: last.arrays[name] for name in ("images", "labels")})
        raise
    return _judged(worker, config, data, _training_set(worker.writer.path, config, data))


def evaluate_set(worker: Worker, config: RunConfig, source: Path) -> Rows:
    """Evaluate the set of the run folder `source`, as the worker's folder says. Returns the result rows."""
    data = _opened(worker, config, "")
    return _judged(worker, config, data, _training_set(source, config, data))


def draw_map(path: Path) -> dict[str, int]:
    """Draw the map of a run folder over the steps recorded so far. Returns how many images and steps it shows."""
    run = open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    arrays = _map(path, run.config)
    save_arrays(path, "map", arrays)
    return {"images": len(arrays["index"]), "steps": len(arrays["steps"])}


def load_on_device(config: RunConfig, progress: Any = None) -> RealData:
    """The real data on the device of the run. Raises InputError."""
    place = device.resolve(config.device, config.threads)
    return load(config, progress).to(place)


def _opened(worker: Worker, config: RunConfig, preset: str) -> RealData:
    worker.log(command_line())
    data = load_on_device(config, worker.loading)
    worker.forecast(*_forecast(config, data))
    worker.writer.manifest(**origin(data, preset))
    worker.log(f"{data.name}: {len(data.images)} training images of {tuple(data.images.shape[1:])}, hash {data.hash}")
    return data


def _training_set(source: Path | None, config: RunConfig, data: RealData) -> TrainingSet:
    """What the evaluation networks are trained on: the set of a run folder, or (None) all real training images."""
    if source is None:
        return TrainingSet(data.images.cpu().numpy(), data.labels.cpu().numpy(), looked_at=False)
    found = read_own(source / "synthetic.safetensors")
    fits(found, tuple(data.images.shape[1:]), len(data.classes))
    constants = read_own(config.imported).facts.get("metadata", {}) if METHODS[config.method].source == "file" else None
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
    elif isinstance(event, Finished):
        save_arrays(path, "synthetic", event.arrays)


def _judged(worker: Worker, config: RunConfig, data: RealData, source: TrainingSet) -> Rows:
    """Evaluate into the worker's folder: networks as they come; rows, outcomes and checks together at the end."""
    path, rows, networks = worker.writer.path, [], []
    outcomes = Outcomes({}, {})
    for event in evaluate(source, config, data):
        if isinstance(event, Progress):
            worker.progress(event)
        elif isinstance(event, Trained):
            networks.append(event.network)
            save_network(path / "networks" / f"seed{event.seed}.safetensors", event.network)
        elif isinstance(event, Row):
            rows.append(event.values)
            worker.log(f"seed {event.values['seed']} {event.values['label']}: {100 * event.values['accuracy']:.1f} %")
        elif isinstance(event, Outcomes):
            outcomes = event
    facts = set_facts(source, config, data)
    for name, arrays in (("outcomes", outcomes.synthetic), ("test", outcomes.test)):
        if arrays:
            save_arrays(path, name, arrays)
    judge(path, config, data, rows, networks, outcomes.test, facts)
    save_rows(path, rows)
    return rows


def save_network(file: Path, network: Network) -> None:
    """Store a network's weights, complete or not at all."""
    file.parent.mkdir(exist_ok=True)
    write_atomic(file, save({name: value.contiguous().cpu() for name, value in network.state_dict().items()}))


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
        raise InputError(f"Run {path.name} has no recorded step yet: expected at least one; wait for the first frame and ask again.")
    index = sample_per_class(read_frame(path, steps[0], only=("labels",))["labels"], config.map_points)
    frames = (read_frame(path, step, only=("embedding_clean", "embedding_adv")) for step in steps)
    clean, adversarial = zip(*((f["embedding_clean"][index], f["embedding_adv"][index]) for f in frames), strict=True)
    found = joint_umap(np.stack(clean), np.stack(adversarial), config, config.seed)
    return {"steps": np.array(steps), "index": index} | found


def _forecast(config: RunConfig, data: RealData) -> tuple[dict[str, float], float]:
    """Expected share of each phase in the whole run (the map a twentieth), and the expected seconds."""
    shape = Shape(data.images.shape[1], data.images.shape[2], len(data.classes), len(data.images), len(data.test_images), 0)
    found = flops(config, shape)
    total = sum(found.values())
    evaluation = found.pop("evaluate")
    shares = {name: value / total * 0.95 for name, value in found.items()} | {"map": 0.05, "evaluate": evaluation / total * 0.95}
    return shares, 60 * minutes(config, shape, data.images.device.type, torch.get_num_threads())
