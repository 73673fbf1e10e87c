"""What all charts share: an empty figure in our look, axes, the marker of the current step, figures in words.

Letters: S recorded steps, N synthetic images, P images on the map, M chosen images, K classes.
"""

from dataclasses import dataclass
from html import escape, unescape
from textwrap import wrap
from typing import Any, TypedDict, Unpack

import numpy as np
import plotly.graph_objects as go

from app.theme import tokens

# Streamlit's own font, so that charts and page read as one.
FONT = '"Source Sans", "Source Sans Pro", sans-serif'
STATEMENT_WIDTH, NOTE_WIDTH = 66, 92  # letters of one line at 600 px


Span = tuple[float, float]


@dataclass(frozen=True)
class Drawing:
    """How a chart over steps is drawn: the marked step, the last step of a run at work, to which the axis reaches, the
    fixed range of the other axis (None follows the data), and the appearance."""

    current: float | None = None
    until: float | None = None
    span: Span | None = None
    dark: bool = False


UNMARKED = Drawing()


def number(value: float, digits: int = 1) -> str:
    """A number with a true minus sign and no minus zero; a dash for one that does not exist."""
    if not np.isfinite(value):
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """A share in [0, 1] as whole percent; only exact nothing and everything read as 0 % and 100 %."""
    return f"{round(min(max(100 * share, 1), 99)) if 0 < share < 1 else round(100 * share)}\u00a0%"


def images(share: float, what: str) -> str:
    """``"38 % of the images are broken"``, or No image, Every image."""
    special = {0.0: f"No image is {what}", 1.0: f"Every image is {what}"}
    return special.get(float(share), f"{percent(share)} of the images are {what}")


def broken_statement(share: float) -> str:
    """How many images an attack breaks; an attack finds margins that are too large, never too small, hence "at
    least"."""
    words = images(share, "broken within ε")
    return words if share == 1 else f"At least {words}" if share else "No image is known to be broken within ε"


def plain(name: object) -> str:
    """A name given by a person, safe inside a chart text (Plotly reads a little HTML)."""
    return escape(str(name), quote=False)


def in_sentence(name: str) -> str:
    """A name within a sentence: ``Loss`` as ``loss``, an abbreviation such as ``KL`` as it is; safe inside a chart
    text."""
    return plain(name if name[1:2].isupper() else name[:1].lower() + name[1:])


def floats(values: Any) -> np.ndarray:
    """float32 travels as half the bytes of float64; None becomes a gap."""
    return np.asarray(values, dtype=np.float32)


def alt_text(figure: go.Figure) -> str:
    """The chart's statement and its note as one plain line, for ``st.plotly_chart(alt=…)``."""
    return unescape(f"{figure.layout.meta['statement']}. {figure.layout.meta['note']}.")


def chart_config(*, selectable: bool = False) -> dict[str, Any]:
    """The ``config=`` of ``st.plotly_chart``: a toolbar (on hover) only where something can be selected or zoomed."""
    return {
        "displaylogo": False,
        "displayModeBar": "hover" if selectable else False,
        "modeBarButtonsToRemove": ["autoScale2d"],
        "doubleClick": "reset",
    }


def selected_numbers(points: list[dict[str, Any]]) -> list[int]:
    """What a person selected, from ``event.selection.points``: image numbers of a map, bin numbers of a histogram; each
    once, ascending."""
    numbers = [point["customdata"] for point in points if point.get("customdata") is not None]
    return sorted({int(np.ravel(data)[0]) for data in numbers})


class Sides(TypedDict, total=False):
    """Margins of a figure in px, where they are not the usual ones."""

    left: int
    right: int
    bottom: int


def blank(statement: str, note: str, *, dark: bool, height: int, **sides: Unpack[Sides]) -> go.Figure:
    """An empty figure: statement and note at the left, transparent, fixed margins, state kept by `uirevision`."""
    ink, margins = tokens(dark), {"left": 56, "right": 16, "bottom": 48, **sides}
    statements, notes = wrap(statement, STATEMENT_WIDTH), wrap(note, NOTE_WIDTH)
    small = f'<span style="font-size:13px;font-weight:400;color:{ink.muted}">{"<br>".join(notes)}</span>'
    top = 28 + 21 * (len(statements) + len(notes))
    return go.Figure(
        layout={
            "meta": {"statement": statement, "note": note},
            "template": {"layout": {"colorway": [ink.text]}},
            "title": _title("<br>".join([*statements, small]), ink.text, height),
            "font": {"family": FONT, "size": 13, "color": ink.text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "height": height,
            "margin": {name[0]: px for name, px in margins.items()} | {"t": top, "autoexpand": False},
            "uirevision": "keep",
            "dragmode": False,
            "showlegend": False,
            "newselection": {"line": {"color": ink.text, "width": 1.5, "dash": "dot"}},
            "modebar": {"bgcolor": faded(ink.page, 0.85), "color": ink.muted, "activecolor": ink.text},
            "hoverlabel": {
                "bgcolor": ink.page,
                "bordercolor": ink.muted,
                "font": {"color": ink.text, "family": FONT, "size": 13},
            },
        }
    )


def _title(text: str, colour: str, height: int) -> dict[str, Any]:
    """A title at the top left of a figure of this height in px."""
    return {
        "text": text,
        "font": {"size": 16, "color": colour, "weight": 600},
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "y": 1 - 22 / height,
        "yref": "container",
        "yanchor": "top",
    }


def axis(title: str, *, dark: bool, **more: Any) -> dict[str, Any]:
    """An axis in our look: faint grid, no line of its own, fixed unless `more` says otherwise."""
    ink = tokens(dark)
    look = {
        "title": {"text": title, "font": {"size": 13, "color": ink.muted}, "standoff": 8},
        "tickfont": {"size": 12, "color": ink.muted},
        "gridcolor": ink.grid,
        "zeroline": False,
        "showline": False,
        "fixedrange": True,
        "automargin": False,
    }
    return look | more


def step_axis(steps: Any, *, dark: bool, until: float | None = None) -> dict[str, Any]:
    """The x axis of everything drawn over recorded steps; a single step gets some room on both sides.

    `until`: the last step of a run at work, so that the axis stays where it is while steps are recorded.
    """
    first, last = float(np.min(steps)), float(np.max([*np.ravel(steps), until or 0]))
    room = 0.02 * (last - first) or 1.0
    return axis("step (updates of the images)", dark=dark, range=[first - room, last + room], showgrid=False)


def solid_steps(steps: Any, *, dark: bool, until: float | None = None) -> dict[str, Any]:
    """The x axis of heat maps over steps: it ends where the outer cells end, which of thinned steps are as wide as of
    the newest."""
    steps = np.asarray(steps, dtype=float)
    half = np.diff(steps).min() / 2 if len(steps) > 1 else 0.5
    return step_axis(steps, dark=dark) | {"range": [steps[0] - half, max(steps[-1], until or 0) + half]}


def colour_bar(title: str, dark: bool, **more: Any) -> dict[str, Any]:
    """A slim colour bar with its unit, at the right of the plot."""
    ink = tokens(dark)
    words = {
        "title": {"text": title, "font": {"size": 12, "color": ink.muted}},
        "tickfont": {"size": 12, "color": ink.muted},
    }
    return words | {"thickness": 12, "outlinewidth": 0, "x": 1.01, "xpad": 4, "ypad": 0, "len": 1} | more


def padded(*values: Any, zero: bool = False, share: float = 0.06) -> tuple[float, float]:
    """A range that holds all finite values with a little room; `zero` keeps 0 in sight."""
    flat = np.concatenate([np.ravel(floats(v)) for v in values] + [np.zeros(1 if zero else 0, np.float32)])
    flat = flat[np.isfinite(flat)]
    low, high = (float(flat.min()), float(flat.max())) if len(flat) else (0.0, 1.0)
    room = share * (high - low) or 1.0
    return low - room, high + room


def zero_line(figure: go.Figure, *, dark: bool, vertical: bool = False) -> None:
    """The strongest line of a margin chart: at 0, between misclassified and correct."""
    draw = figure.add_vline if vertical else figure.add_hline
    draw(0, line={"color": tokens(dark).zero, "width": 2}, layer="above")


def mark_step(figure: go.Figure, current: float | None, *, dark: bool) -> None:
    """A dotted line at the step that the rest of the page shows."""
    if current is None:
        return
    ink = tokens(dark)
    figure.add_vline(current, line={"color": ink.muted, "width": 1.5, "dash": "dot"}, layer="above")
    figure.add_annotation(
        x=current,
        y=1,
        xref="x",
        yref="paper",
        yanchor="bottom",
        yshift=1,
        text=f"step {current:g}",
        showarrow=False,
        font={"size": 12, "color": ink.muted},
    )


def line(steps: Any, values: Any, mark: dict[str, str], name: str, unit: str = "", **more: Any) -> go.Scatter:
    """A line over steps in the style of `mark` (see `app.theme`): colour, dash and, on up to 60 steps, symbols."""
    symbols = {"mode": "lines+markers"} if len(steps) <= 60 else {"mode": "lines"}
    look: dict[str, Any] = {
        "line": {"color": mark["colour"], "width": 2.5, "dash": mark["dash"]},
        "marker": {"color": mark["colour"], "symbol": mark["symbol"], "size": 6},
        "hovertemplate": f"{name} %{{y:.3g}}{unit}<br>step %{{x}}<extra></extra>",
    }
    return go.Scatter(x=floats(steps), y=floats(values), name=name, **(symbols | look | more))


def nearest(steps: Any, current: float | None) -> int:
    """The position of the recorded step next to `current`, of the last one when there is no current step."""
    return len(steps) - 1 if current is None else int(np.argmin(np.abs(floats(steps) - current)))


def at_step(steps: Any, values: Any, current: float | None) -> float:
    """The value at the recorded step next to `current`, at the last one when there is no current step."""
    return float(np.asarray(values, dtype=float)[nearest(steps, current)])


def faded(ink: str, alpha: float) -> str:
    """``#rrggbb`` with an opacity, as Plotly reads it."""
    return f"rgba({int(ink[1:3], 16)},{int(ink[3:5], 16)},{int(ink[5:7], 16)},{alpha:g})"


def class_names(labels: Any, classes: Any) -> list[str]:
    """Safe, short names of all classes: those given (at most 16 letters), or numbers up to the largest label."""
    names = range(int(np.max(labels)) + 1) if classes is None else classes
    return [plain(name if len(str(name)) <= 16 else f"{str(name)[:15]}…") for name in names]
