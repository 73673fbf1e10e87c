"""What charts of several sets share: dots with intervals beside each other over heads without an order, and names cut
and wrapped."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.charts.base import axis, floats, plain
from app.theme import tokens

LETTERS = 24  # of a name at the end of a line
Span = tuple[float, float, float]  # a share between the ends of its interval: low, value, high


def short(name: str) -> str:
    """The name, cut where it is long."""
    return plain(name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…")


def wrapped(text: str) -> str:
    """Words in lines of about twelve letters."""
    lines = [""]
    for word in text.split(" "):
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < 12 else [*lines, word]
    return "<br>".join(line for line in lines if line)


def beside(count: int, place: int, sets: int) -> list[float]:
    """Where set `place` of `sets` stands at each of `count` heads: beside the others."""
    return [k + (place - (sets - 1) / 2) * min(0.13, 0.7 / max(1, sets)) for k in range(count)]


def interval_dots(
    x: Sequence[float], spans: Sequence[Span], mark: Mapping[str, str], name: str, **more: Any
) -> go.Scatter:
    """Points at 100 · value with their interval; `name` stands in the hover text, which is text and never markup."""
    error = {
        "type": "data",
        "symmetric": False,
        "array": 100 * floats([high - value for _, value, high in spans]),
        "arrayminus": 100 * floats([value - low for low, value, _ in spans]),
        "color": mark["colour"],
        "thickness": 1.5,
        "width": 3,
    }
    marker = {"color": mark["colour"], "symbol": mark["symbol"], "size": 9}
    y = 100 * floats([value for _, value, _ in spans])
    return go.Scatter(x=floats(x), y=y, error_y=error, marker=marker, name=plain(name), **more)


def dots_layout(figure: go.Figure, heads: Sequence[str], values: dict[str, Any], *, dark: bool) -> None:
    """Axes of a dot plot over heads without an order, a faint line between neighbours, and the sets' marks with their
    names, a line each."""
    names = [wrapped(plain(head)) for head in heads]
    ticks = {
        "tickvals": list(range(len(heads))),
        "ticktext": names,
        "tickfont": {"size": 12, "color": tokens(dark).text},
    }
    figure.update_layout(
        xaxis=axis("", dark=dark, range=[-0.5, len(heads) - 0.5], showgrid=False, **ticks),
        yaxis=values,
        showlegend=True,
        legend={
            "orientation": "v",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"color": tokens(dark).text},
        },
        margin_b=30 + 15 * max(name.count("<br>") + 1 for name in names),
    )
    for k in range(1, len(heads)):
        figure.add_vline(k - 0.5, line={"color": tokens(dark).grid, "width": 1}, layer="below")
