"""How a report reads a run: everything its folder holds, and a sentence for everything it lacks. numpy, no torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from c2r.config import RunConfig
from c2r.errors import InputError
from c2r.evaluation import badges as judged
from c2r.evaluation.badges import Badge
from c2r.evaluation.digest import summarise
from c2r.report.subject import Arrays, Subject
from c2r.store.files import read_arrays
from c2r.store.headline import warning
from c2r.store.kinds import evaluated
from c2r.store.results import evaluation_facts, headline_folder, own_rows, read_rows
from c2r.store.runs import Run, evaluations, frame_steps, open_run, read_frame

NEEDED = {"attack": str, "label": str, "accuracy": int | float | None, "n": int, "eps": str, "seed": int}


def gather(path: Path, letter: str) -> Subject:
    """Read a run folder, or the folder of one of its evaluations. :raises InputError: when it is no run, or a damaged
    one"""
    path = Path(path).resolve()
    of = evaluated(open_run(path))
    chosen, home = (path, of) if of else (headline_folder(path), path)
    run, source = _sound(home), _sound(chosen)
    lost: list[str] = []
    if chosen == home and run.state != "done":
        lost.append(f"The run is not finished: its state is {run.state}. {run.status.get('message', '')}".strip())
    lost += _others(home, chosen)
    known = _results(chosen, lost) | _judgement(chosen, lost)
    if not run.manifest:
        lost.append("The run has no manifest.json: versions, commit, device, command and data hash are unknown.")
    known |= _set(home, lost)
    return Subject(
        letter,
        run,
        source.config or RunConfig(),
        source.manifest or run.manifest,
        chosen != home,
        **known,
        missing=tuple(lost),
    )


def _results(chosen: Path, lost: list[str]) -> dict[str, Any]:
    """The digest of the rows and the per-image results it was counted on, for a `Subject`."""
    rows = _usable(read_rows(chosen), lost)
    test = _arrays(chosen, "test", "per-image results on test images", lost, _fitting)
    outcomes = _arrays(chosen, "outcomes", "results on single synthetic images", lost)
    correct = {key.partition("/")[2]: value for key, value in test.items() if key.startswith("correct/")}
    digest = _optional(lambda: summarise(rows, correct or outcomes) if rows else {}, {}, lost)
    lost += [few] if digest and (few := warning(digest["attempts"])) else []
    per_image = "test images" if correct else "synthetic images"
    return {"digest": digest, "per_image": per_image, "test": test, "outcomes": outcomes}


def _judgement(chosen: Path, lost: list[str]) -> dict[str, Any]:
    """The badges of the checks and the facts about the evaluated set, for a `Subject`."""
    badges = _optional(lambda: _badges(chosen), [], lost, chosen / "checks.json", "checks")
    facts = _optional(
        lambda: evaluation_facts(chosen), {}, lost, chosen / "facts.json", "facts about the evaluated set"
    )
    return {"badges": badges, "facts": facts}


def _others(home: Path, chosen: Path) -> list[str]:
    """What else the run was evaluated with, and that it is not in the report."""
    others = [run for run in evaluations(home) if run.path.resolve() != chosen.resolve()]
    own = ["The run's own evaluation is not in this report."] if chosen != home and own_rows(home) else []
    return own + [
        f"Evaluation {run.id} ({'damaged' if run.problem else run.state}) is not in this report." for run in others
    ]


def _sound(path: Path) -> Run:
    run = open_run(path)
    if run.problem or run.config is None:
        raise InputError(run.problem)
    return run


def _usable(rows: list[dict[str, Any]], lost: list[str]) -> list[dict[str, Any]]:
    """The rows that hold every value a table needs."""
    good = [row for row in rows if all(name in row and isinstance(row[name], kind) for name, kind in NEEDED.items())]
    if len(good) < len(rows):
        lost.append(
            f"{len(rows) - len(good)} of {len(rows)} result rows lack a value and are left out: evaluate the set again."
        )
    if not rows:
        lost.append(
            "There are no result rows: the set was not evaluated, so tables and charts of accuracy are missing; run an"
            " evaluation."
        )
    return good


def _optional(read: Callable[[], Any], empty: Any, lost: list[str], file: Path | None = None, what: str = "") -> Any:
    """What `read` gives; `empty`, and a sentence in `lost`, for a file that is not there or cannot be read."""
    if file is not None and not file.exists():
        lost.append(
            f"There is no {file.name}: the evaluation did not finish or is older than this file, so {what} are missing."
        )
        return empty
    try:
        return read()
    except InputError as error:
        lost.append(str(error))
        return empty


def _badges(folder: Path) -> list[Badge]:
    return judged.worst_first(judged.complete(judged.read(folder)))


def _arrays(folder: Path, name: str, what: str, lost: list[str], check: Callable[[Arrays], Arrays] = dict) -> Arrays:
    """The arrays of a file as `check` lets them through; {}, and a sentence in `lost`, where it cannot be had."""
    return _optional(lambda: check(read_arrays(folder, name)), {}, lost, folder / f"{name}.safetensors", what)


def _fitting(test: Arrays) -> Arrays:
    """The arrays of test.safetensors. Raises InputError when they do not fit together."""
    n = test["labels"].shape[-1] if "labels" in test else -1
    if any(value.shape[-1:] != (n,) or value.ndim != 2 for key, value in test.items() if "/" in key):
        raise InputError(
            "The arrays of test.safetensors do not fit together: expected [networks, images] for every attack; evaluate"
            " the set again."
        )
    return test


def _set(home: Path, lost: list[str]) -> dict[str, Any]:
    """The synthetic images, and what the last recorded step says of them."""
    arrays = _arrays(home, "synthetic", "the synthetic images", lost)
    images, labels = arrays.get("images"), arrays.get("labels")
    if images is None or labels is None:
        return {}
    if (
        images.dtype != np.uint8
        or images.ndim != 4
        or images.shape[1] not in (1, 3)
        or labels.shape != images.shape[:1]
    ):
        lost.append(
            f"The synthetic images are {images.dtype} {list(images.shape)}: expected uint8 [N, C, H, W] with 1 or 3"
            " channels; they are not shown."
        )
        return {}
    steps = frame_steps(home)
    last = _optional(lambda: read_frame(home, steps[-1], ("order", "margin_adv")), {}, lost) if steps else {}
    if not steps:
        lost.append("No step was recorded, so the images have no order by difficulty.")
    fits = bool(last) and sorted(last["order"].tolist()) == list(range(len(labels)))
    return {
        "images": images,
        "labels": labels,
        "soft": "soft_labels" in arrays,
        "order": last["order"] if fits else None,
        "margins": last["margin_adv"] if fits else None,
    }
