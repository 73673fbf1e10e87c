"""Figures from outcomes: intervals, worst cases, robustness ratios. Numbers in, numbers out; no torch.

Units: every accuracy that comes in is a share in [0, 1]; every metric that goes out is in percent. None means missing
on the way in and undefined on the way out. Letters: C clean accuracy, A_i accuracy under attack i, A* = min A_i,
Ā = mean A_i; T_c cost of the clean pass, T_i cost of attack i (seconds, or passes = forwards + backwards per image),
T̄ mean, T_max largest.
"""

import math
from collections.abc import Iterable, Mapping
from statistics import mean
from typing import Any

import numpy as np

from c2r.errors import InputError

Share = float | None
BEARD, ROME = "BEARD (zhouzhengqd/BEARD)", "ROME (zhouzhengqd/ROME)"

# metric → (formula, what it says, where it comes from)
DEFINITIONS: dict[str, tuple[str, str, str]] = {
    "clean": ("C", "Share of unchanged test images classified correctly, mean over networks.", "-"),
    "average": ("Ā = mean A_i", "Mean robust accuracy over the attacks of one norm and radius.", "-"),
    "worst": (
        "A* = min A_i",
        "Robust accuracy under the strongest single attack; the per-image worst case is never above it.",
        "-",
    ),
    "worst_image": (
        "share of images right under every attack",
        "Counts an image only when no attack fools the network.",
        "RobustBench",
    ),
    "drop_rate": (
        "100 (C - A) / C",
        "Part of the clean accuracy that the attack takes away; low is good.",
        "DD-RobustBench, C2R",
    ),
    "rr": (
        "100 (Ā - A*) / (C - A*)",
        (
            "Robustness ratio: how far the average attack stays above the worst; it is not robustness, since a"
            " uniformly robust and a uniformly broken network both score 0, and it can be negative or above 100."
        ),
        BEARD,
    ),
    "i_rr": (
        "100 [1 - (C - Ā)(C - A*) / C²]",
        "Improved ratio: falls as the average and the worst attack take accuracy away.",
        ROME,
    ),
    "penalised_i_rr": (
        "100 [1 - (C - Ā)(C - A*) / C²] - 100 mean max(0, A_i - C)",
        "I-RR minus one point for each mean point of accuracy above clean; called rome+ in its code.",
        BEARD,
    ),
    "ae": (
        "100 (T̄ - T_c) / (T_max - T_c), T in seconds",
        "Attack efficiency by wall clock: depends on the machine and mostly on the slowest attack.",
        BEARD,
    ),
    "ae_passes": (
        "100 (T̄ - T_c) / (T_max - T_c), T in passes",
        "The same from forwards and backwards per image: no clock in it.",
        "ours",
    ),
    "crei": ("α RR + (1 - α) AE, α = 0.5", "Robustness ratio and attack efficiency in one figure.", BEARD),
    "i_crei": ("α I-RR + (1 - α) AE, α = 0.5", "Improved ratio and attack efficiency in one figure.", ROME),
}

# what the metrics are called on screen
NAMES = {
    "average": "Average over attacks",
    "worst": "Worst attack",
    "worst_image": "Worst case per image",
    "drop_rate": "Drop rate",
    "rr": "RR",
    "i_rr": "I-RR",
    "penalised_i_rr": "I-RR, penalised",
    "ae": "AE, by seconds",
    "ae_passes": "AE, by passes",
    "crei": "CREI",
    "i_crei": "I-CREI",
}
RATIOS = tuple(NAMES)[4:]


def wilson(successes: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share (Wilson 1927); (0, 1) when nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    spread = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - spread), min(1.0, centre + spread)


def present(values: Iterable[Share]) -> list[float]:
    """The shares that are not None. :raises InputError: for a value outside [0, 1], most often one in percent"""
    shares = [float(value) for value in values if value is not None]
    for value in shares:
        if not 0 <= value <= 1:
            raise InputError(f"Expected accuracies as shares between 0 and 1, found {value:g}: divide percent by 100.")
    return shares


def rr(clean: Share, attacked: Iterable[Share]) -> float | None:
    """Robustness ratio in percent: 100 (Ā - A*) / (C - A*), also where it is below 0 or above 100 (see `warnings`).

    None without values and when C = A*: 0 / 0. The reference code returns 0 there, which reads as "broken".
    """
    values = present(attacked)
    if clean is None or not values or abs(clean - min(values)) < 1e-9:
        return None
    (c,) = present([clean])
    return 100 * (mean(values) - min(values)) / (c - min(values))


def i_rr(clean: Share, attacked: Iterable[Share]) -> float | None:
    """Improved robustness ratio in percent: 100 [1 - (C - Ā)(C - A*) / C²].

    100 when C = A*: no attack takes anything away. The reference code returns 0 there, its worst mark for its best
    case. None without values and when C = 0 (nothing to lose). When *every* attack lands above clean both factors turn
    negative and the formula falls below 100 again: `warnings` says so.
    """
    values = present(attacked)
    if clean is None or not values or clean == 0:
        return None
    (c,) = present([clean])
    return 100 * (1 - (c - mean(values)) * (c - min(values)) / c**2)


def penalised_i_rr(clean: Share, attacked: Iterable[Share]) -> float | None:
    """I-RR in percent minus one point for each mean percentage point that attacks land above clean ("rome+" in BEARD's
    code).

    The reference code returns 0 when C = A*; here it is 100 minus the penalty, for the reason given at `i_rr`.
    """
    values = present(attacked)
    base = i_rr(clean, values)
    return None if base is None or clean is None else base - 100 * mean(max(0.0, value - clean) for value in values)


def ae(clean_cost: float | None, costs: Iterable[float | None]) -> float | None:
    """Attack efficiency in percent: 100 (T̄ - T_c) / (T_max - T_c), costs in seconds or in passes per image.

    None without values and when no attack costs more than the clean pass; the reference code returns 0 when they are
    equal.
    """
    values = [float(cost) for cost in costs if cost is not None]
    if clean_cost is None or not values or max(values) <= clean_cost:
        return None
    return 100 * (mean(values) - clean_cost) / (max(values) - clean_cost)


def crei(ratio: float | None, efficiency: float | None, alpha: float = 0.5) -> float | None:
    """α ratio + (1 - α) efficiency, in percent: CREI with RR, I-CREI with I-RR. None when either is undefined."""
    return None if ratio is None or efficiency is None else alpha * ratio + (1 - alpha) * efficiency


def drop_rate(clean: Share, attacked: Share) -> float | None:
    """100 (C - A) / C in percent; negative when the attack helps, None when C is 0 or a value is missing."""
    if clean is None or attacked is None or clean == 0:
        return None
    c, a = present([clean, attacked])
    return 100 * (c - a) / c


def pool(pairs: Iterable[tuple[float | None, Iterable[float | None]]]) -> tuple[float | None, list[float]]:
    """(C, A_i) or (T_c, T_i) pairs of several IPCs as one: the mean of the clean values, all attack values together.

    The unified metrics (RRM, AEM, CREIM) are the same functions on this pair: `rr(*pool(pairs))`. They are not the mean
    of the metrics per IPC, because A* and T_max become those of all IPCs.
    """
    pairs = list(pairs)
    cleans = [clean for clean, _ in pairs if clean is not None]
    return (mean(cleans) if cleans else None), [value for _, values in pairs for value in values if value is not None]


def ratios(
    clean: Share, attacked: Iterable[Share], clean_cost: float | None, costs: Iterable[float | None]
) -> dict[str, float | None]:
    """rr, i_rr, penalised_i_rr, ae, crei and i_crei in percent, of one list of attacks."""
    values = present(attacked)
    ratio, improved, efficiency = rr(clean, values), i_rr(clean, values), ae(clean_cost, costs)
    return {
        "rr": ratio,
        "i_rr": improved,
        "penalised_i_rr": penalised_i_rr(clean, values),
        "ae": efficiency,
        "crei": crei(ratio, efficiency),
        "i_crei": crei(improved, efficiency),
    }


def warnings(clean: Share, attacked: Iterable[Share], costs: Iterable[float | None] = ()) -> list[str]:
    """Sentences that say why the ratios of these attacks should not be trusted; [] when nothing speaks against them."""
    given = list(attacked)
    values, spent = present(given), [cost for cost in costs if cost is not None]
    told = []
    if len(values) < len(given):
        told.append(f"{len(given) - len(values)} of {len(given)} attacks have no value and are left out.")
    if len(values) < 2:
        told.append(f"RR compares the average attack with the worst and needs two; there is {len(values)}.")
    if clean is not None and values:
        above, gap = sum(value > clean for value in values), 100 * (clean - min(values))
        if abs(gap) < 1:
            told.append(
                f"Clean minus worst accuracy is {gap:.2f} points: RR divides by it and swings wildly below 1 point."
            )
        if above:
            told.append(
                f"{above} of {len(values)} attacks leave accuracy above clean: RR may leave 0 to 100 and I-RR may pass"
                " 100."
            )
        if gap < 0:
            told.append("Every attack lands above clean: I-RR counts that as loss.")
        if any(abs(value - clean) < 1e-4 for value in values):
            told.append("An attack leaves exactly the clean accuracy: check that it ran.")
    if len(spent) > 1 and max(spent) > 0.5 * sum(spent):
        share = 100 * max(spent) / sum(spent)
        told.append(f"The slowest attack takes {share:.0f} % of the cost of all: AE mostly says how slow it is.")
    return told


def worst_case(outcomes: Mapping[str, Any]) -> np.ndarray:
    """True where the network is right under every key; arrays [n] or [M, n] (bool or 0/1), all of one shape, which is
    returned.

    Give "clean" among the keys to count clean mistakes as not robust (RobustBench's convention).

    :raises InputError: without arrays, or with arrays of unlike shapes
    """
    arrays = {key: np.asarray(values).astype(bool) for key, values in outcomes.items()}
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1:
        listed = ", ".join(f"{key} {list(array.shape)}" for key, array in arrays.items()) or "none"
        raise InputError(
            f"Expected outcomes of the same images for every attack, found {listed}: evaluate the attacks together."
        )
    return np.logical_and.reduce(list(arrays.values()))


def mean_known(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are not None; None when there is none."""
    known = [value for value in values if value is not None]
    return mean(known) if known else None
