"""How long a run takes to answer a command, and to do it: pause, resume, step and stop at drawn moments of every phase.

Run: python benchmarks/acknowledge.py [--runs 5] [--seed 0]. Every run (digits, small) waits in the queue first, is
paused and resumed once in every phase, stepped in the distillation, and stopped in a drawn one; a finished run is
evaluated with AutoAttack as often, paused and resumed three times at drawn moments and stopped. Per phase, in seconds
from the command on: until status.json answers, and until the run has done it; median and largest.
"""

import argparse
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from c2r.store import control, runs, slots

SETTINGS = {
    "data": "digits",
    "ipc": 5,
    "width": 16,
    "pool_size": 3,
    "pool_steps": 90,
    "pool_stage": 30,
    "steps": 200,
    "record_every": 20,
    "eval_seeds": 2,
    "eval_steps": 60,
    "eval_images": 300,
    "map_points": 50,
    "device": "cpu",
}
PHASES = ("scorer", "pool", "distill", "map", "evaluate")
LONGEST = 600.0  # seconds a run may take to get somewhere
Times = dict[str, list[tuple[str, float, float]]]


@contextlib.contextmanager
def launched(*words: str) -> Iterator[None]:
    """A process of the command line, silent, which has ended by itself or is ended."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "c2r", *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
        child.wait(60)
    finally:
        child.kill()


def until(path: Path, test: Callable[[runs.Run], bool]) -> runs.Run:
    """Wait until a look at the run passes the test."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if path.exists() and test(run := runs.open_run(path)):
            return run
        time.sleep(0.005)
    raise SystemExit(f"Waited {LONGEST:.0f} s for {path}: {runs.open_run(path)}")


def timed(path: Path, word: str, where: str, times: Times) -> None:
    """Ask for `word` and take down both times."""
    control.ask(runs.open_run(path), word)
    began = time.monotonic()
    until(path, lambda run: control.heard(run, word))
    heard = time.monotonic() - began
    until(path, lambda run: control.done(run, word) if word != "stop" else not run.alive)
    times[where].append((word, heard, time.monotonic() - began))


def heard_only(path: Path, words: tuple[str, ...], where: str, times: Times) -> None:
    """Ask for one after the other without waiting until it is done: what waits in the queue or loads cannot do it
    yet."""
    for word in words:
        control.ask(runs.open_run(path), word)
        began = time.monotonic()
        until(path, lambda run, word=word: control.heard(run, word))
        times[where].append((word, time.monotonic() - began, float("nan")))


def a_run(out: Path, chance: random.Random, times: Times, last: str) -> None:
    """One run from the queue to a stop in the phase `last`."""
    with contextlib.ExitStack() as stack:
        with slots.ticket(slots.place(out, "cpu"), "the benchmark"):
            words = [f"--set={name}={value}" for name, value in SETTINGS.items()]
            stack.enter_context(launched("distill", "--preset", "demo", *words, "--out", str(out)))
            until(out, lambda run: "Waiting for" in str(run.status.get("message")))
            heard_only(out, ("pause", "resume"), "queued", times)
        until(out, lambda run: run.state == "running")
        time.sleep(chance.uniform(0, 1))
        heard_only(out, ("pause", "resume"), "libraries load", times)
        for phase in PHASES[: PHASES.index(last) + 1]:
            until(out, lambda run, phase=phase: run.status["phase"] == phase)
            time.sleep(chance.uniform(0, 0.5))
            for word in (
                "pause",
                *(("step",) if phase == "distill" else ()),
                "resume",
                *(("stop",) if phase == last else ()),
            ):
                timed(out, word, phase, times)


def an_evaluation(run: Path, out: Path, chance: random.Random, times: Times) -> None:
    """An evaluation with AutoAttack, paused and resumed three times and stopped."""
    settings = ("protocol=custom", "eval_attacks=autoattack", "eval_images=600", "width=64")
    with launched("evaluate", str(run), *(f"--set={setting}" for setting in settings), "--out", str(out)):
        until(out, lambda look: "AutoAttack" in str(look.status.get("message")))
        for word in ("pause", "resume") * 3:
            time.sleep(chance.uniform(0, 1.5))
            timed(out, word, "evaluate, AutoAttack", times)
        timed(out, "stop", "evaluate, AutoAttack", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance, times = random.Random(chosen.seed), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(chosen.runs):
            a_run(Path(folder) / f"run{number}", chance, times, last=PHASES[(number + 3) % len(PHASES)])
        evaluated = Path(folder) / "run0"  # stopped in its evaluation, its set is whole
        for number in range(chosen.runs):
            an_evaluation(evaluated, evaluated / "evaluations" / f"{number}", chance, times)
    print("| phase | commands | answered, median | largest | done, median | largest |\n|---|--:|--:|--:|--:|--:|")
    for where, answers in times.items():
        answered, finished = [heard for _, heard, _ in answers], [done for *_, done in answers if done == done]
        ends = f"{statistics.median(finished):.2f} | {max(finished):.2f}" if finished else "– | –"
        print(f"| {where} | {len(answers)} | {statistics.median(answered):.2f} | {max(answered):.2f} | {ends} |")


if __name__ == "__main__":
    main()
