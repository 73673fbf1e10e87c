"""What a run will need before it is started, and why it cannot be started, if so."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import guard, places, state, words
from c2r import config
from c2r.store import runs
from c2r.work import preflight

# Beside the form the panel stays in view while the form scrolls; where there is no room beside it, it stands between
# the two parts.
LAYOUT = """
@media (min-width: 1001px) {
  .st-key-start-grid { display: grid; grid-template-columns: 3fr 2fr; grid-template-rows: auto 1fr; column-gap: 2rem; }
  .st-key-start-grid > :has(> .st-key-start-panel) {
    grid-column: 2; grid-row: 1 / span 2; align-self: start; position: sticky; top: 4.5rem;
  }
}
"""
_STYLE = st.components.v2.component("c2r_start_layout", css=LAYOUT, isolate_styles=False)


def layout() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Where the plain settings stand, the panel with cost and Start, and the other settings."""
    _STYLE(key="start-layout", height=0)
    with st.container(key="start-grid"):
        return st.container(key="start-plain"), st.container(key="start-panel"), st.container(key="start-rest")


def show(settings: config.RunConfig | None, problem: str | None) -> str:
    """Device, minutes, memory, disk, notes. Returns the reason why Start must wait, '' when it need not."""
    st.markdown("**Before it starts**")
    problem = problem if settings is None else places.problem_of(settings)
    if settings is None or problem:
        st.error(words.plain(problem or ""), icon=":material/error:")
        return problem or ""
    facts = preflight.check(settings, runs.default_store())
    known = facts.memory_gb > 0
    with st.container(border=True):
        columns = st.columns(2)
        columns[0].metric("Device", facts.device)
        columns[1].metric("Estimated time", words.duration(60 * facts.minutes) if known else "–")
        columns[0].metric("Memory", f"{facts.memory_gb:.1f} GB" if known else "–")
        columns[1].metric("Disk", f"{facts.disk_mb:.0f} MB" if known else "–")
    for text in facts.problems:
        st.error(words.plain(text), icon=":material/error:")
    for text in facts.notes:
        st.caption(words.plain(state.in_names(text)))
    if guard.read_only():
        st.info(f"Nothing can be started: {guard.why_not()}.", icon=":material/visibility:")
    return next(iter(facts.problems), guard.why_not())
