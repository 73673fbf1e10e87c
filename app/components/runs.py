"""The table of all runs, with pictures; a selected row becomes the run of all pages."""

import time
import zlib
from typing import Any

import streamlit as st

from app import cache, glance, jobs, runlist, state, words
from app.components import images
from c2r.store import describing
from c2r.store.runs import Run, frame_steps

PERCENT = {
    "Clean": "Test accuracy of fresh networks trained on the synthetic images, mean over seeds",
    "Worst attack": (
        "The lowest mean test accuracy under an untargeted attack within the protocol's own radius; 'Worst by' names it"
    ),
}
WIDTHS = {
    "Images": 100,
    "Run": 146,
    "Progress": 84,
    "Margin": 58,
    "Clean": 54,
    "Worst attack": 52,
    "Worst by": 118,
    "n": 44,
    "Notes": 164,
}
HEAD, ROWS = 38, 7  # px of the heads, and rows that are seen without scrolling
SQUARE = 90  # px of a row from which a square of images fits better than a strip
WRAPPED = ("Run", "Progress", "Worst by", "Notes")
HELP = {
    "Images": "A few images of the newest recorded step, evenly spread over the classes",
    "Run": "The name you gave it, else method, data, seed and start in local time. Rename the chosen run below",
    "Progress": "State, and step of all steps",
    "Margin": "Median robust margin (logits) over the recorded steps, first to last; all lines from {} to {}",
    "Notes": "What went wrong, if anything; your tags and your note",
}


def table(runs: list[Run]) -> None:
    """All runs with images, name, progress, margins, accuracies and notes; a damaged one is listed with the reason.
    Tags narrow it."""
    told = [describing.about(run.path) for run in runs]
    called = state.spoken_names(runs)
    wanted = _wanted(runlist.tags(told))
    kept = [(run, about) for run, about in zip(runs, told, strict=True) if wanted <= set(about.tags)]
    if not kept:
        st.caption("No run has all of these tags.")
        return
    runs, told = [run for run, _ in kept], [about for _, about in kept]
    names = [state.run_name(run) for run in runs]
    key = f"run-table-{zlib.crc32(','.join(names).encode())}"  # other rows: another table, in which no row is chosen

    def picked() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(names):
            state.choose_run(names[rows[0]])

    evaluating, rows = [_evaluating(run) for run in runs], [cache.rows(run.path) for run in runs]
    listed = runlist.run_table(runs, rows, [called[name] for name in names], time.time(), evaluating)
    shown = runlist.with_about(listed, told, [run.id for run in runs])
    high = runlist.row_height(shown, {name: WIDTHS[name] for name in WRAPPED})
    pictures = _pictures(runs, *((3, 2) if high < SQUARE else (3, 3)))
    st.dataframe(
        shown | pictures,
        key=key,
        height=HEAD + high * min(len(runs), ROWS),
        row_height=high,
        hide_index=True,
        placeholder="–",
        column_order=list(WIDTHS),
        on_select=picked,
        selection_mode="single-row",
        column_config=_columns(*glance.scale(pictures["Margin"])),
        alt="All runs with images, name, progress, margins over the steps, accuracies and notes",
    )


def _evaluating(run: Run) -> str:
    """The state of an evaluation of a run that is at work or waits, '' without one."""
    return next((evaluation.state for evaluation in jobs.evaluations(run.path) if evaluation.alive), "")


def _wanted(tags: list[str]) -> set[str]:
    """The tags that a person wants to see; nothing is drawn where there are none."""
    if not tags:
        return set()
    chosen = st.pills("Only with these tags", tags, selection_mode="multi", format_func=words.plain, key="tags")
    return set(chosen) & set(tags)


def _pictures(runs: list[Run], columns: int, rows: int) -> dict[str, list[Any]]:
    """The pictures of each run, images in so many columns and rows; None where there is nothing to draw."""
    sheets = [glance.sheet(run.path, next(reversed(frame_steps(run.path)), None), columns, rows) for run in runs]
    return {
        "Images": [sheet and images.png_uri(sheet) for sheet in sheets],
        "Margin": [glance.course(run.path) for run in runs],
    }


def _columns(low: int, high: int) -> dict[str, Any]:
    """Widths at which all columns fit beside each other at 1280 px, percentages and pictures; margin lines from `low`
    to `high` logits."""
    plain = {name: st.column_config.Column(name, width=width, help=HELP.get(name)) for name, width in WIDTHS.items()}
    heads = {"Worst attack": "Worst"}
    plain["n"] = st.column_config.NumberColumn(
        "n", format="localized", width=WIDTHS["n"], help="Test images behind the figures; below 100 the note warns"
    )
    pictures = {
        "Images": st.column_config.ImageColumn("Images", width=WIDTHS["Images"], help=HELP["Images"]),
        "Margin": st.column_config.LineChartColumn(
            "Margin", width=WIDTHS["Margin"], help=HELP["Margin"].format(low, high), y_min=low, y_max=high
        ),
    }
    return (
        plain
        | pictures
        | {
            name: st.column_config.NumberColumn(heads.get(name, name), format="%.1f %%", help=text, width=WIDTHS[name])
            for name, text in PERCENT.items()
        }
    )
