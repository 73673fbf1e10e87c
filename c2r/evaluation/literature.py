"""Published figures as data, each table with its protocol and its known faults, so that they can stand beside ours,
marked.

`literature.json` holds tables as printed: columns (metrics) and blocks (a method on a data set at an IPC), and flags
that name the cells they speak about. Values are in percent. No torch.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from c2r.errors import unknown
from c2r.evaluation.tables import Columns
from c2r.evaluation.wording import NONE

EVIDENCE = {
    "copy": "Taken from a copy of the published text or page.",
    "note": "Taken from a third party's note, not from the publication.",
    "log": "Taken from an evaluation log in the named repository.",
    "repository": "Taken from the named repository.",
    "published": "Published figures whose page is not recorded here.",
}
GOALS = {None: NONE, True: "targeted", False: "untargeted"}
ABOUT = ("title", "source", "evidence", "protocol", "faults")


@cache
def _stored() -> dict[str, dict[str, Any]]:
    return json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def _table(name: str) -> dict[str, Any]:
    if name not in _stored():
        raise unknown("table", name, tables())
    return _stored()[name]


def tables() -> list[str]:
    """The names of all tables, in the order to show them."""
    return list(_stored())


def about(table: str) -> dict[str, Any]:
    """title, source, evidence (a key of `EVIDENCE`), protocol (one sentence) and faults (sentences true of the whole
    table).

    :raises InputError: unknown table
    """
    told = {key: _table(table)[key] for key in ABOUT}
    return told | {"faults": list(told["faults"])}


def rows(table: str) -> list[dict[str, Any]]:
    """One dict per printed cell: source, table, protocol, method, dataset, ipc (None = several together, or not given),
    targeted (None where the table does not tell goals apart), metric (an attack's name stands for the accuracy under
    it), value (percent; None where the source prints no figure), flags (known faults of this very cell), evidence.

    :raises InputError: unknown table
    """
    stored = _table(table)
    silent = {
        (silence["method"], silence["dataset"], silence["metric"]): silence["sentence"]
        for silence in stored.get("unprinted", ())
    }
    cells = []
    for block in stored["blocks"]:
        for metric, value in zip(stored["columns"], block["values"], strict=True):
            place = {key: block.get(key) for key in ("method", "dataset", "ipc", "targeted")} | {"metric": metric}
            sentence = silent.get((block["method"], block["dataset"], metric))
            if value is None and sentence is None:
                continue
            flags = [flag["sentence"] for flag in stored["flags"] if flag["where"].items() <= place.items()]
            cells.append(
                {"source": stored["source"], "table": table, "protocol": stored["protocol"]}
                | place
                | {"value": value, "flags": flags + ([sentence] if sentence else []), "evidence": stored["evidence"]}
            )
    return cells


def as_columns(table: str) -> tuple[Columns, list[str]]:
    """A table as printed, one line per method, data and IPC; cells with a fault of their own end in †, explained in the
    notes.

    :raises InputError: unknown table
    """
    cells, everywhere = rows(table), set(about(table)["faults"])
    lines: dict[tuple[Any, ...], dict[str, str]] = {}
    notes: dict[str, list[str]] = {}
    for cell in cells:
        own = [flag for flag in cell["flags"] if flag not in everywhere]
        value = NONE if cell["value"] is None else f"{cell['value']:.2f}"
        place = (cell["method"], cell["dataset"], cell["ipc"], cell["targeted"])
        lines.setdefault(place, {})[cell["metric"]] = value + (" †" if own else "")
        ipc = "" if cell["ipc"] is None else f" IPC {cell['ipc']}"
        for flag in own:
            notes.setdefault(flag, []).append(f"{cell['method']}, {cell['dataset']}{ipc}, {cell['metric']}")
    columns: Columns = {
        "Method": [method for method, *_ in lines],
        "Data": [dataset for _, dataset, *_ in lines],
        "IPC": [NONE if ipc is None else str(ipc) for _, _, ipc, _ in lines],
    }
    if any(targeted is not None for *_, targeted in lines):
        columns["Goal"] = [GOALS[targeted] for *_, targeted in lines]
    metrics = dict.fromkeys(cell["metric"] for cell in cells)
    columns |= {metric: [line.get(metric, NONE) for line in lines.values()] for metric in metrics}
    return columns, [
        f"{'; '.join(places[:4])}{' and others' if len(places) > 4 else ''}: {flag}" for flag, places in notes.items()
    ]
