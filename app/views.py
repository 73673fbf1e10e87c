"""What the pages show, as plain values: texts, tables, filters, samples behind a mark. numpy only, no Streamlit.

Letters: N synthetic images, K classes, S recorded steps, M evaluation networks.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from app import words
from app.attempts import Columns
from c2r.look.summary import biggest_movers, ranks, thin


def soft_words(shares: np.ndarray, names: list[str], most: int) -> str:
    """The classes of a soft label [K] with the largest shares, at most so many: ``cat 62 %, dog 21 %``."""
    top = [k for k in np.argsort(-shares, kind="stable")[:most] if shares[k] >= 0.005] or [int(shares.argmax())]
    return ", ".join(f"{words.sample_name(names, int(k))} {100 * float(shares[k]):.0f} %" for k in top)


def behind_bars(
    points: list[dict[str, Any]], clean: np.ndarray, adversarial: np.ndarray, edges: np.ndarray
) -> tuple[list[int], str]:
    """The samples behind selected bars of the margin histogram, and in words which bars.

    `points` are Plotly's: `curve_number` 0 = clean bars, 1 = adversarial bars, `customdata` = the number of the bin on
    `edges`. The two end bins hold everything beyond.
    """
    ids: set[int] = set()
    bins = [
        (point.get("curve_number"), int(np.ravel(point["customdata"])[0]))
        for point in points
        if point.get("customdata") is not None
    ]
    for curve, margins in ((0, clean), (1, adversarial)):
        own = np.clip(np.searchsorted(edges, margins, side="right") - 1, 0, len(edges) - 2)
        ids |= set(np.flatnonzero(np.isin(own, [number for which, number in bins if which == curve])).tolist())
    numbers = [number for _, number in bins]
    return sorted(ids), f"margins from {edges[min(numbers)]:g} to {edges[max(numbers) + 1]:g} logits" if numbers else ""


def of_class(labels: np.ndarray, class_index: int | None) -> np.ndarray:
    """Which samples [N] belong to a class; all of them for None."""
    return np.ones(len(labels), bool) if class_index is None else labels == class_index


def strangers(events: list[dict[str, Any]], step: int | None) -> float | None:
    """Share of images that under attack lie nearest to another class, in the original embedding space; None when not
    recorded.

    One minus the adversarial kNN accuracy that the event of `step` stores.
    """
    separation = next((event.get("separation") for event in events if event["step"] == step), None)
    accuracy = ((separation or {}).get("adv") or {}).get("knn")
    return 1 - accuracy if isinstance(accuracy, int | float) and np.isfinite(accuracy) else None


def far_movers(first: np.ndarray, last: np.ndarray, keep: np.ndarray, count: int) -> list[int]:
    """Of the samples `keep` [N], those whose rank changed most from the order `first` [N] to the order `last` [N]."""
    movers, _ = biggest_movers(first, last, len(first))
    return movers[keep[movers]][:count].tolist()


def at_ranks(order: np.ndarray, first: int, last: int) -> list[int]:
    """The samples at ranks `first` … `last`, hardest first."""
    return order[first : last + 1].tolist()


MOST_DRAWN = 400  # recorded steps that a line over steps is drawn through


def drawn(events: list[dict[str, Any]], shown: int) -> list[dict[str, Any]]:
    """Those of `events` that a line over steps is drawn through: all up to `MOST_DRAWN`, else evenly spread, with the
    one of step `shown`."""
    place = next((i for i, event in enumerate(events) if event["step"] == shown), None)
    return [events[i] for i in thin(len(events), MOST_DRAWN, place)]


# recorded steps whose curriculum is read for the pictures over steps: 20,000 cells take a browser a tenth of a second
MOST_ORDERED = 100


def over_steps(steps: list[int], shown: int) -> list[int]:
    """Those of the recorded `steps` whose curriculum is drawn: all up to `MOST_ORDERED`, else evenly spread, `shown`
    among them."""
    return [steps[i] for i in thin(len(steps), MOST_ORDERED, steps.index(shown))]


def with_figures(steps: Iterable[int], events: list[dict[str, Any]]) -> list[int]:
    """Those of `steps` that `events` have figures of; of a run without frames all steps of the events."""
    known = {event["step"] for event in events}
    return [step for step in steps if step in known] or sorted(known)


def at_or_before(steps: list[int], step: int | None) -> int:
    """The last of `steps` (ascending) that is not beyond `step`; the newest for None, the first when all are beyond."""
    return steps[-1] if step is None else max((s for s in steps if s <= step), default=steps[0])


def nearest(steps: Iterable[int], wanted: int) -> int:
    """The one of `steps` that lies nearest to `wanted`."""
    return min(steps, key=lambda step: abs(step - wanted))


def spans(ids: Iterable[int]) -> str:
    """Whole numbers from 0 as a short text, ascending: ``0-3,7``."""
    numbers = set(ids)
    starts = sorted(i for i in numbers if i - 1 not in numbers)
    ends = sorted(i for i in numbers if i + 1 not in numbers)
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


MOST_SPANNED = 100_000  # numbers that a text may stand for


def from_spans(text: str) -> list[int]:
    """The whole numbers of a text that `spans` wrote; what is no number or span is left out, and so is what names too
    many."""
    ids: set[int] = set()
    for first, last in re.findall(r"(?:^|,)(\d{1,7})(?:-(\d{1,7}))?(?=,|$)", text):
        span = range(int(first), int(last or first) + 1)
        ids |= set(span if len(span) + len(ids) <= MOST_SPANNED else ())
    return sorted(ids)


def known(ids: Iterable[int], n: int) -> list[int]:
    """Those of `ids` that name one of `n` samples, in their order."""
    return [int(i) for i in ids if 0 <= int(i) < n]


def sample_table(
    frame: dict[str, np.ndarray],
    ids: list[int],
    names: list[str],
    shares: dict[str, np.ndarray] | None = None,
    called: dict[str, str] | None = None,
) -> Columns:
    """One row per sample of `ids`: class, rank, both margins, how it is classified, and its accuracy per attempt if
    evaluated.

    `called` gives each attempt its name on screen.
    """
    rank = ranks(frame["order"])
    table: Columns = {
        "Sample": list(ids),
        "Class": [names[k] for k in frame["labels"][ids]],
        "Rank": rank[ids].tolist(),
        "Clean margin": frame["margin_clean"][ids].round(3).tolist(),
        "Robust margin": frame["margin_adv"][ids].round(3).tolist(),
        "Clean as": [words.sample_name(names, k) for k in frame["pred_clean"][ids]],
        "Attacked as": [words.sample_name(names, k) for k in frame["pred_adv"][ids]],
    }
    for key, share in (shares or {}).items():
        table[f"{(called or {}).get(key, key)} accuracy"] = share[ids].round(3).tolist()
    return table


def mover_table(
    before: np.ndarray, now: dict[str, np.ndarray], names: list[str], keep: np.ndarray, count: int = 20
) -> Columns:
    """Of the samples `keep` [N], those whose rank changed most since the order `before` [N], and what happened to
    them."""
    ids, change = biggest_movers(before, now["order"], len(before))
    ids, change = ids[keep[ids]][:count], change[keep[ids]][:count]
    return {
        "Sample": ids.tolist(),
        "Class": [names[k] for k in now["labels"][ids]],
        "Rank": ranks(now["order"])[ids].tolist(),
        "Moved": change.tolist(),
        "Robust margin": now["margin_adv"][ids].round(3).tolist(),
        "Attacked as": [words.sample_name(names, k) for k in now["pred_adv"][ids]],
    }


def change_between(first: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Mean absolute change of each image [N, C, H, W] uint8, in pixel units of [0, 1]: [N]."""
    return np.abs(first.astype(np.int16) - now.astype(np.int16)).mean((1, 2, 3)) / 255


SORTS = {
    "Hardest first": "rank",
    "Easiest first": "-rank",
    "Robust margin, smallest first": "margin",
    "Robust margin, largest first": "-margin",
    "Attack accuracy, lowest first": "accuracy",
    "Worst attack, lowest first": "worst",
    "Changed most since the start": "-change",
    "Number": "sample",
}


def arrange(
    frame: dict[str, np.ndarray],
    sort: str,
    *,
    class_index: int | None = None,
    ids: list[int] | None = None,
    keep: np.ndarray | None = None,
    values: Mapping[str, np.ndarray | None] | None = None,
) -> list[int]:
    """The samples of the gallery in order: filtered by class, `ids` and `keep` [N], sorted by the value of `SORTS`
    named `sort`.

    `values`: what else they may be sorted by, [N] each: `accuracy` and `worst` (under the chosen and the worst attempt)
    and `change` (since the start). The sort by one that is absent falls back to the rank.
    """
    n = len(frame["labels"])
    keys = {"rank": ranks(frame["order"]), "margin": frame["margin_adv"], "sample": np.arange(n)}
    keys |= {name: value for name, value in (values or {}).items() if value is not None}
    word = SORTS.get(sort, "rank")
    key = keys.get(word.lstrip("-"), keys["rank"]).astype(float)
    kept = of_class(frame["labels"], class_index)
    if ids is not None:
        kept &= np.isin(np.arange(n), ids)
    if keep is not None:
        kept &= keep
    order = np.lexsort((keys["rank"], -key if word.startswith("-") else key))
    return order[kept[order]].tolist()


def pages(ids: list[int], size: int) -> int:
    """How many pages of `size` images there are, at least 1."""
    return max(1, -(-len(ids) // size))


def page_of(ids: list[int], page: int, size: int) -> list[int]:
    """The samples of page `page`, from 1; a page that does not exist is brought into range."""
    page = min(max(1, page), pages(ids, size))
    return ids[(page - 1) * size : page * size]


def neighbours(ids: list[int], sample: int) -> tuple[int | None, int | None]:
    """The samples before and after `sample` in `ids`; None at an end, and both for a sample that is not among them."""
    if sample not in ids:
        return None, None
    place = ids.index(sample)
    return ids[place - 1] if place else None, ids[place + 1] if place + 1 < len(ids) else None


def rank_course(places: Mapping[int, int], shown: int) -> str:
    """How the rank of an image went, as a sentence; `places`: recorded step → rank, `shown` among them."""
    hardest, easiest = min(places, key=places.__getitem__), max(places, key=places.__getitem__)
    return (
        f"Rank {places[shown]} at step {shown}; over n = {len(places)} recorded steps between {places[hardest]} (step"
        f" {hardest}) and {places[easiest]} (step {easiest}). 0 is the hardest."
    )


def class_counts(labels: np.ndarray, ids: list[int], names: list[str]) -> Columns:
    """How many of each class are in the selection, of how many there are: `selected / total`."""
    total, chosen = np.bincount(labels, minlength=len(names)), np.bincount(labels[ids], minlength=len(names))
    return {"Class": names, "Selected": chosen.tolist(), "Total": total.tolist()}


def nearest_other(distance: np.ndarray, labels: np.ndarray, sample: int) -> int | None:
    """Of the images at `distance` [N] from image `sample` the nearest one of another class, None when there is no other
    class."""
    others = np.where(labels == labels[sample], np.inf, distance)
    nearest = int(others.argmin())
    return nearest if np.isfinite(others[nearest]) else None


def hardest(order: np.ndarray, labels: np.ndarray, count: int, class_index: int | None = None) -> list[int]:
    """The `count` hardest samples, of one class when `class_index` is given."""
    return (order if class_index is None else order[labels[order] == class_index])[:count].tolist()


def to_csv(columns: Columns) -> str:
    """A table as CSV text with a header line. A leading '=', '+', '-', '@' in a text is quoted, so that no sheet runs
    it."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(
            [f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@" and cell[:1] else cell for cell in row]
        )
    return file.getvalue()
