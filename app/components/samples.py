"""A few chosen samples: pictures, a table, the ways to other pages, a CSV."""

import numpy as np
import streamlit as st

from app import cache, frames, pictures, state, views, words
from app.components import images, shell
from c2r.errors import InputError

THUMBNAILS = 12


def listing(view: state.View, frame: dict[str, np.ndarray], ids: list[int], table: views.Columns, *, here: str) -> None:
    """Pictures and table of `ids`, with buttons to the other pages; `here` is the page this stands on."""
    st.markdown(f"**{len(ids)} of {len(frame['labels'])} images selected**")
    st.caption(words.plain(state.selection_reason()))
    with st.container(horizontal=True, vertical_alignment="center"):
        if here != "embeddings":
            shell.link("embeddings", "Show on map", "scatter_plot")
        shell.link("gallery", "Show in gallery", "grid_view")
        st.button("Clear", icon=":material/close:", on_click=state.clear_selection, key="clear-listing")
        st.download_button(
            "CSV",
            views.to_csv(table),
            f"{view.path.name}-selection.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="csv",
        )
    thumbnails(view, frame, ids[:THUMBNAILS], columns=6 if here == "embeddings" else THUMBNAILS)
    st.dataframe(
        table,
        hide_index=True,
        height="auto" if len(ids) < 8 else 300,
        alt="The selected synthetic images",
        column_config=accuracy_columns(table),
    )


def of_selection(view: state.View, *, here: str) -> None:
    """The listing of what is selected in this run; nothing when nothing is, or when the frame cannot be read (the page says so)."""
    try:
        frame = cache.margins(view.path, view.step)
    except InputError:
        return
    ids = state.selection(view.run.id, len(frame["labels"]))
    if ids:
        listing(view, frame, ids, views.sample_table(frame, ids, list(view.names)), here=here)


def accuracy_columns(table: views.Columns) -> dict[str, object]:
    """Bars for the per-attack accuracy columns of a sample table."""
    return {
        name: st.column_config.ProgressColumn(name, min_value=0, max_value=1, format="percent")
        for name in table
        if name.endswith("accuracy")
    }


def thumbnails(view: state.View, frame: dict[str, np.ndarray], ids: list[int], columns: int = 6) -> None:
    """Three sheets of small pictures in `columns`: clean, adversarial, and their difference, enlarged; a damaged frame is said instead."""
    if not ids:
        return
    try:
        clean, delta = (frames.rows(view.path, view.step or 0, name, ids) for name in ("images", "delta"))
        times = pictures.enlargement(frames.largest_delta(view.path, view.step or 0))
    except InputError as error:
        shell.problem(error)
        return
    if told := words.attacked_parts(view.run):
        st.caption(told)
    called = ", ".join(view.names[k] for k in frame["labels"][ids])
    for label, row in (
        ("Clean", clean),
        ("Adversarial", pictures.adversarial_twin(clean, delta)),
        (f"Difference × {times}", pictures.difference(delta, times)),
    ):
        st.caption(label)
        images.show(pictures.strip(row, columns, gap=4), f"{label} pictures of {len(ids)} images: {called}")


def counts(frame: dict[str, np.ndarray], ids: list[int], names: list[str]) -> None:
    """Of each class, how many are selected of how many there are; classes without a selected image are left out."""
    table = views.class_counts(frame["labels"], ids, names)
    rows = [f"{words.plain(name)}: **{chosen} / {total}**" for name, chosen, total in zip(*table.values(), strict=True) if chosen]
    st.markdown("Selected / all of the class: " + " · ".join(rows))
