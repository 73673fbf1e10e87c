"""The replay of a run, or of two locked to one step, drawn in the browser from `/api/replay`: while it plays nothing
runs this script.

A step goes back to the script once a person stays there; then the address and the other pages have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import beside, links, position, replays, state, words
from app.components.mounting import texts
from c2r.report import replaygif, replaypage
from c2r.store import runs
from c2r.store.runs import Run

KEY, HOME = "replay", "home-replay"
ALL, FEW = ("histogram", "order", "map", "gallery"), ("histogram", "map")
HELP = (
    "Another run of the same data, by the name of its folder: its panels stand beside these and stay at the same step"
)

PAGE_HELP = "One file that plays this replay in any browser, without a server"
GIF_HELP = "Margins and map of the first run as an animated GIF"


@dataclass(frozen=True)
class Shown:
    """How a replay is shown: its panels, the step it stays at (None: it plays from the first one on, where motion is
    welcome), whether it begins anew at the end, how fast (recorded steps a second), whether the script hears of
    steps."""

    kinds: tuple[str, ...] = ALL
    step: int | None = None
    loop: bool = False
    speed: int = 5
    tells: bool = True


def page(view: state.View) -> None:
    """The replay of the sidebar's run, what stands beside it, and its files."""
    second = _beside(view)
    listed = [view.opened, *([second] if second else [])]
    show(listed, Shown(step=position.chosen()), KEY)
    _downloads(listed)


def first() -> None:
    """The recorded sample run, moving, and the way to its whole replay; nothing where the sample is missing."""
    sample = runs.open_run(state.sample_path())
    if sample.problem or not state.recorded_steps(sample.path):
        return
    st.markdown(f"**{state.SAMPLE_NAME}**: robust margins grow and classes part while the images are distilled")
    show([sample], Shown(FEW, loop=True, tells=False), HOME)
    st.page_link(
        st.session_state["pages"]["replay"],
        label="Open the whole replay",
        icon=":material/movie:",
        query_params={"run": state.SAMPLE_NAME},
    )


def show(listed: Sequence[Run], shown: Shown, key: str) -> None:
    """Draw the replay of one run or two under a `key`; it keeps its picture until the next one is there."""

    def stopped() -> None:
        step = st.session_state[key]["stopped"]
        steps = state.recorded_steps(listed[0].path)
        if isinstance(step, int) and steps:
            position.settle(steps, min(steps, key=lambda own: abs(own - step)))

    script = f"{replaypage.script()}\n{texts('mounted.js', 'replay.js')}"
    component = st.components.v2.component("c2r-replay", html=replaypage.markup(), css=replaypage.looks(), js=script)
    component(data=data(listed, shown), key=key, on_stopped_change=stopped)


def data(listed: Sequence[Run], shown: Shown) -> dict[str, Any]:
    """What the script of the element is told."""
    return {
        "address": links.route("replay"),
        "runs": [state.run_name(run) for run in listed],
        "stamps": [str(replays.stamp(run.path)) for run in listed],
        "names": [state.spoken_name(run) for run in listed],
        "looks": replaypage.LOOKS,
        "kinds": list(shown.kinds),
        "step": shown.step,
        "playing": shown.step is None,
        "loop": shown.loop,
        "speed": shown.speed,
        "tells": shown.tells,
    }


def _beside(view: state.View) -> Run | None:
    """The run that is chosen to stand beside this one, None for none; the box is there only with a choice."""
    others = {state.run_name(run): run for run in beside.alike(view.opened, state.all_runs())}
    if not others:
        return None
    chosen = st.selectbox(
        "Compare with",
        [beside.NOTHING, *others],
        key="against",
        bind="query-params",
        help=HELP,
        width=330,
    )
    return others.get(str(chosen))


def _downloads(listed: Sequence[Run]) -> None:
    paths, name = [run.path for run in listed], "-".join(run.path.name for run in listed)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, make, ending, kind, told in (
            ("Web page", lambda: replaypage.replay_page(paths), "html", "text/html", PAGE_HELP),
            ("Animated picture", lambda: replaygif.replay_gif(paths[0]), "gif", "image/gif", GIF_HELP),
        ):
            st.download_button(
                label,
                make,
                f"{name}-replay.{ending}",
                kind,
                icon=":material/download:",
                key=f"replay-{ending}",
                on_click="ignore",
                help=told,
            )
        st.caption(words.plain(words.measured(listed[0])))
