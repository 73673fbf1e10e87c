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


def run_table(
    runs: list[Run], rows: list[list[dict[str, Any]]], names: list[str], now: float, evaluating: Iterable[str] = ()
) -> Columns:
    """One row per run for the Home page; accuracies are percentages, None before the evaluation.

    `evaluating`: for each run the state of an evaluation of its own that is at work or waits, '' without one.
    """
    table: Columns = {
        key: []
        for key in (
            "Run",
            "State",
            "Dataset",
            "IPC",
            "Method",
            "Step",
            "Age",
            "Clean",
            "Worst attack",
            "Worst by",
            "n",
            "Note",
        )
    }
    for run, results, name in zip(runs, rows, names, strict=True):
        found = attempts.figures(results)
        lowest = attempts.worst(found)
        settings, started = run.config, run.status.get("started")
        table["Run"].append(name)
        table["State"].append("damaged" if run.problem else run.state)
        table["Dataset"].append(words.place(settings.data) if settings else None)
        table["IPC"].append(settings.ipc if settings else None)
        table["Method"].append(settings.method if settings else None)
        table["Step"].append(words.progress_text(run))
        table["Clean"].append(_percent(found, attempts.CLEAN))
        table["Worst attack"].append(_percent(found, lowest))
        table["Worst by"].append(f"{found[lowest]['label']}, {headline.ball(found[lowest])}" if lowest else None)
        table["n"].append(found[lowest or attempts.CLEAN]["n"] if lowest or attempts.CLEAN in found else None)
        table["Age"].append(words.age(now - started) if isinstance(started, int | float) else None)
        table["Note"].append(
            run.problem or (headline.warning(found) if run.state == "done" else str(run.status.get("message", "")))
        )
    for place, state in enumerate(evaluating):
        if state:
            table["State"][place] = EVALUATING.get(state, state)
    return table


def with_about(table: Columns, told: list[About], folders: list[str]) -> Columns:
    """The table of runs with what is shown in one cell each: state and step; message, tags and note. Last the
    folders."""
    notes = zip(
        table["Note"],
        (" ".join(f"#{tag}" for tag in one.tags) for one in told),
        (one.note for one in told),
        strict=True,
    )
    return table | {
        "Progress": [_joined(*said) for said in zip(table["State"], table["Step"], strict=True)],
        "Notes": [_joined(*said) for said in notes],
        "Folder": folders,
    }


def tags(told: Iterable[About]) -> list[str]:
    """Every tag that a person gave, sorted."""
    return sorted({tag for one in told for tag in one.tags}, key=str.casefold)


def row_height(table: Columns, widths: dict[str, int]) -> int:
    """Pixels of a row in which the longest cell of the columns `widths` (name → px) is whole, within `LINES`."""
    needed = (
        -(-len(str(cell or "")) * LETTER // (width - PADDING)) for name, width in widths.items() for cell in table[name]
    )
    return PADDING + LEADING * max(LINES[0], min(LINES[1], max(needed, default=0)))


def _joined(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part not in (None, "", "–"))


def _percent(found: dict[str, dict[str, Any]], key: str | None) -> float | None:
    mean = found[key]["mean"] if key in found else None
    return None if mean is None else 100 * mean
