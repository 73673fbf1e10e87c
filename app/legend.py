"""The one legend of maps that stand side by side, as HTML that wraps at any width. No Streamlit.

Every name in it comes from files and is escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from app.charts.base import number
from app.theme import ADVERSARIAL, CLEAN, Scale, class_colour, margin_scale, rank_scale, tokens


@dataclass(frozen=True)
class Legend:
    """What the maps show: how they are coloured (`by`, see `charts.Colouring`), the names of all classes and the
    numbers of those that are on the maps, the end `limit` of the colours, and whether lines join the two places of an
    image."""

    by: str
    names: Sequence[str]
    classes: Sequence[int]
    limit: float = 1.0
    lines: bool = False


MOST_NAMED = 20  # classes
MARGINS, RANKS = "robust margin (logits)", "rank (0 = hardest)"


def html(legend: Legend, dark: bool) -> str:
    """The legend: what colours and what shapes mean."""
    ink = tokens(dark)
    entries = [_mark("●", ink.muted, "clean"), _mark("✕", ink.muted, "adversarial")]
    entries += [_mark("—", ink.muted, "from clean to adversarial")] if legend.lines else []
    entries += _colours(legend, dark)
    style = f"display:flex;flex-wrap:wrap;gap:2px 16px;font-size:0.8125rem;color:{ink.text}"
    return f'<div role="note" aria-label="Legend of both maps" style="{style}">{"".join(entries)}</div>'


def _colours(legend: Legend, dark: bool) -> list[str]:
    """The entries of the colours: a class or a state each, or one scale."""
    count = len(legend.names)
    if legend.by == "class":
        named = legend.classes if count <= MOST_NAMED else ()  # the maps name them too
        return [_mark("■", class_colour(k, count), str(legend.names[k])) for k in named]
    if legend.by == "broken":
        return [_mark("■", ADVERSARIAL, "broken"), _mark("■", CLEAN, "robust")]
    if legend.by == "rank":
        return [_scale(RANKS, rank_scale(dark), "0", number(legend.limit, 0))]
    return [_scale(MARGINS, margin_scale(dark), number(-legend.limit), number(legend.limit))]


def _mark(sign: str, colour: str, name: str) -> str:
    return (
        f'<span style="white-space:nowrap"><span aria-hidden="true" style="color:{colour};font-size:1rem">{sign}</span>'
        f" {escape(name)}</span>"
    )


def _scale(name: str, scale: Scale, low: str, high: str) -> str:
    """A bar of colours between its two ends."""
    stops = ", ".join(f"{colour} {100 * place:.0f}%" for place, colour in scale)
    bar = f"display:inline-block;width:140px;height:10px;background:linear-gradient(to right, {stops})"
    return f'<span style="white-space:nowrap">{escape(name)}: {low} <span style="{bar}"></span> {high}</span>'
