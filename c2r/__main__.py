"""The command line: ``python -m c2r distill | evaluate | map | list``. Settings are checked before torch is loaded."""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from c2r import config as settings
from c2r import runs
from c2r.config import PRESETS
from c2r.errors import InputError
from c2r.fields import choices, format_radius, is_radius, unit

# Threads that wait without spinning: on a busy machine (the app beside the run) two threads are then twice as fast.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 bad input (one sentence on stderr), 130 stopped."""
    chosen = _parser().parse_args(arguments)
    try:
        return COMMANDS[chosen.command](chosen)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m c2r", description="Robust dataset distillation with C2R.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("distill", help="distil a data set into a run folder, draw its map, evaluate it")
    one.add_argument("--preset", default="demo", help=f"start from: {', '.join(PRESETS)} (default demo)")
    one.add_argument("--method", help=f"one of {', '.join(choices(settings.RunConfig.model_fields['method']))}")
    one.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change one setting; may be repeated (see --settings)"
    )
    one.add_argument("--out", type=Path, help="run folder, new or empty (default: a new one in the run store)")
    one.add_argument("--settings", action="store_true", help="list every setting with its value, unit and meaning, and stop")
    for name, text in (("evaluate", "evaluate a run folder again, with its own settings"), ("map", "draw the UMAP of a run folder again")):
        again = commands.add_parser(name, help=text)
        again.add_argument("dir", type=Path, metavar="DIR", help="run folder")
        again.add_argument("--json", action="store_true", help="print JSON instead of a table")
    listed = commands.add_parser("list", help="list the runs of a store")
    listed.add_argument("--store", type=Path, default=runs.default_store(), help="folder that holds run folders")
    listed.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _distill(chosen: argparse.Namespace) -> int:
    changes: dict[str, Any] = settings.parse_assignments(chosen.set)
    if chosen.method:
        changes["method"] = chosen.method
    config = settings.load(chosen.preset, changes)
    if chosen.settings:
        return _print_settings(config)
    out = chosen.out or runs.default_store() / runs.new_id(config)
    from c2r import preflight

    if problems := preflight.check(config, out.parent).problems:
        raise InputError(problems[0])
    writer = runs.RunWriter(out, config)
    signal.signal(signal.SIGTERM, _interrupt)
    rows = []
    try:
        from c2r.worker import Worker

        with _Bar() as bar:
            rows = Worker(writer, config, bar.show).run(chosen.preset)
    except KeyboardInterrupt:
        writer.status(state="stopped", message="Stopped on request, before anything was recorded.", force=True)
    stopped = runs.open_run(out).state == "stopped"
    print(f"{'Stopped; kept in' if stopped else 'Done:'} {out}")
    _print_rows(rows)
    return 130 if stopped else 0


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _evaluate(chosen: argparse.Namespace) -> int:
    from c2r.worker import evaluate_again

    with _Bar() as bar:
        rows = evaluate_again(chosen.dir, bar.show)
    if chosen.json:
        print(json.dumps(rows, indent=2))
    else:
        _print_rows(rows)
    return 0


def _map(chosen: argparse.Namespace) -> int:
    from c2r.worker import map_again

    facts = map_again(chosen.dir)
    print(
        json.dumps(facts)
        if chosen.json
        else f"Map of {facts['images']} images over {facts['steps']} recorded steps: {chosen.dir / 'map.safetensors'}"
    )
    return 0


def _list(chosen: argparse.Namespace) -> int:
    found = [_summary(run) for run in runs.list_runs(chosen.store)]
    if chosen.json:
        print(json.dumps(found, indent=2))
        return 0
    for run in found:
        print(
            f"{run['id']:44} {run['state']:8} {run['method'] or '-':12} step {run['step']:>5}/{run['total']:<6} {run['problem']}".rstrip()
        )
    if not found:
        print(f"No runs in {chosen.store} yet; start one with: python -m c2r distill --preset demo")
    return 0


def _summary(run: runs.Run) -> dict[str, Any]:
    status = run.status
    return {
        "id": run.id, "path": str(run.path), "state": run.state, "problem": run.problem,
        "method": run.config.method if run.config else None, "data": run.config.data if run.config else None,
        "phase": status.get("phase"), "step": status.get("step", 0), "total": status.get("total", 0),
        "figures": status.get("figures", {}), "started": status.get("started"),
    }  # fmt: skip


def _print_settings(config: settings.RunConfig) -> int:
    for group in settings.GROUPS:
        print(f"\n{group.__doc__}")
        for name, field in group.model_fields.items():
            value = getattr(config, name)
            shown = format_radius(value) if is_radius(field) else ",".join(value) if isinstance(value, tuple) else value
            print(f"  {name} = {shown} {unit(field)}\n      {field.description}")
    return 0


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from c2r.metrics import by_attack

    for found in by_attack(rows).values():
        spread = f"± {100 * found['std']:.1f}" if found["std"] is not None else "(single run)"
        radius = "" if found["label"] == "clean" else f", ε = {found['eps']} L∞"
        print(
            f"  {found['label']:8} {100 * found['mean']:5.1f} % {spread}  ({found['seeds']} networks, n = {found['n']} test images{radius})"
        )


class _Bar:
    """A progress bar on a terminal; one line per phase where there is none."""

    def __enter__(self) -> "_Bar":
        from tqdm import tqdm

        self.bar = tqdm(total=1, bar_format="{bar:24} {desc}", disable=None, dynamic_ncols=True, leave=False)
        self.phase, self.began, self.drawn = "", time.time(), 0.0
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.close()

    def show(self, progress: Any, eta: float | None) -> None:
        """Show one Progress of the worker."""
        if progress.phase != self.phase:
            self.phase = progress.phase
            if self.bar.disable:
                print(f"[{time.time() - self.began:5.0f} s] {self.phase}", file=sys.stderr, flush=True)
        figures = "  ".join(f"{name} {100 * value:.0f} %" for name, value in progress.figures.items())
        left = f"  {int(eta // 60)}:{int(eta % 60):02d} left" if eta is not None else ""
        self.bar.total, self.bar.n = max(progress.total, 1), progress.step
        self.bar.set_description_str(f"{progress.phase} {progress.step}/{progress.total}{left}  {figures}", refresh=False)
        if time.time() - self.drawn > 0.1:
            self.drawn = time.time()
            self.bar.refresh()


COMMANDS = {"distill": _distill, "evaluate": _evaluate, "map": _map, "list": _list}

if __name__ == "__main__":
    sys.exit(main())
