"""The embedding map of one step: the same images clean and adversarial; one `ranges` for all steps keeps the picture
still."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts.base import (
    axis,
    blank,
    broken_statement,
    class_names,
    colour_bar,
    faded,
    floats,
    images,
    number,
    percent,
    plain,
)
from app.charts.naming import place_names
from app.theme import ADVERSARIAL, ADVERSARIAL_MARK, CLEAN, CLEAN_MARK, class_colour, margin_scale, rank_scale, tokens
from c2r.base.errors import InputError, unknown

Ranges = tuple[tuple[float, float], tuple[float, float]]

AXES_NOTE = {
    "UMAP": "UMAP axes have no unit; do not read distances",
    "PCA": "PCA of real images: straight lines stay straight",
}
HOVER = {
    "class": "",
    "margin": "<br>robust margin %{marker.color:.2f}",
    "rank": "<br>rank %{marker.color:.0f}",
    "broken": "",
}
FADED = 0.1  # opacity of what is not selected
LEGEND_CLASSES = 20  # above it there is no legend of classes
LINE, NARROW = 19, 480  # px: height of a legend line, and the width it must fit
LEGEND = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "yanchor": "top",
    "bgcolor": "rgba(0,0,0,0)",
    "font": {"size": 12},
}
KEY = LEGEND | {"itemclick": False, "itemdoubleclick": False}


@dataclass(frozen=True)
class Points:
    """Where P images of one step lie on the map, clean and adversarial [P, 2], and their classes [P].

    `classes` are the names [K] (numbers when None), `ids` [P] the numbers of the images, handed back by
    `selected_numbers` (their places in [P] when None); `background` [Q, 2] are real images behind them.
    """

    clean: Any
    adversarial: Any
    labels: Any
    classes: Any = None
    ids: Any = None
    background: Any = None


@dataclass(frozen=True)
class Colouring:
    """What colours the images: class needs nothing more; margin (logits), rank (0 = hardest) and broken (0/1) read
    `values` [P], and `limit` fixes the end of their colours."""

    by: str = "class"
    values: Any = None
    limit: float | None = None


@dataclass(frozen=True)
class Emphasis:
    """What stands out: the images at the positions `selected` in [P] are outlined, those at `lines` drawn as lines from
    clean to adversarial, and of all classes only `solo` keeps its strength."""

    selected: Any = None
    lines: Any = None
    solo: int | None = None


@dataclass(frozen=True)
class Plane:
    """The plane of the map: the projection onto it, what its axes show (all images when None), the variance shares
    `explained` [2] of a PCA, and the width of the figure in px at which the plot is a square.

    `called`: what this map is called where several stand side by side, under one legend of their own: it has none then.
    """

    method: str = "UMAP"
    ranges: Ranges | None = None
    explained: Any = None
    side: int = 600
    called: str = ""


BY_CLASS, NOTHING, UMAP = Colouring(), Emphasis(), Plane()


def map_ranges(*points: Any) -> Ranges:
    """One square ((x0, x1), (y0, y1)) around all `points` [.., 2] of all steps, with a little room."""
    flat = np.concatenate([np.reshape(p, (-1, 2)) for p in points]).astype(float)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return (-1.0, 1.0), (-1.0, 1.0)
    middle, half = (flat.max(axis=0) + flat.min(axis=0)) / 2, 0.53 * float(np.ptp(flat, axis=0).max()) or 1.0
    return (float(middle[0] - half), float(middle[0] + half)), (float(middle[1] - half), float(middle[1] + half))


def embedding_map(
    points: Points,
    colouring: Colouring = BY_CLASS,
    emphasis: Emphasis = NOTHING,
    plane: Plane = UMAP,
    *,
    strangers: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Images [P] of one step on the map: circle = clean, cross = adversarial, the same colour for both.

    `strangers`, the share of images that under attack lie among another class in the original space, is stated; nothing
    on the map can tell it. The legends stand below the plot, unless it is one of several maps. Raises InputError for an
    unknown colour or method and for missing values.
    """
    _check(colouring, plane.method)
    ranges, points = plane.ranges or map_ranges(points.clean, points.adversarial), _arrays(points)
    note = _note(len(points.labels), colouring.by, strangers)
    figure = _square(_called(plane, _statement(points.labels, colouring, strangers)), note, plane, dark)
    _add_background(figure, points.background, dark)
    _add_lines(figure, points, emphasis.lines, dark)
    _add_images(figure, points, colouring, emphasis, dark)
    _add_rings(figure, points, emphasis.selected, dark)
    _add_keys(figure, colouring.by, dark)
    figure.update_layout(
        **_map_layout(ranges, plane.method, plane.explained, dark), coloraxis=_colour_axis(colouring, dark)
    )
    if plane.called:
        figure.update_layout(showlegend=False, coloraxis_showscale=False)
    else:
        _place_below(figure, colouring.by)
    if colouring.by == "class":
        _name_classes(figure, points, ranges, min(NARROW, plane.side), dark)
    return figure


def _arrays(points: Points) -> Points:
    """The points as arrays, with a name for every class and a number for every image."""
    labels = np.asarray(points.labels)
    return replace(
        points,
        clean=floats(points.clean),
        adversarial=floats(points.adversarial),
        labels=labels,
        classes=class_names(labels, points.classes),
        ids=np.arange(len(labels)) if points.ids is None else np.asarray(points.ids),
    )


def _check(colouring: Colouring, method: str) -> None:
    if colouring.by not in HOVER:
        raise unknown("map colour", colouring.by, list(HOVER))
    if method not in AXES_NOTE:
        raise unknown("projection", method, list(AXES_NOTE))
    if colouring.by != "class" and colouring.values is None:
        raise InputError(
            f"The map colour '{colouring.by}' expects one value per image, found none: give the values or choose the"
            " colour 'class'."
        )


def _note(n: int, colour: str, strangers: float | None) -> str:
    known = colour == "class" and strangers is not None and np.isfinite(strangers)
    measured = (
        ". Nearest by the vote of the nearest neighbours, measured in the original space, not on the map"
        if known
        else ""
    )
    return f"n = {n} images, clean and attacked{measured}"


def _called(plane: Plane, statement: str) -> str:
    """The statement of a map, after what the map is called."""
    return f"{plain(plane.called)}: {statement[0].lower()}{statement[1:]}" if plane.called else statement


def _square(statement: str, note: str, plane: Plane, dark: bool) -> go.Figure:
    """An empty figure around a square plot; `_place_below` adds the room of the legends."""
    left, bottom = (1, 8) if plane.method == "UMAP" else (56, 48)
    told = f"{note}. {AXES_NOTE[plane.method]}."
    figure = blank(statement, told, dark=dark, height=plane.side, left=left, right=1, bottom=bottom)
    return figure.update_layout(height=plane.side - left - 1 + figure.layout.margin.t + bottom)


def _place_below(figure: go.Figure, colour: str) -> None:
    """Legend of classes or colour bar, then the key of the shapes, one below the other under the plot."""
    below = figure.layout.margin.b
    plot = figure.layout.height - figure.layout.margin.t - below
    names = [trace.name for trace in figure.data if trace.showlegend and trace.legend != "legend2"]
    keys = [trace.name for trace in figure.data if trace.legend == "legend2"]
    if colour == "class":
        figure.layout.legend.y = -below / plot
        below += _lines(names)
    elif figure.layout.coloraxis.showscale is not False:
        figure.layout.coloraxis.colorbar.y = -below / plot
        below += 62
    figure.layout.legend2.y = -below / plot
    room = below + _lines(keys) + 8 - figure.layout.margin.b
    figure.update_layout(margin_b=figure.layout.margin.b + room, height=figure.layout.height + room)


def _lines(names: list[str]) -> int:
    """The height in px of a horizontal legend: Plotly gives all entries the width of the longest."""
    per_line = max(1, int(NARROW // (46 + 7 * max(map(len, names), default=0))))
    return -(-len(names) // per_line) * LINE + 6 if names else 0


def _statement(labels: np.ndarray, colouring: Colouring, strangers: float | None) -> str:
    """What the map shows, as a sentence; a figure in it is of the images, never of places on the map."""
    values, colour = np.asarray(colouring.values), colouring.by
    if colour == "rank":
        hardest = np.argsort(values, kind="stable")[: max(1, len(labels) // 10)]
        return (
            f"The {len(hardest)} hardest images here come from {len(np.unique(labels[hardest]))} of"
            f" {len(np.unique(labels))} classes"
        )
    if colour in ("margin", "broken"):
        broken = values <= 0 if colour == "margin" else values != 0
        return broken_statement(float(broken.mean()))
    if strangers is None or not np.isfinite(strangers):
        return "The images, clean and under attack"
    return f"Under attack, {images(strangers, 'nearest to another class')}"


def _add_images(figure: go.Figure, points: Points, colouring: Colouring, emphasis: Emphasis, dark: bool) -> None:
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


def _add_background(figure: go.Figure, background: Any, dark: bool) -> None:
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


def _add_lines(figure: go.Figure, points: Points, lines: Any, dark: bool) -> None:
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


def _add_rings(figure: go.Figure, points: Points, selected: Any, dark: bool) -> None:
    """An outline around selected images, so that a selection is no new colour."""
    if selected is None or not len(selected):
        return
    chosen = np.asarray(selected)
    places = np.concatenate([points.clean[chosen], points.adversarial[chosen]])
    look = {"symbol": "circle-open", "size": 14, "color": tokens(dark).text, "line": {"width": 1.5}}
    figure.add_scattergl(
        x=places[:, 0], y=places[:, 1], mode="markers", marker=look, name="selected", hoverinfo="skip", showlegend=False
    )


def _add_keys(figure: go.Figure, colour: str, dark: bool) -> None:
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


def _map_layout(ranges: Ranges, method: str, explained: Any, dark: bool) -> dict[str, Any]:
    """Equal aspect, a square frame, no numbers on UMAP axes; the lasso stays armed."""
    titles = ["", ""] if method == "UMAP" else ["first component", "second component"]
    if explained is not None:
        titles = [
            f"{title} ({percent(float(share))} of the variance)" for title, share in zip(titles, explained, strict=True)
        ]
    frame = {
        "showgrid": False,
        "showticklabels": method != "UMAP",
        "showline": True,
        "mirror": True,
        "linecolor": tokens(dark).grid,
        "fixedrange": False,
    }
    return {
        "xaxis": axis(titles[0], dark=dark, range=ranges[0], **frame),
        "yaxis": axis(titles[1], dark=dark, range=ranges[1], scaleanchor="x", scaleratio=1, **frame),
        "dragmode": "lasso",
        "showlegend": True,
        "legend": LEGEND | {"tracegroupgap": 0},
        "legend2": KEY,
    }


def _colour_axis(colouring: Colouring, dark: bool) -> dict[str, Any] | None:
    """The shared colours of margin (symmetric around 0), rank (hardest stands out) and broken (two colours)."""
    colour, values, limit = colouring.by, colouring.values, colouring.limit
    if colour == "class":
        return None
    if colour == "broken":
        return {
            "cmin": 0,
            "cmax": 1,
            "showscale": False,
            "colorscale": [(0, CLEAN), (0.5, CLEAN), (0.5, ADVERSARIAL), (1, ADVERSARIAL)],
        }
    if colour == "rank":
        top = limit or float(np.max(values))
        return {
            "cmin": 0,
            "cmax": top,
            "colorscale": rank_scale(dark),
            "colorbar": _bar_below("rank (0 = hardest)", dark),
        }
    top = limit or margin_limit(values)
    title = f"robust margin (logits), colours end at ±{number(top)}"
    return {"cmin": -top, "cmax": top, "colorscale": margin_scale(dark), "colorbar": _bar_below(title, dark)}


def margin_limit(margins: Any) -> float:
    """Where the colours of margins end on both sides of 0: beyond 99 of 100 of them."""
    return float(np.percentile(np.abs(margins), 99)) or 1.0


def _bar_below(title: str, dark: bool) -> dict[str, Any]:
    """The colour bar lying under the plot, its title above it."""
    bar = colour_bar(title, dark, orientation="h", x=0.5, xanchor="center", yanchor="top")
    return bar | {"title": bar["title"] | {"side": "top"}}


def _name_classes(figure: go.Figure, points: Points, ranges: Ranges, side: float, dark: bool) -> None:
    """Class names beside the middles of their clean images [P, 2], off the points, a thin line to each middle."""
    ink, known, names = tokens(dark), np.unique(points.labels), points.classes
    middles = np.stack([np.nanmedian(points.clean[points.labels == k], axis=0) for k in known])
    both = np.concatenate([points.clean, points.adversarial])
    font, page = {"size": 12, "color": ink.text, "weight": 600}, faded(ink.page, 0.7)
    for at, (x, y), place in place_names(middles, [names[k] for k in known], both, ranges, side):
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
