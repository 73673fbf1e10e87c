"""A few chosen samples: pictures, a table, the ways to other pages, a CSV."""

from typing import Any, Literal

import numpy as np
import streamlit as st

from app import cache, frames, pictures, state, views, words
from app.components import images, shell
from c2r.base.errors import InputError

THUMBNAILS = 12  # on one page
OPEN = "Everything about this image, beside the figures"
TILE = 55  # px of a picture, also of the only one; four fit beside the map at 1280 px


def listing(
    view: state.View, frame: dict[str, np.ndarray], ids: list[int], columns: views.Columns, *, here: str
) -> None:
    """Pictures of `ids`, page by page, with buttons to the other pages; `here` is the page this stands on, `columns`
    the CSV."""
    st.markdown(f"**{len(ids)} of {len(frame['labels'])} images selected**")
    st.caption(words.plain(f"By {state.selection_reason()}."))
    with st.container(horizontal=True, vertical_alignment="center"):
        if here != "embeddings":
            shell.link("embeddings", "Show on map", "scatter_plot")
        shell.link("gallery", "Show in gallery", "grid_view")
        st.button("Clear", icon=":material/close:", on_click=state.clear_selection, key="clear-listing")
        st.download_button(
            "CSV",
            views.to_csv(columns),
            f"{view.path.name}-selection.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="csv",
        )
    pages = views.pages(ids, THUMBNAILS)
    shown = st.container()
    page = st.pagination(pages, key=f"selected-page-{ids[0]}-{len(ids)}", max_visible_pages=5) if pages > 1 else 1
    with shown:
        thumbnails(view, frame, views.page_of(ids, page, THUMBNAILS))


def table(columns: views.Columns) -> None:
    """All chosen images with their figures, across the page, where no column is cut; what they are taken for
    unattacked, the CSV has."""
    high: Literal["auto"] | int = "auto" if len(columns["Sample"]) < 8 else 300
    shown = {name: values for name, values in columns.items() if name != "Clean as"}
    st.dataframe(
        shown,
        hide_index=True,
        height=high,
        alt="The selected synthetic images",
        column_config=accuracy_columns(columns),
    )


def of_selection(view: state.View, *, here: str) -> None:
    """The listing of what is selected in this run; nothing when nothing is, or when the frame cannot be read (the page
    says so)."""
    try:
        frame = cache.margins(view.path, view.shown, view.scorer)
    except InputError:
        return
    ids = state.selection(view.opened.id, len(frame["labels"]))
    if ids:
        columns = views.sample_table(frame, ids, list(view.names))
        listing(view, frame, ids, columns, here=here)
        table(columns)


def accuracy_columns(columns: views.Columns) -> dict[str, Any]:
    """Short heads and percent for the per-attack accuracy columns of a sample table."""
    text = "Share of the evaluation networks that classify this image correctly: {}"
    return {
        name: st.column_config.NumberColumn(name.removesuffix(" accuracy"), format="percent", help=text.format(name))
        for name in columns
        if name.endswith("accuracy")
    }


def thumbnails(view: state.View, frame: dict[str, np.ndarray], ids: list[int]) -> None:
    """A tile for each image: clean, adversarial and their enlarged difference, one below the other; a damaged frame is
    said instead."""
    if not ids:
        return
    try:
        clean, delta = (frames.rows(view.path, view.step or 0, name, ids) for name in ("images", "delta"))
        times = pictures.enlargement(frames.largest_delta(view.path, view.step or 0))
    except InputError as error:
        shell.problem(error)
        return
    told = words.attacked_parts(view.opened)
    st.caption(f"From top to bottom: clean, adversarial, difference × {times}, number (press it), class. {told}")
    tiles = zip(ids, clean, pictures.adversarial_twin(clean, delta), pictures.difference(delta, times), strict=True)
    with st.grid("auto", min_column_width=TILE, gap="xsmall"):
        for i, *stack in tiles:
            name = view.names[frame["labels"][i]]
            with st.container(gap="xxsmall"):
                said = f"Image {i}: {name}, clean, adversarial and difference × {times}"
                images.show(pictures.strip(np.stack(stack), 1, to=2 * TILE), said, width=TILE)
                st.button(f"#{i}", key=f"open-{i}", type="tertiary", on_click=state.open_sample, args=(i,), help=OPEN)
                st.caption(f":small[{words.plain(name)}]")


def counts(frame: dict[str, np.ndarray], ids: list[int], names: list[str]) -> None:
    """Of each class, how many are selected of how many there are; classes without a selected image are left out."""
    table = views.class_counts(frame["labels"], ids, names)
    rows = [
        f"{words.plain(name)}: **{chosen} / {total}**"
        for name, chosen, total in zip(*table.values(), strict=True)
        if chosen
    ]
    st.markdown("Selected / all of the class: " + " · ".join(rows))
