"""Live: margins and curriculum of a run while it works, or of any recorded step."""

import streamlit as st

from app.components import controls, curriculum, definitions, inspector, live, samples, shell

shell.header(
    "Live: margins and curriculum",
    "How hard every synthetic image is for the attack, and in which order they are trained on, step by step.",
)
view = shell.needs_run(step=False)
with st.container(horizontal=True, vertical_alignment="center"):
    controls.buttons(view.opened)
    frozen = controls.freeze(view)
    controls.fork(view)
    sample = live.inspected(view, frozen)
    definitions.margins(view.attack_name)
controls.lineage(view.opened)
controls.ending(view.opened, early=view.step is None)
if view.step is None:
    live.waiting(view)
    st.stop()


live.missing(view)


def selected() -> None:
    """Between the figures: choose ranks of a frozen step, and what is selected."""
    if frozen:
        curriculum.rank_picker(view)
    samples.of_selection(view, here="live")


main, side = inspector.places(sample)
with main:
    live.panel(view, frozen, between=selected)
if side is not None and sample is not None:
    with side:
        live.inspect(view, sample)
