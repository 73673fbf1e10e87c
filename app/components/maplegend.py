"""The one legend above maps that stand side by side: it wraps at any width. All its texts are set as text."""

from pathlib import Path

import streamlit as st

from app import legend

HERE = Path(__file__).parent
HTML = '<div class="legend" role="note" aria-label="Legend of both maps"></div>'


def show(shown: legend.Legend, dark: bool) -> None:
    """The legend; the script is told anew at every run, because each server has a register of its own."""
    script, looks = ((HERE / f"maplegend.{ending}").read_text(encoding="utf-8") for ending in ("js", "css"))
    component = st.components.v2.component("c2r-map-legend", html=HTML, css=looks, js=script)
    component(data={"entries": legend.entries(shown, dark)}, key="map-legend")
