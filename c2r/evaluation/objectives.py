"""Candidate objectives of a distillation: what each makes of a ready set under a frozen scorer, so that they can be
compared before one is optimised. No torch until a value is computed.

Letters: E effective images, K classes, D embedding, F features of a block.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the shell reads the table without torch
    from torch import Tensor

TAU = 0.2  # temperature of the contrastive loss
ANCHORS = 512  # compared at once: what they are compared with is as long as the set


@dataclass(frozen=True)
class Sight:
    """One kind of images under a scorer: logits [E, K], embeddings [E, D], and per block the class means of its
    features, each [K, F]."""

    logits: "Tensor"
    embeddings: "Tensor"
    means: "Sequence[Tensor]"


@dataclass(frozen=True)
class Seen:
    """A set under a scorer, clean and under attack.

    :param images: [E, C, H, W] in [0, 1]; labels: [E]; pixels: class means of the images, [K, C·H·W]
    """

    images: "Tensor"
    labels: "Tensor"
    pixels: "Tensor"
    clean: Sight
    adversarial: Sight


@dataclass(frozen=True)
class Objective:
    """One row.

    :param label: on screen; sentence: what it measures; unit: of its values
    :param value: function of the set and of real images, both as the scorer sees them
    :param better: which values the objective asks for, ``low`` (a loss) or ``high`` (a score)
    """

    label: str
    sentence: str
    unit: str
    value: "Callable[[Seen, Seen], float]"
    better: str = "low"

    @property
    def direction(self) -> int:
        """The sign that its rank correlation with robustness has where it is worth optimising."""
        return 1 if self.better == "high" else -1


def _matching(made: Sight, real: Sight, labels: "Tensor") -> float:
    """Squared distance of class means, summed over the classes of the set and over features, averaged over blocks."""
    there = labels.unique()
    distances = [(a[there] - b[there]).square().sum() for a, b in zip(made.means, real.means, strict=True)]
    return float(sum(distances)) / len(distances)


def _cross_entropy(sight: Sight, labels: "Tensor") -> float:
    return -float(sight.logits.log_softmax(1).gather(1, labels[:, None]).mean())


def margins(sight: Sight, labels: "Tensor") -> "Tensor":
    """Logit margins [E]."""
    from c2r.core.margins import logit_margin

    return logit_margin(sight.logits, labels)


def _contrast(seen: Seen) -> float:
    """CRL with the clean images as anchors; keys are the clean and the attacked ones, without the anchor itself."""
    from torch import arange, bool, cat, zeros

    from c2r.core.contrastive import Keys, crl

    keys, labels = cat([seen.clean.embeddings, seen.adversarial.embeddings]), cat([seen.labels, seen.labels])
    total = 0.0
    for rows in arange(len(seen.labels), device=labels.device).split(ANCHORS):
        itself = zeros(len(rows), len(keys), dtype=bool, device=labels.device)
        itself[arange(len(rows)), rows] = True
        compared = Keys(keys, labels, excluded=itself)
        total += float(crl(seen.clean.embeddings[rows], seen.labels[rows], compared, tau=TAU).sum())
    return total / len(seen.labels)


def _separation(seen: Seen) -> float:
    from c2r.look.project import separation

    return separation(seen.adversarial.embeddings.cpu().numpy(), seen.labels.cpu().numpy())["between_within"]


def _pixels(seen: Seen, real: Seen) -> float:
    return float((seen.images.flatten(1) - real.pixels[seen.labels]).square().sum(1).sqrt().mean())


OBJECTIVES: dict[str, Objective] = {
    "match-clean": Objective(
        "Matching of clean features",
        "Squared distance of the class means of clean features from those of real images, mean over the blocks",
        "squared feature units",
        lambda seen, real: _matching(seen.clean, real.clean, seen.labels),
    ),
    "match-adversarial": Objective(
        "Matching of adversarial features",
        "Squared distance of the class means of attacked images' features from those of attacked real images, mean over"
        " the blocks",
        "squared feature units",
        lambda seen, real: _matching(seen.adversarial, real.adversarial, seen.labels),
    ),
    "ce-clean": Objective(
        "Cross-entropy, clean",
        "Mean cross-entropy of the images",
        "nats",
        lambda seen, _: _cross_entropy(seen.clean, seen.labels),
    ),
    "ce-adversarial": Objective(
        "Cross-entropy, attacked",
        "Mean cross-entropy of the attacked images",
        "nats",
        lambda seen, _: _cross_entropy(seen.adversarial, seen.labels),
    ),
    "contrast": Objective(
        "Contrastive loss (CRL)",
        f"CRL at τ = {TAU:g}: anchors are the clean images, keys the clean and the attacked ones",
        "nats",
        lambda seen, _: _contrast(seen),
    ),
    "margin": Objective(
        "Mean robust margin",
        "Mean logit margin of the attacked images",
        "logits",
        lambda seen, _: float(margins(seen.adversarial, seen.labels).mean()),
        "high",
    ),
    "share-robust": Objective(
        "Share robust",
        "Share of the images that the attack does not break",
        "share",
        lambda seen, _: float((margins(seen.adversarial, seen.labels) > 0).float().mean()),
        "high",
    ),
    "separation": Objective(
        "Class separation, attacked",
        "Variance between over within the classes, of the embeddings of the attacked images",
        "ratio",
        lambda seen, _: _separation(seen),
        "high",
    ),
    "pixels": Objective(
        "Distance to class means in pixels",
        "Mean L2 distance of the images from the mean real image of their class",
        "pixel units",
        _pixels,
    ),
}


def values(seen: Seen, real: Seen) -> dict[str, float | None]:
    """The value of every objective; None where it is undefined or not finite."""
    found = {name: row.value(seen, real) for name, row in OBJECTIVES.items()}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}
