"""A page with the plane of an image and nothing else, with the app's own routes.

Run: streamlit run tests/plane_app.py --server.address=127.0.0.1. ``?network=…&sample=…&…`` says which plane, of the
recorded sample run.
"""

from pathlib import Path

import streamlit as st

from app import api, state
from app.components import plane
from c2r.store.runs import frame_steps, open_run


def page() -> None:
    """The plane that the address asks for."""
    run = open_run(state.sample_path())
    view = state.View(run, step=frame_steps(run.path)[-1], names=tuple(run.manifest["classes"]))
    asked = {"sample": "12", "network": "ce", "attacks": "1"} | {
        key: str(st.query_params[key]) for key in st.query_params
    }
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.caption(f"Runs of this script: {st.session_state['runs']}")
    if st.button("Another image"):
        asked["sample"] = "13"
    plane.show({"run": state.run_name(run), "step": str(view.step)} | asked, view.names, "plane")


if st.runtime.scriptrunner.get_script_run_ctx(suppress_warning=True):
    st.set_page_config(layout="wide")
    page()
else:
    app = st.App(Path(__file__), routes=api.routes())
