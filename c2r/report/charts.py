"""Charts as inline SVG: dots of accuracy and of paired differences with intervals, and cumulative margins. Axes start
at 0 or share limits."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from c2r.report.markup import Html, percent, tag, text
from c2r.report.style import DASHES, LIGHT_LINES

ROW, LABEL, PLOT, VALUE = (
    16,
    250,
    560,
    120,
)  # px: height of a dot's row; width of names, of the plot and of figures beside it
HIGH = 300  # px, height of a margin panel


class Dot(NamedTuple):
    """One dot: letter of its run ('' for a single run), mean and interval as shares, CSS colour."""

    letter: str
    mean: float | None
    interval: tuple[float, float] | None
    colour: str


def dots(
    groups: Sequence[tuple[str, Sequence[Dot]]],
    axis: str,
    ends: tuple[float, float] = (0.0, 1.0),
    written: Any = percent,
) -> Html:
    """Groups of dots between the `ends`, a name on the left of each group, whiskers for intervals, the figure on the
    right."""
    parts, top = [], 8
    for name, members in groups:
        middle = top + ROW * len(members) / 2
        parts.append(tag("text", name, x=LABEL - 26, y=f"{middle + 4:.0f}", text_anchor="end"))
        for dot in members:
            parts += _dot(dot, top, ends, written)
            top += ROW
        top += 8
    values = [20.0 * i for i in range(6)] if ends == (0.0, 1.0) else _round_values(100 * ends[0], 100 * ends[1])
    ticks = [_tick(_along(value / 100, ends), 4, top, f"{value:g}") for value in values]
    zero = tag("line", x1=f"{_along(0, ends):.1f}", x2=f"{_along(0, ends):.1f}", y1=4, y2=top, class_="zero")
    title = tag("text", axis, x=LABEL + PLOT / 2, y=top + 36, text_anchor="middle", class_="muted")
    return _svg(LABEL + PLOT + VALUE, top + 44, axis, [*ticks, zero, *parts, title])


def _along(share: float, ends: tuple[float, float]) -> float:
    return LABEL + PLOT * (share - ends[0]) / (ends[1] - ends[0])


def _dot(dot: Dot, top: float, ends: tuple[float, float], written: Any) -> list[Html]:
    middle = top + ROW / 2
    letter = tag("text", dot.letter, x=LABEL - 8, y=middle + 4, text_anchor="end", class_="muted")
    if dot.mean is None:
        return [letter, tag("text", "no value", x=LABEL + 6, y=middle + 4, class_="muted")]
    low, high = dot.interval or (dot.mean, dot.mean)
    left, right = _along(low, ends), _along(high, ends)
    whisker = f"M{left:.1f} {middle}H{right:.1f}M{left:.1f} {middle - 4}v8M{right:.1f} {middle - 4}v8"
    shape = tag(
        "circle",
        cx=f"{_along(dot.mean, ends):.1f}",
        cy=middle,
        r=5,
        fill=dot.colour,
        stroke="var(--text)",
        stroke_width=0.7,
    )
    figure = tag("text", written(dot.mean), x=f"{max(right, LABEL) + 8:.1f}", y=middle + 4)
    return [letter, tag("path", d=whisker, class_="whisker"), shape, figure]


def styles(keys: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Colour and dash of each attempt's line, clean solid and blue; the same for every panel of a report."""
    attacks = [key for key in keys if key != "clean"]
    drawn: dict[str, tuple[str, str | None]] = {
        key: (f"var(--line{i % len(LIGHT_LINES)})", DASHES[i % len(DASHES)]) for i, key in enumerate(attacks)
    }
    return {"clean": ("var(--clean)", None)} | drawn


def limits(margins: Sequence[np.ndarray]) -> tuple[float, float]:
    """The shared ends of the margin axis: the 1st and 99th percentile of all values, with 0 inside."""
    values = np.concatenate([m.ravel() for m in margins])
    low, high = np.percentile(values[np.isfinite(values)], (1, 99)) if np.isfinite(values).any() else (-1.0, 1.0)
    return float(min(low, -0.5)), float(max(high, 0.5))


def cumulative(
    curves: Mapping[str, tuple[str, np.ndarray]], looks: Mapping[str, Any], ends: tuple[float, float], axis: str
) -> Html:
    """Cumulative margins: key → (name, margins of any shape); `ends` of the axis. The legend gives each line's share
    below 0."""
    left, wide = 56, PLOT

    def place(value: float) -> float:
        return left + wide * (value - ends[0]) / (ends[1] - ends[0])

    bottom = 8 + HIGH
    grid = [_level(8 + HIGH * (1 - i / 4), left, wide, f"{25 * i}") for i in range(5)]
    grid += [_tick(place(value), 8, bottom, f"{value:g}") for value in _round_values(*ends)]
    zero = tag("line", x1=f"{place(0):.1f}", x2=f"{place(0):.1f}", y1=8, y2=bottom, class_="zero")
    lines, legend = [], []
    ordered = sorted(curves, key=lambda key: float((curves[key][1] <= 0).mean()))
    for row, key in enumerate(ordered):
        name, margins = curves[key]
        colour, dash = looks[key]
        lines.append(
            tag("path", d=_curve(margins, ends, place), class_="curve", style=f"stroke:{colour}", stroke_dasharray=dash)
        )
        y = 20 + 19 * row
        start = left + wide + 24
        legend.append(
            tag("path", d=f"M{start} {y}h34", class_="curve", style=f"stroke:{colour}", stroke_dasharray=dash)
        )
        legend.append(tag("text", f"{name}: {percent(float((margins <= 0).mean()))} wrong", x=start + 42, y=y + 4))
    words = tag("text", axis, x=left + wide / 2, y=bottom + 36, text_anchor="middle", class_="muted")
    side = tag(
        "text",
        "Share of test images (%)",
        transform=f"translate(14 {8 + HIGH / 2:.0f}) rotate(-90)",
        text_anchor="middle",
        class_="muted",
    )
    return _svg(
        left + wide + 330, max(bottom + 44, 30 + 19 * len(curves)), axis, [*grid, *lines, zero, *legend, words, side]
    )


def _curve(margins: np.ndarray, ends: tuple[float, float], place: Any) -> str:
    values = np.sort(margins.ravel())
    at = np.linspace(*ends, 161)
    shares = np.searchsorted(values, at, side="right") / len(values)
    return "M" + "L".join(f"{place(x):.1f} {8 + HIGH * (1 - share):.1f}" for x, share in zip(at, shares, strict=True))


def _round_values(low: float, high: float) -> list[float]:
    """About six round numbers between two values."""
    rough = (high - low) / 6
    unit = 10 ** np.floor(np.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough)
    return [float(round(i * step, 6)) for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _tick(x: float, top: float, bottom: float, label: str) -> Html:
    line = tag("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=top, y2=bottom, class_="grid")
    return Html(line + tag("text", label, x=f"{x:.1f}", y=bottom + 16, text_anchor="middle", class_="muted"))


def _level(y: float, left: float, wide: float, label: str) -> Html:
    line = tag("line", x1=left, x2=left + wide, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
    return Html(line + tag("text", label, x=left - 8, y=f"{y + 4:.1f}", text_anchor="end", class_="muted"))


def _svg(wide: float, high: float, name: str, parts: Sequence[Html]) -> Html:
    return Html(
        f'<svg viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" role="img" aria-label="{text(name)}">'
        + "".join(parts)
        + "</svg>"
    )
