"""The distribution of test margins, sets on top of each other.

A set keeps its mark (colour, dash, symbol) in all charts, see `app.theme.SET_MARKS`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from app.charts.base import axis, blank, floats, number, plain, zero_line
from app.charts.dots import short
from app.theme import SET_MARKS, tokens

Curve = tuple[np.ndarray, np.ndarray]


def margin_cumulative(
    curves: Mapping[str, tuple[Curve | None, Curve]], order: Sequence[str], *, attack: str, n: int, dark: bool = False
) -> go.Figure:
    """Share of test images with at most a margin: under `attack` in the set's colour, clean dashed; left of 0 is
    misclassified."""
    note = f"n = {n:,} test images and all networks pooled; solid: under {plain(attack)}, dashed: clean"
    figure = blank(_margin_statement(curves, attack), note, dark=dark, height=380, right=24)
    every = np.concatenate([x for pair in curves.values() for curve in pair if curve for x in (curve[0],)])
    low, high = np.percentile(every, [1, 99])
    for name, (clean, attacked) in curves.items():
        mark = SET_MARKS[dark][list(order).index(name)]
        for curve, dash, width, what in ((clean, "dash", 1.5, "clean"), (attacked, "solid", 2.5, attack)):
            if curve:
                hover = f"{plain(name)}, {plain(what)}<br>%{{y:.0f}} % at or below %{{x:.2f}} logits<extra></extra>"
                line = {"color": mark["colour"], "width": width, "dash": dash}
                figure.add_scatter(
                    x=floats(curve[0]),
                    y=100 * floats(curve[1]),
                    mode="lines",
                    line=line,
                    hovertemplate=hover,
                    name=plain(name),
                )
    figure.update_layout(
        xaxis=axis(
            "logit margin (left of 0: misclassified)", dark=dark, range=[float(low), float(high)], showgrid=False
        ),
        yaxis=axis("test images (%)", dark=dark, range=[0, 101], dtick=20),
    )
    zero_line(figure, dark=dark, vertical=True)
    _names_at_the_left(figure, curves, order, (float(low), float(high)), dark)
    return figure


def _names_at_the_left(
    figure: go.Figure,
    curves: Mapping[str, tuple[Curve | None, Curve]],
    order: Sequence[str],
    span: tuple[float, float],
    dark: bool,
) -> None:
    """A symbol on each attacked curve, at heights of their own, and a thin line from it to the name left of all
    curves."""
    ink, room = tokens(dark), 0.03 * (span[1] - span[0])
    every = [curve for pair in curves.values() for curve in pair if curve]
    for i, (name, (_, attacked)) in enumerate(curves.items()):
        height, mark = 0.92 - 0.62 * (i + 0.5) / len(curves), SET_MARKS[dark][list(order).index(name)]
        at = float(np.interp(height, attacked[1], attacked[0]))
        left = min(float(np.interp(height, shares, margins)) for margins, shares in every)
        marker = {"symbol": mark["symbol"], "size": 9, "color": mark["colour"]}
        figure.add_scatter(x=floats([at]), y=[100 * height], mode="markers", hoverinfo="skip", marker=marker)
        figure.add_annotation(
            x=at,
            y=100 * height,
            ax=left - room,
            ay=100 * height,
            axref="x",
            ayref="y",
            text=short(name),
            xanchor="right",
            showarrow=True,
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=mark["colour"],
            font={"size": 12, "color": ink.text},
        )


def _margin_statement(curves: Mapping[str, tuple[Curve | None, Curve]], attack: str) -> str:
    broken = [100 * float(np.interp(0.0, *attacked, left=0.0, right=1.0)) for _, attacked in curves.values()]
    shares = f"{number(min(broken), 0)}" + (f" to {number(max(broken), 0)}" if len(broken) > 1 else "")
    return f"{plain(attack)} pushes {shares}\u00a0% of the test images below a margin of 0"
