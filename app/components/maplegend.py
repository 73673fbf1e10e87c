"""The one legend above maps that stand side by side: it wraps at any width, and a click on a class hides it on all of
them. All its texts are set as text."""

from collections.abc import Sequence

import streamlit as st

from app import legend
from app.components.mounting import texts

HTML = '<div class="legend" role="group" aria-label="Legend of both maps"></div>'
KEY = "map-legend"


def hidden(run: str, classes: Sequence[int]) -> frozenset[int]:
    """Those of the `classes` of a run's maps that a person has hidden."""
    return legend.after_click(st.session_state.get(f"{KEY}-{run}", ()), classes, None)


def show(shown: legend.Legend, run: str, dark: bool) -> None:
    """The legend of the maps of a run; the script is told anew at every run, because each server has a register of its
    own."""

    def clicked() -> None:
        now = legend.after_click(shown.hidden, shown.classes, st.session_state[KEY]["clicked"])
        st.session_state[f"{KEY}-{run}"] = now

    script, looks = texts("maplegend.js"), texts("maplegend.css")
    component = st.components.v2.component("c2r-map-legend", html=HTML, css=looks, js=script)
    component(data={"entries": legend.entries(shown, dark)}, key=KEY, on_clicked_change=clicked)
