"""The figures of a recorded step: margin histograms and quantiles, ranks and who moved. numpy only.

Letters: N synthetic images, S recorded steps.
"""

from typing import Any

import numpy as np

# Shared by every step of every run, so that histograms never change their bins. Zero is an edge: misclassified |
# robust.
BIN_EDGES = np.linspace(-15.0, 15.0, 61)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def margin_summary(margins: np.ndarray) -> dict[str, Any]:
    """Return quantiles (p5 p25 p50 p75 p95, logits) and counts [60] on `BIN_EDGES` of margins [N].

    The end bins take what lies beyond them.
    """
    inside = np.clip(margins, BIN_EDGES[0], np.nextafter(BIN_EDGES[-1], 0))
    counts, _ = np.histogram(inside, BIN_EDGES)
    return {"quantiles": [float(q) for q in np.quantile(margins, QUANTILES)], "counts": counts.tolist()}


def hardest_first(margins: np.ndarray) -> np.ndarray:
    """Return the samples in the order of their robust margins [N], the smallest first: rank 0 is the hardest.

    Samples of equal margin keep their own order.
    """
    return np.argsort(margins, kind="stable")


def ranks(order: np.ndarray) -> np.ndarray:
    """Return the rank of each sample, 0 = hardest: the inverse of the permutation `order` [N]."""
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank


def biggest_movers(before: np.ndarray, after: np.ndarray, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Return the samples whose rank changed most between two orders [N], and the change (negative = towards the
    hardest)."""
    change = ranks(after) - ranks(before)
    index = np.argsort(-np.abs(change), kind="stable")[:count]
    return index, change[index]
