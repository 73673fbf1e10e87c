"""What the address says of the toy: every setting that is not the best known one, or that of the open task; what the
panels differ in; whether fresh networks are shown.

Not bound to the widgets: lessons set all of them at once, and a bound widget leaves out of the address what is its own
default, not the toy's. Like `app.links`, one entry of the browser's history for each view.
"""

from typing import Any

import streamlit as st

from app import links
from c2r.base.errors import InputError
from c2r.learn import given
from c2r.learn.settings import BEST, OTHERS, Toy, toy

APART, FRESH, GIVEN = "apart", "fresh", "given"
SETTINGS = tuple(name for name in Toy.model_fields if name != GIVEN)  # placed points are kept as a text
DEFAULTS: dict[str, Any] = {name: getattr(BEST, name) for name in SETTINGS} | {
    APART: next(iter(OTHERS)),
    FRESH: False,
    GIVEN: "",
}
PROBLEM = "toy-given-problem"  # what is wrong with points that were asked for, until others are placed


def key(name: str) -> str:
    """What a value is called in the address and as a widget."""
    return f"toy-{name}"


def place(base: dict[str, Any]) -> None:
    """Before the widgets are drawn: what the address newly says, else what was shown before; `base`: the values that an
    address does not name."""
    for name, default in base.items():
        asked = links.newly(key(name))
        if asked is not None and (found := _read(name, asked)) is not None:
            take({name: found})
        elif links.unnamed(key(name)):
            take({name: default})
        elif key(name) not in st.session_state:
            st.session_state[key(name)] = _kept()[name]


def take(values: dict[str, Any]) -> None:
    """Bring values into the widgets; before they are drawn, or in a callback."""
    _kept().update(values)
    st.session_state.update({key(name): value for name, value in values.items()})


def address(values: dict[str, Any], base: dict[str, Any]) -> None:
    """Name what is shown and does not go without saying; placed points only while they are shown."""
    _kept().update(values)
    named = {key(name): _text(value) if value != base[name] else "" for name, value in values.items()}
    links.address(**named | ({} if values["data"] == GIVEN else {key(GIVEN): ""}))


def settings(values: dict[str, Any]) -> Toy:
    """The toy of these values; InputError when they do not fit."""
    placed = {GIVEN: given.read(values[GIVEN])} if values["data"] == GIVEN and values[GIVEN] else {}
    return toy({name: values[name] for name in SETTINGS} | placed)


def _kept() -> dict[str, Any]:
    """What is shown, for a person who comes back from another page."""
    return st.session_state.setdefault("toy-kept", dict(DEFAULTS))


def _text(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _read(name: str, text: str) -> Any:
    """The value that a text of the address is, None for one that does not fit."""
    if name == GIVEN:
        return _placed(text)
    if name == APART:
        return text if text in OTHERS else None
    if name == FRESH:
        return {"on": True, "off": False}.get(text)
    try:
        return getattr(toy({name: text}), name)
    except InputError:
        return None


def _placed(text: str) -> str | None:
    """The points that an address names, as it names them; None and a sentence under `PROBLEM` for what it cannot."""
    st.session_state.pop(PROBLEM, None)
    try:
        return given.written(given.read(text))
    except InputError as error:
        st.session_state[PROBLEM] = str(error)
        return None
