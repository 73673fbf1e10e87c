"""Paired differences of sets to one of them, as dots with intervals around zero."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.charts.base import axis, blank, padded, plain, zero_line
from app.charts.dots import beside, dots_layout, interval_dots
from app.theme import SET_MARKS
from c2r.errors import InputError
from c2r.evaluation.paired import Difference, counted
from c2r.evaluation.ranking import Cells


def paired_dots(
    differences: Mapping[str, Cells], reference: str, order: Sequence[str], *, dark: bool = False, height: int = 360
) -> go.Figure:
    """Each set's accuracy minus that of `reference`, per figure, in points; `order` holds all sets, so that each keeps
    its mark."""
    known = {name: _known(cells) for name, cells in differences.items()}
    every = [difference for cells in known.values() for difference in cells.values()]
    if not every:
        raise InputError(
            "The chart of paired differences expects at least one, found none: choose sets that saw the same test"
            " images."
        )
    heads = list(dict.fromkeys(head for cells in known.values() for head in cells))
    counts = " or ".join(f"{n:,}" for n in sorted({difference.n for difference in every}))
    note = f"n = {counts} test images; bars: 95 % intervals over images and networks; a bar across 0 is undecided"
    figure = blank(_statement(every, reference), note, dark=dark, height=height)
    for i, (name, cells) in enumerate(known.items()):
        x = [place for place, head in zip(beside(len(heads), i, len(known)), heads, strict=True) if head in cells]
        drawn = {head: cells[head] for head in heads if head in cells}
        texts = [
            f"{plain(name)} minus {plain(reference)}<br>{plain(head)}: {d.text} points, {d.verdict}"
            for head, d in drawn.items()
        ]
        style = {"mode": "markers", "text": texts, "hovertemplate": "%{text}<extra></extra>"}
        spans = [(d.low, d.value, d.high) for d in drawn.values()]
        figure.add_trace(interval_dots(x, spans, SET_MARKS[dark][list(order).index(name)], name, **style))
    span = padded([100 * d.low for d in every], [100 * d.high for d in every], zero=True)
    dots_layout(figure, heads, axis("difference (points)", dark=dark, range=list(span)), dark=dark)
    zero_line(figure, dark=dark)
    return figure


def _known(cells: Cells) -> dict[str, Difference]:
    return {head: cell for head, cell in cells.items() if isinstance(cell, Difference)}


def _statement(differences: Sequence[Difference], reference: str) -> str:
    """How many of the differences are decided, and which way."""
    return f"Of {len(differences)} differences to {plain(reference)}: {counted(differences)}"
