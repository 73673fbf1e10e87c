"""Tables of what the JSON files of a run folder may hold: kinds and ranges of values. No torch.

A killed process, a failing disk or a person with an editor can leave anything in a file, and so can whoever made an
archive. Readers ask here first, so that pages and charts meet only values they can draw. The arrays have their own
table, `c2r.store.shapes`.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from c2r.base.errors import InputError
from c2r.base.untrusted import MOST_CLASSES

Check = Callable[[Any], bool]
MOST = 1e15  # beyond any count, second or byte that a run writes
LONGEST = 10_000  # letters of a text
RADIUS = re.compile(r"|unbounded|\d{1,6}(\.\d{1,20})?(e-\d{1,3})?(/\d{1,6})?")


def number(value: Any) -> bool:
    """The value is a finite number of a sane size; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST


def figure(value: Any) -> bool:
    """The value is a number, or what a loss or margin becomes when a run diverges: None, NaN or infinite."""
    return value is None or number(value) or (isinstance(value, float) and not math.isfinite(value))


def count(value: Any) -> bool:
    """The value is a whole number from 0."""
    return isinstance(value, int) and number(value) and value >= 0


def few(value: Any) -> bool:
    """The value is a count that fits a file name, a process id or a step."""
    return count(value) and value < 2**31


def moment(value: Any) -> bool:
    """The value is in Unix seconds, of a year that a calendar knows."""
    return number(value) and 0 <= value < 2e11


def share(value: Any) -> bool:
    """The value is a number in [0, 1]."""
    return number(value) and 0 <= value <= 1


def text(value: Any) -> bool:
    """The value is a text of a sane length."""
    return isinstance(value, str) and len(value) <= LONGEST


def radius(value: Any) -> bool:
    """The value is a radius as rows hold it: ``2/255``, ``unbounded`` or ''."""
    return isinstance(value, str) and RADIUS.fullmatch(value) is not None and not value.endswith("/0")


def flag(value: Any) -> bool:
    """The value is True or False."""
    return isinstance(value, bool)


def optional(check: Check) -> Check:
    """Let None through, too."""
    return lambda value: value is None or check(value)


def each(check: Check, length: int | None = None, most: int = MOST_CLASSES) -> Check:
    """Check a list of such values: of exactly `length`, else of at most `most`."""

    def fits(value: Any) -> bool:
        sized = isinstance(value, list) and (len(value) <= most if length is None else len(value) == length)
        return sized and all(map(check, value))

    return fits


def counts(length: int) -> Check:
    """Check a list of exactly `length` counts, four times as fast as ``each(count, length)``: a long run has a
    million."""

    def fits(value: Any) -> bool:
        plain = isinstance(value, list) and len(value) == length and set(map(type, value)) == {int}
        return plain and min(value) >= 0 and max(value) <= MOST

    return fits


def fields(known: Mapping[str, Check], *needed: str) -> Check:
    """Check an object whose `known` entries fit; `needed` are there. Entries of other names are let through."""
    return lambda value: isinstance(value, dict) and all(name in value for name in needed) and not misfit(value, known)


def named(check: Check) -> Check:
    """Check an object of any names whose values fit."""
    return lambda value: isinstance(value, dict) and len(value) <= MOST_CLASSES and all(map(check, value.values()))


def misfit(values: Mapping[str, Any], known: Mapping[str, Check]) -> str:
    """Return the name of the first entry that does not fit its check, '' when all do."""
    return next((name for name, check in known.items() if name in values and not check(values[name])), "")


MARGINS = fields({"quantiles": each(figure, 5), "counts": counts(60)}, "quantiles", "counts")
SIDE = named(figure)

STATUS: dict[str, Check] = {
    "phase": text,
    "step": few,
    "total": few,
    "eta_s": optional(number),
    "figures": named(figure),
    "message": optional(text),
    "asked": text,
    "pid": few,
    "pid_started": number,
    "boot": text,
    "started": moment,
    "heartbeat": moment,
    "worked_s": number,
    "seq": count,
    "number": few,
    "of": text,
}
PHASE: dict[str, Check] = {"name": text, "label": text, "brief": text, "unit": text, "share": number}
SERIES: dict[str, Check] = {"name": text, "label": text, "unit": text, "axis": text, "weight": optional(number)}
STACKED = {"stacked": flag}  # of a series; runs of before do not say it
MANIFEST: dict[str, Check] = {
    "versions": named(text),
    "commit": text,
    "device": text,
    "command": text,
    "preset": text,
    "classes": each(text),
    "step": optional(few),
    "attacked": text,
    "method": named(text),
    "phases": each(fields(PHASE, *PHASE)),
    "series": each(fields(SERIES | STACKED, *SERIES)),
    "margins": fields({"attack": text, "order": text}, "attack", "order"),
    "data": fields({"name": text, "hash": text, "train": count, "test": count, "shape": each(few, 3)}),
}
SCORED: dict[str, Check] = {
    "margin_clean": MARGINS,
    "margin_adv": MARGINS,
    "share_clean": figure,
    "share_robust": figure,
    "search": optional(named(count)),
    "separation": optional(fields({"clean": SIDE, "adv": SIDE}, "clean", "adv")),
}
EVENT = fields(
    {
        "step": few,
        "time": number,
        "seconds": number,
        "n": count,
        "losses": optional(named(figure)),  # of runs of before
        "series": optional(named(figure)),
        "forwards": number,
        "backwards": number,
        "scorers": named(fields(SCORED)),
        **SCORED,
    },
    "step",
)
ROW = fields(
    {
        "method": text,
        "network": text,
        "training": text,
        "protocol": text,
        "key": text,
        "attack": text,
        "label": text,
        "norm": text,
        "eps": radius,
        "targeted": flag,
        "options": optional(named(lambda _: True)),
        "seed": count,
        "split": text,
        "accuracy": optional(share),
        "success": optional(share),
        "n": count,
        "interval": optional(each(number, 2)),
        "forwards": optional(number),
        "backwards": optional(number),
        "seconds": optional(number),
        "distance": optional(figure),
        "moved": optional(figure),
    }
)
HISTOGRAM = each(each(count, most=1024))
FACTS: dict[str, Check] = {
    "stored": count,
    "effective": count,
    "bytes": count,
    "label_bytes": count,
    "labels": text,
    "partition": few,
    "network": text,
    "steps": count,
    "data_hash": text,
    "seeds": each(count),
    "selection": text,
    "precision": text,
    "origin": text,
    "best_minus_last": optional(figure),
    "subset": fields({"n": count, "seed": count, "stored": flag}),
    "histograms": fields({"set": HISTOGRAM, "test": HISTOGRAM}),
    "versions": named(text),
    "tf32": flag,
    "shuffled": flag,
} | {
    f"{what}_{value}": optional(each(figure))
    for what in ("set", "test", "train", "assumed")
    for value in ("mean", "std")
}

FILES = {"status.json": STATUS, "manifest.json": MANIFEST, "facts.json": FACTS}


def check(file: str, values: Mapping[str, Any]) -> None:
    """Raise InputError when one of `FILES` holds a value that no run writes."""
    if name := misfit(values, FILES[file]):
        raise InputError(
            f"{file} holds an impossible '{name}': expected what the run or evaluation wrote; restore the file or"
            " delete the folder."
        )
