"""Ready sets under an objective against what networks trained on them withstand, and the rank correlations of all
objectives."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from app.charts.base import axis, blank, floats, padded, plain, zero_line
from app.charts.dots import wrapped
from app.theme import SET_MARKS, series_mark, tokens
from c2r.base.errors import InputError
from c2r.evaluation.objectives import OBJECTIVES
from c2r.evaluation.predicting import GROUPS, KINDS, TARGETS, Finding, Findings, usable
from c2r.evaluation.verdicts import statement, summary

WIDE = 20  # times the smallest value from which on the axis of an objective is logarithmic
HEIGHT = 400  # px of the scatter without its legend
LINE, LEGEND = 19, 3  # px of a legend line; lines that the legend of kinds may take on a narrow page
ROW = 54  # px of an objective in the dot plot
ASKS = {"low": "lower is what it asks for", "high": "higher is what it asks for"}


class Tried(NamedTuple):
    """What was tried: rows of sets and the settings that define them, as ``objectives.json`` holds them."""

    rows: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]

    @property
    def networks(self) -> str:
        """How networks were trained and attacked."""
        told = self.settings
        return (
            f"one network of {told['steps']} steps a set; {plain(told['attack'])} at ε = {told['eps']} on"
            f" n = {told['n']:,} test images"
        )


def objective_scatter(
    tried: Tried, objective: str, found: Mapping[str, Finding], *, group: str = "all", dark: bool = False
) -> go.Figure:
    """Each set of a group: its value of the objective, and what the network trained on it reached of the findings'
    target; the mark says what kind of set it is."""
    reached = found[group].target
    rows = usable(tried.rows, objective, GROUPS[group][1], reached)
    if not rows:
        raise InputError("The chart of ready sets expects values of this objective, found none: choose another one.")
    row = OBJECTIVES[objective]
    note = f"{row.sentence}; {ASKS[row.better]}. {len(rows)} sets, {tried.networks}"
    figure = blank(statement(found, group), note, dark=dark, height=HEIGHT + LINE * LEGEND, bottom=52 + LINE * LEGEND)
    for mark, (kind, about) in zip(SET_MARKS[dark], KINDS.items(), strict=True):
        own = [row for row in rows if row["kind"] == kind]
        if own:
            figure.add_trace(_dots(own, objective, reached, about.label, mark))
    values = floats([row["values"][objective] for row in rows])
    target = TARGETS[reached]
    heights = target.scale * floats([row[reached] for row in rows])
    below = 52 / (HEIGHT - 120)
    figure.update_layout(
        xaxis=_value_axis(values, row.unit, dark),
        yaxis=axis(f"{target.label} ({target.unit})", dark=dark, range=list(padded(heights))),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": -below, "yanchor": "top"},
    )
    return figure


def _dots(
    rows: Sequence[Mapping[str, Any]], objective: str, reached: str, name: str, mark: Mapping[str, str]
) -> go.Scatter:
    texts = [
        f"{plain(row['set'])}<br>PGD-10 {100 * row['robust_accuracy']:.1f} %, clean"
        f" {100 * row['clean_accuracy']:.1f} %<br>value {row['values'][objective]:.4g}"
        for row in rows
    ]
    return go.Scatter(
        x=floats([row["values"][objective] for row in rows]),
        y=TARGETS[reached].scale * floats([row[reached] for row in rows]),
        mode="markers",
        name=name,
        marker={"color": mark["colour"], "symbol": mark["symbol"], "size": 9},
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )


def _value_axis(values: np.ndarray, unit: str, dark: bool) -> dict[str, Any]:
    """Linear, or logarithmic for positive values that are far apart, which leaves their ranks alone."""
    if values.min() > 0 and values.max() > WIDE * values.min():
        span = list(padded(np.log10(values)))
        return axis(f"value ({unit}, log scale)", dark=dark, type="log", range=span, dtick=1)
    return axis(f"value ({unit})", dark=dark, range=list(padded(values)))


def _group_marks(dark: bool) -> dict[str, dict[str, str]]:
    """Squares, diamonds, and for the run's own steps the mark that these have in the scatter."""
    return {
        "all": series_mark(0, dark) | {"symbol": "square"},
        "sound": series_mark(2, dark) | {"symbol": "diamond"},
        "own": SET_MARKS[dark][list(KINDS).index("step")],
    }


def correlation_dots(found: Findings, *, dark: bool = False) -> go.Figure:
    """The rank correlation of every objective with what was reached, turned so that right is as it promises, over
    three groups of sets."""
    height = 150 + ROW * len(found)
    target = TARGETS[next(iter(found.values()))["all"].target]
    note = (
        f"Spearman correlation with {target.label}, its sign turned where the objective promises a negative one; bars:"
        " 95 % bootstrap intervals over sets; a bar across 0 is undecided"
    )
    figure = blank(summary(found), note, dark=dark, height=height, left=120, bottom=48)
    for place, (group, mark) in enumerate(_group_marks(dark).items()):
        figure.add_trace(_intervals(found, group, mark, 0.24 * (place - 1)))
    names = [wrapped(plain(OBJECTIVES[name].label)) for name in found]
    ticks = {"tickvals": list(range(len(found))), "ticktext": names}
    look = {"tickfont": {"size": 12, "color": tokens(dark).text}, "showgrid": False}
    figure.update_layout(
        xaxis=axis("rank correlation (right: as promised)", dark=dark, range=[-1.05, 1.05], dtick=0.5),
        yaxis=axis("", dark=dark, range=[len(found) - 0.5, -0.5], **ticks, **look),
        showlegend=True,
        legend={"orientation": "v", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom"},
    )
    for k in range(1, len(found)):
        figure.add_hline(k - 0.5, line={"color": tokens(dark).grid, "width": 1}, layer="below")
    zero_line(figure, dark=dark, vertical=True)
    return figure


def _intervals(found: Findings, group: str, mark: Mapping[str, str], shift: float) -> go.Scatter:
    """The dots of one group of sets, shifted from the middle of their rows; one without a correlation is left out."""
    places, turned, texts = [], [], []
    for place, (name, groups) in enumerate(found.items()):
        row, finding = OBJECTIVES[name], groups[group]
        if finding.correlation is not None and finding.turned is not None:
            places.append(place + shift)
            turned.append(finding.turned)
            texts.append(
                f"{plain(row.label)}, {plain(GROUPS[group][0])}<br>Spearman {finding.correlation.text},"
                f" n = {finding.correlation.n}: {finding.verdict}"
            )
    error = {
        "type": "data",
        "symmetric": False,
        "array": floats([c.high - c.value for c in turned]),
        "arrayminus": floats([c.value - c.low for c in turned]),
        "color": mark["colour"],
        "thickness": 1.5,
        "width": 3,
    }
    return go.Scatter(
        x=floats([c.value for c in turned]),
        y=floats(places),
        error_x=error,
        mode="markers",
        name=plain(GROUPS[group][0]),
        marker={"color": mark["colour"], "symbol": mark["symbol"], "size": 9},
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )
