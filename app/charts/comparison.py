"""Sets side by side: accuracy per attack and against ε, per class, between networks, and the distribution of margins.

A set keeps its mark (colour, dash, symbol) in all of them, see `app.theme.SET_MARKS`. Letters: K classes, A attempts, S
sets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.accuracies import Figure
from app.charts.base import axis, blank, colour_bar, floats, number, plain, zero_line
from app.charts.labels import End, end_labels
from app.tabulating import Sweep
from app.theme import SET_MARKS, amount_scale, tokens
from c2r.attacks.figurekey import NORMS
from c2r.errors import InputError

Curve = tuple[np.ndarray, np.ndarray]
LABEL_ROOM = 176  # px at the right for the names of sets
GAP = Figure(
    float("nan"), None, float("nan"), float("nan"), 0
)  # where a set was not tried with an attack: the line breaks there
FEW = 20  # images of a class below which its accuracy may well be chance
LETTERS = 24  # of a name at the end of a line


def _hover(found: Figure | None) -> str:
    return "" if found is None else f"{found.text} % ({100 * found.low:.1f}–{100 * found.high:.1f})"


def _short(name: str) -> str:
    return plain(name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…")


def _counts(figures: Sequence[Figure]) -> str:
    found = sorted({f.n for f in figures})
    return f"n = {' or '.join(f'{n:,}' for n in found)} test images; mean over networks, bars: 95 % intervals at n"


def _with_intervals(
    x: Sequence[float], figures: Sequence[Figure], mark: Mapping[str, str], name: str, **more: Any
) -> go.Scatter:
    """Points at 100 · mean with their 95 % interval; `name` stands in the hover text, which is text and never
    markup."""
    y = 100 * floats([f.mean for f in figures])
    error = {
        "type": "data",
        "symmetric": False,
        "array": 100 * floats([f.high - f.mean for f in figures]),
        "arrayminus": 100 * floats([f.mean - f.low for f in figures]),
        "color": mark["colour"],
        "thickness": 1.5,
        "width": 3,
    }
    marker = {"color": mark["colour"], "symbol": mark["symbol"], "size": 9}
    return go.Scatter(x=floats(x), y=y, error_y=error, marker=marker, name=plain(name), **more)


def accuracy_profile(
    heads: Sequence[str],
    figures: Mapping[str, Sequence[Figure | None]],
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
        texts = [f"{plain(name)}<br>{plain(head)}: {_hover(f)}" for head, f in zip(heads, row, strict=True)]
        style = {"mode": "markers", "text": texts, "hovertemplate": "%{text}<extra></extra>"}
        figure.add_trace(
            _with_intervals(beside(len(heads), i, len(figures)), [f or GAP for f in row], mark, name, **style)
        )
    top = min(100.0, 10 * np.ceil(max(f.high for f in known) * 10 + 0.2))
    dots_layout(figure, heads, axis("accuracy (%)", dark=dark, range=[0, top], dtick=20 if top > 40 else 10), dark=dark)
    return figure


def beside(count: int, place: int, sets: int) -> list[float]:
    """Where set `place` of `sets` stands at each of `count` heads: beside the others."""
    return [k + (place - (sets - 1) / 2) * min(0.13, 0.7 / max(1, sets)) for k in range(count)]


def dots_layout(figure: go.Figure, heads: Sequence[str], values: dict[str, Any], *, dark: bool) -> None:
    """Axes of a dot plot over heads without an order, a faint line between neighbours, and the sets' marks with their
    names, a line each."""
    names = ["<br>".join(_wrapped(plain(head))) for head in heads]
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


def _wrapped(text: str) -> list[str]:
    """Words in lines of about twelve letters."""
    lines = [""]
    for word in text.split(" "):
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < 12 else [*lines, word]
    return [line for line in lines if line]


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
        figure.add_trace(
            _with_intervals(radii, figures, mark, name, mode="lines+markers", line=line, hovertemplate=hover)
        )
        ends.append(End(100 * figures[-1].mean, _short(name), ink.text, mark["colour"]))
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


def class_heatmap(
    accuracy: np.ndarray,
    counts: np.ndarray,
    *,
    classes: Sequence[str],
    attacks: Sequence[str],
    name: str,
    dark: bool = False,
) -> go.Figure:
    """Accuracy [K, A] per class and attack of one set; the first column is clean."""
    percent = 100 * floats(accuracy)
    labels = [plain(c if len(c) <= 16 else f"{c[:15]}…") for c in classes]
    note = f"{plain(name)}; n = {int(counts.sum()):,} test images, {_span(counts)} per class; mean over networks, %"
    height = 150 + max(200, 26 * len(labels))
    figure = blank(
        _class_statement(percent, counts, labels, [plain(a) for a in attacks]),
        note,
        dark=dark,
        height=height,
        left=112,
        right=72,
    )
    figure.add_heatmap(
        z=percent,
        x=list(range(len(attacks))),
        y=list(range(len(labels))),
        zmin=0,
        zmax=100,
        colorscale=amount_scale(dark),
        xgap=1,
        ygap=1,
        colorbar=colour_bar("%", dark),
        hoverongaps=False,
        customdata=[[f"{c}, {plain(a)}" for a in attacks] for c in labels],
        hovertemplate="%{customdata}: %{z:.1f} %<extra></extra>",
    )
    if len(labels) <= 20:
        _cell_texts(figure, percent, 0, dark)
    heads = ["<br>".join(_wrapped(plain(a))) for a in attacks]
    look = {"showgrid": False, "tickfont": {"size": 12, "color": tokens(dark).text}}
    figure.update_layout(
        xaxis=axis("", dark=dark, tickvals=list(range(len(attacks))), ticktext=heads, **look),
        yaxis=axis(
            "", dark=dark, tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.5, -0.5], **look
        ),
    )
    return figure


def _cell_texts(figure: go.Figure, percent: np.ndarray, digits: int, dark: bool) -> None:
    """The value in every cell of a heat map from 0 to 100, light on dark colours and dark on light ones."""
    rows, columns = np.indices(percent.shape)
    values = percent.ravel()
    light = values < 50 if dark else values > 45
    figure.add_scatter(
        x=columns.ravel(),
        y=rows.ravel(),
        mode="text",
        text=[number(float(v), digits) for v in values],
        hoverinfo="skip",
        textfont={"size": 12, "color": ["#ffffff" if is_light else "#1a1f26" for is_light in light]},
    )


def _span(counts: np.ndarray) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _under(attack: str) -> str:
    return "without attack" if attack.lower() == "clean" else f"under {attack}"


def _class_statement(percent: np.ndarray, counts: np.ndarray, labels: Sequence[str], attacks: Sequence[str]) -> str:
    """The class and attack with the lowest accuracy; of fewer than `FEW` images it may be chance, and the sentence says
    so."""
    if not np.isfinite(percent).any():
        return "No test image of these classes"
    row, column = divmod(int(np.nanargmin(percent)), percent.shape[1])
    spot, correct = (
        f"{labels[row]} {_under(attacks[column])}",
        f"{number(float(percent[row, column]), 0)}\u00a0% correct",
    )
    if counts[row] < FEW:
        return (
            f"The lowest figure is {spot}: {correct}, of {counts[row]} image{'' if counts[row] == 1 else 's'}, too few"
            " to call it a weak spot"
        )
    return f"The weakest spot is {spot}: {correct}"


def transfer_heatmap(
    accuracy: np.ndarray, names: Sequence[str], *, attack: str, eps: str, n: int, dark: bool = False
) -> go.Figure:
    """Accuracy [surrogate, target]: images made on the networks of one set, classified by those of another; diagonal =
    white box."""
    percent, labels = 100 * floats(accuracy), [_short(name) for name in names]
    off = ~np.eye(len(names), dtype=bool)
    gap = float(percent[off].mean() - percent[~off].mean())
    statement = (
        f"Attacks made on other networks leave {number(abs(gap))} points {'more' if gap >= 0 else 'less'} than those on"
        " a network itself"
    )
    note = (
        f"accuracy in % under {plain(attack)} at ε = {plain(eps)}; n = {n:,} test images; rows: made on, columns:"
        " tried on"
    )
    figure = blank(statement, note, dark=dark, height=190 + 46 * len(names), left=190, right=72, bottom=72)
    figure.add_heatmap(
        z=percent,
        x=list(range(len(names))),
        y=list(range(len(names))),
        zmin=0,
        zmax=100,
        colorscale=amount_scale(dark),
        xgap=2,
        ygap=2,
        colorbar=colour_bar("%", dark),
        customdata=[[f"made on {a}<br>tried on {b}" for b in labels] for a in labels],
        hovertemplate="%{customdata}: %{z:.1f} %<extra></extra>",
    )
    look = {
        "showgrid": False,
        "tickfont": {"size": 12, "color": tokens(dark).text},
        "tickvals": list(range(len(names))),
    }
    _cell_texts(figure, percent, 1, dark)
    heads = ["<br>".join(_wrapped(label.replace("-", "- "))).replace("- ", "-") for label in labels]
    figure.update_layout(
        xaxis=axis("tried on", dark=dark, ticktext=heads, **look),
        yaxis=axis("", dark=dark, ticktext=labels, range=[len(names) - 0.5, -0.5], **look),
    )
    return figure


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
            text=_short(name),
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
