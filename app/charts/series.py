"""The series of a run's method over its steps, and its final accuracies per attack."""

from collections.abc import Sequence
from typing import Any

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
    line,
    mark_step,
    nearest,
    number,
    percent,
    plain,
    step_axis,
)
from app.charts.labels import End, end_labels, last, lines_end
from app.readings import Curves
from app.theme import ADVERSARIAL, CLEAN, series_mark, tokens
from c2r.base.errors import InputError
from c2r.evaluation import attempts
from c2r.store import headline

LETTER = 7.2  # px of a letter of a name under its bar
BAR_ROOM = {False: 330, True: 760}  # px of all bars together, in half a page and across a whole one
SPREAD_ROOM, TENTH_ROOM = 76, 34  # px that a bar needs for a label such as 78.6 ± 0.7, and for one such as 78.6
LOG_TICKS = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]


def series_lines(curves: Curves, drawing: Drawing = UNMARKED) -> go.Figure:
    """The series of one axis over recorded steps [S], and the weighted terms that add up to the first one.

    The axis ends at round numbers, so that it seldom moves while a run goes on; it is logarithmic when the lines span
    more than a factor of 20.
    """
    current, until, dark = drawing.current, drawing.until, drawing.dark
    drawn = [floats(line.values) for line in curves.lines]
    every = np.concatenate([*drawn, np.empty(0, np.float32)])
    every = every[np.isfinite(every)]
    if not len(every):
        raise InputError("The chart of a series expects at least one recorded value, found none: wait for a step.")
    log = bool(every.min() > 0 and every.max() / every.min() > 20)
    figure = blank(_series_statement(curves, current), _series_note(curves), dark=dark, height=340, right=136)
    steps, heights, ends = curves.steps, np.log10 if log else np.asarray, []
    for series, values in zip(curves.lines, drawn, strict=True):
        mark, spoken = series_mark(series.place, dark), plain(series.label)
        figure.add_trace(line(steps, values, mark, spoken, mode="lines" if len(steps) > 2 else "lines+markers"))
        ends.append(End(last(heights(values)), spoken, mark["colour"], mark["colour"]))
    span = _series_span(heights(every), log)
    ticks = {"type": "log", "tickvals": LOG_TICKS, "ticktext": [f"{tick:g}" for tick in LOG_TICKS]} if log else {}
    title = (
        f"{in_sentence(curves.axis)}{f' ({plain(curves.unit)})' if curves.unit else ''}{', logarithmic' if log else ''}"
    )
    figure.update_layout(
        xaxis=step_axis(steps, dark=dark, until=until), yaxis=axis(title, dark=dark, range=span, **ticks)
    )
    end_labels(figure, ends, span, at=lines_end(steps, until))
    mark_step(figure, current, dark=dark)
    return figure


def _series_statement(curves: Curves, current: float | None) -> str:
    """Which weighted term is the largest at the shown step, of those that were recorded there; without terms what the
    first series is there."""
    place = nearest(curves.steps, current)
    now = {
        line.label: value for line in curves.lines if line.weight and np.isfinite(value := floats(line.values)[place])
    }
    whole = float(sum(now.values()))
    if len(now) < 2 or whole <= 0:
        return f"{plain(curves.lines[0].label)} of each update"
    most = max(now, key=lambda label: now[label])
    share = percent(float(now[most]) / whole)
    return f"At step {curves.steps[place]:g}, {plain(most)} is {share} of the {in_sentence(curves.axis)}"


def _series_note(curves: Curves) -> str:
    """What is drawn: the weighted terms as a sum, else the lines by name."""
    weights = {line.label: "" if line.weight == 1 else f"{line.weight:.3g} · " for line in curves.lines if line.weight}
    terms = [f"{weight}{plain(label)}" for label, weight in weights.items()]
    return " + ".join(terms) or f"recorded by the method: {', '.join(plain(line.label) for line in curves.lines)}"


def _series_span(heights: np.ndarray, log: bool) -> tuple[float, float]:
    """From whole power of ten to whole power of ten, or from 0 to the next round number."""
    low, high = float(heights.min()), float(heights.max())
    if log:
        return float(np.floor(low)), float(np.ceil(high + 1e-9))
    room = 10.0 ** np.floor(np.log10(max(high, -low, 1e-9)))
    return min(0.0, room * np.floor(low / room)), max(0.0, room * np.ceil(high / room)) or room


def accuracy_bars(rows: list[dict[str, Any]], *, wide: bool = False, dark: bool = False) -> go.Figure:
    """Test accuracy per attack, from rows of ``rows.jsonl`` of one run: mean ± standard deviation over seeds, each seed
    a dot.

    `wide`: the chart has a whole page to itself. Names are slanted and the figures on the bars shortened where they
    would touch.
    """
    figures = attempts.figures(rows)
    if not figures:
        raise InputError(
            "The accuracy chart expects at least one evaluated attack, found none: evaluate the run first."
        )
    called = attempts.names(figures)
    groups = [[100 * row["accuracy"] for row in rows if attempts.key_of(row) == key] for key in figures]
    means, spread = _mean_and_spread(groups)
    room, longest = BAR_ROOM[wide] / len(groups), LETTER * max(len(called[key]) for key in figures)
    slanted, low = longest > room, min(128, 24 + round(0.64 * longest))
    figure = blank(
        _accuracy_statement(figures),
        _accuracy_note(rows, figures),
        dark=dark,
        height=292 + low if slanted else 340,
        bottom=low if slanted else 48,
    )
    ink, names = tokens(dark), [plain(called[key]) for key in figures]
    colours = [CLEAN if key == attempts.CLEAN else ADVERSARIAL for key in figures]
    _accuracy_marks(figure, groups, colours, dark)
    _accuracy_figures(figure, means, spread, room, dark)
    look = {"showgrid": False, "tickfont": {"size": 13, "color": ink.text}, "tickangle": -40 if slanted else 0}
    places = axis(
        "", dark=dark, tickvals=list(range(len(names))), ticktext=names, range=[-0.6, len(groups) - 0.4], **look
    )
    figure.update_layout(xaxis=places, yaxis=axis("accuracy (%)", dark=dark, range=[0, 100], dtick=20))
    return figure


def _accuracy_marks(figure: go.Figure, groups: list[list[float]], colours: list[str], dark: bool) -> None:
    """A bar for each attack with mean and standard deviation, and a dot for each seed."""
    ink, (means, spread) = tokens(dark), _mean_and_spread(groups)
    figure.add_bar(
        x=list(range(len(groups))),
        y=means,
        width=0.5,
        customdata=spread,
        hovertemplate="mean %{y:.1f} ± %{customdata:.1f} %<extra></extra>",
        marker={"color": [faded(c, 0.75) for c in colours], "line": {"color": colours, "width": 1}},
        error_y={
            "type": "data",
            "array": spread,
            "color": ink.text,
            "thickness": 1.5,
            "width": 6,
            "visible": any(spread),
        },
    )
    dots = [(position + 0.08 + 0.05 * (j % 3), value) for position, v in enumerate(groups) for j, value in enumerate(v)]
    figure.add_scatter(
        x=[x for x, _ in dots],
        y=[y for _, y in dots],
        mode="markers",
        hovertemplate="one seed: %{y:.1f} %<extra></extra>",
        marker={"color": ink.page, "size": 7, "line": {"color": ink.text, "width": 1.2}},
    )


def _mean_and_spread(groups: list[list[float]]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation (0 of a single seed) of each group."""
    return (
        [float(np.mean(group)) for group in groups],
        [float(np.std(group, ddof=1)) if len(group) > 1 else 0.0 for group in groups],
    )


def _accuracy_figures(
    figure: go.Figure, means: Sequence[float], spread: Sequence[float], room: float, dark: bool
) -> None:
    """The figures on the bars, as long as a bar of `room` px holds."""
    ink = tokens(dark)
    for position, (mean, std) in enumerate(zip(means, spread, strict=True)):
        text = f"<b>{number(mean, int(room >= TENTH_ROOM))}</b>" + (
            f" ± {number(std)}" if any(spread) and room >= SPREAD_ROOM else ""
        )
        figure.add_annotation(
            x=position,
            y=mean + std,
            text=text,
            showarrow=False,
            yanchor="bottom",
            yshift=4,
            font={"size": 13, "color": ink.text},
        )


def _accuracy_statement(figures: dict[str, dict[str, Any]]) -> str:
    called, lowest = attempts.names(figures), headline.worst(figures)
    clean = figures.get(attempts.CLEAN)
    if clean is None or lowest is None:
        key = next(iter(figures))
        return (
            f"{plain(called[key])}: {number(100 * figures[key]['mean'])}\u00a0% of the test images are classified"
            " correctly"
        )
    unharmed, attacked = 100 * clean["mean"], 100 * figures[lowest]["mean"]
    shown = (f"{number(value)}\u00a0%" for value in (unharmed, attacked))
    lost = round(unharmed, 1) - round(attacked, 1)  # of what is shown, so that the title adds up
    return f"{plain(called[lowest])} costs {number(lost)} points: {{}} clean, {{}} attacked".format(*shown)


def _accuracy_note(rows: list[dict[str, Any]], figures: dict[str, dict[str, Any]]) -> str:
    """Seeds, n and ε of the rows; when they differ, all of them."""
    seeds, counts = len({row["seed"] for row in rows}), sorted({int(row["n"]) for row in rows})
    radii = sorted({plain(headline.threat(figure)) for figure in figures.values()} - {""})
    spread = f"mean ± std of {seeds} seeds (dots)" if seeds > 1 else "a single seed, so no spread"
    return f"n = {' or '.join(map(str, counts))} test images; {' or '.join(radii) + '; ' if radii else ''}{spread}"
