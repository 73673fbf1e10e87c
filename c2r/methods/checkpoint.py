"""Where a distillation can go on from, bit for bit: everything its loop holds between updates, as arrays and plain
values.

A checkpoint is taken after every pool network and every recorded step. The pool's networks are stored once each, when
they
are trained; a checkpoint names how many there are. Their queues are made again (see `c2r.methods.c2r.visits`).
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from c2r.config import RunConfig
from c2r.data.real import RealData, statistics
from c2r.errors import InputError
from c2r.methods.pool import Pool
from c2r.networks.models import build, frozen
from c2r.store.files import write_atomic

VERSION = 2  # of what a loop holds; runs of before drew their random numbers in another order


@dataclass(frozen=True)
class Checkpoint:
    """networks: pool networks trained; step: the last recorded one, −1 before step 0; tensors and facts: the loop's
    state."""

    networks: int
    step: int
    tensors: dict[str, Tensor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PoolNetwork:
    """A trained network of the pool: its number, and the state of each of its stages as ``STAGE.NAME``."""

    number: int
    tensors: dict[str, Tensor]


def pool_network(pool: Pool, number: int, stages: int) -> PoolNetwork:
    """The last `stages` stages of the pool, which belong to its newest network."""
    tensors = {
        f"{i}.{name}": value
        for i, stage in enumerate(pool.stages[-stages:])
        for name, value in stage.state_dict().items()
    }
    return PoolNetwork(number, tensors)


def save_pool_network(path: Path, network: PoolNetwork) -> None:
    """Store a pool network in the run folder `path`, complete or not at all."""
    (path / "pool").mkdir(exist_ok=True)
    write_atomic(path / "pool" / f"{network.number}.safetensors", _bytes(network.tensors))


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint of the run folder `path`; the old one stays until the new one is complete."""
    facts = {"version": VERSION, "networks": checkpoint.networks, "step": checkpoint.step, "facts": checkpoint.facts}
    write_atomic(path / "checkpoint.safetensors", _bytes(checkpoint.tensors, {"loop": json.dumps(facts)}))


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint of a run folder, None when it has none yet. Raises InputError when it is damaged."""
    file = path / "checkpoint.safetensors"
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            facts = json.loads(stored.metadata()["loop"])
        version, found = (
            facts.get("version", 1),
            Checkpoint(int(facts["networks"]), int(facts["step"]), tensors, facts["facts"]),
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"The checkpoint of run {path.name} is damaged: expected what the run wrote; start the run again."
        ) from None
    if version != VERSION:
        raise InputError(
            f"The checkpoint of run {path.name} has version {version}, expected {VERSION}: another version of C2R wrote"
            " it, whose updates cannot be continued exactly; fork the run from its last recorded step instead."
        )
    return found


def restore_pool(pool: Pool, path: Path, checkpoint: Checkpoint, config: RunConfig, data: RealData) -> None:
    """Put the networks of a checkpoint into an empty pool. Raises InputError when a file is missing or damaged."""
    device = data.images.device
    for number in range(checkpoint.networks):
        try:
            tensors = load_file(path / "pool" / f"{number}.safetensors")
        except (SafetensorError, OSError):
            raise InputError(
                f"Pool network {number} of run {path.name} is missing or damaged: start the run again."
            ) from None
        for stage in range(1 + max(int(name.partition(".")[0]) for name in tensors)):
            network = build(
                config, data.images.shape[1:], len(data.classes), statistics(data), torch.Generator(), config.precision
            )
            network.load_state_dict(
                {name.partition(".")[2]: value for name, value in tensors.items() if name.startswith(f"{stage}.")}
            )
            pool.stages.append(frozen(network.to(device)))
        if number == 0:
            pool.scored = len(pool.stages) - 1


def _bytes(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    return save({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, metadata=metadata)
