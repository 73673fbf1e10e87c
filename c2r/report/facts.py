"""The sections that say what was evaluated, how, and whether it stands the checks."""

from collections.abc import Callable, Sequence
from typing import Any

from c2r.attacks.figurekey import ball, radius
from c2r.attacks.protocols import PROTOCOLS, attempts
from c2r.evaluation import comparability
from c2r.evaluation.badges import COLOURS, summary
from c2r.networks.naming import network_name
from c2r.registry import METHODS
from c2r.report.subject import Subject

UNKNOWN = "not recorded"


def _stored(s: Subject) -> Any:
    return s.facts.get("stored", None if s.images is None else len(s.images))


def _effective(s: Subject) -> Any:
    stored = _stored(s)
    return s.facts.get("effective", None if stored is None else stored * s.config.partition**2)


def _bytes(s: Subject) -> Any:
    stored = s.facts.get("bytes", None if s.images is None else s.images.nbytes)
    return f"{stored:,}" if isinstance(stored, int) else stored


def _data(s: Subject, name: str) -> Any:
    data = s.evaluation.get("data", {})
    return data.get(name) if isinstance(data, dict) else None


def _networks(s: Subject) -> str:
    networks = s.digest.get("seeds", 0)
    return f"{networks} of {s.config.eval_seeds}{'' if networks else ', not evaluated'}"


# what → value of a run
FACTS: dict[str, Callable[[Subject], Any]] = {
    "Method": lambda s: METHODS[s.config.method].label,
    "What it is": lambda s: METHODS[s.config.method].sentence,
    "Real data": lambda s: _data(s, "name") or s.config.data,
    "Data hash": lambda s: _data(s, "hash"),
    "Image shape (C × H × W)": lambda s: " × ".join(map(str, _data(s, "shape") or [])) or None,
    "Images per class (IPC)": lambda s: s.config.ipc,
    "Stored images": _stored,
    "Stored bytes (images)": _bytes,
    "Stored bytes (labels)": lambda s: s.facts.get("label_bytes"),
    "Effective images": _effective,
    "Partition (parts per side)": lambda s: s.facts.get("partition", s.config.partition),
    "Labels": lambda s: s.facts.get("labels", None if s.soft is None else "soft" if s.soft else "hard"),
    "Protocol": lambda s: s.config.protocol,
    "ε of distillation and training": lambda s: radius(s.config.eps),
    "Downstream training": lambda s: s.config.eval_training,
    "Network": lambda s: s.facts.get("network", network_name(s.config)),
    "Networks evaluated": _networks,
    "Training steps": lambda s: s.config.eval_steps,
    "Test images": lambda s: s.digest.get("n"),
    "Selection": lambda s: s.facts.get("selection"),
    "Origin of the set": lambda s: s.facts.get("origin"),
}


def side_by_side(subjects: Sequence[Subject], lines: Sequence[tuple[str, Sequence[Any]]]) -> dict[str, Any]:
    """A table with one line per fact and one column per run; a line whose values differ is marked."""
    rows = []
    for name, values in lines:
        told = [UNKNOWN if value is None or value == "" else value for value in values]
        rows.append([f"≠ {name}" if len({str(value) for value in told}) > 1 else name, *told])
    return {"head": ["", *(s.name for s in subjects)], "rows": rows}


def evaluated(subjects: Sequence[Subject]) -> dict[str, Any]:
    """What was evaluated, with the facts that forbid a ranking, and what each run lacks."""
    lines = [(name, [value(s) for s in subjects]) for name, value in FACTS.items()]
    return side_by_side(subjects, lines) | {
        "several": len(subjects) > 1,
        "differing": comparability.differences([s.contestant for s in subjects]),
        "gaps": [s for s in subjects if s.missing],
    }


def protocols(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Each protocol that occurs, with the letters of its runs, and the plan of each run."""
    occurring = dict.fromkeys(s.config.protocol for s in subjects)
    return {
        "protocols": [
            {
                "name": name,
                "letters": ", ".join(s.letter for s in subjects if s.config.protocol == name),
                "help": PROTOCOLS[name].help,
                "warning": PROTOCOLS[name].warning,
            }
            for name in occurring
        ],
        "plans": [_plan(s) for s in subjects],
    }


def _plan(s: Subject) -> str:
    """The attempts an evaluation with these settings tries, and which of them have no result."""
    planned = attempts(s.config)
    told = (
        f"{s.name}: "
        + ", ".join(f"{a.label} ({ball(a.norm, radius(a.radius))})" if a.norm else a.label for a in planned)
        + "."
    )
    absent = [a.label for a in planned if a.key not in s.attempts] if s.attempts else []
    return told + (f" No result: {', '.join(absent)}." if absent else "")


def checks(subjects: Sequence[Subject]) -> dict[str, Any]:
    """The twelve badges of each run, worst first, and how many there are of each colour."""
    return {
        "colours": COLOURS,
        "runs": [{"name": s.name, "summary": summary(s.badges), "badges": s.badges} for s in subjects],
    }
