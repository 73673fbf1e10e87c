"""What a report knows of one run: everything its folder holds, and a sentence for everything it lacks. numpy, no torch.

Letters: N synthetic images, n test images, M evaluation networks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from c2r.attacks.figurekey import FigureKey
from c2r.config import RunConfig
from c2r.errors import InputError
from c2r.evaluation import badges as judged
from c2r.evaluation.badges import Badge
from c2r.evaluation.digest import summarise
from c2r.store.files import read_arrays
from c2r.store.headline import warning
from c2r.store.kinds import evaluated
from c2r.store.results import evaluation_facts, headline_folder, own_rows, read_rows
from c2r.store.runs import Run, evaluations, frame_steps, open_run, read_frame

Arrays = dict[str, np.ndarray]
NEEDED = {"attack": str, "label": str, "accuracy": int | float | None, "n": int, "eps": str, "seed": int}


@dataclass(frozen=True)
class Subject:
    """One run of a report.

    :param letter: A to F, what charts and tables call it; run: its folder; config: what was evaluated with
    :param evaluation: the manifest of the evaluation, that of the run where it has no folder of its own
    :param digest: of `c2r.evaluation.digest.summarise`, {} without rows; per_image: on which images its per-image worst
        case was counted
    :param badges: of the checks; facts: facts.json; test: per-image results on test images; outcomes: key → [M, N] on
        the set
    :param images: uint8 [N, C, H, W] or None; labels [N]; order [N]: hardest first, or None; margins [N]: robust, or
        None
    :param missing: sentences
    """

    letter: str
    run: Run
    config: RunConfig
    evaluation: dict[str, Any]
    separate: bool
    digest: dict[str, Any] = field(default_factory=dict)
    per_image: str = ""
    badges: list[Badge] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    test: Arrays = field(default_factory=dict)
    outcomes: Arrays = field(default_factory=dict)
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    soft: bool | None = None
    order: np.ndarray | None = None
    margins: np.ndarray | None = None
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Letter and folder name."""
        return f"{self.letter}: {self.run.id}"

    @property
    def attempts(self) -> dict[str, dict[str, Any]]:
        """What `by_attack` says of every attempt, clean first."""
        clean = self.digest.get("clean")
        return ({"clean": clean} if clean else {}) | self.digest.get("attempts", {})

    def attempt(self, of: FigureKey) -> tuple[str, dict[str, Any] | None]:
        """The attempt that a key means, and what this evaluation calls it; ('', None) when it was not tried."""
        return next(((key, a) for key, a in self.attempts.items() if a["of"] == of), ("", None))

    @property
    def keys(self) -> list[str]:
        """Attempt keys in the order of the rows, then those that only arrays have."""
        stored = [key.partition("/")[2] for key in self.test if "/" in key]
        return list(dict.fromkeys([*self.attempts, *self.outcomes, *stored]))

    def per_test_image(self, kind: str) -> Arrays:
        """key → [M, n] of one kind: ``correct`` or ``margin``, in the order of `keys`."""
        return {key: self.test[f"{kind}/{key}"] for key in self.keys if f"{kind}/{key}" in self.test}

    def class_name(self, k: int) -> str:
        """The name of class `k`."""
        names = self.run.manifest.get("classes")
        return str(names[k]) if isinstance(names, list) and k < len(names) else str(k)


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
    rows = _usable(read_rows(chosen), lost)
    test = _optional(
        lambda: _per_image(read_arrays(chosen, "test")),
        {},
        lost,
        chosen / "test.safetensors",
        "per-image results on test images",
    )
    outcomes = _optional(
        lambda: read_arrays(chosen, "outcomes"),
        {},
        lost,
        chosen / "outcomes.safetensors",
        "results on single synthetic images",
    )
    correct = {key.partition("/")[2]: value for key, value in test.items() if key.startswith("correct/")}
    found = _optional(lambda: summarise(rows, correct or outcomes) if rows else {}, {}, lost)
    lost += [few] if found and (few := warning(found["attempts"])) else []
    checks = _optional(lambda: _badges(chosen), [], lost, chosen / "checks.json", "checks")
    facts = _optional(
        lambda: evaluation_facts(chosen), {}, lost, chosen / "facts.json", "facts about the evaluated set"
    )
    if not run.manifest:
        lost.append("The run has no manifest.json: versions, commit, device, command and data hash are unknown.")
    return Subject(
        letter,
        run,
        source.config or RunConfig(),
        source.manifest or run.manifest,
        chosen != home,
        found,
        "test images" if correct else "synthetic images",
        checks,
        facts,
        test,
        outcomes,
        **_set(home, lost),
        missing=tuple(lost),
    )


def _others(home: Path, chosen: Path) -> list[str]:
    """What else the run was evaluated with, and that it is not in the report."""
    others = [found for found in evaluations(home) if found.path.resolve() != chosen.resolve()]
    own = ["The run's own evaluation is not in this report."] if chosen != home and own_rows(home) else []
    return own + [
        f"Evaluation {found.id} ({'damaged' if found.problem else found.state}) is not in this report."
        for found in others
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


def _per_image(found: Arrays) -> Arrays:
    """The arrays of test.safetensors. Raises InputError when they do not fit together."""
    n = found["labels"].shape[-1] if "labels" in found else -1
    if any(value.shape[-1:] != (n,) or value.ndim != 2 for key, value in found.items() if "/" in key):
        raise InputError(
            "The arrays of test.safetensors do not fit together: expected [networks, images] for every attack; evaluate"
            " the set again."
        )
    return found


def _set(home: Path, lost: list[str]) -> dict[str, Any]:
    """The synthetic images, and what the last recorded step says of them."""
    arrays = _optional(
        lambda: read_arrays(home, "synthetic"), {}, lost, home / "synthetic.safetensors", "the synthetic images"
    )
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
