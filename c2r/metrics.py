"""Figures from outcomes: intervals, means over seeds. Numbers in, numbers out; no torch."""

import math
from collections.abc import Iterable
from statistics import mean, stdev
from typing import Any


def wilson(successes: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share (Wilson 1927); (0, 1) when nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre, spread = (p + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - spread), min(1.0, centre + spread)


def by_attack(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mean and standard deviation of the accuracy over seeds for each attack, in the order the rows come.

    :returns: attack → {label, mean, std (None for a single seed), seeds, n, eps}
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["attack"], []).append(row)
    found = {}
    for attack, same in groups.items():
        values = [row["accuracy"] for row in same]
        found[attack] = {
            "label": same[0]["label"], "mean": mean(values), "std": stdev(values) if len(values) > 1 else None,
            "seeds": len(values), "n": same[0]["n"], "eps": same[0]["eps"],
        }  # fmt: skip
    return found
