"""What lives between two updates of a distillation, and how it becomes a checkpoint and comes back. N stored images."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from c2r.checkpoint import Checkpoint, queue_tensors, restore_pool
from c2r.config import RunConfig
from c2r.data import RealData
from c2r.pool import Pool
from c2r.synthetic import Scores, SyntheticSet


@dataclass
class Loop:
    """What lives between updates.

    networks: of the pool, trained; step: the last update (−1 before step 0 is recorded); pending: mini-batches still to come
    of the current order; scores: the last look, fresh when it is at the images as they are.
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
    pending: list[torch.Tensor] = field(default_factory=list)
    scores: Scores | None = None
    fresh: bool = True
    moments: dict[str, torch.Tensor] = field(default_factory=dict)


def capture(loop: Loop) -> Checkpoint:
    """The loop as it is between two updates."""
    held, scores = loop.held, loop.scores
    tensors = (
        {"images": held.images, "delta": held.delta, "generator": loop.generator.get_state()} | queue_tensors(loop.pool) | loop.moments
    )
    tensors |= {f"pending{i}": index for i, index in enumerate(loop.pending)}
    if held.loss is not None and scores is not None:
        tensors |= {"loss": held.loss, "margin_clean": scores.margin_clean, "margin_adv": scores.margin_adv}
    facts = {"losses": loop.losses, "forwards": loop.forwards, "backwards": loop.backwards, "seconds": time.perf_counter() - loop.began}
    return Checkpoint(loop.networks, loop.step, tensors, facts | {"pending": len(loop.pending), "fresh": loop.fresh})


def restore(loop: Loop, path: Path, found: Checkpoint) -> None:
    """Put the loop where the checkpoint left it."""
    held, device, facts = loop.held, loop.data.images.device, found.facts
    tensors = {name: value.to(device) for name, value in found.tensors.items()}
    restore_pool(loop.pool, path, found, loop.config, loop.data)
    held.images.data.copy_(tensors["images"])
    held.delta, held.loss = tensors["delta"], tensors.get("loss")
    loop.generator.set_state(found.tensors["generator"])
    loop.networks, loop.step, loop.fresh = found.networks, found.step, facts["fresh"]
    loop.losses, loop.forwards, loop.backwards = facts["losses"], facts["forwards"], facts["backwards"]
    loop.pending = [tensors[f"pending{i}"] for i in range(facts["pending"])]
    loop.moments = {name: tensors[name] for name in ("exp_avg", "exp_avg_sq", "step") if name in tensors}
    loop.began = time.perf_counter() - facts["seconds"]
    if "margin_adv" in tensors:
        empty = tensors["margin_adv"].new_empty(0)
        loop.scores = Scores(tensors["margin_clean"], tensors["margin_adv"], empty, empty, empty, {}, 0, 0)
