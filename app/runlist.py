"""The table of all runs as plain values: state, progress, accuracies, and what people called them. No Streamlit."""

from collections.abc import Iterable
from typing import Any

from app import attempts, words
from app.attempts import Columns
from c2r.store import headline
from c2r.store.describing import About
from c2r.store.runs import Run

LETTER, LEADING, PADDING = 7, 19, 16  # px of an average letter, from line to line, and of a cell's edges together
LINES = (3, 6)  # of text in a row of the table, at least and at most
EVALUATING = {
    "running": "evaluating",
    "paused": "eval. paused",
    "queued": "eval. waits",
    "stopping": "eval. stops",
}  # short: a column
COLUMNS = ("Run", "State", "Dataset", "IPC", "Method", "Step", "Age", "Clean", "Worst attack", "Worst by", "n", "Note")


def run_table(
    runs: list[Run], rows: list[list[dict[str, Any]]], names: list[str], now: float, evaluating: Iterable[str] = ()
) -> Columns:
    """One row per run for the Home page; accuracies are percentages, None before the evaluation.

    `evaluating`: for each run the state of an evaluation of its own that is at work or waits, '' without one.
    """
    told = [_row(run, results, name, now) for run, results, name in zip(runs, rows, names, strict=True)]
    table: Columns = {column: [row[column] for row in told] for column in COLUMNS}
    for place, state in enumerate(evaluating):
        if state:
            table["State"][place] = EVALUATING.get(state, state)
    return table


def _row(run: Run, results: list[dict[str, Any]], name: str, now: float) -> dict[str, Any]:
    """What the table says of a run that is called `name` and has these results, by column."""
    figures, settings, started = attempts.figures(results), run.config, run.status.get("started")
    lowest = attempts.worst(figures)
    counted = lowest or attempts.CLEAN
    return {
        "Run": name,
        "State": "damaged" if run.problem else run.state,
        "Dataset": words.place(settings.data) if settings else None,
        "IPC": settings.ipc if settings else None,
        "Method": settings.method if settings else None,
        "Step": words.progress_text(run),
        "Age": words.age(now - started) if isinstance(started, int | float) else None,
        "Clean": _percent(figures, attempts.CLEAN),
        "Worst attack": _percent(figures, lowest),
        "Worst by": f"{figures[lowest]['label']}, {headline.ball(figures[lowest])}" if lowest else None,
        "n": figures[counted]["n"] if counted in figures else None,
        "Note": run.problem
        or (headline.warning(figures) if run.state == "done" else str(run.status.get("message", ""))),
    }


def with_about(table: Columns, told: list[About], folders: list[str]) -> Columns:
    """The table of runs with what is shown in one cell each: state and step; message, tags and note. Last the
    folders."""
    notes = zip(
        table["Note"],
        (" ".join(f"#{tag}" for tag in about.tags) for about in told),
        (about.note for about in told),
        strict=True,
    )
    return table | {
        "Progress": [_joined(*said) for said in zip(table["State"], table["Step"], strict=True)],
        "Notes": [_joined(*said) for said in notes],
        "Folder": folders,
    }


def tags(told: Iterable[About]) -> list[str]:
    """Every tag that a person gave, sorted."""
    return sorted({tag for about in told for tag in about.tags}, key=str.casefold)


def row_height(table: Columns, widths: dict[str, int]) -> int:
    """Pixels of a row in which the longest cell of the columns `widths` (name → px) is whole, within `LINES`."""
    needed = (
        -(-len(str(cell or "")) * LETTER // (width - PADDING)) for name, width in widths.items() for cell in table[name]
    )
    return PADDING + LEADING * max(LINES[0], min(LINES[1], max(needed, default=0)))


def _joined(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part not in (None, "", "–"))


def _percent(figures: dict[str, dict[str, Any]], key: str | None) -> float | None:
    mean = figures[key]["mean"] if key in figures else None
    return None if mean is None else 100 * mean
