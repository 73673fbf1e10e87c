"""Start a run: preset, settings, what it will cost, and the same as a command or a file."""

import shlex

import streamlit as st

from app import jobs, state, words
from app.components import form, preflight, shell
from c2r import config, runs
from c2r.errors import InputError

shell.header("Start a run", "Choose a preset, change what you like, read what it will cost; the run goes on when this page is closed.")
preset = st.segmented_control(
    "Preset", list(config.PRESETS), default=next(iter(config.PRESETS)), required=True, key="preset", bind="query-params"
)
st.caption(words.plain(config.PRESET_HELP.get(preset, "")))


def take_file() -> None:
    """Settings from a JSON file become what the form starts from."""
    file = st.session_state["load-json"]
    st.session_state["load-problem"] = ""
    if file is None:
        return
    try:
        loaded = config.from_json(file.getvalue().decode("utf-8", "replace"))
    except InputError as error:
        st.session_state["load-problem"] = str(error)
        return
    st.session_state["loaded"] = {"config": loaded, "number": st.session_state.get("loaded", {}).get("number", 0) + 1}


loaded = st.session_state.get("loaded")
left, right = st.columns([3, 2])
with left:
    base = loaded["config"] if loaded else config.load(preset)
    values = form.show(base, f"form-{preset}-{loaded['number'] if loaded else 0}")
with right:
    settings = problem = None
    try:
        settings = config.validate(values)
    except InputError as error:
        problem = str(error)
    blocked = preflight.show(settings, problem)
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=bool(blocked), key="start", width="stretch"):
        try:
            with st.spinner("Starting the run"):
                path = jobs.start(settings, preset, runs.default_store() / runs.new_id(settings))
        except InputError as error:
            shell.problem(error)
            st.stop()
        state.choose_run(path.name)
        shell.go("live")
    if blocked:
        st.caption(f"Start waits: {words.plain(blocked)}")
    if settings:
        st.markdown("**The same as a command**")
        st.code(shlex.join(config.command(settings, preset, "runs/my-run")), language="bash", wrap_lines=True)
        st.download_button(
            "Save JSON",
            config.to_json(settings),
            "config.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="save-json",
        )
    st.file_uploader(
        "Load JSON", type="json", max_upload_size=1, key="load-json", on_change=take_file, help="Settings saved here or a run's config.json"
    )
    if st.session_state.get("load-problem"):
        shell.problem(st.session_state["load-problem"])
    elif loaded and st.button(
        "Back to the preset", icon=":material/undo:", key="unload", on_click=lambda: st.session_state.pop("loaded", None)
    ):
        st.rerun()
