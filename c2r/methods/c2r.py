"""C2R's loss of one update with the ``matching`` carrier: (1 − η)·CE + η·CRL + λ·matching (C2R §3; design §2).

Matching: class means of every block's features, clean to clean and adversarial to adversarial, under one stage of the
pool. Letters: K classes, b real images per class, N stored images, p² parts, M synthetic images in the mini-batch.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.augment import Transform
from c2r.config import RunConfig
from c2r.contrastive import class_mean_alignment, class_means, crl
from c2r.curriculum import rank_weights
from c2r.memory import ClassQueue
from c2r.methods import Method
from c2r.models import Network
from c2r.partition import expand
from c2r.synthetic import SyntheticSet, attack, expanded
from c2r.threat import Threat


@dataclass(frozen=True)
class Update:
    """Losses of one update (scalars; `total` carries the graph) and the attacks' cost, summed over samples."""

    total: Tensor
    parts: dict[str, float]
    forwards: int
    backwards: int


def update(
    held: SyntheticSet, batch: Tensor, real: tuple[Tensor, Tensor], network: Network, queue: ClassQueue, method: Method,
    config: RunConfig, transform: Transform, generator: torch.Generator,
) -> Update:  # fmt: skip
    """The loss whose gradient moves ``held.images``.

    :param batch: indices [M] of the curriculum's mini-batch, hardest first; it is attacked afresh under `network`, the
        other images go with their cached perturbation
    :param real: images [K·b, C, H, W] in [0, 1] and labels [K·b], as many per class
    :param transform: one augmentation draw that clean, adversarial, real and synthetic images all pass through
    """
    classes, parts = int(held.labels.max()) + 1, config.partition**2
    fresh = attack(
        expanded(network, config.partition), held.images.detach()[batch], held.labels[batch], method, config, generator, held.delta[batch]
    )
    real_attack = attack(network, *real, method, config, generator, rounds=config.real_rounds)
    delta = Threat(config.eps).project(held.delta.index_put((batch,), fresh.delta), held.images.detach())
    with torch.no_grad():
        real_clean, real_adversarial = (network.features(transform(x)) for x in (real[0], real[0] + real_attack.delta))
    clean, adversarial = (network.features(transform(expand(x, config.partition))) for x in (held.images, held.images + delta))
    many = held.labels.repeat_interleave(parts)
    matching = _matching(real_clean, clean, real[1], many, classes) + _matching(real_adversarial, adversarial, real[1], many, classes)
    rows = (batch[:, None] * parts + torch.arange(parts, device=batch.device)).view(-1)
    weights = rank_weights(len(batch), config.hard_weight, batch.device).repeat_interleave(parts)
    cross_entropy = (weights * F.cross_entropy(network.head(clean[-1][rows]), many[rows], reduction="none")).mean()
    shaped = _align(clean[-1][rows], adversarial[-1][rows], many[rows], weights, real_adversarial[-1], real[1], queue, method, config)
    queue.enqueue(real_adversarial[-1], real[1])
    queue.enqueue(adversarial[-1][rows], many[rows])
    total = (1 - config.eta) * cross_entropy + config.eta * shaped + config.match_weight * matching
    losses = {"total": total, "match": matching, "ce": cross_entropy, "crl": shaped}
    forwards, backwards = fresh.forwards + real_attack.forwards, fresh.backwards + real_attack.backwards
    return Update(total, {name: float(value.detach()) for name, value in losses.items()}, forwards, backwards)


def _matching(real: list[Tensor], synthetic: list[Tensor], real_labels: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Squared distance of class means, summed over classes and features, averaged over blocks."""
    distances = [
        (class_means(a, real_labels, classes) - class_means(b, labels, classes)).square().sum()
        for a, b in zip(real, synthetic, strict=True)
    ]
    return torch.stack(distances).mean()


def _align(
    clean: Tensor, adversarial: Tensor, labels: Tensor, weights: Tensor, real: Tensor, real_labels: Tensor, queue: ClassQueue,
    method: Method, config: RunConfig,
) -> Tensor:  # fmt: skip
    """CRL of the mini-batch (or class-mean alignment): embeddings [M·p², D] against themselves, real ones and the queue."""
    if method.align == "class-mean":
        return class_mean_alignment(clean, adversarial, labels, int(real_labels.max()) + 1)
    if config.anchors == "real":
        anchors, anchor_labels, keys, key_labels = real, real_labels, torch.cat([clean, adversarial]), torch.cat([labels, labels])
        excluded, weights = None, torch.ones(len(real), device=real.device)
    else:
        anchors, anchor_labels = clean, labels
        keys, key_labels = torch.cat([clean, adversarial, real]), torch.cat([labels, labels, real_labels])
        excluded = torch.zeros(len(clean), len(keys), dtype=torch.bool, device=clean.device)
        excluded[:, : len(clean)].fill_diagonal_(True)
    negatives = queue.hard_negatives(anchors, anchor_labels, config.hard_negatives) if method.queue else None
    return (weights * crl(anchors, anchor_labels, keys, key_labels, tau=config.tau, excluded=excluded, negatives=negatives)).mean()
