"""The table of all runs; a selected row becomes the run of all pages."""

import time

import streamlit as st

from app import cache, state, views
from c2r import keeping
from c2r.runs import Run

PERCENT = {
    "Clean": "Test accuracy of fresh networks trained on the synthetic images, mean over seeds",
    "Worst attack": "The lowest mean test accuracy under an untargeted attack within the protocol's own radius; 'Worst by' names it",
}


def table(runs: list[Run]) -> None:
    """All runs with state, data, method, step and accuracies; a damaged one is listed with the reason."""
    names = [state.run_name(run) for run in runs]

    def picked() -> None:
        rows = st.session_state["run-table"]["selection"]["rows"]
        if rows and rows[0] < len(names):
            state.choose_run(names[rows[0]])

    rows = views.run_table(runs, [cache.rows(run.path) for run in runs], names, time.time())
    st.dataframe(
        views.with_about(rows, [keeping.about(run.path) for run in runs]),
        key="run-table",
        hide_index=True,
        placeholder="–",
        on_select=picked,
        selection_mode="single-row",
        column_config={name: st.column_config.NumberColumn(name, format="%.1f %%", help=text) for name, text in PERCENT.items()},
        alt="All runs with state, data, method, step and accuracies",
    )
