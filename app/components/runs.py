"""The table of all runs; a selected row becomes the run of all pages."""

import time

import streamlit as st

from app import cache, jobs, runlist, state
from c2r import keeping
from c2r.runs import Run

PERCENT = {
    "Clean": "Test accuracy of fresh networks trained on the synthetic images, mean over seeds",
    "Worst attack": "The lowest mean test accuracy under an untargeted attack within the protocol's own radius; 'Worst by' names it",
}
WIDTHS = {
    "Run": 176, "State": 84, "Dataset": 56, "IPC": 36, "Method": 64, "Step": 78, "Age": 54, "Clean": 54, "Worst attack": 52, "Worst by": 118, "n": 44,
}  # fmt: skip


def table(runs: list[Run]) -> None:
    """All runs with state, data, method, step and accuracies; a damaged one is listed with the reason."""
    names = [state.run_name(run) for run in runs]

    def picked() -> None:
        rows = st.session_state["run-table"]["selection"]["rows"]
        if rows and rows[0] < len(names):
            state.choose_run(names[rows[0]])

    evaluating = [next((one.state for one in jobs.evaluations(run.path) if one.alive), "") for run in runs]
    rows = runlist.run_table(runs, [cache.rows(run.path) for run in runs], names, time.time(), evaluating)
    st.dataframe(
        runlist.with_about(rows, [keeping.about(run.path) for run in runs]),
        key="run-table",
        hide_index=True,
        placeholder="–",
        on_select=picked,
        selection_mode="single-row",
        column_config=_columns(),
        alt="All runs with state, data, method, step and accuracies",
    )


def _columns() -> dict[str, object]:
    """Widths at which all columns fit beside each other at 1280 px, and percentages."""
    plain = {name: st.column_config.Column(name, width=width) for name, width in WIDTHS.items()}
    heads = {"Worst attack": "Worst"}
    plain["n"] = st.column_config.NumberColumn(
        "n", format="localized", width=WIDTHS["n"], help="Test images behind the figures; below 100 the note warns"
    )
    return plain | {
        name: st.column_config.NumberColumn(heads.get(name, name), format="%.1f %%", help=text, width=WIDTHS[name])
        for name, text in PERCENT.items()
    }
