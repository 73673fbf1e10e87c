"""Whether evaluations may be ranked against each other, and if not why: a sentence for each reason. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from c2r.attacks.figurekey import Conditions, FigureKey, key_of, radius
from c2r.evaluation.attempts import CLEAN
from c2r.evaluation.contestant import Contestant, data_hash, label_type, network, recipe, stored_bytes, tested_on
from c2r.evaluation.digest import Threat
from c2r.evaluation.wording import listed, size


class Facet(NamedTuple):
    """One thing that must agree before figures may be ranked: its name in a sentence, its value (None: not recorded),
    how it reads."""

    name: str
    read: Callable[[Contestant], Any]
    show: Callable[[Any], str] = str


def _attacked(contestant: Contestant) -> list[dict[str, Any]]:
    return [row for row in contestant.rows if row["attack"] != CLEAN]


def _radii(contestant: Contestant) -> tuple[str, ...]:
    return tuple(sorted({key_of(row).threat for row in _attacked(contestant) if row.get("norm")}))


def _attacks(contestant: Contestant) -> tuple[str, ...]:
    """The labels of what was tried; attempts of a sweep with their radius."""
    return tuple(sorted({_label(row) for row in _attacked(contestant)}))


def _label(row: dict[str, Any]) -> str:
    return f"{row['label']} at {radius(row['eps'])}" if "@" in row["key"] else str(row["label"])


def _protocol(contestant: Contestant) -> Any:
    return next((row.get("protocol") for row in contestant.rows), None)


def _counted(tested: tuple[tuple[int, ...], str]) -> str:
    counts, which = tested
    return f"{' or '.join(f'{n:,}' for n in counts)}, {which}"


FACETS = (
    Facet("Protocols", _protocol),
    Facet("Norm and ε", _radii, lambda radii: ", ".join(radii) or "no attack"),
    Facet("Attacks", _attacks, lambda labels: ", ".join(labels) or "none"),
    Facet("Evaluation networks", network),
    Facet("Training recipes", recipe),
    Facet("Stored bytes", stored_bytes, size),
    Facet("Label types", label_type),
    Facet("Real data", data_hash, lambda text: f"hash {text}"),
    Facet("Test images", tested_on, _counted),
)


def differences(contestants: Sequence[Contestant], threat: Threat | None = None) -> list[str]:
    """Why these evaluations must not be ranked, one sentence per thing that differs or is not recorded; [] when they
    may be.

    With a `threat` only its attempts are looked at, so that a sweep on one side does no harm. A reference (networks
    trained on all real data) is compared in everything but its stored bytes.
    """
    contestants, reasons = [_under(contestant, threat) for contestant in contestants], list[str]()
    for facet in FACETS:
        asked = [c for c in contestants if not (c.is_reference and facet.name == "Stored bytes")]
        values = {c.name: facet.read(c) for c in asked}
        missing = [name for name, value in values.items() if value is None]
        known = {name: value for name, value in values.items() if value is not None}
        if missing and len(asked) > 1:
            reasons.append(f"{facet.name} cannot be compared: not recorded for {listed(missing)}.")
        if len(set(known.values())) > 1:
            reasons.append(f"{facet.name} differ: {_apart(known, facet.show)}.")
    return reasons + _options_differ(contestants) + _images_differ(contestants)


def _under(contestant: Contestant, threat: Threat | None) -> Contestant:
    """The contestant with the rows of one threat and the clean ones; with all its rows when it has none of that
    threat."""
    keys = [(row, key_of(row)) for row in contestant.rows]
    attacked = [row for row, key in keys if (key.norm, key.eps, key.targeted) == threat]
    clean = [row for row in contestant.rows if row["attack"] == CLEAN]
    return replace(contestant, rows=[*clean, *attacked]) if attacked else contestant


def _apart(values: Mapping[str, Any], show: Callable[[Any], str]) -> str:
    """``76.8 kB (one) and 307 kB (two)``; values that would read the same are written out, many alike are 'all
    others'."""
    groups: dict[Any, list[str]] = {}
    for name, value in values.items():
        groups.setdefault(value, []).append(name)
    same = len({show(value) for value in groups}) < len(groups)
    texts = {value: str(value) if same else show(value) for value in groups}
    most = max(groups, key=lambda value: len(groups[value]))
    if len(groups[most]) < 3:
        return listed([f"{texts[value]} ({', '.join(names)})" for value, names in groups.items()])
    others = [f"{texts[value]} ({', '.join(names)})" for value, names in groups.items() if value != most]
    return listed([*others, f"{texts[most]} (all others)"])


def _ball(row: dict[str, Any]) -> FigureKey:
    """What an attack of two sets must share before its options are compared: everything else."""
    return key_of(row)._replace(options=(), under=Conditions())


def _options_differ(contestants: Sequence[Contestant]) -> list[str]:
    """One sentence for each option of an attempt that several contestants share but set differently."""
    reasons = []
    chosen = {
        c.name: {_ball(row): (row["label"], row["key"], dict(key_of(row).options)) for row in c.rows}
        for c in contestants
    }
    for ball in dict.fromkeys(ball for attempts in chosen.values() for ball in attempts):
        has = {name: attempts[ball] for name, attempts in chosen.items() if ball in attempts}
        for option in dict.fromkeys(option for *_, options in has.values() for option in options):
            values = {name: options.get(option) for name, (*_, options) in has.items()}
            if len(set(map(str, values.values()))) > 1:
                label, key, _ = next(iter(has.values()))
                reasons.append(f"Option '{option}' of {label} ({key}) differs: {_apart(values, str)}.")
    return reasons


def _images_differ(contestants: Sequence[Contestant]) -> list[str]:
    """Whether stored subsets of one size hold other images, which settings alone would not show."""
    indices = [np.sort(c.test["index"]) for c in contestants if "index" in c.test]
    same = len({len(index) for index in indices}) == 1
    if same and any(not np.array_equal(index, indices[0]) for index in indices[1:]):
        return ["Test subsets differ: the stored numbers of the test images are not the same."]
    return []


def remarks(contestants: Sequence[Contestant]) -> list[str]:
    """What a reader of the figures should know although it does not forbid a ranking."""
    said = []
    seeds = {c.name: len({row["seed"] for row in c.rows}) for c in contestants}
    if len(set(seeds.values())) > 1:
        said.append(f"Numbers of networks differ: {_apart(seeds, str)}.")
    few = [name for name, count in seeds.items() if count < 3]
    if few:
        said.append(f"Fewer than 3 networks, so the spread says little: {listed(few)}.")
    devices = {c.name: str(c.manifest.get("device", "not recorded")) for c in contestants}
    if len(set(devices.values())) > 1:
        said.append(f"Devices differ, so seconds and AE by the clock do not compare: {_apart(devices, str)}.")
    return said
