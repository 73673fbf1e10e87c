"""What a folder holds: a run by its name, an evaluation of one, or a sample that stays as it is. No torch.

The folder says so itself, wherever it lies: in its status.json, and a sample by a file of its own.
"""

import os
from pathlib import Path

from c2r.base.errors import InputError
from c2r.store.runs import Run, is_run

HOME = "../.."  # from an evaluation in its run's folder to that run
SAMPLE = "sample.txt"  # the file by which a recorded sample says what it is; no archive holds it


def evaluates(folder: Path, run: Path | None) -> str:
    """Return what the status of a new folder says it evaluates, '' for a run.

    It is `HOME` inside the run, which may move, else the run's place.
    """
    if run is None:
        return ""
    return HOME if folder.resolve().parent == run.resolve() / "evaluations" else str(run.resolve())


def named(store: Path, name: str) -> Path | None:
    """Return the run folder of a store that has this name, None without one.

    Names from elsewhere are compared with those of the store and never joined to a path.
    """
    try:
        entries = os.listdir(store)
    except OSError:
        return None
    folder = next((Path(store) / entry for entry in entries if entry == name and not entry.startswith(".")), None)
    return folder if folder and is_run(folder) else None


def inside_a_run(folder: Path) -> bool:
    """Say whether a folder lies where a run keeps its evaluations; a store may be called `evaluations`, too."""
    return folder.parent.name == "evaluations" and is_run(folder.parent.parent)


def is_evaluation(run: Run) -> bool:
    """Say whether a folder holds an evaluation. Older ones lie in their run or name the evaluated step in their
    manifest."""
    if "of" in run.status:
        return bool(run.status["of"])
    return inside_a_run(run.path.resolve()) or "step" in run.manifest


def evaluated(run: Run) -> Path | None:
    """Return the folder of the run that an evaluation is of, None for a run.

    Raises InputError when the evaluation does not say so, or the run is gone.
    """
    if not is_evaluation(run):
        return None
    folder = run.path.resolve()
    inside = folder.parent.name == "evaluations"
    of = str(run.status.get("of", HOME if inside else ""))
    source = folder.parents[1] if inside and of == HOME else Path(of)
    if not source.is_absolute():
        raise InputError(
            f"Evaluation {run.id} does not say which run it is of: expected its place in status.json; start a new"
            " evaluation."
        )
    if not is_run(source):
        raise InputError(
            f"Evaluation {run.id} is of the run in {source}, which is not there any more: expected it to stay; bring it"
            " back or start a new evaluation."
        )
    return source


def is_sample(folder: Path) -> bool:
    """Say whether a folder holds a recorded sample, which stays as it is."""
    return os.path.exists(folder / SAMPLE)


def check_own(folder: Path) -> None:
    """Raise InputError for what a person may not change: what is no run folder, and a sample."""
    if not is_run(folder):
        raise InputError(
            f"{folder} is no run folder: expected one with config.json and status.json; choose one that 'list' shows."
        )
    if is_sample(folder):
        raise InputError("The sample run stays as it is: expected a run of yours; start one or open an archive.")
