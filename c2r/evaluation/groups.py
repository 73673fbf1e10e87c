"""Evaluations of a store in groups: equal in everything that defines a figure but the distillation seed. No torch.

What only looks at a run, and on which device it works, changes no figure on purpose, so it separates no groups: see
`c2r.config.steering`.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import Any

from c2r.base import fields
from c2r.base.errors import InputError
from c2r.config import RunConfig, declared, every_name, steering
from c2r.evaluation.attempts import usable
from c2r.evaluation.baselines import unread
from c2r.evaluation.contestant import Contestant, data_hash
from c2r.registry import METHODS
from c2r.settings import EvaluationSettings, NetworkSettings, ThreatSettings
from c2r.store import runs
from c2r.store.files import read_json
from c2r.store.results import evaluation_facts, of_newest, own_rows
from c2r.store.runs import Run

Values = dict[str, Any]  # setting → value, and what else defines a figure
JUDGING_TOO = {
    "seed",
    "data",
    *ThreatSettings.model_fields,
    *NetworkSettings.model_fields,
}  # an evaluation may change them
UNRECORDED = "not recorded"
DATA, JUDGING = "data hash", "evaluation: "  # a value that is no setting, and the head of settings of the evaluation


@dataclass(frozen=True)
class Evaluated:
    """One finished evaluation: the settings that made its set, its rows (`contestant.config`: how it was judged), its
    folder and that of its run, the seconds that the distillation took (None where that is not recorded), and the
    settings that stand in neither folder, because they came later."""

    made: RunConfig
    contestant: Contestant
    folder: Path
    run: Path
    seconds: float | None = None
    unrecorded: frozenset[str] = frozenset()

    @cached_property
    def values(self) -> Values:
        """Everything that defines its figures, but the seed; a setting that came after the run was recorded has no
        value that is known."""
        values = values_of(self.made, self.contestant.config or self.made)
        unknown = {name: UNRECORDED for name in values if name in self.unrecorded}
        return values | unknown | {DATA: data_hash(self.contestant) or ""}


def values_of(made: RunConfig, judged: RunConfig) -> Values:
    """The settings that define the figures of a set, but the seed: those it was `made` with and that its method reads,
    and those it was `judged` by."""
    left_out = {"seed", *unread(made), *EvaluationSettings.model_fields}
    values = {name: value for name, value in steering(made).items() if name not in left_out}
    own, before = judged.model_dump(include={*EvaluationSettings.model_fields}), made.model_dump(include=JUDGING_TOO)
    changed = {name: v for name, v in judged.model_dump(include=JUDGING_TOO).items() if v != before[name]}
    every = values | own | {JUDGING + name: value for name, value in changed.items()}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in every.items()}


def evaluations_of(run: Run) -> list[Evaluated]:
    """The finished evaluations of a run's newest images whose rows can be read, its own first."""
    if run.problem or run.config is None:
        return []
    steps = runs.frame_steps(run.path)
    others = [e for e in runs.evaluations(run.path) if e.state == "done" and not e.problem and of_newest(e, steps)]
    found = [_read(run, judged) for judged in (*([run] if run.state == "done" else []), *others)]
    return [evaluated for evaluated in found if evaluated is not None]


def _read(run: Run, judged: Run) -> Evaluated | None:
    rows = usable(own_rows(judged.path), "key", "seed")
    if not rows or run.config is None:
        return None
    facts: dict[str, Any] = {}
    with suppress(InputError):
        facts = evaluation_facts(judged.path)
    contestant = Contestant(run.id, rows, judged.config or run.config, run.manifest | judged.manifest, facts)
    try:
        _ = contestant.digest
    except InputError:
        return None
    seconds = next((event.get("seconds") for event in reversed(runs.read_events(run.path))), None)
    return Evaluated(
        run.config, contestant, judged.path, run.path, seconds, _unrecorded(run.config, run.path, judged.path)
    )


def _unrecorded(config: RunConfig, run: Path, judged: Path) -> frozenset[str]:
    """The settings that the files of a run do not hold: reading fills them with what is usual now, which may be another
    thing than what was done then."""
    made, own = (set(read_json(path / "config.json")) for path in (run, judged))
    judging = {*EvaluationSettings.model_fields}
    return frozenset(name for name in type(config).model_fields if name not in (own if name in judging else made))


@dataclass(frozen=True)
class Group:
    """The distillation seeds of one set-up, a finished evaluation of each."""

    members: tuple[Evaluated, ...]

    @property
    def first(self) -> Evaluated:
        """The evaluation of the lowest seed."""
        return self.members[0]

    @property
    def values(self) -> Values:
        """What its members share."""
        return self.first.values

    @property
    def made_by(self) -> tuple[str, ...]:
        """The names of the settings that made its sets, among its `values`."""
        return tuple(name for name in self.values if name in type(self.first.made).model_fields)

    @property
    def method(self) -> str:
        """The name of its method."""
        return self.first.made.method

    @property
    def label(self) -> str:
        """What its method is called."""
        return METHODS[self.method].label

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its distillation seeds, ascending."""
        return tuple(member.made.seed for member in self.members)

    @property
    def preset(self) -> str:
        """The preset that its first run was started from, '' when that is not recorded."""
        return str(self.first.contestant.manifest.get("preset") or "")

    @property
    def bytes(self) -> int | None:
        """Stored bytes of a set, its labels counted; None where that is not recorded."""
        facts = self.first.contestant.facts
        return int(facts["bytes"]) + int(facts.get("label_bytes", 0)) if "bytes" in facts else None

    @property
    def seconds(self) -> float | None:
        """Seconds of a distillation, mean over the seeds that recorded it."""
        known = [member.seconds for member in self.members if member.seconds is not None]
        return mean(known) if known else None


def grouped(evaluated: Iterable[Evaluated]) -> tuple[list[Group], int]:
    """The groups, in the order in which they come first, and how many evaluations repeat a seed of a group: the same
    seed gives the same bits, so of these the first counts alone."""
    found: dict[tuple[Any, ...], dict[int, Evaluated]] = {}
    repeated = 0
    for one in evaluated:
        seeds = found.setdefault(tuple(sorted(one.values.items())), {})
        repeated += one.made.seed in seeds
        seeds.setdefault(one.made.seed, one)
    return [Group(tuple(seeds[seed] for seed in sorted(seeds))) for seeds in found.values()], repeated


def labels(groups: Sequence[Group]) -> list[str]:
    """What groups are called: method, data and IPC, and of groups of one name what tells each from all the others."""
    plain = [_plain(group) for group in groups]
    named = []
    for group, name in zip(groups, plain, strict=True):
        alike = [other for other, its in zip(groups, plain, strict=True) if its == name and other is not group]
        apart = ", ".join(f"{_called(key)} {_told(group.values[key])}" for key in _apart(group, alike))
        named.append(f"{name} ({apart})" if apart else name)
    return named


def _plain(group: Group) -> str:
    made = group.first.made
    return f"{group.label} · {Path(made.data).name} · IPC {made.ipc}"


def _apart(group: Group, others: Sequence[Group]) -> list[str]:
    """Few settings that together tell a group from each of the others: each time the one that tells it from most."""
    chosen = list[str]()
    while others:
        counts = {key: sum(g.values.get(key) != value for g in others) for key, value in group.values.items()}
        best = max(counts, key=lambda key: counts[key])
        others = [other for other in others if other.values.get(best) == group.values[best]]
        if not counts[best]:
            break
        chosen.append(best)
    return chosen


def _called(key: str) -> str:
    """A setting by its label, in small letters; what is no setting by its name."""
    name = key.removeprefix(JUDGING)
    return key if name != key or name not in every_name() else fields.label(declared(name)).lower()


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
