"""Points that a person places: by clicking into a square, as lines of a field, or ten at random. They stand in the
address, and what an address, a field or a browser says of them is checked here."""

from collections.abc import Callable

import streamlit as st

from app import state, theme, toylinks, words
from app.components.mounting import texts
from c2r.base.errors import InputError
from c2r.learn import given
from c2r.learn.settings import MOST

PARTS = ("mounted.js", "toydraw.js", "toyplace.js")
PLACED, LINES, DRAFTS = "toy-placed", "toy-given-lines", "toy-given-drafts"
HTML = """
<div class="toy place">
<div class="bar">
<span role="radiogroup" aria-label="Class of the next point, keys 1 to 3" class="bar kinds">
<button role="radio" class="kind"></button><button role="radio" class="kind"></button>
<button role="radio" class="kind"></button>
</span>
<button class="ten" title="Ten points of this class around a place that is drawn at random">Scatter ten</button>
<button class="clear" title="Take all points away">Clear</button>
</div>
<canvas class="plane" role="img"></canvas>
<div class="said" role="status"></div>
</div>
"""
HELP = "One point on a line: x₁, x₂ and its class; coordinates from 0 to 1, classes 1 to 3"


def show(per_class: int, large: bool) -> bool:
    """The square and the field; whether there are enough points for `per_class` distilled ones of each class."""
    points = given.read(text) if (text := st.session_state[toylinks.key(toylinks.GIVEN)]) else ()
    lacking = given.missing(points, per_class)
    here, beside = st.columns([3, 2], gap="large")
    with here:
        _square(
            text, lacking or f"{len(points)} points, of which the panels below distil {per_class} of each class.", large
        )
    with beside:
        st.markdown(
            "Click into the square to place a point of the chosen class, keys 1 to 3; click on one to take it away."
        )
        if problem := st.session_state.get(toylinks.PROBLEM):
            st.warning(words.plain(problem), icon=":material/warning:")
        else:
            st.session_state[LINES] = given.lines(points)
        st.text_area("Or as lines: x₁, x₂, class", key=LINES, on_change=_written, help=HELP, height=220)
    return not lacking


def _square(text: str, said: str, large: bool) -> None:
    """Mount the square; what is placed in it comes back under the key of `PLACED`."""
    tokens, script, looks = theme.tokens(state.is_dark()), texts(*PARTS), texts("toy.css")
    component = st.components.v2.component("c2r-toy-place", html=HTML, css=looks, js=script)
    data = {
        "given": text,
        "said": said,
        "drafts": st.session_state.get(DRAFTS, 0),
        "most": MOST,
        "large": large,
        "colours": [theme.class_colour(k, len(given.CLASSES)) for k in range(len(given.CLASSES))],
        **{name: getattr(tokens, name) for name in ("page", "text", "muted", "grid")},
    }
    component(data=data, key=PLACED, on_placed_change=_clicked)


def _clicked() -> None:
    """Points were placed in the square: a text and the number of this draft, both from the browser."""
    found = st.session_state[PLACED].get("placed")
    if isinstance(found, dict) and isinstance(found.get("drafts"), int | float):
        st.session_state[DRAFTS] = int(found["drafts"])
        text = str(found.get("given", ""))
        _take(lambda: given.read(text) if text else ())


def _written() -> None:
    """The lines were changed."""
    text = st.session_state[LINES]
    _take(lambda: given.read_lines(text))


def _take(read: Callable[[], given.Placed]) -> None:
    """Place the points that `read` finds; a sentence instead where it finds none, and the earlier ones stay."""
    try:
        points = read()
    except InputError as error:
        st.session_state[toylinks.PROBLEM] = str(error)
        return
    st.session_state.pop(toylinks.PROBLEM, None)
    toylinks.take({toylinks.GIVEN: given.written(points)})
