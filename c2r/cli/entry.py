"""The table of commands, and what becomes of whatever one of them raises. Settings are checked before torch is
loaded."""

import argparse
import os
import sys

from c2r.base import disasters, paths
from c2r.base.errors import InputError
from c2r.cli import control, exports, imports, judge, keep, ladder, look, predict, replay, work
from c2r.cli.arguments import Parser

# Threads that spin for some 50 µs and then sleep: without spinning an idle machine waits for its threads to wake, and
# with
# GNU OpenMP's own much longer spinning a busy one (the app beside the run) waits for them to stop.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

COMMANDS = {
    "distill": (work.distill, work.add_distill),
    "evaluate": (work.evaluate, work.add_evaluate),
    "fork": (work.fork, work.add_fork),
    "resume": (work.resume, work.add_resume),
    "pause": (control.pause, control.add_command),
    "step": (control.step, control.add_command),
    "stop": (control.stop, control.add_command),
    "check": (judge.check, judge.add_check),
    "attack": (judge.attack, judge.add_attack),
    "transfer": (judge.transfer, judge.add_transfer),
    "predict": (predict.predict, predict.add_predict),
    "ladder": (ladder.ladder, ladder.add_ladder),
    "import": (imports.import_set, imports.add_import),
    "export": (exports.export, exports.add_export),
    "metrics": (look.metrics, look.add_metrics),
    "replay": (replay.replay, replay.add_replay),
    "map": (look.draw_map, look.add_map),
    "list": (look.list_runs, look.add_list),
    "about": (keep.about, keep.add_about),
    "delete": (keep.delete, keep.add_delete),
    "undo": (keep.undo, keep.add_undo),
    "archive": (keep.archive, keep.add_archive),
    "open": (keep.open_file, keep.add_open),
    "storage": (keep.storage, keep.add_storage),
}


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 bad input or a disaster (one sentence on stderr), 130
    stopped."""
    try:
        chosen = _chosen(arguments)
        return COMMANDS[chosen.command][0](chosen)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        print(disasters.sentence(error) or disasters.broken("The command", error), file=sys.stderr)
        return 2


def parsers(only: str = "") -> tuple[Parser, dict[str, Parser]]:
    """The parser of the command line and, by name, that of each command; with `only` the others get no arguments, which
    saves time."""
    whole = Parser(prog="python -m c2r", description="Robust dataset distillation with C2R.")
    commands, by_name = whole.add_subparsers(dest="command", metavar="COMMAND", required=True), {}
    for name, (action, add) in COMMANDS.items():
        text = (action.__doc__ or "").strip().splitlines()[0]
        by_name[name] = commands.add_parser(name, help=text, description=text)
        if only in ("", name):
            add(by_name[name])
    return whole, by_name


def _chosen(arguments: list[str] | None) -> argparse.Namespace:
    """What the words of a command line stand for. Raises InputError."""
    if problem := paths.store_problem():
        raise InputError(problem)
    words = sys.argv[1:] if arguments is None else arguments
    whole, by_name = parsers(words[0] if words and words[0] in COMMANDS else "")
    chosen, left = whole.parse_known_args(words)
    if left:
        raise by_name[chosen.command].surplus(left)
    return chosen
