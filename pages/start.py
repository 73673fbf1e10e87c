"""Start a run: preset, settings, what it will cost, and the same as a command or a file."""

import shlex

import streamlit as st

from app import jobs, state, words
from app.components import form, loading, preflight, shell
from c2r import config, presets
from c2r.base.errors import InputError
from c2r.store import runs

shell.header(
    "Start a run",
    "Choose a preset, change what you like, read what it will cost; the run goes on when this page is closed.",
)
names = list(presets.PRESETS)
preset = st.segmented_control("Preset", names, default=names[0], required=True, key="preset", bind="query-params")
preset = preset if preset in names else names[0]
st.caption(words.plain(presets.PRESET_HELP.get(preset, "")))
plain, panel, rest = preflight.layout()
with plain:
    base = loading.start(preset)
    if base.said:
        st.info(words.plain(base.said), icon=":material/info:")
asked = form.show(base.settings, f"form-{preset}-{base.number}", plain, rest)
settings, problem = None, asked.problem
if not problem:
    settings = config.validate(asked.values)
    if said := form.changes(settings, preset):
        rest.caption(words.plain(said))
with panel:
    blocked = preflight.show(settings, problem)
    pressed = st.button(
        "Start", type="primary", icon=":material/play_arrow:", disabled=bool(blocked), key="start", width="stretch"
    )
    if blocked:
        st.caption("Start waits until what is said above is mended.")
    if pressed and settings and not blocked:
        try:
            with st.spinner("Starting the run"):
                path = jobs.start(settings, preset, runs.default_store() / runs.new_id(settings))
        except InputError as error:
            shell.problem(error)
            st.stop()
        state.choose_run(path.name)
        shell.go("live")
if settings:
    st.markdown("**The same as a command or a file**")
    st.code(shlex.join(config.command(settings, preset, "runs/my-run")), language="bash", wrap_lines=True)
    loading.save(settings)
loading.load(preset, settings)
