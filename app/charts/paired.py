"""Paired differences of sets to one of them, as dots with intervals around zero."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.charts.base import axis, blank, floats, padded, plain, zero_line
from app.charts.comparison import beside, dots_layout
from app.theme import SET_MARKS
from c2r.errors import InputError
from c2r.evaluation.paired import Difference

Found = Mapping[str, Mapping[str, Difference | str]]


def paired_dots(
    found: Found, reference: str, order: Sequence[str], *, dark: bool = False, height: int = 360
) -> go.Figure:
    """Each set's accuracy minus that of `reference`, per figure, in points; `order` holds all sets, so that each keeps
    its mark."""
    known = [cell for cells in found.values() for cell in cells.values() if isinstance(cell, Difference)]
    if not known:
        raise InputError(
            "The chart of paired differences expects at least one, found none: choose sets that saw the same test"
            " images."
        )
    heads = list(
        dict.fromkeys(head for cells in found.values() for head, cell in cells.items() if isinstance(cell, Difference))
    )
    counts = " or ".join(f"{n:,}" for n in sorted({cell.n for cell in known}))
    note = f"n = {counts} test images; bars: 95 % intervals over images and networks; a bar across 0 is undecided"
    figure = blank(_statement(found, reference), note, dark=dark, height=height)
    for i, (name, cells) in enumerate(found.items()):
        drawn = [
            (x, head, cell)
            for x, head in zip(beside(len(heads), i, len(found)), heads, strict=True)
            if isinstance(cell := cells.get(head), Difference)
        ]
        mark = SET_MARKS[dark][list(order).index(name)]
        error = {
            "type": "data",
            "symmetric": False,
            "array": 100 * floats([d.high - d.value for _, _, d in drawn]),
            "arrayminus": 100 * floats([d.value - d.low for _, _, d in drawn]),
            "color": mark["colour"],
            "thickness": 1.5,
            "width": 3,
        }
        texts = [
            f"{plain(name)} minus {plain(reference)}<br>{plain(head)}: {d.text} points, {d.verdict}"
            for _, head, d in drawn
        ]
        figure.add_scatter(
            x=floats([x for x, _, _ in drawn]),
            y=100 * floats([d.value for _, _, d in drawn]),
            error_y=error,
            mode="markers",
            name=plain(name),
            marker={"color": mark["colour"], "symbol": mark["symbol"], "size": 9},
            text=texts,
            hovertemplate="%{text}<extra></extra>",
        )
    span = padded([100 * d.low for d in known], [100 * d.high for d in known], zero=True)
    dots_layout(figure, heads, axis("difference (points)", dark=dark, range=list(span)), dark=dark)
    zero_line(figure, dark=dark)
    return figure


def _statement(found: Found, reference: str) -> str:
    """How many of the differences are decided, and which way."""
    known = [cell.verdict for cells in found.values() for cell in cells.values() if isinstance(cell, Difference)]
    counts = [f"{known.count(word)} {word}" for word in ("better", "worse", "undecided") if word in known]
    return f"Of {len(known)} differences to {plain(reference)}: {', '.join(counts)}"
