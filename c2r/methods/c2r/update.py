"""C2R's loss of one update: (1 − η)·CE + η·CRL + λ·matching, after C2R (design §2).

Matching: class means of every block's features, clean to clean and adversarial to adversarial, under one stage of the
pool. Letters: K classes, b real images per class, N stored images, p² parts, M synthetic images in the mini-batch, D
embedding.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.contrastive import Keys, class_mean_alignment, class_means, crl
from c2r.core.linesearch import Start, Trace
from c2r.core.memory import ClassQueue
from c2r.core.pgd import Inner, attack
from c2r.methods.c2r.loop import Loop
from c2r.methods.c2r.settings import C2RConfig
from c2r.methods.c2r.visits import Visit


@dataclass(frozen=True)
class Update:
    """Losses of one update by the names of the method's series, `total` as a scalar that carries the graph, and the
    attacks' cost, summed over images."""

    total: Tensor
    series: dict[str, float]
    forwards: int
    backwards: int


@dataclass(frozen=True)
class Batch:
    """The curriculum's mini-batch: indices [M] of its images and their weights [M] in cross-entropy and CRL."""

    index: Tensor
    weights: Tensor

    def rows(self, parts: int) -> Tensor:
        """Indices [M·p²] of the effective images."""
        return (self.index[:, None] * parts + torch.arange(parts, device=self.index.device)).view(-1)


@dataclass(frozen=True)
class Embedded:
    """Effective images under the visited network: embeddings [B, D] of both kinds, labels and weights [B]."""

    clean: Tensor
    adversarial: Tensor
    labels: Tensor
    weights: Tensor


def update(loop: Loop, batch: Batch, seen: Visit, queue: ClassQueue | None) -> Update:
    """The loss whose gradient moves the images of the loop.

    All effective images are augmented as the real ones were and then attacked under the visited network, as an
    evaluation does it. Matching takes all of them, cross-entropy and CRL those of the mini-batch.

    :param queue: of the visited stage, None for a method without
    """
    config, held = loop.config, loop.held
    classes, parts = int(seen.labels.max()) + 1, held.partition**2
    effective, labels = held.effective()
    images = seen.transform(effective)
    attacked = _attacked(loop, effective.detach(), images.detach(), labels, seen)
    clean, adversarial = (seen.network.features(x) for x in (images, images + attacked.delta))
    matching = _matching(seen.clean, clean, seen.labels, labels, classes)
    matching = matching + _matching(seen.adversarial, adversarial, seen.labels, labels, classes)
    rows, weights = batch.rows(parts), batch.weights.repeat_interleave(parts)
    taken = Embedded(clean[-1][rows], adversarial[-1][rows], labels[rows], weights)
    losses = F.cross_entropy(seen.network.head(taken.clean), taken.labels, reduction="none")
    cross_entropy = (weights * losses).mean()
    shaped = (
        class_mean_alignment(taken.clean, taken.adversarial, taken.labels, classes)
        if loop.parts.align == "class-mean"
        else _contrastive(taken, seen, queue, config)
    )
    total = (1 - config.eta) * cross_entropy + config.eta * shaped + config.match_weight * matching
    series = {"total": total, "match": matching, "ce": cross_entropy, "crl": shaped}
    forwards, backwards = attacked.forwards + seen.forwards, attacked.backwards + seen.backwards
    return Update(total, {name: float(value.detach()) for name, value in series.items()}, forwards, backwards)


def _attacked(loop: Loop, effective: Tensor, images: Tensor, labels: Tensor, seen: Visit) -> Trace:
    """The attack on the augmented images [N·p², C, H, W]; it starts from what the warm start has become under the
    augmentation."""
    start = seen.transform(effective + loop.held.delta) - images
    inner = Inner(loop.parts.attack, loop.config, seen.generator)
    return attack(seen.network, images, labels, inner, Start(start))


def _matching(real: list[Tensor], synthetic: list[Tensor], real_labels: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Squared distance of class means, summed over the classes that have synthetic images and over features, averaged
    over blocks."""
    made = (torch.bincount(labels, minlength=classes) > 0).float()[:, None]
    distances = [
        (made * (class_means(a, real_labels, classes) - class_means(b, labels, classes))).square().sum()
        for a, b in zip(real, synthetic, strict=True)
    ]
    return torch.stack(distances).mean()


def _contrastive(taken: Embedded, seen: Visit, queue: ClassQueue | None, config: C2RConfig) -> Tensor:
    """CRL of the mini-batch against itself, adversarial real images and the queue.

    With real anchors those of the mini-batch are keys, which weigh where they are positives; with synthetic ones they
    are anchors, and weigh as such.
    """
    real, real_labels, weights = seen.adversarial[-1], seen.labels, taken.weights
    keys, key_labels = torch.cat([taken.clean, taken.adversarial]), torch.cat([taken.labels, taken.labels])
    key_weights, excluded = None, None
    if config.anchors == "real":
        anchors, anchor_labels = real, real_labels
        key_weights, weights = torch.cat([weights, weights]), torch.ones_like(real[:, 0])
    else:
        anchors, anchor_labels = taken.clean, taken.labels
        keys, key_labels = torch.cat([keys, real]), torch.cat([key_labels, real_labels])
        excluded = torch.zeros(len(anchors), len(keys), dtype=torch.bool, device=anchors.device)
        excluded[:, : len(anchors)].fill_diagonal_(True)
    negatives = queue.hard_negatives(anchors, anchor_labels, config.hard_negatives) if queue else None
    compared = Keys(keys, key_labels, key_weights, excluded)
    losses = crl(anchors, anchor_labels, compared, tau=config.tau, negatives=negatives)
    return (weights * losses).mean()
