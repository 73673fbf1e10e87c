"""The results in a run's folders, and the evaluation that stands for a run. No torch."""

from pathlib import Path
from typing import Any

from c2r.errors import InputError
from c2r.store import schema
from c2r.store.files import read_json, read_lines
from c2r.store.runs import Run, evaluations, frame_steps

ABOUT = "about.json"  # what a person says of a run, see `c2r.store.describing`


def headline_folder(path: Path) -> Path:
    """Return the folder of the evaluation that stands for a run: the one a person picked, else the run's own.

    The first evaluation stands for a run that has none of its own. Only finished ones of its newest images count.
    """
    path, steps, wanted = Path(path), frame_steps(path), picked(path)
    finished = [
        evaluation
        for evaluation in evaluations(path)
        if evaluation.state == "done" and not evaluation.problem and of_newest(evaluation, steps)
    ]
    chosen = next((evaluation.path for evaluation in finished if evaluation.id == wanted), None)
    return chosen or (path if (path / "rows.jsonl").exists() or not finished else finished[-1].path)


def picked(path: Path) -> str:
    """Return the id of the evaluation that a person picked to stand for a run, '' for its own.

    Nothing is raised; `headline_folder` says what it comes to.
    """
    try:
        name = read_json(Path(path) / ABOUT).get("headline")
    except InputError:
        return ""
    return name if isinstance(name, str) else ""


def of_newest(evaluation: Run, steps: list[int]) -> bool:
    """Say whether an evaluation is of the images of the last of the run's recorded `steps`.

    One that does not say so is believed to be.
    """
    step = evaluation.manifest.get("step")
    return step is None or not steps or step == steps[-1]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read the results that stand for a run (see `headline_folder`), or those of one evaluation's folder.

    [] before the evaluation.
    """
    return own_rows(headline_folder(path))


def own_rows(folder: Path) -> list[dict[str, Any]]:
    """Read the results in this very folder; damaged ones are left out.

    Rows recorded before evaluations had protocols get the values they had then.
    """
    rows = [row for row in read_lines(Path(folder) / "rows.jsonl") if schema.ROW(row)]
    return [{"key": row.get("attack"), "protocol": "custom", "options": {}} | row for row in rows]


def evaluation_facts(folder: Path) -> dict[str, Any]:
    """Read the facts about an evaluated set, {} when the folder has none. Raises InputError when they are damaged."""
    file = Path(folder) / "facts.json"
    facts = read_json(file) if file.exists() else {}
    schema.check("facts.json", facts)
    return facts
