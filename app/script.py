"""What every visit runs: registers the pages, draws the sidebar and the status strip, runs the page. `app/main.py`
serves it."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from app import guard, state, warm
from app.components import listener, shell
from c2r.base import paths

SIDEBAR = 264  # px
PAGES = Path(__file__).resolve().parents[1] / "pages"

warm.up()
st.set_page_config(page_title="C2R", page_icon=shell.icon(), layout="wide", initial_sidebar_state=SIDEBAR)


def page(name: str, title: str, icon: str, help: str) -> Page:
    """One page of the app, found from this file and not from the working folder."""
    return st.Page(
        PAGES / f"{name}.py", title=title, icon=f":material/{icon}:", url_path=name, default=name == "home", help=help
    )


pages = {
    "home": page("home", "Home", "home", "What this is, and all runs with their state and figures"),
    "start": page("start", "Start a run", "play_arrow", "Choose a preset, change settings, see what they cost, start"),
    "live": page(
        "live", "Live", "monitoring", "Margins and curriculum of a run while it works, or at any recorded step"
    ),
    "replay": page(
        "replay", "Replay", "movie", "A run over its recorded steps, playing: margins, order, map and images together"
    ),
    "embeddings": page(
        "embeddings",
        "Embeddings",
        "scatter_plot",
        "Where clean and adversarial images lie, and how far the classes stand apart",
    ),
    "gallery": page(
        "gallery", "Gallery", "grid_view", "Every synthetic image with its margin, rank and accuracy under attack"
    ),
    "compare": page(
        "compare",
        "Compare",
        "compare_arrows",
        "Evaluated sets side by side: checks, accuracy under attack, ratios, export",
    ),
    "learn": page("learn", "Learn", "school", "The same core on points in the plane: five tasks, and the glossary"),
}
st.session_state["pages"] = pages
chosen = st.navigation(list(pages.values()), position="top")
if not guard.admit():
    st.stop()
if problem := paths.store_problem():
    st.error(problem, icon=":material/folder_off:")
    st.stop()
state.apply_wishes()
shell.sidebar(chosen.url_path)
listener.listen(state.has_selection(), state.clear_selection)
st.set_page_config(page_title=shell.tab_title(chosen.title))
if chosen.url_path != "learn":  # it shows no run
    shell.strip("Run of the sidebar:" if chosen.url_path == "compare" else "", ticks=chosen.url_path != "start")
chosen.run()
