"""The section with the synthetic images: contact sheets by class, and the hardest ones with their share of each attack.

Letters: N synthetic images, M evaluation networks.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from c2r.evaluation.metrics import wilson
from c2r.look.scorer import scorer
from c2r.report.images import sheet
from c2r.report.results import names
from c2r.report.subject import Arrays, Subject
from c2r.report.wording import interval

CLASSES, EACH, HARDEST = 10, 10, 10


class Picture(NamedTuple):
    """An image as a data address, and the words that stand for it."""

    address: str
    words: str


class Sheet(NamedTuple):
    """The first images of one class."""

    title: str
    picture: Picture


class Hard(NamedTuple):
    """One of the hardest images: its number in the set, class, robust margin in logits, and of each attempt how many
    networks it leaves right."""

    picture: Picture
    number: int
    name: str
    margin: float | None
    hits: list[str]


def gallery(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Contact sheets and the hardest images of each run; None for a run without images."""
    return {"runs": [{"name": s.name, "set": _set(s)} for s in subjects]}


def _set(s: Subject) -> dict[str, Any] | None:
    if s.images is None or s.labels is None:
        return None
    return {
        "images": len(s.labels),
        "classes": len(np.unique(s.labels)),
        "each": EACH,
        "by_score": s.order is not None,
        "in_parts": s.config.partition > 1,
        "sheets": _sheets(s, s.images, s.labels),
        "hardest": _hardest(s, s.images, s.labels),
    }


def _sheets(s: Subject, images: np.ndarray, truth: np.ndarray) -> list[Sheet]:
    by_rank, sheets = np.arange(len(truth)) if s.order is None else s.order, []
    for k in np.unique(truth)[:CLASSES]:
        mine = by_rank[truth[by_rank] == k]
        title = f"{s.class_name(int(k))}: {len(mine[:EACH])} of {len(mine)}"
        address = sheet([images[i] for i in mine[:EACH]])
        sheets.append(Sheet(title, Picture(address, f"Synthetic images of class {title}")))
    return sheets


def _hardest(s: Subject, images: np.ndarray, truth: np.ndarray) -> dict[str, Any] | None:
    """The hardest images by their score, else by the mean share over attempts; None where neither is known."""
    hits, order = _hits(s, len(truth)), s.order
    if order is None and hits:
        order = np.argsort(np.mean([array.mean(0) for array in hits.values()], 0), kind="stable")
    if order is None:
        return None
    named = names(s)
    return {
        "attempts": [named.get(key, key) for key in hits],
        "images": [_hard(s, images, truth, int(i), hits) for i in order[:HARDEST]],
        "scorer": scorer(s.run.config, s.run.manifest, s.letter),
        "networks": max((len(array) for array in hits.values()), default=0),
        "spans": _spans(hits),
    }


def _hits(s: Subject, count: int) -> Arrays:
    """key → outcomes [M, N] of every attempt on the `count` images of the set."""
    stored = {key: s.outcomes[key] for key in s.keys if key in s.outcomes}
    return {key: array for key, array in stored.items() if array.ndim == 2 and len(array) and array.shape[1] == count}


def _hard(s: Subject, images: np.ndarray, truth: np.ndarray, i: int, hits: Arrays) -> Hard:
    name = s.class_name(int(truth[i]))
    return Hard(
        Picture(sheet([images[i]]), f"Synthetic image {i} of class {name}"),
        i,
        name,
        None if s.margins is None else float(s.margins[i]),
        [f"{int(array[:, i].sum())} of {len(array)}" for array in hits.values()],
    )


def _spans(hits: Mapping[str, np.ndarray]) -> str:
    """The intervals of none, half and all networks."""
    m = max((len(array) for array in hits.values()), default=0)
    return "; ".join(f"{k} of {m}: {interval(wilson(k, m))}" for k in sorted({0, m // 2, m})) if m else ""
