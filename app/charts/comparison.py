"""Sets side by side: accuracy per attack and against ε.

A set keeps its mark (colour, dash, symbol) in all charts, see `app.theme.SET_MARKS`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from app.charts.base import axis, blank, number, plain
from app.charts.dots import Span, beside, dots_layout, interval_dots, short
from app.charts.labels import End, end_labels
from app.theme import SET_MARKS, tokens
from c2r.attacks.figurekey import NORMS
from c2r.errors import InputError
from c2r.evaluation.accuracies import Accuracy
from c2r.evaluation.curves import Sweep

LABEL_ROOM = 176  # px at the right for the names of sets
NAN = float("nan")
GAP = Accuracy(NAN, None, NAN, NAN, 0)  # where a set was not tried with an attack: the line breaks there


def _counts(accuracies: Sequence[Accuracy]) -> str:
    counts = sorted({accuracy.n for accuracy in accuracies})
    return f"n = {' or '.join(f'{n:,}' for n in counts)} test images; mean over networks, bars: 95 % intervals at n"


def _spans(accuracies: Sequence[Accuracy]) -> list[Span]:
    return [(accuracy.low, accuracy.mean, accuracy.high) for accuracy in accuracies]


def accuracy_profile(
    heads: Sequence[str],
    figures: Mapping[str, Sequence[Accuracy | None]],
    *,
    statement: str,
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Accuracy of each set under each of `heads` (clean, attacks) as dots with intervals; attacks have no order, so no
    line joins them."""
    known = [f for row in figures.values() for f in row if f]
    if not known:
        raise InputError(
            "The comparison chart expects at least one evaluated attack, found none: evaluate a set first."
        )
    figure = blank(plain(statement), _counts(known), dark=dark, height=height)
    for i, (name, row) in enumerate(figures.items()):
        mark = SET_MARKS[dark][i]
        texts = [
            f"{plain(name)}<br>{plain(head)}: {'' if f is None else f.hover}"
            for head, f in zip(heads, row, strict=True)
        ]
        style = {"mode": "markers", "text": texts, "hovertemplate": "%{text}<extra></extra>"}
        x, spans = beside(len(heads), i, len(figures)), _spans([f or GAP for f in row])
        figure.add_trace(interval_dots(x, spans, mark, name, **style))
    top = min(100.0, 10 * np.ceil(max(f.high for f in known) * 10 + 0.2))
    dots_layout(figure, heads, axis("accuracy (%)", dark=dark, range=[0, top], dtick=20 if top > 40 else 10), dark=dark)
    return figure


def accuracy_sweep(sweep: Sweep, order: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Accuracy against ε under one attack, from clean (0) on; `order` holds all sets, so that each keeps its mark."""
    known = [f for _, figures in sweep.curves.values() for f in figures]
    far = max(radii[-1] for radii, _ in sweep.curves.values())
    figure = blank(
        _sweep_statement(sweep), f"{_counts(known)}; ε = 0 is clean", dark=dark, height=320, right=LABEL_ROOM
    )
    ink, ends = tokens(dark), []
    for name, (radii, figures) in sweep.curves.items():
        mark = SET_MARKS[dark][list(order).index(name)]
        line = {"color": mark["colour"], "width": 2.5, "dash": mark["dash"]}
        hover = f"{plain(name)} %{{y:.1f}} %<br>ε = %{{x:g}}/255<extra></extra>"
        style = {"mode": "lines+markers", "line": line, "hovertemplate": hover}
        figure.add_trace(interval_dots(radii, _spans(figures), mark, name, **style))
        ends.append(End(100 * figures[-1].mean, short(name), ink.text, mark["colour"]))
    norm = NORMS.get(sweep.norm, sweep.norm)
    figure.update_layout(
        xaxis=axis(f"{plain(norm)} radius ε (1/255)", dark=dark, range=[-0.03 * far, 1.03 * far], showgrid=False),
        yaxis=axis("accuracy (%)", dark=dark, range=[0, 100], dtick=20),
    )
    end_labels(figure, ends, (0.0, 100.0))
    return figure


def _sweep_statement(sweep: Sweep) -> str:
    far = max(radii[-1] for radii, _ in sweep.curves.values())
    left = [figures[-1].mean for radii, figures in sweep.curves.values() if radii[-1] == far]
    kept = f"{number(100 * min(left))}" + (f" to {number(100 * max(left))}" if len(left) > 1 else "")
    return f"{plain(sweep.label)} leaves {kept}\u00a0% at ε = {far:g}/255"
