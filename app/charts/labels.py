"""Names of lines at their right end, instead of a legend."""

from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from app.charts.base import floats
from app.theme import ADVERSARIAL, CLEAN, tokens


class End(NamedTuple):
    """The right end of a line: its height in data units, its name, the colours of the name and of the line."""

    height: float
    text: str
    ink: str
    colour: str


def last(values: Any) -> float:
    """The last value that exists, NaN when there is none: where a line ends."""
    known = floats(values)
    known = known[np.isfinite(known)]
    return float(known[-1]) if len(known) else float("nan")


def lines_end(steps: Any, until: float | None) -> float | None:
    """The last of `steps` where the axis goes on beyond it, to `until`; None where lines end at the right edge."""
    return float(steps[-1]) if until is not None and until > steps[-1] else None


def both_ends(clean: Any, adv: Any, dark: bool, more: str = "") -> list[End]:
    """The ends of a clean and an adversarial line [S]; `more` is added to both names."""
    ink = tokens(dark)
    return [
        End(last(clean), f"clean{more}", ink.clean_text, CLEAN),
        End(last(adv), f"adversarial{more}", ink.adversarial_text, ADVERSARIAL),
    ]


def end_labels(
    figure: go.Figure, ends: list[End], span: tuple[float, float], *, gap: float = 15, at: float | None = None
) -> None:
    """Name lines at their right end, moved apart where names would overlap; a thin line leads to each name.

    `span` is the y range of the chart as (bottom, top), `gap` the least distance in px; `at`: the step where the lines
    end, None for the
    right edge.
    """
    ends, margin = [end for end in ends if np.isfinite(end.height)], figure.layout.margin
    pixels = (figure.layout.height - margin.t - margin.b) / (span[1] - span[0])
    wanted = np.array([(end.height - span[0]) * pixels for end in ends])
    order = np.argsort(wanted, kind="stable")
    place_x = {"x": 1, "xref": "paper"} if at is None else {"x": at, "xref": "x"}
    placed = spread(wanted[order], gap, (span[1] - span[0]) * pixels)
    for place, i in zip(placed, order, strict=True):
        end = ends[i]
        figure.add_annotation(
            **place_x,
            y=end.height,
            yref="y",
            ax=20,
            ay=wanted[i] - place,
            xanchor="left",
            align="left",
            text=end.text,
            font={"size": 12, "color": end.ink},
            showarrow=True,
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=end.colour,
        )


def spread(wanted: np.ndarray, gap: float, top: float) -> np.ndarray:
    """Ascending positions near `wanted` (ascending, px), at least `gap` apart and inside [0, top] as far as they
    fit."""
    gap = min(gap, top / max(1, len(wanted) - 1))
    placed = wanted.astype(float).copy()
    for i in range(len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap if i else 0.0)
    limit = top
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - gap
    return placed
