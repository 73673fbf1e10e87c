"""The curriculum over steps: which margins and classes stand on which rank, and who moved. Rank 0, the hardest, is at
the top."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts.base import (
    axis,
    blank,
    broken_statement,
    class_names,
    colour_bar,
    faded,
    floats,
    mark_step,
    nearest,
    percent,
    solid_steps,
)
from app.charts.labels import End, end_labels
from app.theme import class_colour, margin_scale, rank_scale, tokens
from c2r.look.summary import thin


def _kept_steps(steps: Any, rows: int) -> np.ndarray:
    steps = np.asarray(steps)
    return steps if len(steps) == rows else steps[thin(len(steps), rows)]


def _rank_cells(bins: int, n: int) -> dict[str, float]:
    """Where the rows of a heat map of `bins` rank bins lie, so that rank r of `n` is at height r."""
    return {"y0": (n / bins - 1) / 2, "dy": n / bins}


def _rank_axes(figure: go.Figure, steps: np.ndarray, n: int, dark: bool, until: float | None = None) -> None:
    look = axis("rank (0 = hardest)", dark=dark, range=[n - 0.5, -0.5], showgrid=False, tickformat="d")
    figure.update_layout(xaxis=solid_steps(steps, dark=dark, until=until), yaxis=look)


def curriculum_heatmap(
    steps: Any,
    margins_by_rank: Any,
    *,
    n: int,
    current: float | None = None,
    highlight_ranks: Any = None,
    limit: float | None = None,
    until: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Robust margins by rank and step: `margins_by_rank` [S, R] from `rank_matrix`, of `n` images.

    Colours are symmetric around 0 and clipped at ±`limit` (the 99th percentile of |margin| when None). The step axis
    reaches to `until`. The line is
    where the margin passes 0. `highlight_ranks` [S, M] draws the ranks of chosen images.
    """
    matrix = floats(margins_by_rank)
    steps, bins = _kept_steps(steps, len(matrix)), matrix.shape[1]
    limit = float(limit or np.percentile(np.abs(matrix), 99) or 1.0)
    broken = (matrix <= 0).mean(axis=1)
    now = nearest(steps, current)
    note = f"n = {n} images, ranked anew at every step; above the dashed line: broken within ε"
    figure = blank(_frontier(float(broken[0]), float(broken[now])), note, dark=dark, height=400, right=104)
    figure.add_heatmap(
        x=floats(steps),
        z=matrix.T,
        **_rank_cells(bins, n),
        zmin=-limit,
        zmax=limit,
        colorscale=margin_scale(dark),
        zsmooth=False,
        colorbar=colour_bar(f"robust margin<br>(logits), colours<br>end at ±{limit:.1f}", dark),
        hovertemplate="rank %{y:.0f}, step %{x}<br>margin %{z:.2f} logits<extra></extra>",
    )
    ink = tokens(dark)
    _path(figure, steps, broken * n - 0.5, "margin 0", ink.zero, 2, "dash")
    for path in np.asarray(highlight_ranks).T if highlight_ranks is not None else ():
        _path(figure, steps, path, "halo", ink.page, 5)
        _path(figure, steps, path, "chosen image", ink.text, 2)
    _rank_axes(figure, steps, n, dark, until)
    mark_step(figure, current, dark=dark)
    return figure


def _path(
    figure: go.Figure, steps: np.ndarray, heights: Any, name: str, colour: str, width: float, dash: str = "solid"
) -> None:
    figure.add_scatter(
        x=floats(steps),
        y=floats(heights),
        mode="lines",
        name=name,
        hoverinfo="skip",
        line={"color": colour, "width": width, "dash": dash},
    )


def _frontier(before: float, now: float) -> str:
    then = "as at the start" if percent(before) == percent(now) else f"{percent(before)} at the start"
    return f"{broken_statement(now)}, {then}"


def curriculum_classes(
    steps: Any,
    orders: Any,
    labels: Any,
    *,
    classes: Any = None,
    current: float | None = None,
    until: float | None = None,
    max_steps: int = 100,
    dark: bool = False,
) -> go.Figure:
    """One strip a class: the median rank of its images over steps, from `orders` [S, N] and `labels` [N]; `classes` are
    the names [K].

    The hardest class of the shown step is at the top.
    """
    orders, labels, names = np.asarray(orders), np.asarray(labels), class_names(labels, classes)
    chosen = thin(len(orders), max_steps, nearest(steps, current))
    steps, n = np.asarray(steps)[chosen], len(labels)
    ranks = np.argsort(orders[chosen].astype(int), axis=1)
    there = [k for k in range(len(names)) if (labels == k).any()]
    medians = np.stack([np.median(ranks[:, labels == k], axis=1) for k in there])
    now = nearest(steps, current)
    rows = np.argsort(medians[:, now], kind="stable")
    called = [names[there[i]] for i in rows]
    statement = f"At step {steps[now]:g}, {called[0]} is the hardest class and {called[-1]} the easiest"
    note = f"median rank of each class's images, of n = {n}: {medians.min():.0f} (hardest) to {medians.max():.0f}"
    figure = blank(
        statement if len(there) > 1 else f"All images are of class {called[0]}",
        note,
        dark=dark,
        height=400,
        left=92,
        right=104,
    )
    figure.add_heatmap(
        x=floats(steps),
        z=floats(medians[rows]),
        zmin=0,
        zmax=n - 1,
        colorscale=rank_scale(dark),
        zsmooth=False,
        ygap=1 if len(there) <= 20 else 0,
        customdata=np.array(called)[:, None].repeat(len(steps), 1),
        colorbar=colour_bar("median rank<br>(0 = hardest)", dark),
        hovertemplate="%{customdata}, step %{x}<br>median rank %{z:.0f}<extra></extra>",
    )
    ticks = thin(len(there), 20)
    look = axis(
        "",
        dark=dark,
        range=[len(there) - 0.5, -0.5],
        showgrid=False,
        tickvals=ticks,
        ticktext=[called[i] for i in ticks],
    )
    figure.update_layout(xaxis=solid_steps(steps, dark=dark, until=until), yaxis=look)
    mark_step(figure, current, dark=dark)
    return figure


def rank_paths(
    steps: Any,
    ranks: Any,
    labels: Any,
    names: Any,
    *,
    n: int,
    samples: Any = None,
    highlight: Any = None,
    current: float | None = None,
    until: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """The ranks [S, M] of M chosen images over steps, one line each, named at its end.

    `labels` [M] are their classes, `names` [K] the class names, `samples` [M] the numbers of the images, `highlight`
    the classes that keep their colour (None = all), `n` the number of all images (the rank axis).
    """
    ranks, labels, names = np.asarray(ranks, dtype=np.float32), np.asarray(labels), class_names(labels, names)
    steps, ink = np.asarray(steps), tokens(dark)
    called = [f"{names[k]}{'' if samples is None else f' #{samples[i]}'}" for i, k in enumerate(labels)]
    now = nearest(steps, current)
    moved = ranks[now] - ranks[0]
    most = int(np.abs(moved).argmax())
    figure = blank(
        f"{called[most]} moved most: from rank {ranks[0, most]:.0f} to rank {ranks[now, most]:.0f}",
        f"{ranks.shape[1]} of n = {n} images; rank 0 is the hardest; compared are the first step and step"
        f" {steps[now]:g}",
        dark=dark,
        height=420,
        right=140,
    )
    ends = []
    for i, k in enumerate(labels):
        strong = highlight is None or k in highlight
        colour = class_colour(int(k), len(names)) if strong else faded(ink.muted, 0.3)
        figure.add_scatter(
            x=floats(steps),
            y=ranks[:, i],
            mode="lines",
            name=called[i],
            line={"color": colour, "width": 2.5 if strong else 1.5},
            hovertemplate="rank %{y:.0f}, step %{x}",
        )
        if strong:
            ends.append(End(float(ranks[-1, i]), called[i], ink.text, colour))
    span = (n - 0.5 + 0.02 * n, -0.5 - 0.02 * n)
    _rank_axes(figure, steps, n, dark, until)
    figure.update_yaxes(range=span)
    end_labels(figure, ends, span, gap=14)
    mark_step(figure, current, dark=dark)
    return figure
