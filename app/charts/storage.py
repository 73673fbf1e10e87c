"""What runs take up on the disk, by kind of file."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.charts.base import axis, blank, plain
from app.theme import SET_MARKS, tokens
from c2r.errors import InputError
from c2r.formats.safe import size

LETTERS = 30  # of a run's name at its bar
BAR = 34  # px per run
LEGEND = 40  # px above the bars
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def storage_bars(runs: Mapping[str, Mapping[str, int]], kinds: Sequence[str], *, free: int, dark: bool = False) -> go.Figure:
    """Bytes of each run (name → kind → bytes) as one bar, stacked in the order of `kinds`; the first run is on top."""
    if not runs:
        raise InputError("The storage chart expects at least one run, found none: start a run first.")
    totals = {name: sum(found.values()) for name, found in runs.items()}
    every, most = sum(totals.values()), max(totals.values())
    statement = (
        f"{len(runs)} run{'' if len(runs) == 1 else 's'} take{'s' if len(runs) == 1 else ''} up {size(every)}; {size(free)} are free"
    )
    height = 96 + LEGEND + BAR * len(runs) + 48
    figure = blank(statement, f"n = {len(runs)}; files of each run, by kind", dark=dark, height=height, left=208, right=72)
    factor, unit = next(((f, u) for f, u in UNITS if most >= f), (1.0, "bytes"))
    ink, places = tokens(dark), list(range(len(runs)))
    for kind, mark in zip(kinds, SET_MARKS[dark], strict=False):
        counts = [found.get(kind, 0) for found in runs.values()]
        figure.add_bar(
            y=places, x=[count / factor for count in counts], name=plain(kind), orientation="h", width=0.6, text=[size(c) for c in counts],
            textposition="none", hovertemplate="%{fullData.name}: %{text}<extra></extra>", marker={"color": mark["colour"], "line": {"color": ink.page, "width": 1}},
        )  # fmt: skip
    for place, total in zip(places, totals.values(), strict=True):
        label = {"text": size(total), "showarrow": False, "xanchor": "left", "xshift": 6, "font": {"size": 12, "color": ink.text}}
        figure.add_annotation(y=place, x=total / factor, **label)
    names = [plain(name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…") for name in runs]
    ticks = {"tickvals": places, "ticktext": names, "tickfont": {"size": 12, "color": ink.text}}
    figure.update_layout(
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        xaxis=axis(unit, dark=dark, range=[0, max(most / factor, 1e-3)], nticks=6),
        yaxis=axis("", dark=dark, range=[len(runs) - 0.4, -0.6], showgrid=False, **ticks),
    )
    return figure
