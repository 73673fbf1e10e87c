"""Series of a run that are shares of one whole, over its steps: stacked areas from nothing to everything."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from app.charts.base import (
    UNMARKED,
    Drawing,
    axis,
    blank,
    faded,
    floats,
    in_sentence,
    mark_step,
    nearest,
    percent,
    plain,
    step_axis,
)
from app.charts.labels import End, end_labels, lines_end
from app.readings import Curves
from app.theme import series_mark
from c2r.base.errors import InputError

LITTLE = 0.02  # a share below it hardly acts
WHOLE = (0.0, 100.0)


def share_areas(curves: Curves, drawing: Drawing = UNMARKED) -> go.Figure:
    """The shares of one axis over those recorded steps [S] that have them all, stacked, the first one at the bottom.

    They are drawn as percent of their sum, so that they fill the height whatever they are stored in. One that no step
    has, such as of a term of weight zero, is left out. Raises InputError when no step has the others.
    """
    there = [line for line in curves.lines if any(value is not None for value in line.values)]
    curves = replace(curves, lines=there or curves.lines)
    kept, shares = _shares(curves)
    if not len(kept):
        raise InputError("The chart of shares expects a recorded step with all of them, found none: wait for a step.")
    steps, current, dark = [curves.steps[i] for i in kept], drawing.current, drawing.dark
    labels = [plain(line.label) for line in curves.lines]
    note = f"shares of each update, stacked to 100 %: {', '.join(labels)}"
    figure = blank(_statement(curves, steps, shares, current), note, dark=dark, height=340, right=136)
    ends, below = [], 0.0
    for line, label, share in zip(curves.lines, labels, 100 * shares, strict=True):
        mark = series_mark(line.place, dark)
        _add_area(figure, steps, share, label, mark)
        ends.append(End(below + float(share[-1]) / 2, label, mark["colour"], mark["colour"]))
        below += float(share[-1])
    heights = axis(f"{in_sentence(curves.axis)} (%)", dark=dark, range=WHOLE, dtick=25)
    figure.update_layout(xaxis=step_axis(curves.steps, dark=dark, until=drawing.until), yaxis=heights)
    end_labels(figure, ends, WHOLE, at=lines_end(steps, drawing.until))
    mark_step(figure, current, dark=dark)
    return figure


def _shares(curves: Curves) -> tuple[np.ndarray, np.ndarray]:
    """The positions [S] of the steps at which every series is known and some is above 0, and the shares [lines, S] in
    [0, 1] there."""
    values = np.stack([floats(line.values) for line in curves.lines]).astype(float)
    known = np.isfinite(values).all(axis=0) & (values >= 0).all(axis=0) & (values.sum(axis=0) > 0)
    kept = np.flatnonzero(known)
    return kept, values[:, kept] / values[:, kept].sum(axis=0)


def _add_area(figure: go.Figure, steps: list[int], heights: np.ndarray, label: str, mark: dict[str, str]) -> None:
    """One share on top of those before it; on a few steps its symbols too, as a single step has no area."""
    figure.add_scatter(
        x=floats(steps),
        y=floats(heights),
        name=label,
        stackgroup="shares",
        mode="lines" if len(steps) > 2 else "lines+markers",
        line={"color": mark["colour"], "width": 2, "dash": mark["dash"]},
        marker={"color": mark["colour"], "symbol": mark["symbol"], "size": 6},
        fillcolor=faded(mark["colour"], 0.35),
        hovertemplate=f"{label} %{{y:.1f}} %<br>step %{{x}}<extra></extra>",
    )


def _statement(curves: Curves, steps: list[int], shares: np.ndarray, current: float | None) -> str:
    """Which share is the largest at the shown step, and which ones hardly act there; what is drawn, for a step without
    them."""
    place, whole = nearest(steps, current), in_sentence(curves.axis)
    if current is not None and steps[place] != curves.steps[nearest(curves.steps, current)]:
        return f"{plain(curves.axis)}: nothing was recorded at step {current:g}"
    now = shares[:, place]
    most = int(now.argmax())
    said = f"At step {steps[place]:g}, {plain(curves.lines[most].label)} is {percent(float(now[most]))} of {whole}"
    little = [f"{plain(curves.lines[i].label)} is {_little(share)}" for i, share in enumerate(now) if share < LITTLE]
    return f"{said}; {' and '.join(little)}: hardly anything" if little else said


def _little(share: float) -> str:
    """A small share as whole percent, never more than it is by half of one."""
    return percent(share) if share == 0 or share >= 0.005 else "under 1\u00a0%"
