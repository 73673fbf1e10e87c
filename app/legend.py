"""The one legend of maps that stand side by side, as plain values: what colours and what shapes mean. No Streamlit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from app.charts.base import number
from app.theme import ADVERSARIAL, CLEAN, Scale, class_colour, margin_scale, rank_scale, tokens


@dataclass(frozen=True)
class Legend:
    """What the maps show: how they are coloured (`by`, see `charts.Colouring`), the names of all classes and the
    numbers of those that are on the maps, the end `limit` of the colours, and whether lines join the two places of an
    image; the classes that are `hidden`."""

    by: str
    names: Sequence[str]
    classes: Sequence[int]
    limit: float = 1.0
    lines: bool = False
    hidden: Collection[int] = ()


MOST_NAMED = 20  # classes
MARGINS, RANKS = "robust margin (logits)", "rank (0 = hardest)"
Entry = dict[str, Any]


def after_click(hidden: Collection[int], classes: Sequence[int], clicked: Any) -> frozenset[int]:
    """The classes that are hidden after a click on the legend: one click hides a class or shows it again, two show it
    alone, or all again where it was alone.

    :param clicked: ``{"class": number, "alone": whether it was clicked twice}``, as the browser tells it; anything
        else changes nothing
    """
    now = frozenset(hidden) & frozenset(classes)
    number = clicked.get("class") if isinstance(clicked, dict) else None
    if number not in classes:
        return now
    if not clicked.get("alone"):
        return now ^ frozenset(k for k in classes if k == number)
    others = frozenset(k for k in classes if k != number)
    return frozenset() if now == others else others


def entries(legend: Legend, dark: bool) -> list[Entry]:
    """One entry for each shape and colour: a sign, its colour and what it means; of a scale its colours and its ends
    ``low`` and ``high``."""
    ink = tokens(dark).muted
    shapes = [_mark("●", ink, "clean"), _mark("✕", ink, "adversarial")]
    shapes += [_mark("—", ink, "from clean to adversarial")] if legend.lines else []
    return shapes + _colours(legend, dark)


def _colours(legend: Legend, dark: bool) -> list[Entry]:
    """The entries of the colours: a class or a state each, or one scale."""
    count = len(legend.names)
    if legend.by == "class":
        named = legend.classes if count <= MOST_NAMED else ()  # the maps name them too
        return [
            _mark("■", class_colour(k, count), str(legend.names[k])) | {"class": k, "hidden": k in legend.hidden}
            for k in named
        ]
    if legend.by == "broken":
        return [_mark("■", ADVERSARIAL, "broken"), _mark("■", CLEAN, "robust")]
    if legend.by == "rank":
        return [_scale(RANKS, rank_scale(dark), "0", number(legend.limit, 0))]
    return [_scale(MARGINS, margin_scale(dark), number(-legend.limit), number(legend.limit))]


def _mark(sign: str, colour: str, name: str) -> Entry:
    return {"sign": sign, "colour": colour, "name": name}


def _scale(name: str, scale: Scale, low: str, high: str) -> Entry:
    """Colours between two ends, as CSS reads them."""
    stops = ", ".join(f"{colour} {100 * place:.0f}%" for place, colour in scale)
    return {"name": name, "colours": f"linear-gradient(to right, {stops})", "low": low, "high": high}
