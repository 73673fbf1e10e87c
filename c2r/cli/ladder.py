"""``ladder``: a run taken apart, from random real images to the run itself, and the rungs that are missing made."""

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from c2r import config as settings
from c2r.attacks.figurekey import FigureKey
from c2r.base import paths
from c2r.base.errors import InputError, unknown
from c2r.cli import work
from c2r.cli.arguments import whole, word
from c2r.config import RunConfig
from c2r.evaluation import ladder as rungs_of
from c2r.evaluation.across import attempts_of, clean_of, warning
from c2r.evaluation.groups import DATA, Group, evaluations_of, grouped, values_of
from c2r.evaluation.ladder import Rung, Step
from c2r.evaluation.paired import Difference
from c2r.store import runs
from c2r.store.lifecycle import RESUMABLE
from c2r.store.runs import Run


def add_ladder(parser: argparse.ArgumentParser) -> None:
    """Options of ``ladder``."""
    parser.add_argument("dir", type=paths.folder, metavar="RUN", help="run folder, evaluated")
    parser.add_argument(
        "--seeds", type=whole(1, 100), default=3, help="distillation seeds of each rung, from the run's own (default 3)"
    )
    parser.add_argument(
        "--attack", type=word, help="attempt that steps are told of, as in the run's rows (default pgd)"
    )
    parser.add_argument("--store", type=paths.store, default=runs.default_store(), help="folder that holds run folders")
    parser.add_argument(
        "--make", action="store_true", help="make the missing rungs, one after the other, into the store"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


class Asked(NamedTuple):
    """A ladder: the run and its own evaluation, the rungs, the seeds they want, and the store."""

    run: Run
    config: RunConfig
    own: Group
    rungs: list[Rung]
    seeds: range
    store: Path

    @property
    def data(self) -> str:
        """The hash of the real data."""
        return str(self.own.values[DATA])

    def groups(self) -> list[Group]:
        """The groups of the store, and the run itself wherever it lies."""
        stored = [run for run in runs.list_runs(self.store) if run.path.absolute() != self.run.path.absolute()]
        return grouped(found for run in (self.run, *stored) for found in evaluations_of(run))[0]

    def missing(self) -> list[tuple[Rung, int]]:
        """The rungs and seeds without a finished evaluation."""
        found = rungs_of.find(self.rungs, self.groups(), self.data)
        return [
            (rung, seed)
            for rung, group in zip(self.rungs, found, strict=True)
            for seed in self.seeds
            if group is None or seed not in group.seeds
        ]


def ladder(chosen: argparse.Namespace) -> int:
    """Take a run apart: a rung for each part of it, measured, or made when it is missing."""
    asked = _asked(chosen)
    figure = _figure(asked.own, chosen.attack)
    if chosen.make:
        with contextlib.redirect_stdout(sys.stderr):
            code = _make(asked)
        if code:
            return code
    steps = _measured(asked, figure)
    name = attempts_of(asked.own)[figure]
    if chosen.json:
        print(
            json.dumps({"attack": name, "seeds": [*asked.seeds], "rungs": [_plain(step) for step in steps]}, indent=2)
        )
        return 0
    _print(steps, name)
    if told := warning(asked.own):
        print(told)
    if missing := asked.missing():
        wanted = len(asked.rungs) * len(asked.seeds)
        print(f"{len(missing)} of {wanted} runs are missing, to be made with:\n{_again(chosen)}")
    return 0


def _asked(chosen: argparse.Namespace) -> Asked:
    run = runs.open_run(chosen.dir)
    if run.problem or run.config is None:
        raise InputError(run.problem)
    steps, own = rungs_of.rungs(run.config), evaluations_of(run)
    if not own:
        raise InputError(
            f"Run {run.id} has no finished evaluation: expected one, since the ladder is judged as the run was;"
            " evaluate it first."
        )
    seed = run.config.seed
    return Asked(run, run.config, Group((own[0],)), steps, range(seed, seed + chosen.seeds), chosen.store)


def _figure(own: Group, attack: str | None) -> FigureKey:
    """The attempt that is asked for, by its key in the run's rows. Raises InputError."""
    attempts = own.first.contestant.digest["attempts"]
    if attack is not None and attack not in attempts:
        raise unknown("attack", attack, list(attempts))
    if not attempts:
        raise InputError("A ladder is told under an attack, found none in the run's evaluation: evaluate it under one.")
    return attempts[attack]["of"] if attack else next(iter(attempts_of(own)))


def _measured(asked: Asked, figure: FigureKey) -> list[Step]:
    found = rungs_of.find(asked.rungs, asked.groups(), asked.data)
    return rungs_of.measured(asked.rungs, found, clean_of(asked.own) or figure, figure)


def _make(asked: Asked) -> int:
    """Make what is missing, one after the other; what was begun is gone on with. Returns the exit code."""
    preset, missing = str(asked.run.manifest.get("preset", "")), asked.missing()
    for number, (rung, seed) in enumerate(missing, 1):
        print(f"{number} of {len(missing)}: {rung.label}, seed {seed}", flush=True)
        config = settings.validate(rung.config.model_dump(mode="json") | {"seed": seed})
        if code := _one(config, preset, asked):
            return code
    return 0


def _one(config: RunConfig, preset: str, asked: Asked) -> int:
    """Make one run: go on with the one that was begun, evaluate the set that is there, or distil a new one."""
    stored, wanted = runs.list_runs(asked.store), values_of(config, config)
    begun = next((run for run in stored if _is(run, run.config, config, wanted) and run.state != "done"), None)
    made = next((run for run in stored if _is(run, config, config, wanted) and run.state == "done"), None)
    if made is not None and begun is None:
        judged = (e for e in runs.evaluations(made.path) if _is(made, e.config, config, wanted) and e.state != "done")
        begun = next(judged, None)
    if begun is not None and (begun.alive or begun.state in RESUMABLE):
        return work.resume(argparse.Namespace(dir=begun.path, json=False))
    if made is not None and (made.manifest.get("data") or {}).get("hash") == asked.data:
        return work.judge(config, made.path, made.path / "evaluations" / runs.evaluation_id(config), numbered=True)
    return work.start(config, preset, asked.store / runs.new_id(config), numbered=True)


def _is(run: Run, judged: RunConfig | None, config: RunConfig, wanted: dict[str, Any]) -> bool:
    """Whether a sound run with this seed has the wanted settings when it is judged by `judged`."""
    if run.problem or run.config is None or judged is None or run.config.seed != config.seed:
        return False
    return values_of(run.config, judged) == wanted


def _print(steps: list[Step], attack: str) -> None:
    columns = rungs_of.as_columns(steps, attack)
    widths = [max(len(str(cell)) for cell in (head, *cells)) for head, cells in columns.items()]
    for line in (list(columns), *map(list, zip(*columns.values(), strict=True))):
        print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
    known = [step.difference for step in steps if isinstance(step.difference, Difference)]
    print(f"{rungs_of.statement(steps, attack)}. ± is over distillation seeds; differences are paired, 95 % intervals.")
    for basis in dict.fromkeys(difference.basis for difference in known):
        print(f"Differences rest on {basis}.")
    for reason in dict.fromkeys(step.difference for step in steps if isinstance(step.difference, str)):
        print(reason)


def _plain(step: Step) -> dict[str, Any]:
    """A rung as plain values; shares."""
    difference = step.difference
    return {
        "rung": step.rung.label,
        "sentence": step.rung.sentence,
        "settings": step.rung.config.model_dump(mode="json"),
        "seeds": list(step.group.seeds) if step.group else [],
        "clean": step.clean._asdict() if step.clean else None,
        "attacked": step.attacked._asdict() if step.attacked else None,
        "below": step.below,
        "difference": difference._asdict() | {"verdict": difference.verdict}
        if isinstance(difference, Difference)
        else difference,
        "bytes": step.bytes,
    }


def _again(chosen: argparse.Namespace) -> str:
    """The command that makes what is missing."""
    named = ["--store", str(chosen.store)] if chosen.store != runs.default_store() else []
    return rungs_of.command(chosen.dir, "--seeds", str(chosen.seeds), *named)
