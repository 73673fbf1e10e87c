"""Settings as a file: saved, and loaded back as what the form starts from."""

from dataclasses import dataclass

import streamlit as st

from app.components import shell
from c2r import config
from c2r.errors import InputError


@dataclass(frozen=True)
class Loaded:
    """Settings from a file, with a number of their own so that the form's fields start afresh."""

    settings: config.RunConfig
    number: int


def current() -> Loaded | None:
    """The settings that were loaded last, None when the form starts from a preset."""
    return st.session_state.get("loaded")


def save(settings: config.RunConfig) -> None:
    """A button that downloads the settings as JSON."""
    st.download_button(
        "Save JSON", config.to_json(settings), "config.json", "application/json",
        icon=":material/download:", on_click="ignore", key="save-json",
    )  # fmt: skip


def load() -> None:
    """A field that takes a JSON file of settings, says what is wrong with it, and a way back to the preset."""
    text = "Settings saved here, or the config.json of a run"
    st.file_uploader("Load JSON", type="json", max_upload_size=1, key="load-json", on_change=_take, help=text)
    if st.session_state.get("load-problem"):
        shell.problem(st.session_state["load-problem"])
    elif current():
        st.button("Back to the preset", icon=":material/undo:", key="unload", on_click=forget)


def forget() -> None:
    """Start from the preset again."""
    st.session_state.pop("loaded", None)


def _take() -> None:
    file = st.session_state["load-json"]
    st.session_state["load-problem"] = ""
    if file is None:
        return
    try:
        settings = config.from_json(file.getvalue().decode("utf-8", "replace"))
    except InputError as error:
        st.session_state["load-problem"] = str(error)
        return
    number = st.session_state.get("load-number", 0) + 1
    st.session_state["load-number"], st.session_state["loaded"] = number, Loaded(settings, number)
