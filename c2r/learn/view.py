"""What is drawn of a state of the toy, as plain numpy and plain values.

Letters: N distilled points, S cells of a side.
"""

from dataclasses import dataclass

import numpy as np
import torch

from c2r.learn.state import State
from c2r.networks.models import Network

SIDE = 80  # cells of a side of the map of regions
LEVELS, HIGHEST = 63, 6.3  # steps of a margin in a cell, and the margin from which on they are alike, in logits


@dataclass(frozen=True)
class Drawn:
    """The points of a step and what its phases found: all float32 [N, 2] or [N], but `order` and `labels`, int64 [N].

    at: where the points lie; delta: what the attack adds; pull: minus the gradient; clean, robust: margins in logits;
    hinge: [1 − robust]₊; order: indices, hardest first; batch: how many of them are the mini-batch.
    """

    labels: np.ndarray
    at: np.ndarray
    delta: np.ndarray
    clean: np.ndarray
    robust: np.ndarray
    hinge: np.ndarray
    order: np.ndarray
    pull: np.ndarray
    batch: int


def drawn(state: State) -> Drawn:
    """What is drawn of a state whose loss phase is done, before its update moves the points."""
    assert state.scores is not None and state.order is not None and state.pull is not None, "four phases come before"
    scores = state.scores
    return Drawn(
        state.points.y.numpy(),
        _flat(state.points.x),
        _flat(state.delta),
        scores.clean.numpy(),
        scores.robust.numpy(),
        scores.score.numpy(),
        state.order.numpy(),
        -_flat(state.pull.gradient),
        len(state.batch),
    )


def regions(model: Network, side: int = SIDE) -> np.ndarray:
    """Which class a network sees in each cell of the unit square, and by how much: uint8 [S, S], the first row at
    y = 0; the class times 64, plus the margin over the second class in steps of 0.1 logits, at most 63."""
    along = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(along, along, indexing="ij")
    with torch.no_grad():
        logits = model(torch.stack([x, y], -1).view(-1, 2, 1, 1))
    best = logits.topk(2, 1)
    margin = best.values[:, 0] - best.values[:, 1]
    level = (margin / HIGHEST * LEVELS).floor().clamp(0, LEVELS).long()
    return (best.indices[:, 0] * (LEVELS + 1) + level).view(side, side).numpy().astype(np.uint8)


def _flat(points: torch.Tensor) -> np.ndarray:
    return points.detach().flatten(1).numpy()
