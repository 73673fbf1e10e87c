"""C2R's loss of one update with the ``matching`` carrier: (1 − η)·CE + η·CRL + λ·matching, after C2R (design §2).

Matching: class means of every block's features, clean to clean and adversarial to adversarial, under one stage of the
pool. Letters: K classes, b real images per class, N stored images, p² parts, M synthetic images in the mini-batch.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.config import RunConfig
from c2r.core.contrastive import Keys, class_mean_alignment, class_means, crl
from c2r.core.linesearch import Start, Trace
from c2r.core.memory import ClassQueue
from c2r.core.pgd import Inner, attack
from c2r.methods.c2r.synthetic import SyntheticSet
from c2r.methods.c2r.visits import Visit
from c2r.registry import Method


@dataclass(frozen=True)
class Update:
    """Losses of one update (scalars; `total` carries the graph) and the attacks' cost, summed over images."""

    total: Tensor
    parts: dict[str, float]
    forwards: int
    backwards: int


def update(
    held: SyntheticSet,
    batch: Tensor,
    weights: Tensor,
    seen: Visit,
    queue: ClassQueue | None,
    method: Method,
    config: RunConfig,
) -> Update:
    """The loss whose gradient moves ``held.images``.

    All effective images are augmented as the real ones were and then attacked under the visited network, as an
    evaluation
    does it. Matching takes all of them, cross-entropy and CRL those of the mini-batch.

    :param batch: indices [M] of the curriculum's mini-batch
    :param weights: [M] of its images in cross-entropy and CRL
    :param queue: of the visited stage, None for a method without
    """
    classes, parts = int(seen.labels.max()) + 1, held.partition**2
    effective, labels = held.effective()
    images = seen.transform(effective)
    found = _attacked(held, effective.detach(), images.detach(), labels, seen, method, config)
    clean, adversarial = (seen.network.features(x) for x in (images, images + found.delta))
    matching = _matching(seen.clean, clean, seen.labels, labels, classes)
    matching = matching + _matching(seen.adversarial, adversarial, seen.labels, labels, classes)
    rows = (batch[:, None] * parts + torch.arange(parts, device=batch.device)).view(-1)
    weights = weights.repeat_interleave(parts)
    cross_entropy = (
        weights * F.cross_entropy(seen.network.head(clean[-1][rows]), labels[rows], reduction="none")
    ).mean()
    shaped = _align(clean[-1][rows], adversarial[-1][rows], labels[rows], weights, seen, queue, method, config)
    total = (1 - config.eta) * cross_entropy + config.eta * shaped + config.match_weight * matching
    losses = {"total": total, "match": matching, "ce": cross_entropy, "crl": shaped}
    forwards, backwards = found.forwards + seen.forwards, found.backwards + seen.backwards
    return Update(total, {name: float(value.detach()) for name, value in losses.items()}, forwards, backwards)


def _attacked(
    held: SyntheticSet,
    effective: Tensor,
    images: Tensor,
    labels: Tensor,
    seen: Visit,
    method: Method,
    config: RunConfig,
) -> Trace:
    """The attack on the augmented images [N·p², C, H, W]; it starts from what the warm start has become under the
    augmentation."""
    start = seen.transform(effective + held.delta) - images
    return attack(seen.network, images, labels, Inner(method, config, seen.generator), Start(start))


def _matching(real: list[Tensor], synthetic: list[Tensor], real_labels: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Squared distance of class means, summed over the classes that have synthetic images and over features, averaged
    over blocks."""
    made = (torch.bincount(labels, minlength=classes) > 0).float()[:, None]
    distances = [
        (made * (class_means(a, real_labels, classes) - class_means(b, labels, classes))).square().sum()
        for a, b in zip(real, synthetic, strict=True)
    ]
    return torch.stack(distances).mean()


def _align(
    clean: Tensor,
    adversarial: Tensor,
    labels: Tensor,
    weights: Tensor,
    seen: Visit,
    queue: ClassQueue | None,
    method: Method,
    config: RunConfig,
) -> Tensor:
    """CRL of the mini-batch (or class-mean alignment): embeddings [M·p², D] against themselves, real ones and the
    queue."""
    real, real_labels = seen.adversarial[-1], seen.labels
    if method.align == "class-mean":
        return class_mean_alignment(clean, adversarial, labels, int(real_labels.max()) + 1)
    keys, key_labels, excluded = torch.cat([clean, adversarial]), torch.cat([labels, labels]), None
    if config.anchors == "real":
        anchors, anchor_labels, key_weights, weights = (
            real,
            real_labels,
            torch.cat([weights, weights]),
            torch.ones_like(real[:, 0]),
        )
    else:
        anchors, anchor_labels, key_weights = clean, labels, None
        keys, key_labels = torch.cat([keys, real]), torch.cat([key_labels, real_labels])
        excluded = torch.zeros(len(clean), len(keys), dtype=torch.bool, device=clean.device)
        excluded[:, : len(clean)].fill_diagonal_(True)
    negatives = queue.hard_negatives(anchors, anchor_labels, config.hard_negatives) if queue else None
    compared = Keys(keys, key_labels, key_weights, excluded)
    losses = crl(anchors, anchor_labels, compared, tau=config.tau, negatives=negatives)
    return (weights * losses).mean()
