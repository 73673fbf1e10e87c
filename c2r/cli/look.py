"""``list``, ``map`` and ``metrics``: what is there, the UMAP again, figures from a BEARD log."""

import argparse
import json
from dataclasses import replace
from typing import Any

from c2r.base import paths
from c2r.base.disasters import first_line
from c2r.evaluation.attempts import by_attack
from c2r.registry import METHODS
from c2r.store import control, describing, headline, runs
from c2r.store.results import read_rows

LINE = (  # of 'list': id, state, method, last recorded step of all, headline, what else there is to say
    "{:44} {:9} {:12} {:>13}  {:28} {}"
)


def add_list(parser: argparse.ArgumentParser) -> None:
    """Options of ``list``."""
    parser.add_argument("--store", type=paths.store, default=runs.default_store(), help="folder that holds run folders")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def list_runs(chosen: argparse.Namespace) -> int:
    """List the runs of a store."""
    listed = [_listed(run) for run in runs.list_runs(chosen.store)]
    if chosen.json:
        print(json.dumps(listed, indent=2))
        return 0
    if listed:
        print(LINE.format("run", "state", "method", "recorded step", "worst attack", "now, name, tags").rstrip())
    for run in listed:
        step = "-" if run["recorded"] is None else f"{run['recorded']}/{run['steps']}"
        said = [run["now"], run["name"], " ".join(f"#{tag}" for tag in run["tags"]), run["problem"]]
        print(
            LINE.format(
                run["id"],
                run["state"],
                run["method"] or "-",
                step,
                run["headline"] or "-",
                ", ".join(filter(None, said)),
            ).rstrip()
        )
    if not listed:
        print(f"No runs in {chosen.store} yet; start one with: python -m c2r distill --preset demo")
    return 0


def _listed(run: runs.Run) -> dict[str, Any]:
    """What is to say of a run; of one that cannot be read the reason, so that it hides no other."""
    try:
        return _summary(run)
    except Exception as error:
        problem = f"Run {run.id} cannot be read ({first_line(error)}): expected what a run writes; check its files."
        empty = replace(run, path=run.path / "unreadable", status={}, config=None, problem=problem)
        return _summary(empty) | {"id": run.id, "path": str(run.path)}


def _summary(run: runs.Run) -> dict[str, Any]:
    told, status, evaluations = describing.about(run.path), run.status, runs.evaluations(run.path)
    working = next((judged for judged in evaluations if judged.alive), None)
    updates = run.config is not None and METHODS[run.config.method].updates
    recorded = next(reversed(runs.frame_steps(run.path)), None) if updates else None
    figures = by_attack(read_rows(run.path)) if not run.problem else {}
    return {
        "id": run.id,
        "name": told.name,
        "tags": list(told.tags),
        "path": str(run.path),
        "state": run.state,
        "problem": run.problem,
        "method": run.config.method if run.config else None,
        "data": run.config.data if run.config else None,
        "recorded": recorded,
        "steps": run.config.steps if run.config and updates else 0,
        "now": _now(run, working),
        "phase": status.get("phase"),
        "step": status.get("step", 0),
        "total": status.get("total", 0),
        "synthetic_images_under_scorer": status.get("figures", {}),
        "test_accuracy": {key: figure["mean"] for key, figure in figures.items()},
        "headline": headline.text(figures),
        "started": status.get("started"),
        "parent": run.config.parent if run.config else "",
        "evaluations": [judged.id for judged in evaluations],
    }


def _now(run: runs.Run, working: runs.Run | None) -> str:
    """What a run is doing, ``in the evaluation, 71 %``, or an evaluation of it that is at work or waits; '' for
    neither."""
    if run.alive and not run.problem:
        return "waiting" if run.state == "queued" else control.where(run)
    return f"its evaluation {working.id} is {working.state}" if working else ""


def add_map(parser: argparse.ArgumentParser) -> None:
    """Options of ``map``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a sentence")


def draw_map(chosen: argparse.Namespace) -> int:
    """Draw the UMAP of a run folder again."""
    from c2r.work import tasks

    facts = tasks.draw_map(chosen.dir)
    said = f"Map of {facts['images']} images over {facts['steps']} recorded steps: {chosen.dir / 'map.safetensors'}"
    print(json.dumps(facts) if chosen.json else said)
    return 0


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Options of ``metrics``."""
    parser.add_argument(
        "files",
        type=paths.file,
        nargs="+",
        metavar="FILE",
        help="evaluation logs as BEARD writes them; several IPCs give unified figures too",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def metrics(chosen: argparse.Namespace) -> int:
    """RR, AE, CREI and their variants from BEARD evaluation logs."""
    from c2r.evaluation import beardlog

    figures = beardlog.report(chosen.files)
    print(json.dumps(figures, indent=2) if chosen.json else beardlog.as_text(figures))
    return 0
