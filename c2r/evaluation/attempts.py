"""The attempts of one evaluation, one attack at one radius each: their figures and names. No torch."""

from collections.abc import Iterable, Mapping
from statistics import mean, stdev
from typing import Any

from c2r.attacks import figurekey
from c2r.attacks.figurekey import FigureKey
from c2r.evaluation.metrics import mean_known, wilson

Row = Mapping[str, Any]
Figures = dict[str, dict[str, Any]]  # attempt key → as in `by_attack`
CLEAN = "clean"
NEEDED = ("attack", "label", "accuracy", "n", "eps")  # what a row must hold to be a figure


def key_of(row: Row) -> str:
    """The key of the attempt that a row belongs to, within its own evaluation."""
    return str(row.get("key") or row.get("attack"))


def usable(rows: Iterable[Row], *more: str) -> list[dict[str, Any]]:
    """The rows that hold every value a figure needs, and the values named in `more`."""
    return [dict(row) for row in rows if all(name in row for name in (*NEEDED, *more))]


def figures(rows: Iterable[Row]) -> Figures:
    """The figures of each attempt, clean first; rows that lack a needed value are left out."""
    unsorted = by_attack(usable(rows))
    return {key: unsorted[key] for key in sorted(unsorted, key=lambda key: key != CLEAN)}


def by_attack(rows: Iterable[dict[str, Any]]) -> Figures:
    """Mean and standard deviation over seeds for each attempt, in the order the rows come.

    Rows of one key that are figures of unlike things (another radius, other steps) are never averaged: the later ones
    get keys of their own, ``pgd (2)``.

    :returns: key → {label, mean, std (None for a single seed), seeds, n, eps, attack, norm, targeted, of (its
        `FigureKey`), interval (95 % Wilson of the mean over n images), success, seconds, passes (forwards + backwards
        per image); None where rows do not say}
    """
    groups: dict[tuple[str, FigureKey], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((key_of(row), figurekey.key_of(row)), []).append(row)
    seen: list[str] = []
    figures = {}
    for (key, _), same in groups.items():
        seen.append(key)
        name = key if seen.count(key) == 1 else f"{key} ({seen.count(key)})"
        figures[name] = _figure([row for row in same if row["accuracy"] is not None] or same)
    return figures


def _figure(same: list[dict[str, Any]]) -> dict[str, Any]:
    values, first = [row["accuracy"] for row in same if row["accuracy"] is not None], same[0]
    average, n = (mean(values) if values else None), first["n"]
    return {
        "label": first["label"],
        "mean": average,
        "std": stdev(values) if len(values) > 1 else None,
        "seeds": len(values),
        "n": n,
        "eps": figurekey.radius(first["eps"]),
        "attack": first["attack"],
        "norm": first.get("norm", ""),
        "targeted": bool(first.get("targeted")),
        "of": figurekey.key_of(first),
        "interval": None if average is None else wilson(round(average * n), n),
        "success": mean_known(row.get("success") for row in same),
        "seconds": mean_known(row.get("seconds") for row in same),
        "passes": mean_known(_passes(row) for row in same),
    }


def _passes(row: Row) -> float | None:
    forwards, backwards = row.get("forwards"), row.get("backwards")
    return None if forwards is None or backwards is None else forwards + backwards


def names(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What each attempt of one evaluation is called: its label, with the radius where one label has several radii.

    Beside those of other evaluations an attempt is called as `figurekey.names` says.
    """
    labels = {key: "Clean" if key == CLEAN else str(figure["label"]) for key, figure in figures.items()}
    called = list(labels.values())
    return {
        key: f"{label} at {figures[key]['eps']}" if called.count(label) > 1 else label for key, label in labels.items()
    }
