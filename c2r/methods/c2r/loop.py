"""What lives between two updates of a distillation, and how it becomes a checkpoint and comes back. N stored images, p²
parts."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from c2r.config import RunConfig
from c2r.data.real import RealData
from c2r.methods.c2r.synthetic import Look, SyntheticSet
from c2r.methods.checkpoint import Checkpoint, restore_pool
from c2r.methods.pool import Pool


@dataclass
class Loop:
    """What lives between updates.

    networks: of the pool, trained; step: the last update (−1 before step 0 is recorded); order [N] and position:
    mini-batches
    are cut from here on; looked: the last look and its step, a memory only, as a look can be taken again; figures: of
    that look.
    """

    config: RunConfig
    data: RealData
    generator: torch.Generator
    held: SyntheticSet
    pool: Pool
    flip: bool
    losses: dict[str, float | None]
    forwards: int = 0
    backwards: int = 0
    began: float = 0.0
    networks: int = 0
    step: int = -1
    order: torch.Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    position: int = 0
    looked: tuple[int, Look] | None = None
    figures: dict[str, float] = field(default_factory=dict)
    moments: dict[str, torch.Tensor] = field(default_factory=dict)


def capture(loop: Loop) -> Checkpoint:
    """The loop as it is between two updates."""
    held = loop.held
    tensors = {
        "images": held.images,
        "delta": held.delta,
        "order": loop.order,
        "generator": loop.generator.get_state(),
    } | loop.moments
    tensors |= {} if held.loss is None else {"loss": held.loss}
    facts = {"losses": loop.losses, "forwards": loop.forwards, "backwards": loop.backwards, "position": loop.position}
    return Checkpoint(loop.networks, loop.step, tensors, facts | {"seconds": time.perf_counter() - loop.began})


def restore(loop: Loop, path: Path, found: Checkpoint) -> None:
    """Put the loop where the checkpoint left it."""
    held, device, facts = loop.held, loop.data.images.device, found.facts
    tensors = {name: value.to(device) for name, value in found.tensors.items()}
    restore_pool(loop.pool, path, found, loop.config, loop.data)
    held.images.data.copy_(tensors["images"])
    held.delta, held.loss = tensors["delta"], tensors.get("loss")
    loop.generator.set_state(found.tensors["generator"])
    loop.networks, loop.step, loop.order, loop.position = (
        found.networks,
        found.step,
        tensors["order"],
        facts["position"],
    )
    loop.losses, loop.forwards, loop.backwards = facts["losses"], facts["forwards"], facts["backwards"]
    loop.moments = {name: tensors[name] for name in ("exp_avg", "exp_avg_sq", "step") if name in tensors}
    loop.began = time.perf_counter() - facts["seconds"]
