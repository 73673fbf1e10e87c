"""The gallery's tiles: one synthetic image each, with its figures and a way to its details."""

import numpy as np
import streamlit as st

from app import cache, pictures, state, views, words
from app.components import images
from c2r.errors import InputError
from c2r.summary import ranks

TILE = 128
SIZES = (24, 48, 60)


def show(view: state.View, frame: dict[str, np.ndarray], ids: list[int], hits: np.ndarray | None) -> None:
    """A responsive grid of the images `ids`; `hits` [M, N] are the outcomes under the chosen attack, None before evaluation."""
    rank, attack = ranks(frame["order"]), views.ATTACKS[view.attack]
    with st.grid("auto", min_column_width=132, gap="small"):
        for i in ids:
            name, margin = view.names[frame["labels"][i]], float(frame["margin_adv"][i])
            with st.container(border=True, gap="xsmall"):
                images.show(pictures.upscale(frame["images"][i], TILE), f"Image {i}: {name}, rank {rank[i]}, robust margin {margin:.2f}")
                st.markdown(f"**{words.plain(name)}**  \n{margin_word(margin)}")
                told = "" if hits is None else f" · {attack} {int(hits[:, i].sum())}/{len(hits)}"
                st.caption(f"rank {rank[i]}{told}")
                st.button("Details", key=f"tile-{i}", on_click=opened, args=(i,), width="stretch")


def toolbar(n: int, chosen: int) -> tuple[str, int, bool, int | None]:
    """Sort, images per page, only the selection, and the image to open (None: none)."""
    sort = st.selectbox("Sort", list(views.SORTS), key="sort", bind="query-params", width=230)
    size = st.selectbox("Per page", SIZES, key="size", bind="query-params", width=100)
    only = st.toggle(f"Only the selection ({chosen})", key="only", disabled=not chosen, persist_state="session")
    wanted = st.number_input(
        "Open image", 0, n - 1, None, key="sample", bind="query-params", width=130, placeholder="number",
        help="The number of an image; also ?sample=12 in the address",
    )  # fmt: skip
    return sort, size if size in SIZES else SIZES[0], bool(only and chosen), int(wanted) if wanted is not None and 0 <= wanted < n else None


def page_number(pages: int) -> int:
    """The page of the gallery, from 1; nothing is drawn for a single page."""
    return st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1


def downloads(view: state.View, frame: dict[str, np.ndarray]) -> None:
    """The whole set of the shown step as one zip, made only when it is asked for."""
    with st.popover("Download", icon=":material/download:"):
        st.caption("synthetic.npz (images uint8 [N, C, H, W], labels, classes) and one PNG per image, in folders train/CLASS.")
        st.download_button(
            "All images (zip)", lambda: views.archive(frame["images"], frame["labels"], list(view.names)),
            f"{view.path.name}-step{view.step}.zip", "application/zip", on_click="ignore", key="zip",
        )  # fmt: skip


def first_images(view: state.View) -> np.ndarray | None:
    """The images at the first recorded step, None when that frame cannot be read."""
    try:
        return cache.images(view.path, view.steps[0])
    except InputError:
        return None


def opened(sample: int) -> None:
    """A tile's button: open this image."""
    st.session_state["sample"] = sample


def margin_word(margin: float) -> str:
    """A robust margin as a coloured chip with its word, so that colour never carries it alone."""
    value = f"{margin:+.2f}".replace("-", "−")
    return f":blue-badge[robust {value}]" if margin > 0 else f":orange-badge[broken {value}]"
