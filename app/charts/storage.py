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


def storage_bars(
    runs: Mapping[str, Mapping[str, int]], kinds: Sequence[str], *, free: int, dark: bool = False
) -> go.Figure:
    """Bytes of each run (name → kind → bytes) as one bar, stacked in the order of `kinds`; the first run is on top."""
    if not runs:
        raise InputError("The storage chart expects at least one run, found none: start a run first.")
    totals = {name: sum(found.values()) for name, found in runs.items()}
    every, most = sum(totals.values()), max(totals.values())
    statement = (
        f"{len(runs)} run{'' if len(runs) == 1 else 's'} take{'s' if len(runs) == 1 else ''} up {size(every)};"
        f" {size(free)} are free"
    )
    height = 70 + BAR * len(runs) + BELOW
    figure = blank(
        statement,
        f"n = {len(runs)}; files of each run, by kind",
        dark=dark,
        height=height,
        left=8,
        right=72,
        bottom=BELOW,
    )
    factor, unit = next(((f, u) for f, u in UNITS if most >= f), (1.0, "bytes"))
    ink, places = tokens(dark), list(range(len(runs)))
    for kind, mark in zip(kinds, SET_MARKS[dark], strict=False):
        counts = [found.get(kind, 0) for found in runs.values()]
        figure.add_bar(
            y=places,
            x=[count / factor for count in counts],
            name=plain(kind),
            orientation="h",
            width=0.44,
            text=[size(c) for c in counts],
            textposition="none",
            hovertemplate="%{fullData.name}: %{text}<extra></extra>",
            marker={"color": mark["colour"], "line": {"color": ink.page, "width": 1}},
        )
    label = {"showarrow": False, "xanchor": "left", "font": {"size": 12, "color": ink.text}}
    for place, (name, total) in enumerate(totals.items()):
        figure.add_annotation(y=place, x=total / factor, text=size(total), xshift=6, **label)
        short = plain(name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…")
        figure.add_annotation(y=place - 0.27, x=0, text=short, yanchor="bottom", **label)
    figure.update_layout(
        barmode="stack",
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        xaxis=axis(unit, dark=dark, range=[0, max(most / factor, 1e-3)], nticks=6),
        yaxis=axis("", dark=dark, range=[len(runs) - 0.6, -0.72], showgrid=False, showticklabels=False),
    )
    return figure
