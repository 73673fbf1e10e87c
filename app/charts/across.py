"""Groups of runs beside each other: rows of figures, lines over a setting, accuracy over seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from app.charts.base import axis, blank, floats, padded, plain, zero_line
from app.charts.dots import short
from app.charts.labels import End, end_labels
from app.theme import SET_MARKS, tokens
from c2r.base.errors import InputError

ROW = 44  # px of a row of dots, its name above it
LABEL_ROOM = 158  # px at the right for the names of lines
WIDE = 20  # times the smallest number, from which on an axis of numbers is logarithmic
SURE, UNDECIDED, PRINTED = "sure", "undecided", "printed"  # how a dot is drawn; printed: of a publication


class Dot(NamedTuple):
    """A figure in percent or points between the ends of its interval, and the text that is read when it is pointed
    at."""

    value: float
    low: float
    high: float
    text: str
    drawn: str = SURE


class Words(NamedTuple):
    """What a chart says of itself, and what its axes measure; `values` that of the figures."""

    statement: str
    note: str
    values: str
    over: str = ""


Rows = Mapping[str, Mapping[str, Dot]]  # row → series → its dot
Mark = Mapping[str, str]


def row_dots(
    rows: Rows, marks: Mapping[str, Mark], words: Words, *, difference: bool = False, dark: bool = False
) -> go.Figure:
    """Rows of figures, the first on top, the name of each above it; `marks`: series → its colour and symbol.

    difference: in points, around zero.
    """
    dots = [dot for row in rows.values() for dot in row.values()]
    if not dots:
        raise InputError("The chart of rows expects at least one figure, found none: choose another set-up.")
    figure = blank(words.statement, words.note, dark=dark, height=height_of(words, len(rows)), left=8)
    for name, mark in marks.items():
        placed = {place: row[name] for place, row in enumerate(rows.values()) if name in row}
        if placed:
            figure.add_trace(_row_of_dots(placed, name, mark, dark))
    span = padded([dot.low for dot in dots], [dot.high for dot in dots], zero=difference)
    figure.update_layout(
        xaxis=axis(words.values, dark=dark, range=list(span)),
        yaxis=axis("", dark=dark, range=[len(rows) - 0.6, -0.75], showgrid=False, showticklabels=False),
        showlegend=len(figure.data) > 1,
    )
    if difference:
        zero_line(figure, dark=dark, vertical=True)
    for place, name in enumerate(rows):
        figure.add_annotation(**row_name(plain(name), place, dark))
    return figure


def height_of(words: Words, rows: int, each: int = ROW) -> int:
    """Pixels of a figure with so many rows of `each` pixels, its statement, note and axis included."""
    bare = blank(words.statement, words.note, dark=False, height=400)
    return int(bare.layout.margin.t + bare.layout.margin.b + each * (rows + 0.3))


def row_name(text: str, place: int, dark: bool) -> dict[str, Any]:
    """The name of a row, above what is drawn in it."""
    look = {"size": 12, "color": tokens(dark).text}
    at = {"x": 0, "xref": "paper", "xanchor": "left", "y": place - 0.4, "yref": "y"}
    return {"text": text, "showarrow": False, "font": look, "align": "left", **at}


def _row_of_dots(placed: Mapping[int, Dot], name: str, mark: Mark, dark: bool) -> go.Scatter:
    """One series over its rows; what is undecided or printed is grey."""
    dots = list(placed.values())
    colours = [mark["colour"] if dot.drawn == SURE else tokens(dark).muted for dot in dots]
    spread = any(dot.low < dot.high for dot in dots)
    error = {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": tokens(dark).muted}
    spans = {
        "array": floats([dot.high - dot.value for dot in dots]),
        "arrayminus": floats([dot.value - dot.low for dot in dots]),
    }
    return go.Scatter(
        x=floats([dot.value for dot in dots]),
        y=list(placed),
        error_x=error | spans | {"visible": spread},
        marker={"color": colours, "symbol": mark["symbol"], "size": 10},
        mode="markers",
        name=plain(name),
        text=[plain(dot.text) for dot in dots],
        hovertemplate="%{text}<extra></extra>",
    )


def number_lines(
    lines: Mapping[str, Mapping[float, Dot]],
    words: Words,
    *,
    dark: bool = False,
    level: tuple[float, str] | None = None,
) -> go.Figure:
    """Figures over a number, a line for each name, named at its right end; `level`: a height, and what it stands
    for."""
    every = [dot for line in lines.values() for dot in line.values()]
    if not every:
        raise InputError("The chart over a setting expects at least one figure, found none: choose another setting.")
    figure = blank(words.statement, words.note, dark=dark, height=340, right=LABEL_ROOM)
    ends = []
    for place, (name, line) in enumerate(lines.items()):
        mark = SET_MARKS[dark][place % len(SET_MARKS[dark])]
        figure.add_trace(_line(line, name, mark))
        ends.append(End(list(line.values())[-1].value, short(name), tokens(dark).text, mark["colour"]))
    heights = [] if level is None else [level[0]]
    span = padded([*(dot.low for dot in every), *heights], [*(dot.high for dot in every), *heights])
    figure.update_layout(
        xaxis=numbers_axis(words.over, [x for line in lines.values() for x in line], dark),
        yaxis=axis(words.values, dark=dark, range=list(span)),
    )
    if level is not None:
        _level(figure, *level, dark)
    end_labels(figure, ends, span)
    return figure


def _line(line: Mapping[float, Dot], name: str, mark: Mark) -> go.Scatter:
    dots = list(line.values())
    spans = {
        "array": floats([dot.high - dot.value for dot in dots]),
        "arrayminus": floats([dot.value - dot.low for dot in dots]),
    }
    return go.Scatter(
        x=list(line),
        y=floats([dot.value for dot in dots]),
        error_y={"type": "data", "symmetric": False, "thickness": 1.5, "width": 3, "color": mark["colour"]} | spans,
        marker={"color": mark["colour"], "symbol": mark["symbol"], "size": 8},
        line={"color": mark["colour"], "width": 2.5, "dash": mark["dash"]},
        mode="lines+markers",
        name=plain(name),
        text=[plain(dot.text) for dot in dots],
        hovertemplate="%{text}<extra></extra>",
    )


def _level(figure: go.Figure, height: float, text: str, dark: bool) -> None:
    """A dotted line at a height, and what it stands for above its left end."""
    ink = tokens(dark)
    figure.add_hline(height, line={"color": ink.muted, "width": 1.5, "dash": "dot"}, layer="below")
    said = {"text": plain(text), "showarrow": False, "font": {"size": 12, "color": ink.muted}}
    figure.add_annotation(x=0, xref="paper", xanchor="left", y=height, yanchor="bottom", **said)


def numbers_axis(title: str, values: Sequence[float], dark: bool) -> dict[str, Any]:
    """An axis of the numbers that occur: those are its ticks, and it is logarithmic where they lie far apart."""
    known = sorted({float(value) for value in values})
    wide = known[0] > 0 and known[-1] > WIDE * known[0]
    ticks = {"tickvals": known, "ticktext": [f"{value:g}" for value in known]} if len(known) <= 8 else {}
    return axis(title, dark=dark, showgrid=False, **ticks, **({"type": "log"} if wide else {}))


def time_dots(points: Sequence[tuple[str, float, Dot]], words: Words, *, dark: bool = False) -> go.Figure:
    """Figures over seconds: (name of the method, seconds, dot)."""
    if not points:
        raise InputError("The chart of time expects at least one figure, found none: choose another set-up.")
    figure = blank(words.statement, words.note, dark=dark, height=360, right=LABEL_ROOM)
    names = list(dict.fromkeys(name for name, _, _ in points))
    for place, name in enumerate(names):
        mark = SET_MARKS[dark][place % len(SET_MARKS[dark])]
        own = {seconds: dot for called, seconds, dot in points if called == name}
        figure.add_trace(_line(own, short(name), mark).update(mode="markers"))
    span = padded([dot.low for _, _, dot in points], [dot.high for _, _, dot in points])
    seconds = [value for _, value, _ in points]
    wide = min(seconds) > 0 and max(seconds) > WIDE * min(seconds)
    figure.update_layout(
        xaxis=axis(words.over, dark=dark, **({"type": "log"} if wide else {"rangemode": "tozero"})),
        yaxis=axis(words.values, dark=dark, range=list(span)),
        showlegend=True,
        legend={"x": 1.02, "xanchor": "left", "y": 1, "font": {"size": 12, "color": tokens(dark).text}},
    )
    return figure
