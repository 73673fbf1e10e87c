"""``distill``, ``evaluate``, ``fork`` and ``resume``: work in a run folder."""

import argparse
from pathlib import Path
from typing import Any

from c2r import config as settings
from c2r.attacks.protocols import PROTOCOLS
from c2r.base import paths
from c2r.base.errors import InputError
from c2r.base.fields import shown, unit
from c2r.cli.arguments import add_settings, one_of, whole
from c2r.cli.claimed import do
from c2r.cli.control import tell
from c2r.config import RunConfig
from c2r.formats import sets
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.settings import EvaluationSettings
from c2r.store import control, kinds, lifecycle, runs
from c2r.work import forking, preflight


def add_distill(parser: argparse.ArgumentParser) -> None:
    """Options of ``distill``."""
    parser.add_argument(
        "--preset",
        type=one_of("preset", PRESETS),
        default="demo",
        help=f"start from: {', '.join(PRESETS)} (default demo)",
    )
    methods = tuple(METHODS)
    parser.add_argument("--method", type=one_of("method", methods), help=f"one of {', '.join(methods)}")
    add_settings(parser, "change one setting; may be repeated (see --settings)")
    parser.add_argument("--out", type=paths.new, help="run folder, new or empty (default: a new one in the run store)")
    parser.add_argument(
        "--settings", action="store_true", help="list every setting with its value, unit and meaning, and stop"
    )


def distill(chosen: argparse.Namespace) -> int:
    """Distil a data set into a run folder, draw its map, evaluate it."""
    changes: dict[str, Any] = settings.parse_assignments(chosen.set)
    if chosen.method:
        changes["method"] = chosen.method
    config = settings.load(chosen.preset, changes)
    if chosen.settings:
        return _print_settings(config)
    out = chosen.out or runs.default_store() / runs.new_id(config)
    return start(config, chosen.preset, out, numbered=not chosen.out)


def start(config: RunConfig, preset: str, out: Path, as_json: bool = False, numbered: bool = False) -> int:
    """Check the settings, claim the folder `out` (`numbered`: or the next one of that name that is free), do the
    run."""
    preflight.refuse(preflight.check(config, out.parent))
    return do(out, config, lambda worker: _tasks().distil(worker, config, preset), as_json, numbered=numbered)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Options of ``evaluate``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    parser.add_argument(
        "--protocol", type=one_of("protocol", PROTOCOLS), help=f"one of {', '.join(PROTOCOLS)} (default: the run's own)"
    )
    add_settings(parser, "change one evaluation setting; may be repeated")
    parser.add_argument(
        "--out", type=paths.new, help="folder of this evaluation (default: a new one in DIR/evaluations)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


EVALUATION_ONLY = {
    *EvaluationSettings.model_fields,
    "device",
    "threads",
    "data",
    "eps",
    "model",
    "width",
    "depth",
    "seed",
}


def evaluate(chosen: argparse.Namespace) -> int:
    """Train fresh networks on a run's set and attack them, by a protocol; earlier evaluations are kept."""
    run = runs.open_run(chosen.dir)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    changes: dict[str, Any] = settings.parse_assignments(chosen.set) | (
        {"protocol": chosen.protocol} if chosen.protocol else {}
    )
    if wrong := [name for name in changes if name in settings.every_name() and name not in EVALUATION_ONLY]:
        raise InputError(
            f"Setting '{wrong[0]}' belongs to the distillation: expected one of {', '.join(sorted(EVALUATION_ONLY))};"
            " start a new run to change it."
        )
    config = settings.validate(run.config.model_dump(mode="json") | changes)
    if config.method != "full-data" and not (run.path / "synthetic.safetensors").exists():
        advice = "wait" if run.alive else "resume it or choose another run"
        raise InputError(
            f"Run {run.id} ({run.state}) has no synthetic.safetensors yet: expected a run that got that far; {advice}."
        )
    out = chosen.out or run.path / "evaluations" / runs.evaluation_id(config)
    return judge(config, run.path, out, chosen.json, numbered=not chosen.out)


def judge(config: RunConfig, run: Path, out: Path, as_json: bool = False, numbered: bool = False) -> int:
    """Check the settings, claim the folder `out` (see `start`), evaluate the set of the run in the folder `run`."""
    preflight.refuse(preflight.evaluation(config, out))
    return do(
        out, config, lambda worker: _tasks().evaluate_set(worker, config, run), as_json, numbered=numbered, of=run
    )


def add_fork(parser: argparse.ArgumentParser) -> None:
    """Options of ``fork``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    parser.add_argument(
        "--step", type=whole(0, 10**9), required=True, help="recorded step whose images the new run starts from"
    )
    add_settings(parser, "change one setting; may be repeated")
    parser.add_argument("--out", type=paths.new, help="run folder, new or empty (default: a new one in the run store)")


def fork(chosen: argparse.Namespace) -> int:
    """Start a new run from a recorded step of another one, with changed settings."""
    store = chosen.out.parent if chosen.out else runs.default_store()
    preset = str(runs.open_run(chosen.dir).manifest.get("preset", ""))
    with sets.staged(forking.start_file(chosen.dir, chosen.step, store)):
        config = forking.prepare(chosen.dir, chosen.step, store, settings.parse_assignments(chosen.set))
        return start(config, preset, chosen.out or store / f"{runs.new_id(config)}-fork", numbered=not chosen.out)


def add_resume(parser: argparse.ArgumentParser) -> None:
    """Options of ``resume``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder, or one of its evaluations")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def resume(chosen: argparse.Namespace) -> int:
    """Go on with a run or evaluation that is paused, or was stopped, failed or lost: the result is as if it had never
    been cut off."""
    run = runs.open_run(chosen.dir)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    if "resume" in lifecycle.takes(run.state, control.asked(run)):
        return tell(run.path, "resume")
    if run.alive or run.state == "done":
        raise InputError(
            f"Run {run.id} is {run.state}: expected one that is paused, or was stopped, failed or lost; choose another"
            " run."
        )
    source = kinds.evaluated(run)
    preflight.refuse(preflight.resumed(run.config, run.path))
    config, preset = run.config, str(run.manifest.get("preset", ""))
    if source is not None:
        return do(
            run.path, config, lambda worker: _tasks().evaluate_set(worker, config, source), chosen.json, reopen=True
        )
    return do(
        run.path, config, lambda worker: _tasks().distil(worker, config, preset, resume=True), chosen.json, reopen=True
    )


def _tasks() -> Any:
    from c2r.work import tasks

    return tasks


def _print_settings(config: RunConfig) -> int:
    for group in settings.groups_of(config.method):
        print(f"\n{group.__doc__}")
        for name, field in group.model_fields.items():
            print(f"  {name} = {shown(field, getattr(config, name))} {unit(field)}\n      {field.description}")
    return 0
