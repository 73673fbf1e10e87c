"""The digest of one evaluation: its rows as averages, worst cases and ratios, one threat at a time. No torch.

Units as in `metrics`: accuracies are shares in [0, 1], metrics are in percent.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from c2r.attacks import figurekey
from c2r.attacks.figurekey import Conditions, FigureKey
from c2r.errors import InputError
from c2r.evaluation.attempts import CLEAN, Figures, by_attack
from c2r.evaluation.metrics import ae, drop_rate, mean_known, ratios, warnings
from c2r.evaluation.outcomes import right_under_all
from c2r.fields import parse_radius

Digest = dict[str, Any]  # of `summarise`
Group = dict[str, Any]  # of its attempts under one threat
SAME = ("method", "network", "training", "protocol", "split")  # what the rows of one evaluation have in common


class Threat(NamedTuple):
    """One norm, radius and goal: what figures may be averaged over."""

    norm: str
    eps: str
    targeted: bool

    @property
    def label(self) -> str:
        """``L∞ 2/255``, ``L∞ 2/255, targeted``."""
        return figurekey.ball(self.norm, self.eps) + (", targeted" if self.targeted else "")


def summarise(rows: Sequence[dict[str, Any]], outcomes: Mapping[str, Any] | None = None) -> Digest:
    """What the rows of one evaluation say, as plain values.

    :param outcomes: attempt key → [M, N] per-image outcomes (N other images than the n test images of the rows)
    :returns: ``clean`` (as in `by_attack`, or None), ``attempts`` (key → as there, without clean), ``groups``,
        ``unbounded`` (keys without a radius, which belong to no group), ``controls`` (keys without a norm, which are no
        attacks: the clamp alone), ``n`` test images, ``seeds`` networks. A group holds the attempts of one norm, radius
        and goal, since figures of unlike threats must not be averaged: norm, eps, targeted, keys, average and worst
        accuracy (shares), worst_key, drop_rate (of the worst) and drop_rate_average, the `ratios`, ae_passes,
        worst_image ({accuracy, n, networks} from `outcomes`, or None) and warnings
    :raises InputError: when the rows come from more than one evaluation
    """
    for field in SAME:
        kinds = sorted({str(row.get(field, "")) for row in rows})
        if len(kinds) > 1:
            raise InputError(
                f"Expected the rows of one evaluation, found {field} {' and '.join(kinds)}: summarise each by itself."
            )
    figures = by_attack(rows)
    attempts = {key: figure for key, figure in figures.items() if figure["attack"] != CLEAN}
    clean = next((figure for figure in figures.values() if figure["attack"] == CLEAN), None)
    groups: dict[tuple[Any, ...], Figures] = {}
    for key, figure in attempts.items():
        if radius := _radius(figure["eps"]):
            groups.setdefault((figure["norm"], radius, figure["targeted"]), {})[key] = figure
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


def _radius(eps: Any) -> float | None:
    """The radius as a number; None for an attack without one (``unbounded``, or none recorded)."""
    try:
        radius = parse_radius(eps)
    except (TypeError, ValueError):
        return None
    return round(radius, 9) if math.isfinite(radius) and radius > 0 else None


def _group(clean: dict[str, Any] | None, members: Figures, outcomes: Mapping[str, Any]) -> Group:
    base = clean or {"mean": None, "seconds": None, "passes": None, "seeds": None}
    known = {key: figure["mean"] for key, figure in members.items() if figure["mean"] is not None}
    values, seconds = ([figure[name] for figure in members.values()] for name in ("mean", "seconds"))
    worst_key = min(known, key=lambda key: known[key]) if known else None
    worst, average = (known[worst_key] if worst_key else None), mean_known(values)
    first, told = next(iter(members.values())), warnings(base["mean"], values, seconds)
    if len({base["seeds"], *(figure["seeds"] for figure in members.values())}) > 1:
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
        "ae_passes": ae(base["passes"], [figure["passes"] for figure in members.values()]),
        "worst_image": _worst_image(members, outcomes),
        "warnings": told,
    }


def _worst_image(members: Iterable[str], outcomes: Mapping[str, Any]) -> dict[str, Any] | None:
    right = right_under_all(outcomes, members)
    if right is None:
        return None
    return {"accuracy": float(right.mean()), "n": right.shape[1], "networks": right.shape[0]}


def threats(digests: Iterable[Digest]) -> list[Threat]:
    """The threats any evaluation was made under: those that most share first, then those with most attempts."""
    counts: dict[Threat, list[int]] = {}
    for digest in digests:
        for group in digest["groups"]:
            counts.setdefault(_threat(group), []).append(len(group["keys"]))
    return sorted(counts, key=lambda threat: (-len(counts[threat]), -max(counts[threat])))


def _threat(group: Group) -> Threat:
    return Threat(group["norm"], group["eps"], group["targeted"])


def group_of(digest: Digest, threat: Threat | None) -> Group | None:
    """The group under one threat, None when the evaluation was not made under it."""
    return next((group for group in digest["groups"] if _threat(group) == threat), None)


def attempt(digest: Digest, of: FigureKey) -> tuple[str, dict[str, Any] | None]:
    """The attempt that a key means, and what its evaluation calls it; ('', None) when it was not tried."""
    tried = {CLEAN: digest["clean"]} | digest["attempts"]
    return next(((key, figure) for key, figure in tried.items() if figure and figure["of"] == of), ("", None))


def conditions(digest: Digest) -> Conditions:
    """Under what the networks of an evaluation were trained and judged."""
    figure = digest["clean"] or next(iter(digest["attempts"].values()), None)
    return figure["of"].under if figure else Conditions()
