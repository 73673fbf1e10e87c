"""The decision boundary around one image: the plane, with what a person can choose of it."""

from typing import Any

import streamlit as st

from app import frames, state
from app.components import attacked, plane

ALONG = {"Twin and neighbour": "images", "Gradient": "gradient"}
DIRECTIONS = (
    "Which plane through the image: with its adversarial twin and the nearest image of another class, or along the loss"
    " gradient and a random direction"
)
NETWORKS = "Whose classes are drawn: a scorer of the run by its name, or an evaluation network by its seed"
BESIDE = "A second network on the same plane, with the share of points on which both agree"
NONE = "none"
HELD = (
    "While the step moves, the plane stays that of step {held}: the image moves on it, and the mark says how far off."
)
NO_NETWORK = (
    "No plane: this run keeps no network yet. Its scorers come with the first checkpoint, its evaluation networks with"
    " the evaluation."
)


def show(view: state.View, sample: int, other: int | None) -> dict[str, str | int]:
    """Class regions and margins around image `sample`, under the network and along the directions that are chosen.

    :param other: the image of another class through which the plane goes, None where there is none
    :returns: what a link to this plane names
    """
    st.markdown("**The boundary around it**")
    offered = plane.offered(view)
    if not offered:
        st.caption(NO_NETWORK)
        return {}
    network, beside = _networks(offered)
    asked = _choices(view, sample, other)
    if beside != NONE:
        asked |= {"beside_network": beside}
    plane.show(plane.wish(view, sample, network, **asked), view.names, "inspector-plane")
    st.markdown("**Attacked on request**")
    attacked.show(plane.wish(view, sample, network), "inspector-attacked")
    return {"network": network, "held": asked["held"]}


def _networks(offered: dict[str, str]) -> tuple[str, str]:
    """Under which network the plane is seen, and which one is laid beside it."""

    with st.container(horizontal=True, gap="small"):
        look: dict[str, Any] = {"bind": "query-params", "width": 180}
        network = st.selectbox("Network", list(offered), key="network", help=NETWORKS, **look)
        network = network if network in offered else next(iter(offered))
        beside = st.selectbox("Beside it", [NONE, *offered], key="beside_network", help=BESIDE, **look)
    return network, beside if beside in offered and beside != network else NONE


def _choices(view: state.View, sample: int, other: int | None) -> dict[str, str | int]:
    """Through what the plane goes, whether attacks are shown on it, and the step whose images fix it."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        along = st.selectbox("Plane", list(ALONG), key="along", bind="query-params", width=180, help=DIRECTIONS)
        attacks = st.toggle(
            "Attacks", key="landings", bind="query-params", help="Where each attack of the evaluation ends on the plane"
        )
    held = _held(view, sample)
    asked: dict[str, str | int] = {"along": ALONG.get(along, "images"), "held": held}
    if other is not None:
        other = other if held == view.shown else frames.nearest_other(view.path, held, sample, view.scorer)
    if held != view.shown:
        st.caption(HELD.format(held=held))
        st.button("Plane of this step", key="plane-anew", on_click=_hold, args=(view, sample))
    return asked | ({} if other is None else {"other": other}) | ({"attacks": 1} if attacks else {})


def _held(view: state.View, sample: int) -> int:
    """The step whose images fix the plane: the one at which this image was opened, which a link may name."""
    run, number, step = st.session_state.get("held", ("", -1, -1))
    linked = st.query_params.get("held", "") if "held" not in st.session_state else ""
    if linked.isascii() and linked.isdigit() and len(linked) < 10 and int(linked) in view.steps:
        run, number, step = state.run_name(view.opened), sample, int(linked)
        st.session_state["held"] = (run, number, step)
    if (run, number) != (state.run_name(view.opened), sample) or step not in view.steps:
        _hold(view, sample)
        return view.shown
    return step


def _hold(view: state.View, sample: int) -> None:
    st.session_state["held"] = (state.run_name(view.opened), sample, view.shown)
