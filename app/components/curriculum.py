"""The curriculum of one step: rank × step, who moved, the images from hardest to easiest."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import cache, charts, frames, pictures, state, terms, views, words
from app.components import images as pictures_of
from app.components import shell
from app.components.figures import chart, pair
from app.components.look import Look
from c2r.base.errors import InputError

STRIP = 20  # thumbnails from the hardest to the easiest
MOVERS = 20  # rows of the table
ORDERED = 100  # rows of the table of a set that has one step only
PATHS = 12  # images drawn as lines
HIGHLIGHTS = 8  # up to so many selected images are drawn into the margin picture
OF_CLASS = (
    "the table, the lines of the biggest movers (unless images are selected) and the row of images. All other figures"
    " are of all images."
)
MARGIN, CLASS, MOVED = "By margin", "By class", "Biggest movers"

Arrays = dict[str, np.ndarray]


def show(look: Look, steps: list[int], shown: int) -> None:
    """Everything about the order at recorded step `shown` of `steps`; a damaged frame is said instead."""
    try:
        _show(look, steps, shown)
    except InputError as error:
        shell.problem(error)


def _show(look: Look, steps: list[int], shown: int) -> None:
    now = cache.margins(look.path, shown, look.scorer)
    past = cache.history(look.path, views.over_steps(steps, shown), look.scorer)
    if look.class_index is not None:
        st.caption(f"Of class {words.plain(look.names[look.class_index])} only: {OF_CLASS}")
    left, right = pair()
    with left:
        kind = st.segmented_control(
            "Curriculum over the steps",
            (MARGIN, CLASS, MOVED),
            default=MARGIN,
            required=True,
            key="curriculum",
            bind="query-params",
        )
        chosen = state.selection(look.path.name, len(now["order"]))
        same = (
            str(look.path),
            look.scorer,
            cache.course(look.path).when,
            cache.frame_stamp(look.path, shown),
            tuple(past.steps),
            shown,
            look.dark,
            look.class_index,
            tuple(look.names),
            tuple(chosen),
            look.until,
        )
        st.caption(terms.linked(words.order_sentence(look.method, look.scorer)))
        table = lambda: views.sample_table(now, now["order"].tolist(), look.names)  # noqa: E731
        chart(lambda: _picture(kind, look, past, now, shown, chosen), f"ranks-{kind}", table, same=same)
    with right:
        _movers(look, [step for step in steps if step < shown], now, shown)
    _strip(look, now, shown)


def order(look: Look, shown: int) -> None:
    """The images of a set that has one step only: a table hardest first, and a row of pictures."""
    try:
        _order(look, shown)
    except InputError as error:
        shell.problem(error)


def _order(look: Look, shown: int) -> None:
    now = cache.margins(look.path, shown, look.scorer)
    ids = now["order"][views.of_class(now["labels"], look.class_index)[now["order"]]].tolist()
    st.markdown(f"**The order, hardest first**{_of_class(look)}")
    st.caption(terms.linked(words.order_sentence(look.method, look.scorer)))
    st.dataframe(
        {"Image": _small(look, shown, ids[:ORDERED])} | views.sample_table(now, ids[:ORDERED], look.names),
        hide_index=True,
        height=380,
        row_height=40,
        column_order=("Image", "Sample", "Class", "Rank", "Robust margin", "Attacked as"),
        column_config={"Image": st.column_config.ImageColumn("Image", width=56)},
        alt="The images of the set with class, rank and margins, hardest first",
    )
    if len(ids) > ORDERED:
        st.caption(f"The {ORDERED} hardest of {len(ids)} images; all of them are in the gallery.")


def _picture(kind: str, look: Look, past: cache.History, now: Arrays, shown: int, chosen: list[int]) -> go.Figure:
    n, drawing = len(now["order"]), charts.Drawing(shown, look.until, dark=look.dark)
    if kind == CLASS:
        return charts.curriculum_classes(past.steps, past.orders, now["labels"], classes=look.names, drawing=drawing)
    if kind == MOVED:
        kept = views.of_class(now["labels"], look.class_index)
        ids = chosen[:PATHS] or views.far_movers(past.ordered[0].order, past.ordered[-1].order, kept, PATHS)
        paths = charts.Paths(past.ranks(ids), now["labels"][ids], look.names, ids)
        return charts.rank_paths(past.steps, paths, n=n, drawing=drawing)
    highlight = past.ranks(chosen) if 0 < len(chosen) <= HIGHLIGHTS else None
    return charts.curriculum_heatmap(
        past.steps, past.by_rank, n=n, highlight_ranks=highlight, limit=_limit(look), drawing=drawing
    )


def _limit(look: Look) -> float:
    """Where the colours of margins end: the next whole logit beyond the outer quantiles of all recorded steps."""
    outer = [abs(event["margin_adv"]["quantiles"][i]) for event in cache.events(look.path) for i in (0, 4)]
    return float(np.ceil(max(outer, default=1.0))) or 1.0


def _movers(look: Look, earlier: list[int], now: Arrays, shown: int) -> None:
    try:
        before = cache.margins(look.path, earlier[-1])["order"] if earlier else None
    except InputError:
        before = None
    if before is None:
        st.caption("Who moved most is shown from the second recorded step on.")
        return
    table = views.mover_table(before, now, look.names, views.of_class(now["labels"], look.class_index), MOVERS)
    st.markdown(f"**Moved most since step {earlier[-1]}**{_of_class(look)}")
    st.dataframe(
        {"Image": _small(look, shown, table["Sample"])} | table,
        hide_index=True,
        height=420,
        row_height=40,
        column_config={
            "Image": st.column_config.ImageColumn("Image", width=52),
            "Sample": st.column_config.NumberColumn("No.", width=46, help="Number of the image, as in the gallery"),
            "Class": st.column_config.TextColumn("Class", width=84),
            "Rank": st.column_config.NumberColumn("Rank", width=46),
            "Moved": st.column_config.NumberColumn(
                "Moved", format="%+d", width=52, help="Ranks; negative = towards the hardest"
            ),
            "Robust margin": st.column_config.NumberColumn(
                "Margin", format="%.2f", width=56, help="Robust margin in logits"
            ),
            "Attacked as": st.column_config.TextColumn(
                "As", width=84, help="The class that the attacked image is taken for"
            ),
        },
        alt="The synthetic images whose rank changed most since the recorded step before",
    )


def _of_class(look: Look) -> str:
    return "" if look.class_index is None else f" (class {words.plain(look.names[look.class_index])})"


def _small(look: Look, step: int, ids: list[int]) -> list[str]:
    """Small pictures of the images `ids` for a table."""
    return [pictures_of.data_uri(pictures.upscale(image, 64)) for image in frames.rows(look.path, step, "images", ids)]


def _strip(look: Look, now: Arrays, shown: int) -> None:
    order = now["order"][views.of_class(now["labels"], look.class_index)[now["order"]]]
    ids = order[charts.thin(len(order), STRIP)] if len(order) else order
    st.markdown(f"**From hardest to easiest**{_of_class(look)}")
    if not len(ids):
        st.caption("No image of this class.")
        return
    called = ", ".join(look.names[k] for k in now["labels"][ids])
    pictures_of.show(
        pictures.strip(frames.rows(look.path, shown, "images", ids), columns=STRIP, gap=6),
        alt=f"{len(ids)} synthetic images from the hardest to the easiest: {called}",
        caption=(
            f"{len(ids)} of {len(order)} images, evenly spread over the ranks: the hardest at the left, the easiest at"
            " the right"
        ),
    )


def rank_picker(view: state.View) -> None:
    """A range of ranks of the frozen step; its images become the selection."""
    try:
        order = cache.margins(view.path, view.shown, view.scorer)["order"]
    except InputError:
        return
    last = len(order) - 1
    if last < 1:
        return

    def picked() -> None:
        first, until = st.session_state["ranks"]
        state.select(
            view.opened.id, views.at_ranks(order, first, until), f"ranks {first} to {until} at step {view.step}"
        )

    with st.container(horizontal=True, vertical_alignment="bottom"):
        first, until = st.slider(
            "Ranks to select (0 = hardest)",
            0,
            last,
            (0, min(9, last)),
            key="ranks",
            on_change=picked,
            help="The images at these ranks become the selection; so do those of a histogram bar that is clicked",
        )
        done = sorted(state.selection(view.opened.id, last + 1)) == sorted(views.at_ranks(order, first, until))
        st.button("Selected" if done else "Select", key="select-ranks", on_click=picked, disabled=done)
