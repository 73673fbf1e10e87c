"""A page with the replay of a run and nothing else, with the app's own routes.

Run: streamlit run tests/replay_app.py --server.address=127.0.0.1. ``?run=…&beside=…&step=…`` says which runs of the
store, and where it stays.
"""

from pathlib import Path

import streamlit as st

from app import api, state
from app.components import replay
from c2r.store.runs import default_store, open_run


def page() -> None:
    """The replay that the address asks for."""
    named = [str(st.query_params[key]) for key in ("run", "beside") if key in st.query_params]
    listed = [open_run(default_store() / name) for name in named] or [open_run(state.sample_path())]
    step = st.query_params.get("step")
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.caption(f"Runs of this script: {st.session_state['runs']}")
    st.text_input("A field")
    replay.show(listed, replay.Shown(step=None if step is None else int(step), speed=20), "replay")
    st.caption(f"Position: {st.session_state.get('position', 'none')}")


if st.runtime.scriptrunner.get_script_run_ctx(suppress_warning=True):
    st.set_page_config(layout="wide")
    page()
else:
    app = st.App(Path(__file__), routes=api.routes())
