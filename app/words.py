"""Texts that the pages show: safe names, durations, shares, what a run is doing. No Streamlit."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from c2r.base.errors import one_line
from c2r.distilled import DistilledSet
from c2r.evaluation.wording import size
from c2r.look.description import Description, description
from c2r.look.scorer import scorer as network
from c2r.registry import ATTACKS, Phase
from c2r.store.runs import Run

PHASES = {  # of every run; those of its method between them are told by its description
    "starting": "Starting",
    "data": "Loading the data",
    "scorer": "Training the scorer",
    "map": "Drawing the map",
    "evaluate": "Evaluating",
    "finished": "Finished",
}
BRIEF = PHASES | {"data": "Loading", "scorer": "Scorer", "map": "Map"}
LONG = 32  # characters of a data set's name within the name of a run
COUNTED = ("scorer", "evaluate")  # of these, those whose steps say something in a table
ORDER = {
    "hardest": "Ranks are by robust margin; mini-batches are cut in this order, hardest first.",
    "random": "Ranks are by robust margin. This method cuts its mini-batches in random order, so ranks decide nothing"
    " here.",
    "": "Ranks are by robust margin. This method cuts no mini-batches by them, so ranks decide nothing here.",
}

SPECIAL = re.compile(r"[\\`*_\[\]<>#|~$&]|:(?=\w)|^[-+=](?=\s|-|=|$)")
NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
LINKS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www\.)(?=\S)|(?<=\w@)(?=\w)", re.IGNORECASE)
JOINER = "\u2060"  # has no width; what it stands in is no address any more, so the page makes no link of it


def plain(text: str) -> str:
    """`text` with everything escaped that Markdown, LaTeX or an icon name would read: names from files are text, never
    markup.

    It becomes one line without control characters, and addresses in it do not become links.
    """
    line = LINKS.sub(JOINER, one_line(text).strip())
    return NUMBERED.sub(r"\1\\\2", SPECIAL.sub(r"\\\g<0>", line))


def duration(seconds: float | None) -> str:
    """``45 s``, ``3 min 20 s``, ``2 h 5 min``; 'unknown' for None."""
    if seconds is None:
        return "unknown"
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s" if seconds < 600 else f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min" if seconds < 172_800 else f"{seconds // 86_400} days"


def class_names(run: Run, labels: np.ndarray | None = None) -> list[str]:
    """The class names of a run's manifest; when they are missing or too few, ``class 0`` … up to the largest label."""
    stored = run.manifest.get("classes")
    names = [str(name) for name in stored] if isinstance(stored, list) else []
    largest = int(labels.max()) if labels is not None and len(labels) else -1
    return names + [f"class {k}" for k in range(len(names), largest + 1)]


def sample_name(names: list[str], k: int) -> str:
    """The name of class `k`, or its number when there is no name."""
    return names[k] if 0 <= k < len(names) else f"class {k}"


def age(seconds: float) -> str:
    """``45 s``, ``3 min``, ``2 h``, ``5 days``: how long ago, to one unit."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= (2 * length if unit == "days" else length):
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def place(text: str) -> str:
    """A path as its last part, ``…/cifar10``; any other text as it is."""
    parts = [part for part in re.split(r"[\\/]", text) if part]
    return f"…/{parts[-1]}" if parts and parts != [text] else text


def default_name(run: Run, now: float) -> str:
    """What a run is called before a person names it: ``C2R · digits · seed 0 · 12:53``; its folder's name when it
    cannot be read."""
    if run.config is None:
        return run.id
    begun = clock(run.status.get("started"), now)
    data = place(run.config.data).removeprefix("…/")
    named = (
        description(run).label,
        data if len(data) <= LONG else f"{data[: LONG - 1]}…",
        f"seed {run.config.seed}",
        begun,
    )
    return " · ".join(filter(None, map(one_line, named)))


def clock(at: Any, now: float) -> str:
    """A moment in local time: ``12:53`` of today, ``20 Nov 12:53`` of this year, else ``2025-11-20 12:53``; '' for what
    is no moment."""
    try:
        then, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now)
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
    day = (
        ""
        if then.date() == today.date()
        else f"{then.day} {then:%b} "
        if then.year == today.year
        else f"{then:%Y-%m-%d} "
    )
    return f"{day}{then:%H:%M}"


def distinct(names: Sequence[str]) -> list[str]:
    """The same names, newest first; of equal ones the oldest stays and the others get numbers."""
    seen: dict[str, int] = {}
    numbered = []
    for name in reversed(names):
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return numbered[::-1]


def order_sentence(method: Description, scorer: str = "") -> str:
    """What the order of the images by a scorer ('' for the first) did in a run: how mini-batches were cut, or that
    nothing was trained."""
    if not method.updates:
        return "Ranks are by robust margin. Nothing is trained here: the images stay as they are."
    if scorer and method.order == "hardest":
        return (
            "Ranks are by robust margin under this scorer. Mini-batches are cut in the order of the run's first scorer,"
            " so these ranks decide nothing."
        )
    return ORDER.get(method.order, ORDER[""])


def waits(run: Run) -> str:
    """What a queued run waits for, as its process says; '' for every other run."""
    return str(run.status.get("message") or "") if run.state == "queued" else ""


def phase_word(run: Run) -> str:
    """What the run is doing, in a word or two."""
    if waits(run):
        return "Queued"
    name, phase = str(run.status.get("phase", "starting")), _phase(run)
    return phase.label if phase else PHASES.get(name, name)


def strip_text(run: Run, now: float, called: str = "") -> str:
    """What a run is `called` (its id when not given), phase, step of total, time left and heartbeat age; what was
    reached, for one that has ended."""
    if run.problem:
        return f"{called or run.id}: this run cannot be read"
    status, words = run.status, [called or run.id, phase_word(run)]
    if run.state != "done":
        words += filter(None, [waits(run).rstrip(".") or _doing(status), _at_work(run)])
    if run.alive:
        words += [] if waits(run) or run.state == "paused" else [_left(status)]
        words.append(f"heartbeat {duration(now - status['heartbeat'])} ago" if "heartbeat" in status else "starting")
    elif status.get("worked_s", 0) > 0:  # without waiting and pauses; runs of before did not count it
        words.append(f"worked for {duration(status['worked_s'])}")
    return " · ".join(words)


def evaluation_text(run: Run) -> str:
    """What an evaluation is doing and how long it will take: ``network 2 of 3: PGD-10 on test images · 41 % · about 3
    min 10 s left``."""
    status = run.status
    words = [
        str(status.get("message") or "") or phase_word(run),
        _steps(status),
        "paused" if run.state == "paused" else _left(status),
    ]
    return " · ".join(filter(None, words))


def _doing(status: dict[str, Any]) -> str:
    """What an evaluation inside a run is doing; '' in every other phase."""
    return (
        str(status.get("message") or "")
        if status.get("phase") == "evaluate" and status.get("state") in ("running", "paused")
        else ""
    )


def _steps(status: dict[str, Any]) -> str:
    """``120/300``, or ``41 %`` of an evaluation, whose steps are thousandths; '' when nothing is counted."""
    step, total = status.get("step") or 0, status.get("total")
    if not total:
        return ""
    return f"{100 * step / total:.0f} %" if status.get("phase") == "evaluate" else f"{step}/{total}"


def _at_work(run: Run) -> str:
    """The step that is being made, which no figure shows before it is recorded, in the unit of the method's phase:
    ``at update 40 of 300``; in the phases of every run what is counted."""
    counted, phase = _steps(run.status), _phase(run)
    return f"at {phase.unit.removesuffix('s')} {counted.replace('/', ' of ')}" if counted and phase else counted


def _phase(run: Run) -> Phase | None:
    """The phase of its method that a run is in; None in those of every run."""
    return description(run).phase(str(run.status.get("phase")))


def _left(status: dict[str, Any]) -> str:
    return f"about {duration(status['eta_s'])} left" if status.get("eta_s") is not None else "time left not known yet"


def progress_text(run: Run) -> str:
    """How far the run is, in a word or two: ``120/300``, ``Pool 2/6``; a dash for one that has no steps or never
    began."""
    if run.state == "done" and run.config:
        return f"{run.config.steps}/{run.config.steps}" if description(run).updates else "–"
    if waits(run):
        return "Queued"
    name, phase = str(run.status.get("phase", "starting")), _phase(run)
    if name == "starting" and not run.alive:
        return "–"
    brief, counted = (phase.brief, True) if phase else (BRIEF.get(name, name), name in COUNTED)
    return f"{brief} {_steps(run.status) if counted else ''}".strip() or phase_word(run)


def cost_sentence(event: dict[str, Any], attack: str) -> str:
    """What the attack did when this step was scored and what the run's own attacks have cost so far; '' when nothing
    was recorded."""
    search, n = event.get("search") or {}, max(1, event["n"])
    if not search:
        return ""
    reused, improved, kept = (search.get(name, 0) for name in ("reused", "improved", "kept"))
    said = f"Scoring step {event['step']}: of {n} images {attack} " + (
        f"reused the start of {reused} as it was, improved {improved}, and kept {kept} after a search that found"
        " nothing better. "
        if attack == ATTACKS["ls-pgd"]
        else f"attacked all {n} from scratch. "
    )
    if not event.get("forwards"):
        return f"{said}{'The updates up to here attacked nothing.' if event['step'] else 'No update was made yet.'}"
    return (
        f"{said}All updates up to here, attacks on real images included, the looks that are recorded left out:"
        f" {event['forwards'] / n:,.0f} forward and {event.get('backwards', 0) / n:,.0f} backward passes per synthetic"
        " image."
    )


def stored_sentence(made: DistilledSet) -> str:
    """What a set takes: its images, its labels and their kind, in bytes."""
    count, *shape = made.images.shape
    sides = " × ".join(map(str, shape))
    return (
        f"Stored: {count:,} images of {sides} values, {size(made.images.nbytes)}, and their labels ({made.label_type}),"
        f" {size(made.label_bytes)}: {size(made.stored_bytes)} together."
    )


def drawn_sentence(drawn: int, recorded: int, kept: int) -> str:
    """How much of a long run the lines and the pictures over steps show; '' when it is all of it."""
    said = [f"lines are drawn through {drawn}"] if drawn < recorded else []
    said += [f"images are kept of {kept}"] if kept < recorded else []
    return f"Of {recorded:,} recorded steps {' and '.join(said)}." if said else ""


def measured(run: Run, scorer: str = "") -> str:
    """Which attack and which network, the scorer ('' for the first), the margins of a run's synthetic images come
    from, as a sentence."""
    method = description(run)
    kind = f", {scorer_label(method, scorer)}" if len(method.scorers) > 1 else ""
    whom = network(run.config, run.manifest, name=scorer)
    return (
        f"Robust margins are upper bounds, found by {method.attack} on the {whom}{kind}."
        f"{' Adversarial pictures are of the attack on the first scorer of the run.' if scorer else ''}"
    )


def scorer_label(method: Description, scorer: str) -> str:
    """How the network of a scorer was trained; '' for the first scorer."""
    return method.scorers.get(scorer) or next(iter(method.scorers.values()))


def attacked_parts(run: Run) -> str:
    """How adversarial pictures of images with parts were made, as a sentence; '' for whole images."""
    p = run.config.partition if run.config else 1
    if p == 1:
        return ""
    if run.manifest.get("attacked") != "parts":
        return (
            f"Adversarial pictures and margins: an earlier version attacked the stored pixels, not the {p} × {p} parts:"
            " margins are too high."
        )
    return (
        f"Adversarial pictures: each of the {p} × {p} parts is attacked as the networks see it; shown at the stored"
        " resolution."
    )
