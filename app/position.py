"""Which recorded step is looked at: the newest, also when newer ones come, or one that a person chose; and playing
through them.

The address names it, ``?step=last`` or ``?step=120``. Each choice is an entry of the browser's history; while the steps
play the
address rests. What changes something here is for callbacks of widgets and for the timer of the playback bar.
"""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app import links, views

LAST = "last"


def chosen() -> int | None:
    """The step that was chosen, None for the newest."""
    return st.session_state.get("position")


def playing() -> bool:
    """Whether the steps are played one after the other."""
    return bool(st.session_state.get("playing"))


def place() -> None:
    """Take over the step that the address newly names (a link, the browser's Back); a word that is no number means the
    newest."""
    st.session_state["pressed"] = False
    named = links.newly("step")
    if named is not None:
        go(links.whole(named))


def spoken() -> str | None:
    """What the address should say; None while the steps play: it rests."""
    step = chosen()
    return None if playing() else LAST if step is None else str(step)


def resolved(steps: Sequence[int], *, linked: bool = False) -> int | None:
    """The recorded step to show: the newest, or the one nearest to the chosen one, which is said unless a link is told
    so anyway."""
    if not steps:
        return None
    wanted = chosen()
    if wanted is None:
        return steps[-1]
    nearest = views.nearest(steps, wanted)
    if nearest != wanted:
        st.session_state["position"] = nearest
        if not linked:
            said = f"The images of step {wanted} are not kept any more, as of most old steps: showing step {nearest}."
            st.session_state["notes"] = [said]
    return nearest


def go(step: int | None) -> None:
    """Show this step, or the newest for None, and play no longer."""
    st.session_state["position"], st.session_state["playing"] = step, False
    st.session_state.pop("notes", None)


def settle(steps: Sequence[int], step: int) -> None:
    """Show a recorded step; at the newest one stay with the newest, unless the page is frozen."""
    go(None if step == steps[-1] and not st.session_state.get("freeze") else step)


def press(steps: Sequence[int], step: int) -> None:
    """A button of the bar: show this step, whatever slider and switch of a browser that lags say along with it."""
    settle(steps, step)
    st.session_state["pressed"] = True


def scrubbed(steps: Sequence[int]) -> None:
    """The slider was moved."""
    if st.session_state.get("step") in steps and not st.session_state.get("pressed"):
        settle(steps, st.session_state["step"])


def follow_switched(step: int) -> None:
    """'Follow latest' was switched: on ends a freeze, off stays at `step`."""
    if not st.session_state.get("pressed"):
        follow = st.session_state["follow"]
        st.session_state["freeze"] = st.session_state.get("freeze", False) and not follow
        go(None if follow else step)


def play(steps: Sequence[int], step: int) -> None:
    """Play from `step` on, from the first one when it is the newest; what plays is not frozen."""
    go(steps[0] if step == steps[-1] else step)
    st.session_state.update(playing=True, freeze=False, pressed=True)


def advance(steps: Sequence[int]) -> None:
    """Play one step further; after the newest one the play is over."""
    now = chosen()
    beyond = [step for step in steps if step > (steps[-1] if now is None else now)]
    if len(beyond) > 1:
        st.session_state["position"] = beyond[0]
    else:
        go(None)


def note_shown(path: Path, step: int) -> None:
    """Remember the step that the figures of this run show now: they move on without the rest of the page."""
    st.session_state["shown"] = (str(path), step)


def freeze(path: Path, steps: Sequence[int]) -> None:
    """Stay at the step that the figures show now, else at the newest of `steps`."""
    drawn, step = st.session_state.get("shown", ("", None))
    st.session_state["followed"] = chosen() is None
    go(step if drawn == str(path) else steps[-1] if steps else None)


def unfreeze() -> None:
    """Follow again when the newest step was followed before the freeze."""
    if st.session_state.pop("followed", False):
        go(None)
