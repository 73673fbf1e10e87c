"""The playback bar: one line above the figures of every page that shows a recorded step. It says which step, and moves
it."""

from collections.abc import Callable
from itertools import count
from typing import Any

import streamlit as st

from app import position, state

SPEEDS, PACE = (0.5, 1, 2, 4), 2  # recorded steps a second
LOOKS, TICK = (1, 2, 3, 5, 10), 2  # seconds between looks for a newer step
KEPT = (
    "Recorded steps whose images are kept: the newest all, older ones ever more sparsely. Lines over steps hold the"
    " figures of all"
)


def bar(view: state.View) -> None:
    """The bar, and the timer that plays the steps or looks for a newer one; both end with what they wait for."""
    widgets(view)
    alive = view.run is not None and view.run.alive
    if position.playing():
        timer(1 / speed(), lambda: _play_on(view))
    elif alive and view.follow and view.steps:
        timer(every(), lambda: _look_again(view))


def widgets(view: state.View) -> None:
    """What can be pressed and dragged; nothing to move through is said in words."""
    if len(view.steps) < 2 or view.step is None:
        alive = view.run is not None and view.run.alive
        st.caption("Follows the newest recorded step." if alive else f"Step {view.step}, the only recorded one.")
        return
    steps, step, playing = view.steps, view.step, position.playing()
    first, last, place = step == steps[0], step == steps[-1], steps.index(step)
    before, after = steps[max(0, place - 1)], steps[min(place + 1, len(steps) - 1)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="playback"):
        _button("first", ":material/skip_previous:", "First recorded step", first, position.press, steps, steps[0])
        _button("back", "−1", "One recorded step back", first, position.press, steps, before)
        if playing:
            _button("pause", ":material/pause: Pause", "Stay at this step", False, position.press, steps, step)
        else:
            _button(
                "play",
                ":material/play_arrow: Play",
                "One recorded step after the other",
                False,
                position.play,
                steps,
                step,
            )
        _button("on", "+1", "One recorded step on", last, position.press, steps, after)
        _button("last", ":material/skip_next:", "Newest recorded step", last, position.press, steps, steps[-1])
        follows = view.follow and view.run is not None and view.run.alive
        _slider(view, moving=playing or follows)
        _pace(follows and not playing)
        _follow(view, playing)


def _button(name: str, label: str, help: str, disabled: bool, action: Callable[..., None], *args: object) -> None:
    st.button(label, key=f"playback-{name}", help=help, disabled=disabled, on_click=action, args=args)


def _slider(view: state.View, moving: bool) -> None:
    """Where the shown step stands; while it moves by itself the slider only shows it.

    A browser that lags sends the place of a moment ago with every tick, which must not count as moved by hand.
    """
    _shows("step", view.step)
    change: dict[str, Any] = {} if moving else {"on_change": position.scrubbed, "args": (view.steps,)}
    text = f"{KEPT}. Pause, or switch 'Follow latest' off, to drag it" if moving else KEPT
    st.select_slider(
        "Recorded step", view.steps, view.shown, key="step", disabled=moving, help=text, width="stretch", **change
    )


def _follow(view: state.View, playing: bool) -> None:
    _shows("follow", view.follow)
    change: dict[str, Any] = {} if playing else {"on_change": position.follow_switched, "args": (view.step,)}
    st.toggle(
        "Follow latest",
        view.follow,
        key="follow",
        disabled=playing,
        help="Always show the newest recorded step",
        **change,
    )


def _shows(key: str, value: object) -> None:
    """Make a widget show `value`; one that does is left alone, so that it keeps what a person does to it meanwhile.

    The widget is given the value as its default too: a browser that has just drawn it sends that, also before it heard
    of this.
    """
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def _pace(follows: bool) -> None:
    """How fast the steps play; for the newest step of a run at work, how often one looks for a newer one."""
    look: dict[str, Any] = {"bind": "query-params", "width": 104, "label_visibility": "collapsed"}
    if follows:
        told = "Seconds between two looks for a newer step"
        st.selectbox(
            "Every", LOOKS, LOOKS.index(TICK), key="every", format_func=lambda s: f"every {s:g} s", help=told, **look
        )
    else:
        told = "Recorded steps played in a second"
        st.selectbox(
            "Speed", SPEEDS, SPEEDS.index(PACE), key="speed", format_func=lambda n: f"{n:g} steps/s", help=told, **look
        )


def every() -> float:
    """Seconds between two looks for a newer step, as the bar says."""
    chosen = st.session_state.get("every")
    return chosen if chosen in LOOKS else TICK


def speed() -> float:
    """Recorded steps a second, as the bar says."""
    chosen = st.session_state.get("speed")
    return chosen if chosen in SPEEDS else PACE


def timer(seconds: float, look: Callable[[], None]) -> None:
    """Call `look` every so many seconds, not now: drawing the page calls a fragment once too."""
    calls = count()

    def tick() -> None:
        if next(calls):
            look()

    st.fragment(tick, run_every=seconds)()


def _play_on(view: state.View) -> None:
    if position.playing():
        position.advance(state.recorded_steps(view.path))
        st.rerun()


def _look_again(view: state.View) -> None:
    if state.recorded_steps(view.path)[-1:] != view.steps[-1:]:
        st.rerun()
