"""The digest of one evaluation: its rows as averages, worst cases and ratios, one threat model at a time. No torch.

Units as in `metrics`: accuracies are shares in [0, 1], metrics are in percent.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from c2r.errors import InputError
from c2r.evaluation.metrics import ae, by_attack, drop_rate, mean_known, ratios, warnings, worst_case
from c2r.fields import parse_radius

SAME = ("method", "network", "training", "protocol", "split")  # what the rows of one evaluation have in common


def _radius(eps: Any) -> float | None:
    """The radius as a number; None for an attack without one (``unbounded``, or none recorded)."""
    try:
        found = parse_radius(eps)
    except (TypeError, ValueError):
        return None
    return round(found, 9) if math.isfinite(found) and found > 0 else None


def summarise(rows: Sequence[dict[str, Any]], outcomes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the rows of one evaluation say, as plain values.

    :param outcomes: attempt key → [M, N] per-image outcomes (N other images than the n test images of the rows)
    :returns: ``clean`` (as in `by_attack`, or None), ``attempts`` (key → as there, without clean), ``groups``,
        ``unbounded`` (keys
        without a radius, which belong to no group), ``controls`` (keys without a norm, which are no attacks: the clamp
        alone),
        ``n`` test images, ``seeds`` networks. A group holds the attempts of one norm, radius and goal, since figures of
        unlike
        threats must not be averaged: norm, eps, targeted, keys, average and worst accuracy (shares), worst_key,
        drop_rate (of the
        worst) and drop_rate_average, the `ratios`, ae_passes, worst_image ({accuracy, n, networks} from `outcomes`, or
        None) and
        warnings
    :raises InputError: when the rows come from more than one evaluation
    """
    for field in SAME:
        kinds = sorted({str(row.get(field, "")) for row in rows})
        if len(kinds) > 1:
            raise InputError(
                f"Expected the rows of one evaluation, found {field} {' and '.join(kinds)}: summarise each by itself."
            )
    found = by_attack(rows)
    attempts = {key: value for key, value in found.items() if value["attack"] != "clean"}
    clean = next((value for value in found.values() if value["attack"] == "clean"), None)
    groups: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for key, value in attempts.items():
        if radius := _radius(value["eps"]):
            groups.setdefault((value["norm"], radius, value["targeted"]), {})[key] = value
    grouped = {key for members in groups.values() for key in members}
    return {
        "clean": clean,
        "attempts": attempts,
        "groups": [_group(clean, members, outcomes or {}) for members in groups.values()],
        "unbounded": [key for key in attempts if key not in grouped and attempts[key]["norm"]],
        "controls": [key for key in attempts if not attempts[key]["norm"]],
        "n": max((row["n"] for row in rows), default=0),
        "seeds": len({row["seed"] for row in rows}),
    }


def _group(
    clean: dict[str, Any] | None, members: dict[str, dict[str, Any]], outcomes: Mapping[str, Any]
) -> dict[str, Any]:
    base = clean or {"mean": None, "seconds": None, "passes": None, "seeds": None}
    known = {key: value["mean"] for key, value in members.items() if value["mean"] is not None}
    values, seconds = [value["mean"] for value in members.values()], [value["seconds"] for value in members.values()]
    worst_key = min(known, key=lambda key: known[key]) if known else None
    worst, average = (known[worst_key] if worst_key else None), mean_known(values)
    first, told = next(iter(members.values())), warnings(base["mean"], values, seconds)
    if len({base["seeds"], *(value["seeds"] for value in members.values())}) > 1:
        told.append(
            "Clean and attacks were not run on the same number of networks: finish the evaluation before comparing."
        )
    return {
        "norm": first["norm"],
        "eps": first["eps"],
        "targeted": first["targeted"],
        "keys": list(members),
        "average": average,
        "worst": worst,
        "worst_key": worst_key,
        "drop_rate": drop_rate(base["mean"], worst),
        "drop_rate_average": drop_rate(base["mean"], average),
        **ratios(base["mean"], values, base["seconds"], seconds),
        "ae_passes": ae(base["passes"], [m["passes"] for m in members.values()]),
        "worst_image": _worst_image(members, outcomes),
        "warnings": told,
    }


def _worst_image(members: Iterable[str], outcomes: Mapping[str, Any]) -> dict[str, Any] | None:
    if not all(key in outcomes for key in members):
        return None
    right = np.atleast_2d(worst_case({key: outcomes[key] for key in {*members, "clean"} if key in outcomes}))
    return {"accuracy": float(right.mean()), "n": right.shape[1], "networks": right.shape[0]}
