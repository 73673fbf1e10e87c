"""C2R's loss of one update: (1 − η)·CE + η·CRL + λ·matching, after C2R (design §2).

Matching: class means of every block's features, clean to clean and adversarial to adversarial, under one stage of the
pool. Letters: K classes, b real images per class, N stored images, p² parts, M synthetic images in the mini-batch, D
embedding.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.contrastive import class_mean_alignment, class_means
from c2r.core.linesearch import Start, Trace
from c2r.core.pgd import Inner, attack
from c2r.methods.c2r.contrast import Embedded, contrastive
from c2r.methods.c2r.epoch import rows
from c2r.methods.c2r.loop import Loop
from c2r.methods.c2r.visits import Queues, Visit


@dataclass(frozen=True)
class Update:
    """The terms of one update's loss by the names of the method's series, each a scalar that carries the graph and has
    no weight yet, and the attacks' cost, summed over images."""

    terms: dict[str, Tensor]
    forwards: int
    backwards: int


@dataclass(frozen=True)
class Batch:
    """The curriculum's mini-batch: indices [M] of its images, and the weights [N] of all images, in whole-set terms and
    in those of the mini-batch."""

    index: Tensor
    weights: Tensor


def update(loop: Loop, batch: Batch, seen: Visit, queues: Queues) -> Update:
    """The terms of the loss whose gradient moves the images of the loop.

    All effective images are augmented as the real ones were and then attacked under the visited network, as an
    evaluation does it. Matching takes all of them, cross-entropy and CRL those of the mini-batch.
    """
    partition = loop.config.partition
    classes = int(seen.labels.max()) + 1
    effective, labels = loop.effective()
    images = seen.transform(effective)
    attacked = _attacked(loop, effective.detach(), images.detach(), labels, seen)
    clean, adversarial = (seen.network.features(x) for x in (images, images + attacked.delta))
    weighed = batch.weights.repeat_interleave(partition**2) if loop.config.hard_weight else None
    matching = _matching(seen.clean, clean, seen.labels, labels, weighed)
    matching = matching + _matching(seen.adversarial, adversarial, seen.labels, labels, weighed)
    at = rows(batch.index, partition)
    weights = batch.weights[batch.index].repeat_interleave(partition**2)
    taken = Embedded(clean[-1][at], adversarial[-1][at], labels[at], weights)
    losses = F.cross_entropy(seen.network.head(taken.clean), taken.labels, reduction="none")
    terms = {"match": matching, "ce": (weights * losses).mean()}
    shaped = _shaped(loop, taken, seen, queues, classes)
    terms |= {} if shaped is None else {"crl": shaped}
    return Update(terms, attacked.forwards + seen.forwards, attacked.backwards + seen.backwards)


def _shaped(loop: Loop, taken: Embedded, seen: Visit, queues: Queues, classes: int) -> Tensor | None:
    """What shapes the embedding beside cross-entropy, as the method's row says; None for nothing."""
    if loop.parts.align == "nothing" or not loop.config.eta:
        return None
    if loop.parts.align == "class-mean":
        return class_mean_alignment(taken.clean, taken.adversarial, taken.labels, classes)
    queue = queues.of(seen) if loop.parts.queue else None
    return contrastive(taken, seen, queue, queues.space(seen), loop.config)


def _attacked(loop: Loop, effective: Tensor, images: Tensor, labels: Tensor, seen: Visit) -> Trace:
    """The attack on the augmented images [N·p², C, H, W]; it starts from what the warm start has become under the
    augmentation."""
    start = seen.transform(effective + loop.epoch.warm.delta) - images
    inner = Inner(loop.parts.attack, loop.config, seen.generator, eps=loop.config.distill_eps)
    return attack(seen.network, images, labels, inner, Start(start))


def _matching(
    real: list[Tensor], synthetic: list[Tensor], real_labels: Tensor, labels: Tensor, weights: Tensor | None
) -> Tensor:
    """Squared distance of class means, summed over the classes that have synthetic images and over features, averaged
    over blocks.

    :param weights: [N·p²] of the synthetic images in their class means, all alike when absent
    """
    classes = int(real_labels.max()) + 1
    made = (torch.bincount(labels, minlength=classes) > 0).float()[:, None]
    distances = [
        (made * (class_means(a, real_labels, classes) - class_means(b, labels, classes, weights))).square().sum()
        for a, b in zip(real, synthetic, strict=True)
    ]
    return torch.stack(distances).mean()
