"""``distill`` and ``evaluate``: work in a run folder, watched by a `Worker`."""

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from c2r import config as settings
from c2r import disasters, paths
from c2r.attacks.protocols import PROTOCOLS
from c2r.cli import control
from c2r.cli.arguments import add_settings, one_of, whole
from c2r.cli.terminal import Bar, print_badges, print_rows
from c2r.config import RunConfig
from c2r.errors import InputError
from c2r.evaluation import badges
from c2r.fields import shown, unit
from c2r.formats import sets
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.settings import EvaluationSettings
from c2r.store import control as listening
from c2r.store import kinds, lifecycle, runs, slots, writing
from c2r.work import forking, machine, preflight

POLL = 0.3  # seconds between two looks at the queue


def add_distill(one: argparse.ArgumentParser) -> None:
    """Options of ``distill``."""
    one.add_argument(
        "--preset",
        type=one_of("preset", PRESETS),
        default="demo",
        help=f"start from: {', '.join(PRESETS)} (default demo)",
    )
    methods = tuple(METHODS)
    one.add_argument("--method", type=one_of("method", methods), help=f"one of {', '.join(methods)}")
    add_settings(one, "change one setting; may be repeated (see --settings)")
    one.add_argument("--out", type=paths.new, help="run folder, new or empty (default: a new one in the run store)")
    one.add_argument(
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
    return _work(out, config, lambda worker: _tasks().distil(worker, config, preset), as_json, numbered=numbered)


def add_evaluate(one: argparse.ArgumentParser) -> None:
    """Options of ``evaluate``."""
    one.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    one.add_argument(
        "--protocol", type=one_of("protocol", PROTOCOLS), help=f"one of {', '.join(PROTOCOLS)} (default: the run's own)"
    )
    add_settings(one, "change one evaluation setting; may be repeated")
    one.add_argument("--out", type=paths.new, help="folder of this evaluation (default: a new one in DIR/evaluations)")
    one.add_argument("--json", action="store_true", help="print JSON instead of a table")


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
    preflight.refuse(preflight.evaluation(config, out))
    return _work(
        out,
        config,
        lambda worker: _tasks().evaluate_set(worker, config, run.path),
        chosen.json,
        numbered=not chosen.out,
        of=run.path,
    )


def add_fork(one: argparse.ArgumentParser) -> None:
    """Options of ``fork``."""
    one.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    one.add_argument(
        "--step", type=whole(0, 10**9), required=True, help="recorded step whose images the new run starts from"
    )
    add_settings(one, "change one setting; may be repeated")
    one.add_argument("--out", type=paths.new, help="run folder, new or empty (default: a new one in the run store)")


def fork(chosen: argparse.Namespace) -> int:
    """Start a new run from a recorded step of another one, with changed settings."""
    store = chosen.out.parent if chosen.out else runs.default_store()
    preset = str(runs.open_run(chosen.dir).manifest.get("preset", ""))
    with sets.staged(forking.start_file(chosen.dir, chosen.step, store)):
        config = forking.prepare(chosen.dir, chosen.step, store, settings.parse_assignments(chosen.set))
        return start(config, preset, chosen.out or store / f"{runs.new_id(config)}-fork", numbered=not chosen.out)


def add_resume(one: argparse.ArgumentParser) -> None:
    """Options of ``resume``."""
    one.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder, or one of its evaluations")
    one.add_argument("--json", action="store_true", help="print JSON instead of a table")


def resume(chosen: argparse.Namespace) -> int:
    """Go on with a run or evaluation that is paused, or was stopped, failed or lost: the result is as if it had never
    been cut off."""
    run = runs.open_run(chosen.dir)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    if "resume" in lifecycle.takes(run.state, listening.asked(run)):
        return control.tell(run.path, "resume")
    if run.alive or run.state == "done":
        raise InputError(
            f"Run {run.id} is {run.state}: expected one that is paused, or was stopped, failed or lost; choose another"
            " run."
        )
    source = kinds.evaluated(run)
    preflight.refuse(preflight.resumed(run.config, run.path))
    config, preset = run.config, str(run.manifest.get("preset", ""))
    if source is not None:
        return _work(
            run.path, config, lambda worker: _tasks().evaluate_set(worker, config, source), chosen.json, reopen=True
        )
    return _work(
        run.path, config, lambda worker: _tasks().distil(worker, config, preset, resume=True), chosen.json, reopen=True
    )


def _tasks() -> Any:
    from c2r.work import tasks

    return tasks


def _work(out: Path, config: RunConfig, work: Any, as_json: bool, **how: Any) -> int:
    """Claim the folder, `how` as for `writing.RunWriter`, wait for the device's slot, do the work."""
    signal.signal(signal.SIGTERM, _interrupt)
    rows, writer = [], None
    try:
        with _signals_held():
            writer = writing.RunWriter(out, config, **how)
            out = writer.path
        queue = slots.place(out, "cuda" if config.device != "cpu" and machine.gpu()[0] else "cpu")
        with (
            listening.Listener(writer) as listener,
            slots.ticket(queue, out.absolute().relative_to(slots.store_of(out)).as_posix()) as mine,
        ):
            _wait(writer, listener, mine)
            from c2r.work.worker import Worker

            with Bar() as bar:
                rows = Worker(writer, bar.show, listener).run(work)
    except KeyboardInterrupt:
        if writer and writer.state in lifecycle.ALIVE:
            writer.status(state="stopped", message="Stopped on request, before anything was recorded.", force=True)
    except OSError as error:
        with contextlib.suppress(OSError, InputError):
            if writer:
                writer.status(state="failed", message=disasters.sentence(error), force=True)
        raise
    stopped = runs.open_run(out).state == "stopped"
    if not as_json:
        print(f"{'Stopped; kept in' if stopped else 'Done:'} {out}")
    print_rows(rows, as_json)
    if rows and not as_json:
        print_badges([badge for badge in badges.read(out) if badge.colour not in ("green", "grey")])
    return 130 if stopped else 0


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let a stop wait until a folder is claimed whole and there is somebody to say in it that the run was stopped.
    Raises KeyboardInterrupt."""
    came: list[int] = []
    heard = [how for how in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(how) is not signal.SIG_IGN]
    before = {how: signal.signal(how, lambda number, _: came.append(number)) for how in heard}
    try:
        yield
    finally:
        for how, handler in before.items():
            signal.signal(how, handler)
    if came:
        raise KeyboardInterrupt


def _wait(writer: writing.RunWriter, listener: listening.Listener, mine: slots.Ticket) -> None:
    """Wait until the slot is free; 'stop' ends the waiting. Raises KeyboardInterrupt."""
    told, store = "", slots.store_of(writer.path)
    while before := slots.ahead(mine):
        message = f"Waiting for {slots.spoken(before[-1])}: one run at a time on this device, {len(before)} ahead."
        if runs.open_run(store / before[0]).state == "paused":
            message += f" Paused, to be resumed or stopped first: {slots.spoken(before[0])}."
        if message != told:
            print(message, file=sys.stderr, flush=True)
        told = message
        if listener.stopping:
            raise KeyboardInterrupt
        writer.status(message=message)
        time.sleep(POLL)
    with writer.mutex:
        if listener.stopping:
            raise KeyboardInterrupt
        writer.status(state="running", message="", force=True)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _print_settings(config: RunConfig) -> int:
    for group in settings.every_group():
        print(f"\n{group.__doc__}")
        for name, field in group.model_fields.items():
            print(f"  {name} = {shown(field, getattr(config, name))} {unit(field)}\n      {field.description}")
    return 0
