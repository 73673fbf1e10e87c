"""The sections that are no results: what was evaluated, how, where the figures come from, how to make them again."""

import shlex
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from c2r.attacks.figurekey import radius
from c2r.attacks.protocols import PROTOCOLS, attempts
from c2r.config import changed, command, declared, every_name, load
from c2r.evaluation.badges import COLOURS, summary
from c2r.fields import shown
from c2r.networks.naming import network_name
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.report.markup import Html, bullets, join, paragraph, section, table, tag, threat
from c2r.report.subject import Subject

UNKNOWN = "not recorded"
ICONS = {"red": "✕", "amber": "!", "grey": "?", "green": "✓"}


def _stored(s: Subject) -> Any:
    return s.facts.get("stored", None if s.images is None else len(s.images))


def _effective(s: Subject) -> Any:
    stored = _stored(s)
    return s.facts.get("effective", None if stored is None else stored * s.config.partition**2)


def _bytes(s: Subject) -> Any:
    found = s.facts.get("bytes", None if s.images is None else s.images.nbytes)
    return f"{found:,}" if isinstance(found, int) else found


def _data(s: Subject, name: str) -> Any:
    data = s.evaluation.get("data", {})
    return data.get(name) if isinstance(data, dict) else None


def _networks(s: Subject) -> str:
    found = s.digest.get("seeds", 0)
    return f"{found} of {s.config.eval_seeds}" if found else f"0 of {s.config.eval_seeds}, not evaluated"


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


def side_by_side(subjects: Sequence[Subject], lines: Sequence[tuple[str, Sequence[Any]]], caption: str) -> Html:
    """One line per fact and one column per run; a line whose values differ is marked."""
    rows = []
    for name, values in lines:
        told = [UNKNOWN if value is None or value == "" else value for value in values]
        rows.append([f"≠ {name}" if len({str(value) for value in told}) > 1 else name, *told])
    return table(["", *(s.name for s in subjects)], rows, caption)


def differing(subjects: Sequence[Subject]) -> list[str]:
    """The facts in which the runs differ so that their figures must not be ranked."""
    return [name for name, (value, matters) in FACTS.items() if matters and len({str(value(s)) for s in subjects}) > 1]


def evaluated(subjects: Sequence[Subject]) -> Html:
    """What was evaluated, with the facts that forbid a ranking."""
    lines = [(name, [value(s) for s in subjects]) for name, (value, _) in FACTS.items()]
    parts = [side_by_side(subjects, lines, "≠ marks lines in which the runs differ." if len(subjects) > 1 else "")]
    parts.append(
        paragraph(
            "Equal hashes mean equal pixels. Whether these are the published arrays or a re-encoded copy, such as a"
            " JPEG copy, is not recorded and not guessed: compare the hash with that of your data.",
            kind="note",
        )
    )
    if len(subjects) > 1:
        found = differing(subjects)
        sentence = f"Do not rank these runs by their figures: they differ in {', '.join(found)}." if found else ""
        parts.append(
            paragraph(
                sentence or "The runs agree in everything above that forbids a ranking.",
                kind="warning" if found else None,
            )
        )
    gaps = [tag("h3", s.name) + bullets(s.missing) for s in subjects if s.missing]
    if gaps:
        parts += [tag("h3", "What is missing"), *map(Html, gaps)]
    return section("What was evaluated", *parts)


def protocols(subjects: Sequence[Subject]) -> Html:
    """Each protocol that occurs, with its warning."""
    parts: list[Html] = []
    for name in dict.fromkeys(s.config.protocol for s in subjects):
        letters = ", ".join(s.letter for s in subjects if s.config.protocol == name)
        parts.append(paragraph(tag("strong", name), f" ({letters}): ", PROTOCOLS[name].help))
        if PROTOCOLS[name].warning:
            parts.append(paragraph(PROTOCOLS[name].warning, kind="warning"))
    parts.append(bullets(_plan(s) for s in subjects))
    parts.append(
        paragraph(
            "ε is in pixel units of images in [0, 1]. Networks are trained on the set from scratch, one per seed.",
            kind="note",
        )
    )
    return section("Protocol", *parts)


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


def checks(subjects: Sequence[Subject]) -> Html:
    """The twelve badges of each run, worst first."""
    parts: list[Html] = []
    for s in subjects:
        parts.append(tag("h3", f"{s.name}: {summary(s.badges)}"))
        if not s.badges:
            parts.append(
                paragraph(
                    "The checks of this evaluation are not stored: nothing below has been checked for the usual"
                    " faults.",
                    kind="warning",
                )
            )
            continue
        rows = [
            [
                tag("span", f"{ICONS[badge.colour]} {badge.colour}", class_=f"badge {badge.colour}"),
                f"{badge.number}. {badge.title}",
                badge.evidence,
                badge.advice,
            ]
            for badge in s.badges
        ]
        parts.append(table(["Result", "Check", "Evidence", "What to do"], rows))
    return section(
        "Checks",
        paragraph(f"Colours from worst to best: {', '.join(COLOURS)}. Grey could not be judged.", kind="note"),
        *parts,
    )


def settings(subjects: Sequence[Subject]) -> Html:
    """Settings that differ from the preset, with the preset's value beside."""
    found = {s.letter: _changes(s) for s in subjects}
    names = [name for name in every_name() if any(name in changes for changes in found.values())]
    lines = [
        (
            name,
            [found[s.letter].get(name, _value(s, name)) for s in subjects],
        )
        for name in names
    ]
    told = [f"{s.name} {_preset_words(s)}" for s in subjects]
    return section(
        "Settings that differ from the preset", bullets(told), side_by_side(subjects, lines, "") if lines else ""
    )


def _value(s: Subject, name: str) -> str:
    """A setting as a person writes it, a dash where the method does not read it."""
    return shown(declared(name), getattr(s.config, name)) if hasattr(s.config, name) else "–"


def _preset(s: Subject) -> str:
    name = s.run.manifest.get("preset")
    return name if isinstance(name, str) and name in PRESETS else ""


def _preset_words(s: Subject) -> str:
    name = _preset(s)
    return (
        f"starts from the preset {name}." if name else "names no preset, so its settings cannot be compared with one."
    )


def _changes(s: Subject) -> dict[str, str]:
    name = _preset(s)
    if not name:
        return {}
    base, fields = load(name, {"method": s.config.method}), type(s.config).model_fields
    return {
        key: (
            f"{shown(fields[key], getattr(s.config, key))} (preset:"
            f" {shown(fields[key], getattr(base, key)) or 'nothing'})"
        )
        for key in changed(s.config, name)
    }


def sources(subjects: Sequence[Subject]) -> Html:
    """Versions, commit, device, commands."""
    versions = [_versions(s) for s in subjects]
    lines: list[tuple[str, list[Any]]] = [
        ("Started", [_when(s.run.status.get("started")) for s in subjects]),
        ("Commit", [s.run.manifest.get("commit") for s in subjects]),
        ("Device", [s.run.manifest.get("device") for s in subjects]),
        ("Device of the evaluation", [s.evaluation.get("device") for s in subjects]),
        *(
            (name, [found.get(name) for found in versions])
            for name in dict.fromkeys(key for found in versions for key in found)
        ),
    ]
    return section("Where the figures come from", side_by_side(subjects, lines, ""))


def _versions(s: Subject) -> dict[str, Any]:
    found = s.evaluation.get("versions", {})
    return found if isinstance(found, dict) else {}


def _when(seconds: Any) -> str | None:
    return f"{datetime.fromtimestamp(seconds):%d %B %Y, %H:%M}" if isinstance(seconds, int | float) else None


def reproduce(subjects: Sequence[Subject]) -> Html:
    """The commands that make each run again."""
    parts: list[Html] = []
    for s in subjects:
        asked = [
            s.run.manifest.get("command")
            or shlex.join(command(s.run.config or s.config, _preset(s) or "demo", f"runs/{s.run.id}"))
        ]
        if s.separate and s.evaluation.get("command"):
            asked.append(s.evaluation["command"])
        parts += [tag("h3", s.name), tag("pre", tag("code", join(asked, "\n")))]
    words = (
        "Same seed, same device kind and same versions give the same bits; another device gives other last bits. Check"
        " the data hash first."
    )
    return section("How to reproduce", paragraph(words), *parts)
