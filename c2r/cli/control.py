"""``pause``, ``step``, ``stop``, and ``resume`` of a run that is paused: commands to a run that lives in another
process."""

import argparse
from pathlib import Path

from c2r.base import paths
from c2r.base.errors import InputError
from c2r.store import control, runs

ANSWER = 5.0  # seconds an answer may take; it takes a fifth of one
MOMENT = 3.0  # seconds it may take to do what was asked before the line is printed


def add_command(parser: argparse.ArgumentParser) -> None:
    """Options of ``pause``, ``step`` and ``stop``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder, or one of its evaluations")


def pause(chosen: argparse.Namespace) -> int:
    """Let a living run or evaluation wait until it is told to go on."""
    return tell(chosen.dir, "pause")


def step(chosen: argparse.Namespace) -> int:
    """Let a living run go on to its next recorded step and wait there."""
    return tell(chosen.dir, "step")


def stop(chosen: argparse.Namespace) -> int:
    """End a living run or evaluation; what was recorded is kept, and it can be resumed."""
    return tell(chosen.dir, "stop")


def tell(path: Path, word: str) -> int:
    """Give a living run a command, wait a moment, print one line about what became of it. Raises InputError."""
    run = runs.open_run(path)
    if run.problem:
        raise InputError(run.problem)
    control.ask(run, word)
    if not control.heard(answer := control.wait(path, word, ANSWER), word):
        raise InputError(
            f"Run {run.id} gave no answer to '{word}' within {ANSWER:.0f} s: expected one within 2 s; the command stays"
            f" in its folder, look again or end its process {answer.status.get('pid')}."
        )
    print(control.said(control.wait(path, word, MOMENT, control.done), word))
    return 0
