"""``predict``: whether objectives predict what networks trained on ready sets of a run withstand."""

import argparse
import json
from typing import Any

from c2r.base import paths
from c2r.cli.arguments import whole
from c2r.cli.terminal import Bar
from c2r.store.objectives import labels_of

MOST = 500  # sets


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Options of ``predict``."""
    parser.add_argument("dir", type=paths.folder, metavar="RUN", help="run folder that has ended")
    parser.add_argument(
        "--sets", type=whole(6, MOST), default=60, help="ready sets to train a network on each (default 60)"
    )
    parser.add_argument(
        "--steps",
        type=whole(1, 10**6),
        default=0,
        help="training steps of a network (default: half of an evaluation's)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def predict(chosen: argparse.Namespace) -> int:
    """Correlate objectives on ready sets of a run with the robustness of networks trained on them; goes on where it was
    cut off."""
    from c2r.work.predict import predict as work

    with Bar() as bar:
        found = work(chosen.dir, chosen.sets, chosen.steps, bar.show)
    print(json.dumps(found, indent=2) if chosen.json else as_text(found, labels_of(chosen.dir)))
    return 0


def as_text(found: dict[str, Any], of_set: str) -> str:
    """What was found, by either robust figure one line per objective; the labels `of_set` are those of the run."""
    from c2r.evaluation.predicting import TARGETS, findings
    from c2r.evaluation.verdicts import labelled, noise, summary

    told, rows = found["settings"], found["rows"]
    lines = [
        f"{len(rows)} sets, one network of {told['steps']} steps each, {told['attack']} at ε = {told['eps']} on"
        f" n = {told['n']} test images; Spearman correlations with 95 % bootstrap intervals"
    ]
    for target, about in TARGETS.items():
        every = findings(rows, told["seed"], target)
        lines += ["", f"With {about.label}:", *_table(every), f"{summary(every)}."]
    return "\n".join([*lines, labelled(told["labels"], of_set), noise(rows, told["n"])]).rstrip()


def _table(every: Any) -> list[str]:
    from c2r.evaluation.objectives import OBJECTIVES
    from c2r.evaluation.predicting import GROUPS

    table = [["", *(label for label, _ in GROUPS.values())]]
    for name, groups in every.items():
        cells = [f"{f.correlation.text if f.correlation else '-'} {f.verdict}" for f in groups.values()]
        table.append([OBJECTIVES[name].label, *cells])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
