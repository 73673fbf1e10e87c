"""The sections made of results on single test images: margins, and classes under each attack.

Letters: n test images, M evaluation networks, K classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from c2r.report import charts
from c2r.report.results import names
from c2r.report.subject import Arrays, Subject

MOST_CLASSES = 20
Curves = Mapping[str, tuple[str, np.ndarray]]  # key → (name, margins [M, n])


def margins(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Cumulative margins on test images, a panel for each run that has them; all share one axis."""
    stored = {s.letter: s.per_test_image("margin") for s in subjects}
    every = [array for curves in stored.values() for array in curves.values() if array.size]
    panels = []
    if every:
        ends = charts.limits(every)
        looks = charts.styles(list(dict.fromkeys(key for curves in stored.values() for key in curves)))
        for s in subjects:
            named = names(s)
            curves = {key: (named.get(key, key), array) for key, array in stored[s.letter].items()}
            if curves:
                panels.append(_panel(s, curves, looks, ends))
    return {"without": [s.name for s in subjects if not stored[s.letter]], "panels": panels}


def _panel(
    s: Subject, curves: Curves, looks: Mapping[str, tuple[str, str]], ends: tuple[float, float]
) -> dict[str, Any]:
    medians = {key: float(np.median(array)) for key, (_, array) in curves.items()}
    lowest = min(medians, key=lambda key: medians[key])
    start = f"the clean median is {medians['clean']:.2f} logits, " if "clean" in medians else ""
    networks, images = next(iter(curves.values()))[1].shape
    return {
        "headline": f"{s.name}: {start}the lowest, under {curves[lowest][0]}, is {medians[lowest]:.2f}",
        "chart": charts.cumulative(curves, looks, ends, "Logit margin (logits)"),
        "networks": networks,
        "images": images,
    }


class ClassRow(NamedTuple):
    """One class: the share of its test images that each attempt leaves right, mean over networks."""

    name: str
    shares: list[float]
    images: int


def classes(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Class × attack: a heat map for each run, None where a run keeps no results of single test images."""
    return {"runs": [{"name": s.name, "heat": _heat(s, s.per_test_image("correct"))} for s in subjects]}


def _heat(s: Subject, correct: Arrays) -> dict[str, Any] | None:
    if not correct:
        return None
    truth, named = s.test["labels"], names(s)
    present = np.unique(truth)
    shares = np.stack([[array[:, truth == k].mean() for array in correct.values()] for k in present])
    weakest = np.argsort(shares.min(1), kind="stable")[:MOST_CLASSES]
    return {
        "attempts": [named.get(key, key) for key in correct],
        "rows": [
            ClassRow(s.class_name(int(present[i])), shares[i].tolist(), int((truth == present[i]).sum()))
            for i in weakest
        ],
        "classes": len(present),
    }
