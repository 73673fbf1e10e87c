"""What runs take up on the disk, by kind of file."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.charts.base import axis, blank, plain
from app.theme import SET_MARKS, tokens
from c2r.base.errors import InputError
from c2r.formats.safe import size

LETTERS = 44  # of a run's name above its bar
BAR = 46  # px per run, its name included
BELOW = 112  # px under the bars for the axis and three lines of the legend
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
LEGEND = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "yref": "container",
    "y": 0,
    "yanchor": "bottom",
    "traceorder": "normal",
}


def storage_bars(
    runs: Mapping[str, Mapping[str, int]], kinds: Sequence[str], *, free: int, dark: bool = False
) -> go.Figure:
    """Bytes of each run (name → kind → bytes) as one bar, stacked in the order of `kinds`; the first run is on top."""
    if not runs:
        raise InputError("The storage chart expects at least one run, found none: start a run first.")
    totals = {name: sum(sizes.values()) for name, sizes in runs.items()}
    most, count = max(totals.values()), len(runs)
    note, height = f"n = {count}; files of each run, by kind", 70 + BAR * count + BELOW
    figure = blank(_statement(totals, free), note, dark=dark, height=height, left=8, right=72, bottom=BELOW)
    factor, unit = next(((f, u) for f, u in UNITS if most >= f), (1.0, "bytes"))
    _add_kinds(figure, runs, kinds, factor, dark)
    _name_runs(figure, totals, factor, dark)
    figure.update_layout(
        barmode="stack",
        showlegend=True,
        legend=LEGEND,
        xaxis=axis(unit, dark=dark, range=[0, max(most / factor, 1e-3)], nticks=6),
        yaxis=axis("", dark=dark, range=[count - 0.6, -0.72], showgrid=False, showticklabels=False),
    )
    return figure


def _statement(totals: Mapping[str, int], free: int) -> str:
    """What all runs take up together, and what is free."""
    taken = "1 run takes up" if len(totals) == 1 else f"{len(totals)} runs take up"
    return f"{taken} {size(sum(totals.values()))}; {size(free)} are free"


def _add_kinds(
    figure: go.Figure, runs: Mapping[str, Mapping[str, int]], kinds: Sequence[str], factor: float, dark: bool
) -> None:
    """The bytes of every kind, a piece of the bar of each run."""
    for kind, mark in zip(kinds, SET_MARKS[dark], strict=False):
        counts = [sizes.get(kind, 0) for sizes in runs.values()]
        figure.add_bar(
            y=list(range(len(runs))),
            x=[count / factor for count in counts],
            name=plain(kind),
            orientation="h",
            width=0.44,
            text=[size(count) for count in counts],
            textposition="none",
            hovertemplate="%{fullData.name}: %{text}<extra></extra>",
            marker={"color": mark["colour"], "line": {"color": tokens(dark).page, "width": 1}},
        )


def _name_runs(figure: go.Figure, totals: Mapping[str, int], factor: float, dark: bool) -> None:
    """The name of each run above its bar, and what it takes up at the bar's end."""
    label = {"showarrow": False, "xanchor": "left", "font": {"size": 12, "color": tokens(dark).text}}
    for place, (name, total) in enumerate(totals.items()):
        figure.add_annotation(y=place, x=total / factor, text=size(total), xshift=6, **label)
        short = plain(name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…")
        figure.add_annotation(y=place - 0.27, x=0, text=short, yanchor="bottom", **label)
