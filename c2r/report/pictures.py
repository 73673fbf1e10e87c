"""The section with the synthetic images: contact sheets by class, and the hardest ones with their share of each attack.

Letters: N synthetic images, M evaluation networks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from c2r.evaluation.metrics import wilson
from c2r.look.scorer import scorer
from c2r.report.images import sheet
from c2r.report.markup import Html, interval, join, paragraph, section, table, tag
from c2r.report.results import names
from c2r.report.subject import Subject

CLASSES, EACH, HARDEST = 10, 10, 10


def gallery(subjects: Sequence[Subject]) -> Html:
    """Contact sheets and the hardest images of each run."""
    parts: list[Html] = []
    for s in subjects:
        parts.append(tag("h3", s.name))
        if s.images is None or s.labels is None:
            parts.append(paragraph("There are no synthetic images to show."))
            continue
        parts += [_sheets(s, s.images, s.labels), _hardest(s, s.images, s.labels)]
    return section("Synthetic images", *parts)


def _sheets(s: Subject, images: np.ndarray, truth: np.ndarray) -> Html:
    present, by_rank = np.unique(truth), np.arange(len(truth)) if s.order is None else s.order
    drawn = []
    for k in present[:CLASSES]:
        mine = by_rank[truth[by_rank] == k]
        name, few = s.class_name(int(k)), mine[:EACH]
        words = f"{name}: {len(few)} of {len(mine)}"
        drawn.append(
            tag(
                "figure",
                tag("figcaption", words),
                _picture([images[i] for i in few], f"Synthetic images of class {words}"),
            )
        )
    parts = " Each stored image holds several small ones, see the partition above." if s.config.partition > 1 else ""
    order = "as stored" if s.order is None else "hardest first"
    note = (
        f"{min(CLASSES, len(present))} of {len(present)} classes, at most {EACH} images of each, {order}, {len(truth)}"
        f" images in all.{parts}"
    )
    return Html(paragraph(note, kind="note") + tag("div", *drawn, class_="sheets"))


def _picture(images: Sequence[np.ndarray], words: str) -> Html:
    return Html(f'<img src="{sheet(images)}" alt="{tag("i", words)[3:-4]}">')


def _hardest(s: Subject, images: np.ndarray, truth: np.ndarray) -> Html:
    """The hardest images by their score, else by the mean share over attempts."""
    stored = {key: s.outcomes[key] for key in s.keys if key in s.outcomes}
    hits = {
        key: array for key, array in stored.items() if array.ndim == 2 and array.shape[1] == len(truth) and len(array)
    }
    if s.order is None and not hits:
        return paragraph(
            "Nothing tells which images are hardest: neither a recorded step nor results on single images.", kind="note"
        )
    order = (
        s.order
        if s.order is not None
        else np.argsort(np.mean([array.mean(0) for array in hits.values()], 0), kind="stable")
    )
    called = names(s)
    rows = [_line(s, images, truth, int(i), rank, hits) for rank, i in enumerate(order[:HARDEST])]
    how = "by score at the last recorded step" if s.order is not None else "by the mean share over attacks"
    head = ["Rank", "Image", "Number", "Class", "Robust margin", *(called.get(key, key) for key in hits)]
    caption = (
        f"The {len(rows)} hardest of {len(truth)} images, {how}; the robust margin is an upper bound, in logits,"
        f" measured by the {_scorer(s)}."
    )
    return join([table(head, rows, caption, range(4, len(head))), _reading(hits)])


def _scorer(s: Subject) -> str:
    return scorer(s.run.config, s.run.manifest, s.letter)


def _line(
    s: Subject, images: np.ndarray, truth: np.ndarray, i: int, rank: int, hits: dict[str, np.ndarray]
) -> list[Any]:
    name = s.class_name(int(truth[i]))
    margin = None if s.margins is None else f"{float(s.margins[i]):.2f}"
    shares = [f"{int(array[:, i].sum())} of {len(array)}" for array in hits.values()]
    return [rank, _picture([images[i]], f"Synthetic image {i} of class {name}"), i, name, margin, *shares]


def _reading(hits: dict[str, np.ndarray]) -> Html:
    if not hits:
        return paragraph("This run keeps no results on single synthetic images.", kind="note")
    m = max(len(array) for array in hits.values())
    spans = "; ".join(f"{k} of {m}: {interval(wilson(k, m))}" for k in sorted({0, m // 2, m}))
    return paragraph(
        f"'k of {m}' counts the evaluation networks that classify the attacked image correctly. 95 % Wilson intervals:"
        f" {spans}.",
        kind="note",
    )
