"""The gallery's tiles: one synthetic image each, with its figures and a way to its details."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import attempts, frames, pictures, state, theme, views, words
from app.components import details, images, shell
from c2r.base.errors import InputError
from c2r.look.summary import ranks

TILE = 128
SIZES = (24, 48, 60)
FEW = 2  # classes of a soft label that a tile names


def show(view: state.View, frame: dict[str, np.ndarray], ids: list[int], outcomes: dict[str, np.ndarray]) -> None:
    """A responsive grid of the images `ids`; `outcomes` [M, N] per attempt, {} before an evaluation."""
    rank, hits = ranks(frame["order"]), outcomes.get(view.attack)
    try:
        pixels = frames.rows(view.path, view.shown, "images", ids)
        soft = frames.soft_labels(view.path, view.shown, ids)
    except InputError as error:
        shell.problem(error)
        return
    with st.grid("auto", min_column_width=132, gap="small"):
        for place, (i, image) in enumerate(zip(ids, pixels, strict=True)):
            name, margin = view.names[frame["labels"][i]], float(frame["margin_adv"][i])
            with st.container(border=True, gap="xsmall"):
                images.show(
                    pictures.upscale(image, TILE), f"Image {i}: {name}, rank {rank[i]}, robust margin {margin:.2f}"
                )
                st.markdown(f"**#{i} · {words.plain(name)}**  \n{margin_word(margin)}")
                _bars(view, {key: float(hits[:, i].mean()) for key, hits in outcomes.items()})
                told = (
                    ""
                    if hits is None
                    else (
                        f"  \n{words.plain(view.called.get(view.attack, view.attack))}"
                        f" {int(hits[:, i].sum())}/{len(hits)}"
                    )
                )
                label = "" if soft is None else f"  \n{soft_label(soft[place], view, FEW)}"
                st.caption(f"rank {rank[i]}{label}{told}")
                st.button("Details", key=f"tile-{i}", on_click=state.open_sample, args=(i,), width="stretch")


def soft_label(shares: np.ndarray, view: state.View, most: int) -> str:
    """A soft label [K] as text of the page: its largest classes with their shares."""
    return words.plain(f"soft label: {views.soft_words(shares, list(view.names), most)}")


def stored(view: state.View) -> str:
    """What the set of the shown step takes, as text of the page."""
    partition = view.opened.config.partition if view.opened.config else 1
    return words.plain(words.stored_sentence(frames.stored_set(view.path, view.shown, partition)))


def _bars(view: state.View, heights: dict[str, float]) -> None:
    """One bar per attempt: how many of the networks are still right."""
    if heights:
        keys = list(heights)
        colours = [theme.CLEAN if key == attempts.CLEAN else theme.ADVERSARIAL for key in keys]
        chosen = keys.index(view.attack) if view.attack in keys else None
        alt = f"Networks still right: {attempts.bar_words(heights, view.called)}"
        images.show(pictures.bars(list(heights.values()), colours, chosen), alt)


def basis(view: state.View, outcomes: dict[str, np.ndarray]) -> str:
    """What the per-attack figures of the images mean and rest on."""
    networks = len(next(iter(outcomes.values())))
    return f"{details.definition(view)} Here n = {networks}, written as correct/n.{details.late(view)}"


def legend(view: state.View, keys: list[str]) -> None:
    """What the bars of the tiles stand for, from left to right; the chosen one is bold there and full in colour
    here."""
    called = [words.plain(view.called.get(key, key)) for key in keys]
    spoken = [f"**{name}**" if key == view.attack else name for key, name in zip(keys, called, strict=True)]
    st.caption(f"Bars from left to right: {', '.join(spoken)}. A full bar: all networks are still right.")


@dataclass(frozen=True)
class Wanted:
    """What the toolbar says: order, images per page, only the selection, which images an attack broke."""

    sort: str
    size: int
    only: bool
    filter: str


def toolbar(view: state.View, chosen: int, *, evaluated: bool) -> Wanted:
    """Sort, filters and images per page; `chosen` images are selected."""
    sort = st.selectbox("Sort", list(views.SORTS), key="sort", bind="query-params", width=220)
    name, filter = view.called.get(view.attack, view.attack), attempts.ANY
    if evaluated:
        filter = st.selectbox(
            f"Under {words.plain(name)}",
            [attempts.ANY, *attempts.BROKEN],
            key="broken",
            bind="query-params",
            width=200,
            help=(
                "Broken on a network: at least one evaluation network gets the attacked image wrong. On most: more than"
                " half of them do."
            ),
        )
    size = st.selectbox("Per page", SIZES, key="size", bind="query-params", width=90)
    only = bool(chosen) and st.toggle(f"Only the selection ({chosen})", key="only", persist_state="session")
    return Wanted(sort, size if size in SIZES else SIZES[0], bool(only), filter)


def page_number(pages: int) -> int:
    """The page of the gallery, from 1; nothing is drawn for a single page."""
    return st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1


def change(view: state.View, sort: str) -> np.ndarray | None:
    """How far each image [N] is from where it started, when `sort` asks for it; None when the first frame cannot be
    read."""
    if not views.SORTS.get(sort, "").endswith("change"):
        return None
    try:
        return frames.change_since(view.path, view.steps[0], view.step or 0)
    except InputError:
        return None


def margin_word(margin: float) -> str:
    """A robust margin as a coloured chip with its word, so that colour never carries it alone."""
    value = f"{margin:+.2f}".replace("-", "−")
    return f":blue-badge[robust {value}]" if margin > 0 else f":orange-badge[broken {value}]"
