"""The synthetic set while it is distilled, and a look at it: clean and robust margins under the scorer.

A look changes nothing, so that how often a run is recorded cannot change what it makes. Letters: N stored images, p²
parts
of each, K classes, D embedding.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from c2r.config import RunConfig
from c2r.core.linesearch import Start
from c2r.core.margins import hinge, logit_margin, worst_part, worst_prediction
from c2r.core.partition import expand
from c2r.core.pgd import Inner, attack
from c2r.networks.models import Network
from c2r.registry import Method


@dataclass
class SyntheticSet:
    """Images [N, C, H, W] in [0, 1] (the optimised tensor), labels [N], parts per side, and the warm start of the
    attacks.

    Attacks act on what networks are trained on, the N·p² effective images: delta [N·p², C, H, W] is a perturbation of
    those in pixel units, loss [N·p²] the scorer's loss there. soft [N, K]: labels that an imported set came with.
    """

    images: Tensor
    labels: Tensor
    partition: int
    delta: Tensor
    loss: Tensor | None = None
    soft: np.ndarray | None = None

    @classmethod
    def start(cls, images: Tensor, labels: Tensor, partition: int, soft: np.ndarray | None = None) -> "SyntheticSet":
        """A fresh set: nothing attacked yet."""
        return cls(
            images.clone().requires_grad_(True),
            labels,
            partition,
            torch.zeros_like(expand(images, partition)),
            soft=soft,
        )

    def effective(self) -> tuple[Tensor, Tensor]:
        """What networks are trained on: images [N·p², C, H, W], which carry the gradient, and labels [N·p²]."""
        return expand(self.images, self.partition), self.labels.repeat_interleave(self.partition**2)


@dataclass
class Look:
    """What the scorer sees in every stored image; all [N] unless said otherwise.

    margin_clean, margin_adv: of the worst part; score = [1 − margin_adv]₊; pred: class the worst part is taken for;
    delta [N·p², C, H, W] and loss [N·p²]: what the attack found; search: how many effective images it reused, improved,
    kept; forwards, backwards: sums over effective images.
    """

    margin_clean: Tensor
    margin_adv: Tensor
    score: Tensor
    pred_clean: Tensor
    pred_adv: Tensor
    delta: Tensor
    loss: Tensor
    search: dict[str, int]
    forwards: int
    backwards: int


def look(held: SyntheticSet, scorer: Network, method: Method, config: RunConfig, generator: torch.Generator) -> Look:
    """Attack every effective image under the scorer, from the warm start of the set; the set stays as it is."""
    parts = held.partition**2
    x, y = (found.detach() for found in held.effective())
    with torch.no_grad():
        clean = scorer(x)
    rounds = config.cold_rounds if held.loss is None else config.ls_rounds
    trace = attack(scorer, x, y, Inner(method, config, generator, rounds), Start(held.delta, held.loss))
    margin_clean, margin_adv = (worst_part(logit_margin(z, y), parts) for z in (clean, trace.logits))
    reused, improved = int(trace.reused.sum()), int(trace.improved.sum())
    return Look(
        margin_clean,
        margin_adv,
        hinge(margin_adv),
        worst_prediction(clean, y, parts),
        worst_prediction(trace.logits, y, parts),
        trace.delta,
        trace.loss,
        {"reused": reused, "improved": improved, "kept": len(y) - reused - improved},
        trace.forwards + len(y),
        trace.backwards,
    )


def embeddings(effective: Tensor, network: Network, partition: int) -> Tensor:
    """Embedding of stored images, the mean over their parts: effective images [N·p², C, H, W] → [N, D]."""
    with torch.no_grad():
        return network.embed(effective).view(len(effective) // partition**2, partition**2, -1).mean(1)
