"""The marks of the embedding map: images with their labels on pointing, lines, rings, the key of the shapes, and the
names of the classes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from app.charts.base import faded, floats
from app.charts.mapdata import Colouring, Emphasis, Points, Ranges
from app.charts.naming import place_names
from app.theme import ADVERSARIAL, ADVERSARIAL_MARK, CLEAN, CLEAN_MARK, class_colour, tokens

HOVER = {
    "class": "",
    "margin": "<br>robust margin %{marker.color:.2f}",
    "rank": "<br>rank %{marker.color:.0f}",
    "broken": "",
}
FADED = 0.1  # opacity of what is not selected
LEGEND_CLASSES = 20  # above it there is no legend of classes


def add_images(figure: go.Figure, points: Points, colouring: Colouring, emphasis: Emphasis, dark: bool) -> None:
    """The images class by class, first all of them clean, then all adversarial."""
    n, names = len(points.labels), points.classes
    values = None if colouring.by == "class" else floats(colouring.values)
    for word, mark, places in (
        ("clean", CLEAN_MARK, points.clean),
        ("adversarial", ADVERSARIAL_MARK, points.adversarial),
    ):
        hover = f"image %{{customdata}}, {word}{HOVER[colouring.by]}<extra>%{{fullData.name}}</extra>"
        for k in np.unique(points.labels):
            member = np.flatnonzero(points.labels == k)
            _add_class(figure, places[member], points.ids[member], hover, str(k))
            trace, own = figure.data[-1], None if values is None else values[member]
            trace.marker = _marker(mark, int(k), len(names), n, own, dark)
            trace.update(_emphasis(member, names[k], emphasis.selected, faint=emphasis.solo not in (None, k)))
            trace.meta = word
            trace.visible = False if k in emphasis.hidden else None
            trace.showlegend = values is None and word == "clean" and len(names) <= LEGEND_CLASSES


def _add_class(figure: go.Figure, points: np.ndarray, ids: np.ndarray, hover: str, group: str) -> None:
    figure.add_scattergl(
        x=points[:, 0],
        y=points[:, 1],
        customdata=ids.astype(np.int32),
        mode="markers",
        hovertemplate=hover,
        legendgroup=group,
    )


def _marker(
    mark: dict[str, str], k: int, n_classes: int, n: int, values: np.ndarray | None, dark: bool
) -> dict[str, Any]:
    """Shape, size and colour of one class's points; the outline keeps light fills visible on both pages."""
    size = 10 if n <= 400 else 8 if n <= 1500 else 6
    colour = {"color": class_colour(k, n_classes)} if values is None else {"color": values, "coloraxis": "coloraxis"}
    outline = {"color": faded(tokens(dark).text, 0.6), "width": 0.8 if size > 6 else 0.5}
    return colour | {
        "symbol": mark["symbol"],
        "size": size if mark is CLEAN_MARK else size - 1,
        "line": outline,
        "opacity": 0.92,
    }


def _emphasis(member: np.ndarray, name: str, selected: Any, *, faint: bool) -> dict[str, Any]:
    """Name (with selected / total), and what fades: all but the selection, or a class that is not solo."""
    look: dict[str, Any] = {"name": name, "unselected": {"marker": {"opacity": FADED}}}
    if selected is not None:
        chosen = np.flatnonzero(np.isin(member, np.asarray(selected)))
        look |= {"name": f"{name} ({len(chosen)} of {len(member)})", "selectedpoints": chosen.tolist()}
    return look | ({"marker": {"opacity": FADED}} if faint else {})


def add_background(figure: go.Figure, background: Any, dark: bool) -> None:
    if background is not None:
        points = floats(background)
        look = {"color": tokens(dark).muted, "size": 3, "opacity": 0.35}
        figure.add_scattergl(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            marker=look,
            name="real images",
            hoverinfo="skip",
            showlegend=True,
            legend="legend2",
        )


def add_lines(figure: go.Figure, points: Points, lines: Any, dark: bool) -> None:
    """Displacement of the images at positions `lines`: one trace, a gap after every pair."""
    if lines is None or not len(lines):
        return
    index = np.asarray(lines, dtype=int)
    gap = np.full((len(index), 2), np.nan, dtype=np.float32)
    path = np.stack([points.clean[index], points.adversarial[index], gap], axis=1).reshape(-1, 2)
    look = {"color": faded(tokens(dark).text, 0.55), "width": 1.2}
    figure.add_scattergl(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines",
        line=look,
        connectgaps=False,
        name="displacement",
        hoverinfo="skip",
        showlegend=True,
        legend="legend2",
    )


def add_rings(figure: go.Figure, points: Points, selected: Any, dark: bool) -> None:
    """An outline around selected images, so that a selection is no new colour."""
    if selected is None or not len(selected):
        return
    chosen = np.asarray(selected)
    places = np.concatenate([points.clean[chosen], points.adversarial[chosen]])
    look = {"symbol": "circle-open", "size": 14, "color": tokens(dark).text, "line": {"width": 1.5}}
    figure.add_scattergl(
        x=places[:, 0], y=places[:, 1], mode="markers", marker=look, name="selected", hoverinfo="skip", showlegend=False
    )


def add_keys(figure: go.Figure, colour: str, dark: bool) -> None:
    """The second legend: what shapes (and, for broken, the two colours) mean; it cannot be clicked."""
    ink = tokens(dark).muted
    keys = [("clean", CLEAN_MARK["symbol"], ink), ("adversarial", ADVERSARIAL_MARK["symbol"], ink)]
    if colour == "broken":
        keys += [("broken", "square", ADVERSARIAL), ("robust", "square", CLEAN)]
    for name, symbol, fill in keys:
        look = {"symbol": symbol, "size": 9, "color": fill}
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker=look,
            name=name,
            showlegend=True,
            legend="legend2",
            hoverinfo="skip",
        )


class Room(NamedTuple):
    """What the axes of a map show, and the width in px at which names must not meet."""

    ranges: Ranges
    side: float


def name_classes(figure: go.Figure, points: Points, known: Sequence[int], room: Room, dark: bool) -> None:
    """The names of the classes `known` beside the middles of their clean images [P, 2], off the points, a thin line to
    each middle."""
    if not known:
        return
    ink, names = tokens(dark), points.classes
    middles = np.stack([np.nanmedian(points.clean[points.labels == k], axis=0) for k in known])
    both = np.concatenate([points.clean, points.adversarial])
    font, page = {"size": 12, "color": ink.text, "weight": 600}, faded(ink.page, 0.7)
    for at, (x, y), place in place_names(middles, [names[k] for k in known], both, *room):
        far = place != (x, y)
        line = (
            {"ax": place[0], "ay": place[1], "axref": "x", "ayref": "y", "arrowhead": 0, "arrowwidth": 1} if far else {}
        )
        figure.add_annotation(
            x=x,
            y=y,
            text=names[known[at]],
            showarrow=far,
            font=font,
            bgcolor=page,
            arrowcolor=faded(ink.text, 0.5),
            **line,
        )
