"""The sections that say what was evaluated, how, and whether it stands the checks."""

from collections.abc import Callable, Sequence
from typing import Any

from c2r.attacks.figurekey import radius
from c2r.attacks.protocols import PROTOCOLS, attempts
from c2r.evaluation.badges import COLOURS, summary
from c2r.networks.naming import network_name
from c2r.registry import METHODS
from c2r.report.subject import Subject
from c2r.report.wording import threat

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


# what → (value of a run, whether runs that differ in it must not be ranked)
FACTS: dict[str, tuple[Callable[[Subject], Any], bool]] = {
    "Method": (lambda s: METHODS[s.config.method].label, False),
    "What it is": (lambda s: METHODS[s.config.method].sentence, False),
    "Real data": (lambda s: _data(s, "name") or s.config.data, True),
    "Data hash": (lambda s: _data(s, "hash"), True),
    "Image shape (C × H × W)": (lambda s: " × ".join(map(str, _data(s, "shape") or [])) or None, True),
    "Images per class (IPC)": (lambda s: s.config.ipc, False),
    "Stored images": (_stored, True),
    "Stored bytes (images)": (_bytes, True),
    "Stored bytes (labels)": (lambda s: s.facts.get("label_bytes"), False),
    "Effective images": (_effective, True),
    "Partition (parts per side)": (lambda s: s.facts.get("partition", s.config.partition), False),
    "Labels": (lambda s: s.facts.get("labels", None if s.soft is None else "soft" if s.soft else "hard"), True),
    "Protocol": (lambda s: s.config.protocol, True),
    "ε of distillation and training": (lambda s: radius(s.config.eps), True),
    "Downstream training": (lambda s: s.config.eval_training, True),
    "Network": (lambda s: s.facts.get("network", network_name(s.config)), True),
    "Networks evaluated": (_networks, True),
    "Training steps": (lambda s: s.config.eval_steps, True),
    "Test images": (lambda s: s.digest.get("n"), True),
    "Selection": (lambda s: s.facts.get("selection"), True),
    "Origin of the set": (lambda s: s.facts.get("origin"), False),
}


def side_by_side(subjects: Sequence[Subject], lines: Sequence[tuple[str, Sequence[Any]]]) -> dict[str, Any]:
    """A table with one line per fact and one column per run; a line whose values differ is marked."""
    rows = []
    for name, values in lines:
        told = [UNKNOWN if value is None or value == "" else value for value in values]
        rows.append([f"≠ {name}" if len({str(value) for value in told}) > 1 else name, *told])
    return {"head": ["", *(s.name for s in subjects)], "rows": rows}


def differing(subjects: Sequence[Subject]) -> list[str]:
    """The facts in which the runs differ so that their figures must not be ranked."""
    return [name for name, (value, matters) in FACTS.items() if matters and len({str(value(s)) for s in subjects}) > 1]


def evaluated(subjects: Sequence[Subject]) -> dict[str, Any]:
    """What was evaluated, with the facts that forbid a ranking, and what each run lacks."""
    lines = [(name, [value(s) for s in subjects]) for name, (value, _) in FACTS.items()]
    return side_by_side(subjects, lines) | {
        "several": len(subjects) > 1,
        "differing": differing(subjects),
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
        + ", ".join(f"{a.label} ({threat(a.norm, radius(a.radius))})" if a.norm else a.label for a in planned)
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
