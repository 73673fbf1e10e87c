"""One chart on a page: its statement and note as page text, the figure, and the numbers behind it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from html import unescape

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import cache, terms, words
from app.charts import alt_text, chart_config
from app.views import Columns

# px above the plot for the label of the current step, or a legend of one line: the same, so that neighbours align
ROOM = 34
ROW = 22  # px of a line of a legend whose names stand below each other
LEGEND_ABOVE = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": 1.01,
    "yanchor": "bottom",
    "bgcolor": "rgba(0,0,0,0)",
}


def pair() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two places beside each other, below each other where the page is too narrow for two figures."""
    beside = st.grid("auto", min_column_width=400, gap="medium")
    return beside.container(), beside.container()


@dataclass(frozen=True)
class Drawn:
    """A figure that is ready for the page, with its statement, note and description as text."""

    figure: go.Figure
    statement: str
    note: str
    alt: str


def chart(
    figure: go.Figure | Callable[[], go.Figure],
    key: str,
    data: Columns | Callable[[], Columns] | None = None,
    *,
    on_select: Callable[[], None] | None = None,
    legend_above: bool = False,
    same: tuple[Hashable, ...] | None = None,
) -> None:
    """Draw `figure`; `data` fills the table behind 'Show data' and is asked for only while that is open.

    Statement and note become text of the page, which wraps at any width and can be read aloud; the figure keeps the
    rest.
    `legend_above` moves the legend out of a plot that is too narrow for it.
    With `on_select` the chart can be clicked, boxed and lassoed; the callback reads ``st.session_state[key]``.
    `same`: everything that a figure given as a function is made of. Sessions that look at the same share it: making a
    figure
    costs the server three times as much as sending it.
    """
    make = figure if callable(figure) else lambda: figure
    ready = partial(_ready, make, legend_above)
    drawn = ready() if same is None else cache.shared((key, *same), ready)
    with st.container(gap="xsmall"):
        st.markdown(f"**{drawn.statement}**")
        st.caption(drawn.note)
        config = chart_config(selectable=on_select is not None)
        st.plotly_chart(
            drawn.figure, key=key, theme=None, config=config, alt=drawn.alt, on_select=on_select or "ignore"
        )
        if data is not None:
            show_data(data, f"{key}-data")


def _ready(make: Callable[[], go.Figure], legend_above: bool) -> Drawn:
    """The figure without its title, which becomes text of the page."""
    figure = make()
    alt, said = alt_text(figure), figure.layout.meta
    changes = {"legend": LEGEND_ABOVE} if legend_above else {}
    room = max(ROOM, ROW * len(figure.data)) if figure.layout.legend.orientation == "v" else ROOM
    height = figure.layout.height - figure.layout.margin.t + room
    figure.update_layout(title=None, meta=None, margin_t=room, height=height, **changes)
    return Drawn(figure, words.plain(unescape(said["statement"])), terms.linked(unescape(said["note"])), alt)


def show_data(data: Columns | Callable[[], Columns], key: str, label: str = "Show data") -> None:
    """A closed expander that holds a table; its content is made only while it is open."""
    opened = st.expander(label, key=key, on_change="rerun", type="compact")
    if opened.open:
        with opened:
            st.dataframe(data() if callable(data) else data, hide_index=True, alt=label)


def plain_table(columns: Columns) -> None:
    """A small table as page text: names wrap instead of being cut, and it can be read aloud and copied."""
    shown = {words.plain(head): [words.plain(str(cell)) for cell in cells] for head, cells in columns.items()}
    st.table(shown, border="horizontal", hide_index=True)
