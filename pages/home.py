"""Home: what this is, where to go, and every run with its state and figures."""

import streamlit as st

from app import state, words
from app.components import housekeeping, importing, replay, runs, shell

shell.header(
    "C2R: watch a robust data set form",
    "A few synthetic images per class are distilled from real ones, hardest margins first, so that networks trained on"
    " them withstand attacks: start a run and watch margins, curriculum, classes and images change.",
)
replay.first()
CARDS = (
    (
        "start",
        "Start a run",
        "Choose a preset, change what you like, see what it will cost, press Start.",
        "play_arrow",
    ),
    (
        "live",
        "Watch the recorded sample",
        "A finished run that comes with the app: replay it step by step, no waiting.",
        "monitoring",
    ),
    (
        "gallery",
        "See the images",
        "Every synthetic image with its margin, its rank and what attacks do to it.",
        "grid_view",
    ),
)
for column, (target, title, text, icon) in zip(st.columns(3), CARDS, strict=True):
    with column.container(border=True, height="stretch"):
        st.markdown(f"**{title}**")
        st.caption(text)
        st.space("stretch")
        if st.button(
            title,
            key=f"card-{target}",
            icon=f":material/{icon}:",
            width="stretch",
            type="primary" if target == "start" else "secondary",
        ):
            if target == "live" and state.sample_path().is_dir():
                state.choose_run(state.SAMPLE_NAME)
            shell.go(target)

st.subheader("Runs")
listed = state.all_runs()
current = state.current().run
if listed:
    runs.table(listed)
else:
    st.info("There is no run yet, and the recorded sample run is missing: start a run and it will be listed here.")
if current is not None:
    st.caption(f"Select a row to make it the run of all pages. Now: {words.plain(state.spoken_name(current))}.")
    with st.container(horizontal=True):
        shell.link("live", "Open live", "monitoring")
        shell.link("embeddings", "Open embeddings", "scatter_plot")
        shell.link("gallery", "Open gallery", "grid_view")
housekeeping.panels(current)
importing.panel()
