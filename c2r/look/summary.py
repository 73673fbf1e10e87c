"""What recorded steps say in figures: margin histograms and quantiles, ranks, who moved, a course thinned. numpy only.

Letters: N synthetic images, S recorded steps, R rank bins.
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


def thin(length: int, most: int, keep: int | None = None) -> np.ndarray:
    """At most `most` positions of `length`, evenly spread, the first, the last and `keep` always among them."""
    kept = np.unique(np.round(np.linspace(0, length - 1, min(length, most))).astype(int))
    if keep is not None and keep not in kept and len(kept) > 2:
        kept[1 + np.abs(kept[1:-1] - keep).argmin()] = keep
    return kept


def rank_matrix(orders: Any, margins: Any, max_ranks: int = 200, max_steps: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Margins sorted by rank, small enough to send: (matrix float32 [S', R], edges of its rank bins [R+1]).

    `orders` and `margins` are [S, N]. A cell is the mean margin of the ranks edges[r] ≤ rank < edges[r+1]; above
    `max_steps` the steps `thin(S, max_steps)` are kept.
    """
    kept = thin(len(orders), max_steps)
    by_rank = np.take_along_axis(
        np.asarray(margins, dtype=np.float64)[kept], np.asarray(orders)[kept].astype(int), axis=1
    )
    n = by_rank.shape[1]
    edges = np.round(np.linspace(0, n, min(n, max_ranks) + 1)).astype(int)
    sums = np.add.reduceat(by_rank, edges[:-1], axis=1)
    return (sums / np.diff(edges)).astype(np.float32), edges
