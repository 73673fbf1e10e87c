"""One chart on a page: its statement and note as page text, the figure, and the numbers behind it."""

from collections.abc import Callable
from html import unescape

import plotly.graph_objects as go
import streamlit as st

from app import words
from app.charts import alt_text, chart_config
from app.views import Columns

ROOM = 26  # px above the plot for the label of the current step
LEGEND_ROOM = 58  # px above the plot for two lines of a legend
LEGEND_ABOVE = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"}


def chart(
    figure: go.Figure,
    key: str,
    data: Columns | Callable[[], Columns] | None = None,
    *,
    on_select: Callable[[], None] | None = None,
    legend_above: bool = False,
) -> None:
    """Draw `figure`; `data` fills the table behind 'Show data' and is asked for only while that is open.

    Statement and note become text of the page, which wraps at any width and can be read aloud; the figure keeps the rest.
    `legend_above` moves the legend out of a plot that is too narrow for it.
    With `on_select` the chart can be clicked, boxed and lassoed; the callback reads ``st.session_state[key]``.
    """
    alt, said = alt_text(figure), figure.layout.meta
    with st.container(gap="xsmall"):
        st.markdown(f"**{words.plain(unescape(said['statement']))}**")
        st.caption(words.plain(unescape(said["note"])))
        room = LEGEND_ROOM if legend_above else ROOM
        saved = figure.layout.margin.t - room
        figure.update_layout(title=None, meta=None, margin_t=room, height=figure.layout.height - saved)
        if legend_above:
            figure.update_layout(legend=LEGEND_ABOVE)
        config = chart_config(selectable=on_select is not None)
        st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt, on_select=on_select or "ignore")
        if data is not None:
            show_data(data, f"{key}-data")


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
