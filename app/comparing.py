"""Whether evaluations may be ranked against each other, and if not why, as plain values. numpy, no Streamlit.

Letters: M evaluation networks, n test images.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from c2r.attacks.figurekey import NORMS, Conditions, FigureKey, key_of, radius
from c2r.config import RunConfig
from c2r.errors import InputError
from c2r.evaluation.digest import summarise
from c2r.registry import of_kind

Arrays = dict[str, np.ndarray]
REFERENCE = of_kind(
    "reference"
)  # its networks see every real image: a ceiling beside the others, never ranked with them


@dataclass(frozen=True)
class Contestant:
    """One finished evaluation of one set. `test` holds the arrays of test.safetensors, {} when there are none."""

    name: str
    rows: Sequence[dict[str, Any]]
    config: RunConfig | None = None
    manifest: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    test: Arrays = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        return self.config is not None and self.config.method in REFERENCE

    @property
    def correct(self) -> Arrays:
        """Attempt key → [M, n], 1 where a network is right."""
        return _of_kind(self.test, "correct/")

    @property
    def margin(self) -> Arrays:
        """Attempt key → [M, n] logit margins at the point found."""
        return _of_kind(self.test, "margin/")

    def summary(self) -> dict[str, Any]:
        """The digest of its rows, with the per-image worst case where the outcomes of the test images are stored."""
        try:
            return summarise(self.rows, self.correct)
        except InputError:
            return summarise(self.rows)


def _of_kind(arrays: Arrays, kind: str) -> Arrays:
    return {
        name.removeprefix(kind): values for name, values in arrays.items() if name.startswith(kind) and values.ndim == 2
    }


def size(count: float) -> str:
    """Bytes for a person: ``512 B``, ``76.8 kB``, ``307 kB``, ``1.23 MB`` (powers of 1000)."""
    if count < 1000:
        return f"{count:.0f} B"
    power = 2 if count >= 999_500 else 1
    value = count / 1000**power
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {('kB', 'MB')[power - 1]}"


def stored_bytes(one: Contestant) -> int | None:
    """Bytes of the stored images, with soft labels when there are some; without facts, from the settings and the shape
    of the data."""
    if "bytes" in one.facts:
        return int(one.facts["bytes"]) + (
            int(one.facts.get("label_bytes", 0)) if one.facts.get("labels") == "soft" else 0
        )
    shape, classes = (one.manifest.get("data") or {}).get("shape"), len(one.manifest.get("classes") or ())
    if one.config is None or one.config.method in (*REFERENCE, *of_kind("imported")) or not shape or not classes:
        return None
    return one.config.ipc * classes * int(np.prod(shape))


def data_hash(one: Contestant) -> str | None:
    """The hash of the real data that an evaluation was run on."""
    return one.facts.get("data_hash") or (one.manifest.get("data") or {}).get("hash")


def _labels(one: Contestant) -> str | None:
    own = one.config is not None and one.config.method not in of_kind("imported")
    return one.facts.get("labels") or ("hard" if own else None)


def _network(one: Contestant) -> str | None:
    if one.config is not None:
        return f"{one.config.model}-{one.config.width}-d{one.config.depth}"
    return one.facts.get("network")


def _recipe(one: Contestant) -> str | None:
    c = one.config
    if c is None:
        return None
    attacked = f", {c.eval_at_steps} PGD steps at ε = {radius(c.eps)}" if c.eval_training == "pgd-at" else ""
    return f"{c.eval_training}, {c.eval_steps} steps of {c.eval_batch}, rate {c.eval_rate:g}{attacked}"


def _radii(one: Contestant) -> tuple[str, ...]:
    return tuple(sorted({key_of(row).threat for row in one.rows if row["attack"] != "clean" and row.get("norm")}))


def _attempts(one: Contestant) -> tuple[str, ...]:
    attacked = [row for row in one.rows if row["attack"] != "clean"]
    return tuple(
        sorted(
            {f"{row['label']} at {radius(row['eps'])}" if "@" in row["key"] else str(row["label"]) for row in attacked}
        )
    )


def _tested(one: Contestant) -> tuple[tuple[int, ...], str]:
    counts = tuple(sorted({int(row["n"]) for row in one.rows}))
    every = one.config is not None and one.config.eval_images == 0
    return counts, (
        "all of the test set" if every else f"subset of seed {one.config.seed}" if one.config else "subset not recorded"
    )


class Threat(NamedTuple):
    """One norm, radius and goal: what figures may be averaged over."""

    norm: str
    eps: str
    targeted: bool

    @property
    def label(self) -> str:
        return f"{NORMS.get(self.norm, self.norm)} {self.eps}" + (", targeted" if self.targeted else "")


class Facet(NamedTuple):
    """One thing that must agree before figures may be ranked: its name in a sentence, its value (None: not recorded),
    how it reads."""

    name: str
    read: Callable[[Contestant], Any]
    show: Callable[[Any], str] = str


FACETS = (
    Facet("Protocols", lambda c: next((row.get("protocol") for row in c.rows), None)),
    Facet("Norm and ε", _radii, lambda radii: ", ".join(radii) or "no attack"),
    Facet("Attacks", _attempts, lambda called: ", ".join(called) or "none"),
    Facet("Evaluation networks", _network),
    Facet("Training recipes", _recipe),
    Facet("Stored bytes", stored_bytes, size),
    Facet("Label types", _labels),
    Facet("Real data", data_hash, lambda found: f"hash {found}"),
    Facet("Test images", _tested, lambda found: f"{' or '.join(f'{n:,}' for n in found[0])}, {found[1]}"),
)


def differences(contestants: Sequence[Contestant], threat: Threat | None = None) -> list[str]:
    """Why these evaluations must not be ranked, one sentence per thing that differs or is not recorded; [] when they
    may be.

    With a `threat` only its attempts are looked at, so that a sweep on one side does no harm. A reference (networks
    trained on
    all real data) is compared in everything but its stored bytes.
    """
    contestants, found = [_under(one, threat) for one in contestants], []
    for facet in FACETS:
        asked = [c for c in contestants if not (c.is_reference and facet.name == "Stored bytes")]
        values = {c.name: facet.read(c) for c in asked}
        missing = [name for name, value in values.items() if value is None]
        known = {name: value for name, value in values.items() if value is not None}
        if missing and len(asked) > 1:
            found.append(f"{facet.name} cannot be compared: not recorded for {listed(missing)}.")
        if len(set(known.values())) > 1:
            found.append(f"{facet.name} differ: {_apart(known, facet.show)}.")
    return found + _options_differ(contestants) + _images_differ(contestants)


def _under(one: Contestant, threat: Threat | None) -> Contestant:
    """The contestant with the rows of one threat and the clean ones; with all its rows when it has none of that
    threat."""
    keys = [(row, key_of(row)) for row in one.rows]
    attacked = [row for row, key in keys if (key.norm, key.eps, key.targeted) == threat]
    return replace(one, rows=[*(row for row in one.rows if row["attack"] == "clean"), *attacked]) if attacked else one


def _apart(values: dict[str, Any], show: Callable[[Any], str]) -> str:
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


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _ball(row: dict[str, Any]) -> FigureKey:
    """What an attack of two sets must share before its options are compared: everything else."""
    return key_of(row)._replace(options=(), under=Conditions())


def _options_differ(contestants: Sequence[Contestant]) -> list[str]:
    """One sentence for each option of an attempt that several contestants share but set differently."""
    found = []
    chosen = [
        {_ball(row): (row["label"], row["key"], dict(key_of(row).options)) for row in one.rows} for one in contestants
    ]
    for key in dict.fromkeys(key for one in chosen for key in one):
        has = {c.name: one[key] for c, one in zip(contestants, chosen, strict=True) if key in one}
        for option in dict.fromkeys(name for *_, options in has.values() for name in options):
            values = {name: options.get(option) for name, (*_, options) in has.items()}
            if len(set(map(str, values.values()))) > 1:
                label, called, _ = next(iter(has.values()))
                found.append(f"Option '{option}' of {label} ({called}) differs: {_apart(values, str)}.")
    return found


def _images_differ(contestants: Sequence[Contestant]) -> list[str]:
    """Whether stored subsets of one size hold other images, which settings alone would not show."""
    indices = [np.sort(one.test["index"]) for one in contestants if "index" in one.test]
    same = len({len(index) for index in indices}) == 1
    if same and any(not np.array_equal(index, indices[0]) for index in indices[1:]):
        return ["Test subsets differ: the stored numbers of the test images are not the same."]
    return []


def remarks(contestants: Sequence[Contestant]) -> list[str]:
    """What a reader of the figures should know although it does not forbid a ranking."""
    found = []
    seeds = {c.name: len({row["seed"] for row in c.rows}) for c in contestants}
    if len(set(seeds.values())) > 1:
        found.append(f"Numbers of networks differ: {_apart(seeds, str)}.")
    few = [name for name, count in seeds.items() if count < 3]
    if few:
        found.append(f"Fewer than 3 networks, so the spread says little: {listed(few)}.")
    devices = {c.name: str(c.manifest.get("device", "not recorded")) for c in contestants}
    if len(set(devices.values())) > 1:
        found.append(f"Devices differ, so seconds and AE by the clock do not compare: {_apart(devices, str)}.")
    return found
