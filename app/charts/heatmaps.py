"""Sets as tables of colour: accuracy of one set by class and attack, and of all sets under each other's attacks.

Letters: K classes, A attempts, S sets.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.charts.base import axis, blank, colour_bar, floats, number, plain
from app.charts.dots import short, wrapped
from app.theme import amount_scale, tokens

FEW = 20  # images of a class below which its accuracy may well be chance


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
    statement = _class_statement(percent, counts, labels, [plain(a) for a in attacks])
    figure = blank(statement, note, dark=dark, height=150 + max(200, 26 * len(labels)), left=112, right=72)
    hover = [[f"{c}, {plain(a)}" for a in attacks] for c in labels]
    _add_cells(figure, percent, hover, dark=dark, gap=1)
    if len(labels) <= 20:
        _cell_texts(figure, percent, 0, dark)
    _name_cells(figure, labels, [wrapped(plain(a)) for a in attacks], dark)
    return figure


def _add_cells(figure: go.Figure, percent: np.ndarray, hover: list[list[str]], *, dark: bool, gap: int) -> None:
    """Cells from 0 to 100 %, the first row at the top; nothing is said of cells without a figure."""
    figure.add_heatmap(
        z=percent,
        x=list(range(percent.shape[1])),
        y=list(range(percent.shape[0])),
        zmin=0,
        zmax=100,
        colorscale=amount_scale(dark),
        xgap=gap,
        ygap=gap,
        colorbar=colour_bar("%", dark),
        hoverongaps=False,
        customdata=hover,
        hovertemplate="%{customdata}: %{z:.1f} %<extra></extra>",
    )


def _name_cells(figure: go.Figure, rows: Sequence[str], columns: Sequence[str], dark: bool, below: str = "") -> None:
    """The names of rows and columns, and what stands `below` those of the columns."""
    look = {"showgrid": False, "tickfont": {"size": 12, "color": tokens(dark).text}}
    x, y = ({"tickvals": list(range(len(names))), "ticktext": list(names)} for names in (columns, rows))
    figure.update_layout(
        xaxis=axis(below, dark=dark, **x, **look),
        yaxis=axis("", dark=dark, range=[len(rows) - 0.5, -0.5], **y, **look),
    )


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
    percent, labels = 100 * floats(accuracy), [short(name) for name in names]
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
    _add_cells(figure, percent, [[f"made on {a}<br>tried on {b}" for b in labels] for a in labels], dark=dark, gap=2)
    _cell_texts(figure, percent, 1, dark)
    heads = [wrapped(label.replace("-", "- ")).replace("- ", "-") for label in labels]
    _name_cells(figure, labels, heads, dark, "tried on")
    return figure
