"""The sections that say where the figures come from and how to make them again."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from c2r.config import changed, command, declared, every_name, load
from c2r.fields import shown
from c2r.presets import PRESETS
from c2r.report.facts import side_by_side
from c2r.report.subject import Subject


def settings(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Settings that differ from the preset, with the preset's value beside."""
    changes = {s.letter: _changes(s) for s in subjects}
    names = [name for name in every_name() if any(name in changed_here for changed_here in changes.values())]
    lines = [(name, [changes[s.letter].get(name, _value(s, name)) for s in subjects]) for name in names]
    return side_by_side(subjects, lines) | {"presets": [f"{s.name} {_preset_words(s)}" for s in subjects]}


def _value(s: Subject, name: str) -> str | None:
    """A setting as a person writes it; None where the method does not read it."""
    return shown(declared(name), getattr(s.config, name)) if hasattr(s.config, name) else None


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


def sources(subjects: Sequence[Subject]) -> dict[str, Any]:
    """When, from which commit, on which device and with which versions each run was made."""
    versions = [_versions(s) for s in subjects]
    lines: list[tuple[str, list[Any]]] = [
        ("Started", [_when(s.run.status.get("started")) for s in subjects]),
        ("Commit", [s.run.manifest.get("commit") for s in subjects]),
        ("Device", [s.run.manifest.get("device") for s in subjects]),
        ("Device of the evaluation", [s.evaluation.get("device") for s in subjects]),
    ]
    packages = dict.fromkeys(package for of_run in versions for package in of_run)
    lines += [(package, [of_run.get(package) for of_run in versions]) for package in packages]
    return side_by_side(subjects, lines)


def _versions(s: Subject) -> dict[str, Any]:
    versions = s.evaluation.get("versions", {})
    return versions if isinstance(versions, dict) else {}


def _when(seconds: Any) -> str | None:
    return f"{datetime.fromtimestamp(seconds):%d %B %Y, %H:%M}" if isinstance(seconds, int | float) else None


def reproduce(subjects: Sequence[Subject]) -> dict[str, Any]:
    """The commands that make each run again."""
    return {"runs": [{"name": s.name, "commands": _commands(s)} for s in subjects]}


def _commands(s: Subject) -> list[Any]:
    distilled = s.run.manifest.get("command") or shlex.join(
        command(s.run.config or s.config, _preset(s) or "demo", f"runs/{s.run.id}")
    )
    evaluated = s.evaluation.get("command") if s.separate else None
    return [distilled, evaluated] if evaluated else [distilled]
