"""The frame of the embedding map: what it says, its axes, and under the plot its legends or colour bar."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts.base import axis, blank, broken_statement, colour_bar, images, number, percent, plain
from app.charts.mapdata import Colouring, Plane, Ranges, margin_limit
from app.theme import ADVERSARIAL, CLEAN, margin_scale, rank_scale, tokens

AXES_NOTE = {
    "UMAP": "UMAP axes have no unit; do not read distances",
    "PCA": "PCA of real images: straight lines stay straight",
}
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


def note(n: int, colour: str, strangers: float | None) -> str:
    known = colour == "class" and strangers is not None and np.isfinite(strangers)
    measured = (
        ". Nearest by the vote of the nearest neighbours, measured in the original space, not on the map"
        if known
        else ""
    )
    return f"n = {n} images, clean and attacked{measured}"


def called(plane: Plane, statement: str) -> str:
    """The statement of a map, after what the map is called."""
    return f"{plain(plane.called)}: {statement[0].lower()}{statement[1:]}" if plane.called else statement


def square(statement: str, note: str, plane: Plane, dark: bool) -> go.Figure:
    """An empty figure around a square plot; `place_below` adds the room of the legends."""
    left, bottom = (1, 8) if plane.method == "UMAP" else (56, 48)
    told = f"{note}. {AXES_NOTE[plane.method]}."
    figure = blank(statement, told, dark=dark, height=plane.side, left=left, right=1, bottom=bottom)
    return figure.update_layout(height=plane.side - left - 1 + figure.layout.margin.t + bottom)


def place_below(figure: go.Figure, colour: str) -> None:
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


def statement(labels: np.ndarray, colouring: Colouring, strangers: float | None) -> str:
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


def layout(ranges: Ranges, method: str, explained: Any, dark: bool) -> dict[str, Any]:
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


def colour_axis(colouring: Colouring, dark: bool) -> dict[str, Any] | None:
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


def _bar_below(title: str, dark: bool) -> dict[str, Any]:
    """The colour bar lying under the plot, its title above it."""
    bar = colour_bar(title, dark, orientation="h", x=0.5, xanchor="center", yanchor="top")
    return bar | {"title": bar["title"] | {"side": "top"}}
