"""The embedding map of one step: the same images clean and adversarial; one `ranges` for all steps keeps the picture
still."""

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


def map_ranges(*points: Any) -> Ranges:
    """One square ((x0, x1), (y0, y1)) around all `points` [.., 2] of all steps, with a little room."""
    flat = np.concatenate([np.reshape(p, (-1, 2)) for p in points]).astype(float)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return (-1.0, 1.0), (-1.0, 1.0)
    middle, half = (flat.max(axis=0) + flat.min(axis=0)) / 2, 0.53 * float(np.ptp(flat, axis=0).max()) or 1.0
    return (float(middle[0] - half), float(middle[0] + half)), (float(middle[1] - half), float(middle[1] + half))


def embedding_map(
    xy_clean: Any,
    xy_adv: Any,
    labels: Any,
    *,
    values: Any = None,
    colour: str = "class",
    classes: Any = None,
    ids: Any = None,
    selected: Any = None,
    lines: Any = None,
    background: Any = None,
    ranges: Ranges | None = None,
    limit: float | None = None,
    method: str = "UMAP",
    explained: Any = None,
    solo: int | None = None,
    strangers: float | None = None,
    side: int = 600,
    dark: bool = False,
) -> go.Figure:
    """Images [P] of one step on the map: circle = clean, cross = adversarial, the same colour for both.

    `colour` class needs nothing more; margin (logits), rank (0 = hardest) and broken (0/1) read `values` [P], and
    `limit` fixes the end of their colours. `ids` [P] are the images' numbers, handed back by `selected_numbers`.
    `selected` and `lines` are positions in [P] (outlined; drawn as lines from clean to adversarial), `background`
    [Q, 2] real images, `solo` a class, `explained` [2] the variance shares of a PCA. `strangers`, the share of images
    that under attack lie among another class in the original space, is stated; nothing on the map can tell it. The plot
    is a square when the figure is `side` px wide, its legends stand below. Raises InputError for an unknown colour or
    method and for missing values.
    """
    _check(colour, values, method)
    clean, adversarial, labels = floats(xy_clean), floats(xy_adv), np.asarray(labels)
    names, ranges = class_names(labels, classes), ranges or map_ranges(xy_clean, xy_adv)
    figure = _square(
        _statement(labels, values, colour, strangers), _note(len(labels), colour, strangers), method, side, dark
    )
    _add_background(figure, background, dark)
    _add_lines(figure, clean, adversarial, lines, dark)
    for word, mark, points in (("clean", CLEAN_MARK, clean), ("adversarial", ADVERSARIAL_MARK, adversarial)):
        hover = f"image %{{customdata}}, {word}{HOVER[colour]}<extra>%{{fullData.name}}</extra>"
        for k in np.unique(labels):
            member = np.flatnonzero(labels == k)
            _add_class(
                figure,
                points[member],
                np.arange(len(labels))[member] if ids is None else np.asarray(ids)[member],
                hover,
                str(k),
            )
            figure.data[-1].marker = _marker(
                mark, int(k), len(names), len(labels), None if colour == "class" else floats(values)[member], dark
            )
            figure.data[-1].update(_emphasis(member, names[k], selected, faint=solo not in (None, k)))
            figure.data[-1].meta = word
            figure.data[-1].showlegend = colour == "class" and word == "clean" and len(names) <= LEGEND_CLASSES
    _add_rings(figure, clean, adversarial, selected, dark)
    _add_keys(figure, colour, dark)
    figure.update_layout(
        **_map_layout(ranges, method, explained, dark), coloraxis=_colour_axis(colour, values, limit, dark)
    )
    _place_below(figure, colour)
    if colour == "class":
        _name_classes(figure, clean, adversarial, labels, names, ranges, dark)
    return figure


def _check(colour: str, values: Any, method: str) -> None:
    if colour not in HOVER:
        raise unknown("map colour", colour, list(HOVER))
    if method not in AXES_NOTE:
        raise unknown("projection", method, list(AXES_NOTE))
    if colour != "class" and values is None:
        raise InputError(
            f"The map colour '{colour}' expects one value per image, found none: give the values or choose the colour"
            " 'class'."
        )


def _note(n: int, colour: str, strangers: float | None) -> str:
    known = colour == "class" and strangers is not None and np.isfinite(strangers)
    measured = (
        ". Nearest by the vote of the nearest neighbours, measured in the original space, not on the map"
        if known
        else ""
    )
    return f"n = {n} images, clean and attacked{measured}"


def _square(statement: str, note: str, method: str, side: int, dark: bool) -> go.Figure:
    """An empty figure, `side` px wide, around a square plot; `_place_below` adds the room of the legends."""
    left, bottom = (1, 8) if method == "UMAP" else (56, 48)
    figure = blank(
        statement, f"{note}. {AXES_NOTE[method]}.", dark=dark, height=side, left=left, right=1, bottom=bottom
    )
    return figure.update_layout(height=side - left - 1 + figure.layout.margin.t + bottom)


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


def _statement(labels: np.ndarray, values: Any, colour: str, strangers: float | None) -> str:
    """What the map shows, as a sentence; a figure in it is of the images, never of places on the map."""
    if colour == "rank":
        hardest = np.argsort(np.asarray(values), kind="stable")[: max(1, len(labels) // 10)]
        return (
            f"The {len(hardest)} hardest images here come from {len(np.unique(labels[hardest]))} of"
            f" {len(np.unique(labels))} classes"
        )
    if colour in ("margin", "broken"):
        broken = np.asarray(values) <= 0 if colour == "margin" else np.asarray(values) != 0
        return broken_statement(float(broken.mean()))
    if strangers is None or not np.isfinite(strangers):
        return "The images, clean and under attack"
    return f"Under attack, {images(strangers, 'nearest to another class')}"


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


def _add_lines(figure: go.Figure, clean: np.ndarray, adversarial: np.ndarray, lines: Any, dark: bool) -> None:
    """Displacement of the images at positions `lines`: one trace, a gap after every pair."""
    if lines is None or not len(lines):
        return
    index = np.asarray(lines, dtype=int)
    gap = np.full((len(index), 2), np.nan, dtype=np.float32)
    path = np.stack([clean[index], adversarial[index], gap], axis=1).reshape(-1, 2)
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


def _add_rings(figure: go.Figure, clean: np.ndarray, adversarial: np.ndarray, selected: Any, dark: bool) -> None:
    """An outline around selected images, so that a selection is no new colour."""
    if selected is None or not len(selected):
        return
    points = np.concatenate([clean[np.asarray(selected)], adversarial[np.asarray(selected)]])
    look = {"symbol": "circle-open", "size": 14, "color": tokens(dark).text, "line": {"width": 1.5}}
    figure.add_scattergl(
        x=points[:, 0], y=points[:, 1], mode="markers", marker=look, name="selected", hoverinfo="skip", showlegend=False
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


def _colour_axis(colour: str, values: Any, limit: float | None, dark: bool) -> dict[str, Any] | None:
    """The shared colours of margin (symmetric around 0), rank (hardest stands out) and broken (two colours)."""
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
    top = limit or float(np.percentile(np.abs(values), 99)) or 1.0
    title = f"robust margin (logits), colours end at ±{number(top)}"
    return {"cmin": -top, "cmax": top, "colorscale": margin_scale(dark), "colorbar": _bar_below(title, dark)}


def _bar_below(title: str, dark: bool) -> dict[str, Any]:
    """The colour bar lying under the plot, its title above it."""
    bar = colour_bar(title, dark, orientation="h", x=0.5, xanchor="center", yanchor="top")
    return bar | {"title": bar["title"] | {"side": "top"}}


def _name_classes(
    figure: go.Figure,
    clean: np.ndarray,
    adversarial: np.ndarray,
    labels: np.ndarray,
    names: list[str],
    ranges: Ranges,
    dark: bool,
) -> None:
    """Class names beside the middles of their clean images [P, 2], off the points, a thin line to each middle."""
    ink, known = tokens(dark), np.unique(labels)
    middles = np.stack([np.nanmedian(clean[labels == k], axis=0) for k in known])
    font, page = {"size": 12, "color": ink.text, "weight": 600}, faded(ink.page, 0.7)
    for at, (x, y), place in place_names(
        middles, [names[k] for k in known], np.concatenate([clean, adversarial]), ranges, NARROW
    ):
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
