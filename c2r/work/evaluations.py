"""An evaluation in a folder: networks and their outcomes as they come, rows and checks together at the end; it can be
cut off anywhere.

Files: ``networks/seed<K>.safetensors`` (weights), ``networks/outcomes<K>.safetensors`` (a finished network's rows and
outcomes, until
the evaluation is over), then ``test.safetensors outcomes.safetensors facts.json checks.json rows.jsonl``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_numpy
from safetensors.torch import save

from c2r.config import RunConfig
from c2r.data.real import RealData
from c2r.distilled import DistilledSet
from c2r.evaluation.evaluate import Judged, Outcomes, Row, Trained, evaluate
from c2r.evaluation.facts import set_facts
from c2r.evaluation.judging import judge
from c2r.events import Progress
from c2r.networks.models import Network
from c2r.store.files import save_arrays, write_atomic
from c2r.store.writing import save_rows
from c2r.work.worker import Rows, Worker


def evaluate_into(
    worker: Worker, config: RunConfig, data: RealData, source: DistilledSet, constants: dict[str, Any] | None = None
) -> Rows:
    """Evaluate a set into the worker's folder, going on where an earlier process was cut off. Returns the result rows.

    :param constants: normalisation that came with an imported set
    """
    path, known = worker.writer.path, read_judged(worker.writer.path)
    if known:
        worker.log(f"networks judged before: seeds {', '.join(map(str, sorted(known)))}")
    rows = [row for seed in sorted(known) for row in known[seed].rows]
    outcomes = Outcomes({}, {})
    for event in evaluate(source, config, data, known):
        if isinstance(event, Progress):
            worker.progress(event)
        elif isinstance(event, Trained):
            save_network(path / "networks" / f"seed{event.seed}.safetensors", event.network)
        elif isinstance(event, Row):
            rows.append(event.values)
            worker.log(f"seed {event.values['seed']} {event.values['label']}: {100 * event.values['accuracy']:.1f} %")
        elif isinstance(event, Judged):
            _save_judged(path, event)
        elif isinstance(event, Outcomes):
            outcomes = event
    facts = set_facts(source, config, data, constants)
    for name, arrays in (("outcomes", outcomes.synthetic), ("test", outcomes.test)):
        if arrays:
            save_arrays(path, name, arrays)
    judge(path, config, data, rows, outcomes.test, facts)
    save_rows(path, rows)
    for file in _judged_files(path):
        file.unlink()
    return rows


def save_network(file: Path, network: Network) -> None:
    """Store a network's weights, complete or not at all."""
    file.parent.mkdir(exist_ok=True)
    write_atomic(file, save({name: value.contiguous().cpu() for name, value in network.state_dict().items()}))


def read_judged(path: Path) -> dict[int, Judged]:
    """The networks of an unfinished evaluation that are judged already, by seed; one that cannot be read is judged
    again."""
    found = {}
    for file in _judged_files(path):
        try:
            with safe_open(file, framework="numpy") as stored:
                arrays: dict[str, np.ndarray] = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
                about = json.loads(stored.metadata()["judged"])
            found[int(about["seed"])] = Judged(int(about["seed"]), about["rows"], arrays)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            continue
    return {seed: judged for seed, judged in found.items() if (path / "networks" / f"seed{seed}.safetensors").exists()}


def _save_judged(path: Path, judged: Judged) -> None:
    about = {"judged": json.dumps({"seed": judged.seed, "rows": judged.rows})}
    arrays = {name: np.ascontiguousarray(array) for name, array in judged.arrays.items()}
    write_atomic(path / "networks" / f"outcomes{judged.seed}.safetensors", save_numpy(arrays, metadata=about))


def _judged_files(path: Path) -> list[Path]:
    return sorted((path / "networks").glob("outcomes*.safetensors"))
