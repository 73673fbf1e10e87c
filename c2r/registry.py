"""The table of methods. A row is data (no torch here, so the app can list it); an ablation is a row, not a branch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Method:
    """One row: which blocks a method is made of.

    :param label: name on screen; description: one sentence that says what it is or what is left out
    :param order: how mini-batches are cut: ``hardest`` (AAC) or ``random``
    :param align: what shapes the embedding beside cross-entropy: ``crl`` or ``class-mean``
    :param attack: inner attack: ``ls-pgd`` or ``pgd`` (T steps from scratch, for the cost comparison)
    :param queue: whether CRL takes hard negatives from the class-balanced queue
    :param updates: False leaves the initial images as they are (a baseline)
    :param source: where images come from: ``drawn`` from real ones, a ``file``, or ``all`` real training images,
        undistilled
    """

    label: str
    description: str
    order: str = "hardest"
    align: str = "crl"
    attack: str = "ls-pgd"
    queue: bool = True
    updates: bool = True
    source: str = "drawn"


METHODS: dict[str, Method] = {
    "c2r": Method("C2R", "Attack-aware curriculum, contrastive robustness loss with queue, line-search PGD"),
    "c2r-no-aac": Method("C2R without AAC", "Mini-batches in random order", order="random"),
    "c2r-no-crl": Method(
        "C2R without CRL", "Class-mean alignment instead of the contrastive loss", align="class-mean", queue=False
    ),
    "c2r-pgd": Method("C2R with T-step PGD", "Ten-step PGD from scratch instead of LS-PGD", attack="pgd"),
    "c2r-no-queue": Method("C2R without queue", "Contrast within the batch only", queue=False),
    "random-real": Method(
        "Random real images",
        "The initial real images, not optimised: the baseline every method must beat",
        updates=False,
    ),
    "full-data": Method(
        "All real images", "Networks trained on the whole training set: the ceiling", updates=False, source="all"
    ),
    "imported": Method(
        "Imported set", "A distilled set from a file, scored and evaluated as it is", updates=False, source="file"
    ),
}

ATTACKS = {"ls-pgd": "LS-PGD", "pgd": "PGD-10"}  # what the inner attacks are called on screen


class Part(NamedTuple):
    """One term of a loss: the name it is stored under, what it is called, its weight, and what it adds to the total."""

    name: str
    label: str
    weight: float
    value: float


def loss_parts(losses: Mapping[str, float | None], method: str, *, eta: float, match_weight: float) -> list[Part]:
    """The weighted terms that add up to the total of one update, under the names of what ran; [] where no loss was
    recorded.

    total = (1 − η)·cross-entropy + η·(contrastive loss or class-mean alignment) + λ·matching; a term of weight 0 is
    left out.
    """
    shaped = "class-mean alignment" if METHODS[method].align == "class-mean" else "contrastive (CRL)"
    terms = (("match", "matching", match_weight), ("ce", "cross-entropy", 1 - eta), ("crl", shaped, eta))
    found = [(name, label, weight, losses.get(name)) for name, label, weight in terms]
    return [
        Part(name, label, weight, weight * value)
        for name, label, weight, value in found
        if weight and value is not None
    ]
