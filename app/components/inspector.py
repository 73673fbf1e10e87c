"""Everything about one synthetic image, beside the figure it was chosen in: the same on every page, and its link opens
it again.

The image is the key ``sample`` of the session, which the address holds too: a tile, a thumbnail, a bar or a point of
the map that stands for one image sets it.
"""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import links, renderer, state, views, words
from app.components import boundary, copylink, details, shell
from c2r.base.errors import InputError
from c2r.store import networks

# Beside figures that are longer than the window it stays in sight and scrolls by itself; where there is no room beside
# them it comes first, since whoever opened it wants to see it.
STAYS = """
@media (min-width: 1150px) {
  [data-testid=stLayoutWrapper]:has(> .st-key-inspector) { position: sticky; top: 4rem; align-self: start; }
  .st-key-inspector { max-height: calc(100vh - 5rem); overflow-y: auto; overflow-x: hidden; }
}
@media (max-width: 1149px) { [data-testid=stGridCell]:has(.st-key-inspector) { order: -1; } }
"""


def chosen(view: state.View, n: int) -> int | None:
    """The field that names the image to look at, one of `n`; None while there is none.

    The process that draws planes starts here, so that the first plane does not wait for its libraries.
    """
    if networks.kept(view.path):
        renderer.SHARED.warm()
    links.place_sample()
    wanted = st.number_input(
        "Open image",  # its label costs the figures below a line
        0,
        n - 1,
        None,
        key="sample",
        bind="query-params",
        width=185,
        placeholder="Open image",
        label_visibility="collapsed",
    )
    return int(wanted) if wanted is not None and 0 <= wanted < n else None


def places(sample: int | None) -> tuple[DeltaGenerator, DeltaGenerator | None]:
    """Where a page draws its figures, and beside them where the inspector stands; None while no image is open."""
    if sample is None:
        return st.container(), None
    beside = st.grid("auto", min_column_width=400, gap="medium")
    main, side = beside.container(), beside.container(key="inspector", border=True)
    with side:
        st.components.v2.component("c2r-inspector-stays", css=STAYS, isolate_styles=False)(key="stays", height=0)
    return main, side


def show(
    view: state.View,
    frame: dict[str, np.ndarray],
    sample: int,
    ids: list[int],
    outcomes: dict[str, np.ndarray] | None = None,
) -> None:
    """The inspector of image `sample` of the shown step, one of `ids` in the order of the page.

    :param frame: of the shown step, under the scorer of the view
    :param outcomes: [M, N] per attempt; {} before an evaluation, None to read them
    """
    name = words.plain(view.names[frame["labels"][sample]])
    st.markdown(f"**#{sample} · {name}, step {view.shown}**")
    ways = st.container()
    named: dict[str, str | int] = {"run": state.run_name(view.opened), "step": view.shown, "sample": sample}
    try:
        if outcomes is None:
            outcomes = details.outcomes(view, len(frame["labels"]))
        other = details.nearest(view, sample)
        details.pictures_and_figures(view, frame, sample)
        named |= boundary.show(view, sample, other)
        details.more(view, frame, sample, other, outcomes)
    except InputError as error:
        shell.problem(error)
    with ways:
        _ways(ids, sample, named)


def _ways(ids: list[int], sample: int, named: dict[str, str | int]) -> None:
    """Buttons to the images before and after this one in the order of the page, to its link, which says what is
    `named`, and to close it."""
    before, after = views.neighbours(ids, sample)
    place = (
        f"{ids.index(sample) + 1} of {len(ids)} in the order of the page"
        if sample in ids
        else "Not among the images of the page"
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _step("details-previous", "Previous", ":material/chevron_left:", before)
        _step("details-next", "Next", ":material/chevron_right:", after)
        copylink.button(named, "inspector-link")
        st.button("Close", icon=":material/close:", key="details-close", on_click=state.close_sample)
    st.caption(place)


def _step(key: str, label: str, icon: str, to: int | None) -> None:
    st.button(label, icon=icon, key=key, disabled=to is None, on_click=state.open_sample, args=(to,))
