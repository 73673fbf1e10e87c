"""The curriculum of one step: rank × step, who moved, the images from hardest to easiest."""

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import cache, charts, pictures, state, views
from app.components import images as pictures_of
from app.components import shell
from app.components.figures import chart
from c2r.errors import InputError

STRIP = 20  # thumbnails from the hardest to the easiest
MOVERS = 20  # rows of the table
PATHS = 12  # images drawn as lines
HIGHLIGHTS = 5  # selected images drawn into the margin picture
MOST_STEPS = 200
MARGIN, CLASS, MOVED = "By margin", "By class", "Biggest movers"

Arrays = dict[str, np.ndarray]


def show(path: Path, names: list[str], steps: list[int], shown: int, dark: bool) -> None:
    """Everything about the order at recorded step `shown` of `steps`; a damaged frame is said instead."""
    try:
        now, images = cache.margins(path, shown), cache.images(path, shown)
        past = cache.history(path, [steps[i] for i in charts.thin(len(steps), MOST_STEPS)])
    except InputError as error:
        shell.problem(error)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        kind = st.segmented_control(
            "Curriculum over the steps", (MARGIN, CLASS, MOVED), default=MARGIN, required=True, key="curriculum", bind="query-params"
        )
        chosen = state.selection(path.name, len(now["order"]))
        chart(_picture(kind, past, now, names, chosen, shown, dark), f"ranks-{kind}", lambda: _table(now, names))
    with right:
        _movers(path, names, [step for step in steps if step < shown], now, images)
    _strip(now, images, names)


def _picture(kind: str, past: cache.History, now: Arrays, names: list[str], chosen: list[int], shown: int, dark: bool) -> go.Figure:
    n = len(now["order"])
    if kind == CLASS:
        return charts.curriculum_classes(past.steps, past.orders, now["labels"], classes=names, current=shown, dark=dark)
    if kind == MOVED:
        ids = chosen[:PATHS] or views.far_movers(past.ranks, PATHS)
        return charts.rank_paths(past.steps, past.ranks[:, ids], now["labels"][ids], names, n=n, samples=ids, current=shown, dark=dark)
    matrix, _ = charts.rank_matrix(past.orders, past.margins)
    highlight = past.ranks[:, chosen[:HIGHLIGHTS]] if chosen else None
    return charts.curriculum_heatmap(past.steps, matrix, n=n, current=shown, highlight_ranks=highlight, dark=dark)


def _table(now: Arrays, names: list[str]) -> views.Columns:
    return views.sample_table(now, now["order"].tolist(), names)


def _movers(path: Path, names: list[str], earlier: list[int], now: Arrays, images: np.ndarray) -> None:
    try:
        before = cache.margins(path, earlier[-1])["order"] if earlier else None
    except InputError:
        before = None
    if before is None:
        st.caption("Who moved most is shown from the second recorded step on.")
        return
    table = views.mover_table(before, now, names, MOVERS)
    st.markdown(f"**Moved most since step {earlier[-1]}**")
    st.dataframe(
        {"Image": [pictures_of.data_uri(pictures.upscale(images[i], 64)) for i in table["Sample"]]} | table,
        hide_index=True,
        height=420,
        row_height=40,
        column_config={
            "Image": st.column_config.ImageColumn("Image", width=56),
            "Moved": st.column_config.NumberColumn("Moved", format="%+d", help="Ranks; negative = towards the hardest"),
        },
        alt="The synthetic images whose rank changed most since the recorded step before",
    )


def _strip(now: Arrays, images: np.ndarray, names: list[str]) -> None:
    order = now["order"]
    shown = order[charts.thin(len(order), STRIP)]
    called = ", ".join(names[k] for k in now["labels"][shown])
    st.markdown("**From hardest to easiest**")
    pictures_of.show(
        pictures.strip(images[shown], columns=STRIP, gap=6),
        alt=f"{len(shown)} synthetic images from rank 0, the hardest, to rank {len(order) - 1}, the easiest: {called}",
        caption=f"{len(shown)} of {len(order)} images, evenly spread, from rank 0 (hardest, left) to rank {len(order) - 1} (easiest)",
    )


def rank_picker(view: state.View) -> None:
    """A range of ranks of the frozen step; its images become the selection."""
    try:
        order = cache.margins(view.path, view.step)["order"]
    except InputError:
        return
    last = len(order) - 1
    if last < 1:
        return

    def picked() -> None:
        first, until = st.session_state["ranks"]
        state.select(view.run.id, views.at_ranks(order, first, until), f"ranks {first} to {until} at step {view.step}")

    st.slider(
        "Select ranks (0 = hardest)", 0, last, (0, min(9, last)), key="ranks", on_change=picked,
        help="The images at these ranks become the selection; so do those of a histogram bar that is clicked",
    )  # fmt: skip
