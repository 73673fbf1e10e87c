"""Charts as places in px: dots of accuracy and of paired differences with intervals, and cumulative margins. Axes start
at 0 or share limits; `charts.html` draws them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from c2r.report.style import DASHES, LIGHT_LINES
from c2r.report.wording import percent

LABEL, PLOT, VALUE = 250, 560, 120  # px: width of names, of the plot and of figures beside it
ROW, GAP = 16, 8  # px: height of a dot's row, room between groups
SIDE, LEGEND, HIGH = 56, 330, 300  # px: width of a margin panel's axis and legend, height of its plot
UNDER = 44  # px below a plot, for its axis
SHARES = (0.0, 1.0)  # the ends of an axis of accuracies


class Dot(NamedTuple):
    """One dot: letter of its run ('' for a single run), mean and interval as shares, CSS colour."""

    letter: str
    mean: float | None
    interval: tuple[float, float] | None
    colour: str


class Tick(NamedTuple):
    """A line of the grid: its place, what it is called."""

    at: float
    name: str


@dataclass(frozen=True)
class PlacedDot:
    """A dot in its row: `x` of the mean (None without one), ends of the whisker, where and what its figure is."""

    letter: str
    colour: str
    y: int
    x: float | None = None
    low: float = 0.0
    high: float = 0.0
    end: float = 0.0
    figure: str = ""


class PlacedGroup(NamedTuple):
    """Dots under one name, which stands at their middle."""

    name: str
    middle: int
    dots: list[PlacedDot]


class Curve(NamedTuple):
    """A line of cumulative margins: its name, share below 0, colour, dash and SVG path."""

    name: str
    wrong: float
    colour: str
    dash: str
    path: str


@dataclass(frozen=True)
class Chart:
    """A chart of this size, named by its axis: the plot is `plot` wide, starts at `left`, goes from `top` to
    `bottom`; groups of dots, or curves over levels."""

    axis: str
    wide: int
    high: int
    left: int
    plot: int
    top: int
    bottom: int
    zero: float
    ticks: list[Tick]
    groups: Sequence[PlacedGroup] = ()
    levels: Sequence[Tick] = ()
    lines: Sequence[Curve] = ()


def dots(
    groups: Sequence[tuple[str, Sequence[Dot]]],
    axis: str,
    ends: tuple[float, float] = SHARES,
    written: Callable[[float], str] = percent,
) -> Chart:
    """Groups of dots between the `ends`, a name on the left of each group, whiskers for intervals, the figure on the
    right."""
    placed, top = [], GAP
    for name, members in groups:
        rows = [_placed(dot, top + ROW * i + ROW // 2, ends, written) for i, dot in enumerate(members)]
        placed.append(PlacedGroup(name, top + ROW * len(members) // 2, rows))
        top += ROW * len(members) + GAP
    values = [20.0 * i for i in range(6)] if ends == SHARES else _round_values(100 * ends[0], 100 * ends[1])
    return Chart(
        axis,
        wide=LABEL + PLOT + VALUE,
        high=top + UNDER,
        left=LABEL,
        plot=PLOT,
        top=4,
        bottom=top,
        zero=_along(0, ends, LABEL),
        ticks=[Tick(_along(value / 100, ends, LABEL), f"{value:g}") for value in values],
        groups=placed,
    )


def _along(value: float, ends: tuple[float, float], left: int) -> float:
    return round(left + PLOT * (value - ends[0]) / (ends[1] - ends[0]), 1)


def _placed(dot: Dot, y: int, ends: tuple[float, float], written: Callable[[float], str]) -> PlacedDot:
    if dot.mean is None:
        return PlacedDot(dot.letter, dot.colour, y)
    low, high = (_along(end, ends, LABEL) for end in dot.interval or (dot.mean, dot.mean))
    end = round(max(high, LABEL) + 8, 1)
    return PlacedDot(dot.letter, dot.colour, y, _along(dot.mean, ends, LABEL), low, high, end, written(dot.mean))


def styles(keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and dash of each attempt's line, clean solid and blue; the same for every panel of a report."""
    attacks = [key for key in keys if key != "clean"]
    drawn: dict[str, tuple[str, str]] = {
        key: (f"var(--line{i % len(LIGHT_LINES)})", DASHES[i % len(DASHES)]) for i, key in enumerate(attacks)
    }
    return {"clean": ("var(--clean)", "none")} | drawn


def limits(margins: Sequence[np.ndarray]) -> tuple[float, float]:
    """The shared ends of the margin axis: the 1st and 99th percentile of all values, with 0 inside."""
    values = np.concatenate([m.ravel() for m in margins])
    low, high = np.percentile(values[np.isfinite(values)], (1, 99)) if np.isfinite(values).any() else (-1.0, 1.0)
    return float(min(low, -0.5)), float(max(high, 0.5))


def cumulative(
    curves: Mapping[str, tuple[str, np.ndarray]],
    looks: Mapping[str, tuple[str, str]],
    ends: tuple[float, float],
    axis: str,
) -> Chart:
    """Cumulative margins: key → (name, margins of any shape); `ends` of the axis. The legend gives each line's share
    below 0."""
    wrong = {key: float((margins <= 0).mean()) for key, (_, margins) in curves.items()}
    lines = [
        Curve(curves[key][0], wrong[key], *looks[key], _path(curves[key][1], ends))
        for key in sorted(curves, key=lambda key: wrong[key])
    ]
    return Chart(
        axis,
        wide=SIDE + PLOT + LEGEND,
        high=max(8 + HIGH + UNDER, 30 + 19 * len(curves)),
        left=SIDE,
        plot=PLOT,
        top=8,
        bottom=8 + HIGH,
        zero=_along(0, ends, SIDE),
        ticks=[Tick(_along(value, ends, SIDE), f"{value:g}") for value in _round_values(*ends)],
        levels=[Tick(8 + HIGH - i * HIGH // 4, f"{25 * i}") for i in range(5)],
        lines=lines,
    )


def _path(margins: np.ndarray, ends: tuple[float, float]) -> str:
    values = np.sort(margins.ravel())
    at = np.linspace(*ends, 161)
    shares = np.searchsorted(values, at, side="right") / len(values)
    heights = 8 + HIGH * (1 - shares)
    return "M" + "L".join(f"{_along(x, ends, SIDE):.1f} {y:.1f}" for x, y in zip(at, heights, strict=True))


def _round_values(low: float, high: float) -> list[float]:
    """About six round numbers between two values."""
    rough = (high - low) / 6
    unit = 10 ** np.floor(np.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough)
    return [float(round(i * step, 6)) for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]
