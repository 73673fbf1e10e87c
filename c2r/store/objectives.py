"""``objectives.json`` of a run folder: how ready sets score under objectives, and what networks trained on them
withstand. No torch.

While the sets are being tried, their rows stand in ``objectives.jsonl``, one a line behind the settings that define
them, so that nothing is lost when the process ends.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from c2r.base.errors import InputError
from c2r.store import runs
from c2r.store.files import read_arrays, read_json, read_lines, write_atomic
from c2r.store.schema import Check, each, few, fields, misfit, named, number, optional, radius, share, text

TEXTS = ("scorer", "attack", "norm", "training", "network", "labels", "data_hash")
COUNTS = ("sets", "steps", "n", "seed")
FIGURES: dict[str, Check] = {
    "set": text,
    "kind": text,
    "values": named(optional(number)),
    "robust_loss": optional(number),
    "robust_accuracy": share,
    "clean_accuracy": share,
}
ROW = fields(FIGURES, *FIGURES)
SETTINGS: dict[str, Check] = dict.fromkeys(TEXTS, text) | dict.fromkeys(COUNTS, few) | {"eps": radius}
PARTS: dict[str, Check] = {"settings": fields(SETTINGS, *SETTINGS), "rows": each(ROW, most=1000)}
WHOLE, PART = "objectives.json", "objectives.jsonl"
Rows = list[dict[str, Any]]


def read(folder: Path) -> dict[str, Any] | None:
    """The settings and rows of a finished look, None when there was none.

    :raises InputError: a file that is damaged
    """
    file = Path(folder) / WHOLE
    if not file.exists():
        return None
    try:
        stored = read_json(file)
    except InputError:
        stored = {}
    if name := next((name for name in PARTS if name not in stored), "") or misfit(stored, PARTS):
        raise InputError(
            f"{WHOLE} of run {Path(folder).name} is damaged ('{name}'): expected what 'python -m c2r predict' writes;"
            " delete the file and run that again."
        )
    return {name: stored[name] for name in PARTS}


def known(folder: Path, settings: dict[str, Any]) -> Rows:
    """The rows that were tried before under these very settings, by an earlier process or in a finished look; damaged
    ones are left out."""
    lines = read_lines(Path(folder) / PART)
    if lines and lines[0].get("settings") == settings:
        return [line for line in lines[1:] if ROW(line)]
    try:
        whole = read(folder)
    except InputError:
        return []
    return whole["rows"] if whole and whole["settings"] == settings else []


def begun(folder: Path) -> int:
    """How many sets an earlier process tried before it was cut off."""
    return sum(map(ROW, read_lines(Path(folder) / PART)[1:]))


def labels_of(folder: Path) -> str:
    """The labels that the set of a run has, ``hard`` or ``soft``: those of its last recorded step, or of its stored
    set; hard where neither can be read."""
    steps = runs.frame_steps(folder)
    for name in (*(f"frames/{step:06d}" for step in steps[-1:]), "synthetic"):
        with suppress(InputError):
            if read_arrays(folder, name, (runs.SOFT,)):
                return "soft"
    return "hard"


def begin(folder: Path, settings: dict[str, Any], rows: Rows) -> None:
    """Write what is known, whole lines only, so that rows can be appended."""
    write_atomic(Path(folder) / PART, "".join(json.dumps(line) + "\n" for line in ({"settings": settings}, *rows)))


def append(folder: Path, row: dict[str, Any]) -> None:
    """Add a row."""
    with open(Path(folder) / PART, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def finish(folder: Path, settings: dict[str, Any], rows: Rows) -> Path:
    """Write all rows as one file in the place of the lines; returns it."""
    file = Path(folder) / WHOLE
    write_atomic(file, json.dumps({"settings": settings, "rows": rows}) + "\n")
    (Path(folder) / PART).unlink(missing_ok=True)
    return file
