"""The ladder of a run: what each part adds, as steps from random real images to the run."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from app.charts.across import Words, height_of, row_name
from app.charts.base import axis, blank, faded, padded, plain
from app.theme import ADVERSARIAL, CLEAN, tokens
from c2r.base.errors import InputError

ROW = 48  # px of a rung, its name above its bar
BAR = 0.42  # of a row
LOOKS = {  # verdict → how a step is drawn: colour (None: grey) and pattern, so that colour never says it alone
    "better": (CLEAN, ""),
    "worse": (ADVERSARIAL, "/"),
    "undecided": (None, "."),
}
CALLED = {"better": "better", "worse": "worse", "undecided": "undecided"}


class Stair(NamedTuple):
    """One rung in percent: its name, where it stands (None: not measured), where the last measured one below stood
    (None: nothing below), the interval of the step in points around it, its verdict, and what is told beside it."""

    name: str
    value: float | None
    before: float | None = None
    low: float = 0.0
    high: float = 0.0
    verdict: str = "undecided"
    text: str = ""


def waterfall(stairs: Sequence[Stair], words: Words, *, dark: bool = False) -> go.Figure:
    """Steps up and down between the rungs, the lowest rung on top, each with the interval of its step as a whisker."""
    known = [stair.value for stair in stairs if stair.value is not None]
    if not known:
        raise InputError("The ladder expects at least one measured rung, found none: make its runs first.")
    figure = blank(words.statement, words.note, dark=dark, height=height_of(words, len(stairs), ROW), left=8, right=12)
    for verdict in LOOKS:
        drawn = {i: s for i, s in enumerate(stairs) if s.before is not None and s.verdict == verdict and s.value}
        if drawn:
            figure.add_trace(_steps(drawn, verdict, dark))
    alone = {i: s for i, s in enumerate(stairs) if s.value is not None and s.before is None}
    figure.add_trace(_starts(alone, dark))
    ends = [end for s in stairs if s.before is not None for end in (s.before + s.low, s.before + s.high)]
    low, high = padded(known, ends, share=0.08)
    low, high = max(0.0, low), min(100.0, high)
    figure.update_layout(
        barmode="overlay",
        showlegend=True,
        xaxis=axis(words.values, dark=dark, range=[low, high]),
        yaxis=axis("", dark=dark, range=[len(stairs) - 0.55, -0.8], showgrid=False, showticklabels=False),
    )
    _tell(figure, stairs, dark)
    return figure


def _steps(drawn: dict[int, Stair], verdict: str, dark: bool) -> go.Bar:
    """The steps of one verdict: bars from the rung below, with their whiskers."""
    colour, pattern = LOOKS[verdict]
    ink, stairs = tokens(dark), list(drawn.values())
    gaps = [(s.value or 0.0) - (s.before or 0.0) for s in stairs]
    return go.Bar(
        y=list(drawn),
        x=gaps,
        base=[s.before for s in stairs],
        orientation="h",
        width=BAR,
        name=CALLED[verdict],
        marker={
            "color": colour or ink.muted,
            "pattern": {"shape": pattern, "fgcolor": ink.page, "size": 6, "solidity": 0.3, "fillmode": "overlay"},
            "line": {"color": ink.text, "width": 1},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [s.high - gap for s, gap in zip(stairs, gaps, strict=True)],
            "arrayminus": [gap - s.low for s, gap in zip(stairs, gaps, strict=True)],
            "color": ink.text,
            "thickness": 1.5,
            "width": 4,
        },
        text=[plain(f"{s.name}: {s.text}") for s in stairs],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
    )


def _starts(alone: dict[int, Stair], dark: bool) -> go.Scatter:
    """Rungs with nothing measured below: a diamond."""
    return go.Scatter(
        x=[s.value for s in alone.values()],
        y=list(alone),
        mode="markers",
        name="start",
        marker={"symbol": "diamond", "size": 11, "color": tokens(dark).text},
        text=[plain(f"{s.name}: {s.text}") for s in alone.values()],
        hovertemplate="%{text}<extra></extra>",
    )


def _tell(figure: go.Figure, stairs: Sequence[Stair], dark: bool) -> None:
    """The name of each rung above its bar, its value and bytes behind the name, where they fit at any width; and thin
    lines from one level to the next."""
    ink = tokens(dark)
    level: tuple[int, float] | None = None
    for place, stair in enumerate(stairs):
        named = row_name(f"<b>{plain(stair.name)}</b>  {plain(stair.text)}", place, dark)
        figure.add_annotation(**named | {"bgcolor": faded(ink.page, 0.7)})
        if stair.value is None:
            continue
        if level is not None:
            figure.add_shape(type="line", x0=level[1], x1=level[1], y0=level[0], y1=place, line=_thin(ink.muted))
        level = (place, stair.value)


def _thin(colour: str) -> dict[str, object]:
    return {"color": colour, "width": 1, "dash": "dot"}
