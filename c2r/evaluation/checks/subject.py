"""What a check looks at: one evaluation with its networks, and the small questions all checks ask of it.

Letters: M networks, n attacked test images, K classes; shares in [0, 1].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from c2r.attacks import run as attacks
from c2r.base.errors import InputError
from c2r.base.fields import parse_radius
from c2r.config import RunConfig
from c2r.evaluation.badges import Badge
from c2r.store.headline import NO_ATTACK

Row = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """One evaluation.

    :param rows: as in rows.jsonl
    :param networks: M networks, frozen, float32, normalisation inside; none when only the record is at hand
    :param x, y: attacked test images [n, C, H, W] in [0, 1] and labels [n], on the networks' device
    :param eps: the radius of the on-demand attacks, L∞, pixel units
    :param facts: what the record says about data, set and software; a fact that is missing never turns a badge green
    :param attack: `c2r.attacks.run.attack`, or something with its signature
    :param margins, correct: attempt key → [M, n]; may be empty
    """

    rows: list[Row]
    networks: Sequence[nn.Module]
    x: Tensor
    y: Tensor
    eps: float
    classes: int
    protocol: str
    facts: Mapping[str, Any]
    config: RunConfig | None = None
    attack: Callable[..., attacks.Attacked] = attacks.attack
    margins: Mapping[str, np.ndarray] = field(default_factory=dict)
    correct: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One check: the pitfall's number, whether it runs with every evaluation, what it looks at, when it warns, how it
    runs."""

    number: int
    cheap: bool
    looks: str
    limits: str
    advice: str
    run: Callable[[Subject], Badge]


def attempts(subject: Subject) -> dict[str, list[Row]]:
    """Attempt key → its rows, one per network; without clean and clamp only."""
    tried: dict[str, list[Row]] = {}
    for row in subject.rows:
        if row["attack"] not in NO_ATTACK and row.get("accuracy") is not None:
            tried.setdefault(row.get("key") or row["attack"], []).append(row)
    return tried


def accuracy(rows: Sequence[Row]) -> float:
    """Mean accuracy of rows."""
    return sum(row["accuracy"] for row in rows) / len(rows)


def clean(subject: Subject, kind: str = "clean") -> float | None:
    """Mean clean accuracy, or that of the images after the legacy clamp alone; None without such rows."""
    rows = [row for row in subject.rows if row["attack"] == kind and row.get("accuracy") is not None]
    return accuracy(rows) if rows else None


def radius(row: Row) -> float | None:
    """The row's radius in pixel units; None when it has none."""
    try:
        eps = parse_radius(row.get("eps") or "")
    except ValueError:
        return None
    return eps if 0 < eps < float("inf") else None


def threat(row: Row) -> tuple[str, float | None, bool]:
    """Norm, radius and goal: figures may only be compared or averaged where these agree."""
    return row.get("norm", ""), radius(row), bool(row.get("targeted"))


def probe(subject: Subject, count: int) -> tuple[Tensor, Tensor]:
    """Up to `count` images and labels, spread evenly over all of them."""
    n = len(subject.x)
    index = torch.linspace(0, n - 1, min(count, n), device=subject.x.device).round().long()
    return subject.x[index], subject.y[index]


def networks(subject: Subject) -> Sequence[nn.Module]:
    """The networks. Raises InputError without any, or without images."""
    if not subject.networks or not len(subject.x):
        raise InputError(
            "The networks of this evaluation are not at hand, so this could not be measured: evaluate again to"
            " check it."
        )
    return subject.networks


def right(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Which images are classified as y, bool [n]."""
    with torch.no_grad():
        return torch.cat([network(part).argmax(1) for part in x.split(128)]) == y


def slopes(network: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient [n, C, H, W] of each image's cross-entropy, and whether it was right before, bool [n]."""
    gradients, before = [], []
    for part, labels in zip(x.split(128), y.split(128), strict=True):
        with torch.enable_grad():
            point = part.detach().clone().requires_grad_(True)
            logits = network(point).float()
            loss = F.cross_entropy(logits, labels, reduction="sum")
            slope = torch.autograd.grad(loss, point, allow_unused=True)[0] if loss.requires_grad else None
        gradients.append(torch.zeros_like(part) if slope is None else slope)
        before.append(logits.detach().argmax(1) == labels)
    return torch.cat(gradients), torch.cat(before)


def rise(before: Any, after: Any) -> tuple[float, float]:
    """How much larger the share `after` is than `before`, paired per image (arrays of one shape, bool or 0/1), and its
    95 % noise.

    The noise counts the images that changed, as in McNemar's test; at least one image.
    """
    first, second = (np.asarray(values).astype(bool) for values in (before, after))
    up, down = int((second & ~first).sum()), int((first & ~second).sum())
    return (up - down) / first.size, 1.96 * max(up + down, 1) ** 0.5 / first.size


def percent(share: float | None) -> str:
    """``48.2 %``."""
    return "unknown" if share is None else f"{100 * share:.1f} %"


def bytewise(value: float) -> str:
    """A size in pixel units as ``2/255``."""
    return f"{255 * value:.3g}/255"
