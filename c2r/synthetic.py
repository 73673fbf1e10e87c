"""The synthetic set while it is distilled, and its scoring: clean and robust margins under the scorer.

Letters: N stored images, p² parts of each, K classes, D embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.config import RunConfig
from c2r.inner import pgd
from c2r.linesearch import Trace, ls_pgd
from c2r.margins import hinge, logit_margin, worst_part, worst_prediction
from c2r.methods import Method
from c2r.models import Network
from c2r.partition import expand
from c2r.threat import Threat


@dataclass
class SyntheticSet:
    """Images [N, C, H, W] in [0, 1] (the optimised tensor), labels [N], and the warm start of LS-PGD.

    delta [N, C, H, W] lives in the coordinates of the stored images, loss [N] is the scorer's loss there.
    """

    images: Tensor
    labels: Tensor
    delta: Tensor
    loss: Tensor | None = None

    @classmethod
    def start(cls, images: Tensor, labels: Tensor) -> "SyntheticSet":
        """A fresh set: nothing attacked yet."""
        return cls(images.clone().requires_grad_(True), labels, torch.zeros_like(images))


@dataclass
class Scores:
    """One look at every stored image under the scorer; all [N] unless said otherwise.

    margin_clean, margin_adv: of the worst part; score = [1 − margin_adv]₊; pred: class the worst part is taken for;
    search: how many samples LS-PGD reused, improved, kept; forwards, backwards: sums over samples.
    """

    margin_clean: Tensor
    margin_adv: Tensor
    score: Tensor
    pred_clean: Tensor
    pred_adv: Tensor
    search: dict[str, int]
    forwards: int
    backwards: int


def expanded(network: Network, partition: int) -> Callable[[Tensor], Tensor]:
    """The network as seen from stored images: [B, C, H, W] → logits [B·p², K]."""
    return lambda x: network(expand(x, partition))


def attack(
    model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, method: Method, config: RunConfig, generator: torch.Generator,
    start: Tensor | None = None, cached_loss: Tensor | None = None, rounds: int = 0,
) -> Trace:  # fmt: skip
    """The inner attack of the method's row: LS-PGD, or PGD-10 from scratch for the ablation."""
    threat = Threat(config.eps)
    if method.attack == "ls-pgd":
        return ls_pgd(model, x, y, threat=threat, settings=config, start=start, cached_loss=cached_loss, rounds=rounds)
    return pgd(model, x, y, threat=threat, generator=generator, steps=10)


def score(held: SyntheticSet, scorer: Network, method: Method, config: RunConfig, generator: torch.Generator) -> Scores:
    """Attack every stored image under the scorer (warm start), cache what was found, return the margins."""
    model, parts = expanded(scorer, config.partition), config.partition**2
    x, y = held.images.detach(), held.labels
    with torch.no_grad():
        clean = model(x)
    rounds = config.cold_rounds if held.loss is None else config.ls_rounds
    trace = attack(model, x, y, method, config, generator, held.delta, held.loss, rounds)
    held.delta, held.loss = trace.delta, trace.loss
    many = y.repeat_interleave(parts)
    margin_clean, margin_adv = (worst_part(logit_margin(z, many), parts) for z in (clean, trace.logits))
    reused, improved = int(trace.reused.sum()), int(trace.improved.sum())
    return Scores(
        margin_clean, margin_adv, hinge(margin_adv),
        worst_prediction(clean, many, parts), worst_prediction(trace.logits, many, parts),
        {"reused": reused, "improved": improved, "kept": len(y) - reused - improved},
        trace.forwards + len(y), trace.backwards,
    )  # fmt: skip


def embeddings(images: Tensor, network: Network, partition: int) -> Tensor:
    """Embedding of stored images, the mean over their parts: [N, C, H, W] → [N, D]."""
    with torch.no_grad():
        return network.embed(expand(images, partition)).view(len(images), partition**2, -1).mean(1)
