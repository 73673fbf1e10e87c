"""The curriculum over steps: which margins and classes stand on which rank, and who moved. Rank 0, the hardest, is at
the top."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts.base import (
    UNMARKED,
    Drawing,
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


def _rank_axes(figure: go.Figure, steps: np.ndarray, n: int, drawing: Drawing) -> None:
    dark = drawing.dark
    look = axis("rank (0 = hardest)", dark=dark, range=[n - 0.5, -0.5], showgrid=False, tickformat="d")
    figure.update_layout(xaxis=solid_steps(steps, dark=dark, until=drawing.until), yaxis=look)


def curriculum_heatmap(
    steps: Any,
    margins_by_rank: Any,
    *,
    n: int,
    highlight_ranks: Any = None,
    limit: float | None = None,
    drawing: Drawing = UNMARKED,
) -> go.Figure:
    """Robust margins by rank and step: `margins_by_rank` [S, R] from `rank_matrix`, of `n` images.

    Colours are symmetric around 0 and clipped at ±`limit` (the 99th percentile of |margin| when None). The line is
    where the margin passes 0. `highlight_ranks` [S, M] draws the ranks of chosen images.
    """
    matrix, dark = floats(margins_by_rank), drawing.dark
    steps = _kept_steps(steps, len(matrix))
    broken = (matrix <= 0).mean(axis=1)
    now = nearest(steps, drawing.current)
    note = f"n = {n} images, ranked anew at every step; above the dashed line: broken within ε"
    figure = blank(_frontier(float(broken[0]), float(broken[now])), note, dark=dark, height=400, right=104)
    _add_margins(figure, steps, matrix, n, limit, dark)
    ink = tokens(dark)
    _path(figure, steps, broken * n - 0.5, "margin 0", {"color": ink.zero, "width": 2, "dash": "dash"})
    for path in np.asarray(highlight_ranks).T if highlight_ranks is not None else ():
        _path(figure, steps, path, "halo", {"color": ink.page, "width": 5, "dash": "solid"})
        _path(figure, steps, path, "chosen image", {"color": ink.text, "width": 2, "dash": "solid"})
    _rank_axes(figure, steps, n, drawing)
    mark_step(figure, drawing.current, dark=dark)
    return figure


def _add_margins(
    figure: go.Figure, steps: np.ndarray, matrix: np.ndarray, n: int, limit: float | None, dark: bool
) -> None:
    """The cells of margins [S, R] over steps and `n` ranks, with their colours and what these mean."""
    limit = float(limit or np.percentile(np.abs(matrix), 99) or 1.0)
    figure.add_heatmap(
        x=floats(steps),
        z=matrix.T,
        **_rank_cells(matrix.shape[1], n),
        zmin=-limit,
        zmax=limit,
        colorscale=margin_scale(dark),
        zsmooth=False,
        colorbar=colour_bar(f"robust margin<br>(logits), colours<br>end at ±{limit:.1f}", dark),
        hovertemplate="rank %{y:.0f}, step %{x}<br>margin %{z:.2f} logits<extra></extra>",
    )


def _path(figure: go.Figure, steps: np.ndarray, heights: Any, name: str, line: dict[str, Any]) -> None:
    figure.add_scatter(x=floats(steps), y=floats(heights), mode="lines", name=name, hoverinfo="skip", line=line)


def _frontier(before: float, now: float) -> str:
    then = "as at the start" if percent(before) == percent(now) else f"{percent(before)} at the start"
    return f"{broken_statement(now)}, {then}"


def curriculum_classes(
    steps: Any,
    orders: Any,
    labels: Any,
    *,
    classes: Any = None,
    max_steps: int = 100,
    drawing: Drawing = UNMARKED,
) -> go.Figure:
    """One strip a class: the median rank of its images over steps, from `orders` [S, N] and `labels` [N]; `classes` are
    the names [K].

    The hardest class of the shown step is at the top.
    """
    orders, labels, names = np.asarray(orders), np.asarray(labels), class_names(labels, classes)
    chosen, dark = thin(len(orders), max_steps, nearest(steps, drawing.current)), drawing.dark
    steps, n = np.asarray(steps)[chosen], len(labels)
    there = [k for k in range(len(names)) if (labels == k).any()]
    medians = _median_ranks(orders[chosen], labels, there)
    now = nearest(steps, drawing.current)
    rows = np.argsort(medians[:, now], kind="stable")
    called = [names[there[i]] for i in rows]
    statement = f"At step {steps[now]:g}, {called[0]} is the hardest class and {called[-1]} the easiest"
    alone = f"All images are of class {called[0]}"
    note = f"median rank of each class's images, of n = {n}: {medians.min():.0f} (hardest) to {medians.max():.0f}"
    figure = blank(statement if len(there) > 1 else alone, note, dark=dark, height=400, left=92, right=104)
    _add_strips(figure, steps, medians[rows], called, n, dark)
    ticks = thin(len(there), 20)
    words = {"tickvals": ticks, "ticktext": [called[i] for i in ticks]}
    look = axis("", dark=dark, range=[len(there) - 0.5, -0.5], showgrid=False, **words)
    figure.update_layout(xaxis=solid_steps(steps, dark=dark, until=drawing.until), yaxis=look)
    mark_step(figure, drawing.current, dark=dark)
    return figure


def _median_ranks(orders: np.ndarray, labels: np.ndarray, classes: list[int]) -> np.ndarray:
    """The median rank of the images of each of `classes` over steps, from `orders` [S, N]: [len(classes), S]."""
    ranks = np.argsort(orders.astype(int), axis=1)
    return np.stack([np.median(ranks[:, labels == k], axis=1) for k in classes])


def _add_strips(
    figure: go.Figure, steps: np.ndarray, medians: np.ndarray, called: list[str], n: int, dark: bool
) -> None:
    """A strip of cells for each class, from its median ranks of `n` over steps [K, S] and its name [K]."""
    figure.add_heatmap(
        x=floats(steps),
        z=floats(medians),
        zmin=0,
        zmax=n - 1,
        colorscale=rank_scale(dark),
        zsmooth=False,
        ygap=1 if len(called) <= 20 else 0,
        customdata=np.array(called)[:, None].repeat(len(steps), 1),
        colorbar=colour_bar("median rank<br>(0 = hardest)", dark),
        hovertemplate="%{customdata}, step %{x}<br>median rank %{z:.0f}<extra></extra>",
    )


@dataclass(frozen=True)
class Paths:
    """The ranks [S, M] of M chosen images over steps, the classes [M] of the images, the names [K] of all classes
    (numbers when None), and the numbers [M] of the images (None leaves them out)."""

    ranks: Any
    labels: Any
    classes: Any = None
    samples: Any = None

    def names(self) -> list[str]:
        """What each image is called: its class and, where it is given, its number."""
        classes = class_names(self.labels, self.classes)
        return [
            f"{classes[k]}{'' if self.samples is None else f' #{self.samples[i]}'}" for i, k in enumerate(self.labels)
        ]


def rank_paths(steps: Any, paths: Paths, *, n: int, highlight: Any = None, drawing: Drawing = UNMARKED) -> go.Figure:
    """The ranks of chosen images over steps [S], one line each, named at its end.

    `highlight` are the classes that keep their colour (None = all), `n` is the number of all images (the rank axis).
    """
    steps, ranks, called = np.asarray(steps), np.asarray(paths.ranks, dtype=np.float32), paths.names()
    now = nearest(steps, drawing.current)
    most = int(np.abs(ranks[now] - ranks[0]).argmax())
    figure = blank(
        f"{called[most]} moved most: from rank {ranks[0, most]:.0f} to rank {ranks[now, most]:.0f}",
        f"{ranks.shape[1]} of n = {n} images; rank 0 is the hardest; compared are the first step and step"
        f" {steps[now]:g}",
        dark=drawing.dark,
        height=420,
        right=140,
    )
    ends = _add_paths(figure, steps, paths, highlight, drawing.dark)
    span = (n - 0.5 + 0.02 * n, -0.5 - 0.02 * n)
    _rank_axes(figure, steps, n, drawing)
    figure.update_yaxes(range=span)
    end_labels(figure, ends, span, gap=14)
    mark_step(figure, drawing.current, dark=drawing.dark)
    return figure


def _add_paths(figure: go.Figure, steps: np.ndarray, paths: Paths, highlight: Any, dark: bool) -> list[End]:
    """A line for each image, grey where its class is not among `highlight`; returns the ends of the others."""
    ranks, count, ink = (
        np.asarray(paths.ranks, dtype=np.float32),
        len(class_names(paths.labels, paths.classes)),
        tokens(dark),
    )
    ends = []
    for i, (k, name) in enumerate(zip(paths.labels, paths.names(), strict=True)):
        strong = highlight is None or k in highlight
        colour = class_colour(int(k), count) if strong else faded(ink.muted, 0.3)
        figure.add_scatter(
            x=floats(steps),
            y=ranks[:, i],
            mode="lines",
            name=name,
            line={"color": colour, "width": 2.5 if strong else 1.5},
            hovertemplate="rank %{y:.0f}, step %{x}",
        )
        if strong:
            ends.append(End(float(ranks[-1, i]), name, ink.text, colour))
    return ends
