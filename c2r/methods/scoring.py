"""Scoring a set: clean and robust margins of its images under a network. It changes nothing, so that how often a run is
recorded cannot change what it makes.

Letters: N stored images, p² parts of each, K classes, D embedding.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from c2r.core.linesearch import Start
from c2r.core.margins import hinge, logit_margin, worst_part, worst_prediction
from c2r.core.partition import expand
from c2r.core.pgd import Inner, attack
from c2r.events import Snapshot
from c2r.networks.models import Network


@dataclass
class Scores:
    """What a network sees in every stored image; all [N] unless said otherwise.

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

    @property
    def shares(self) -> dict[str, float]:
        """Shares of images that are classified correctly, and that the attack does not break."""
        return {
            "clean": float((self.margin_clean > 0).float().mean()),
            "robust": float((self.margin_adv > 0).float().mean()),
        }


def score(seen: Snapshot, partition: int, network: Network, inner: Inner) -> Scores:
    """Attack every effective image of a set under `network`, from where the set says that its attacks start.

    :param inner: the attack; a set that was never attacked gets the rounds of a first attack
    """
    parts = partition**2
    x, y = expand(seen.images.detach(), partition), seen.labels.repeat_interleave(parts)
    with torch.no_grad():
        clean = network(x)
    start = Start(*seen.warm) if seen.warm else None
    first = start is None or start.loss is None
    rounds = inner.config.cold_rounds if first else inner.config.ls_rounds
    trace = attack(network, x, y, replace(inner, rounds=rounds), start)
    margin_clean, margin_adv = (worst_part(logit_margin(z, y), parts) for z in (clean, trace.logits))
    reused, improved = int(trace.reused.sum()), int(trace.improved.sum())
    return Scores(
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
