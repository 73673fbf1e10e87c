"""Kill runs with SIGKILL at random instants, resume them, and compare their ends with a run that was never killed.

Run: python benchmarks/kill_test.py [--kills 100] [--seed 0]. A run is killed at a random moment of a phase that is drawn for every
kill (half of the kills: at any moment), resumed, killed again, until it has had its share of kills and ends; its images, frames, rows and outcomes are then compared with the reference, bit for bit; then the next run begins.
Every kill is counted as opened (the folder opens without a problem), resumed (the run went on from there and came
to its end) and identical (the run it belongs to ended as the reference did). Phases of the kills are counted too.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from c2r import runs

SETTINGS = {
    "data": "digits", "ipc": 5, "width": 16, "pool_size": 3, "pool_steps": 60, "pool_stage": 20, "pool_batch": 32, "steps": 120, "record_every": 2,
    "real_batch": 8, "batch": 10, "eval_seeds": 3, "eval_steps": 60, "eval_batch": 32, "eval_images": 200, "map_points": 20, "device": "cpu",
}  # fmt: skip


PHASES = ("pool", "distill", "map", "evaluate")
KILLS = 10  # of one run, before it may end


def words(out: Path) -> list[str]:
    """The command line of a new run."""
    return ["distill", "--preset", "demo", *(f"--set={name}={value}" for name, value in SETTINGS.items()), "--out", str(out)]


def launch(arguments: list[str]) -> subprocess.Popen:
    """A process of the command line, silent."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "c2r", *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def identical(one: Path, two: Path) -> bool:
    """Whether two finished runs hold the same set, frames, map, outcomes and rows (seconds aside)."""
    for name in ("synthetic", "outcomes", "test", "map"):
        first, second = runs.read_arrays(one, name), runs.read_arrays(two, name)
        if set(first) != set(second) or any(not np.array_equal(first[key], second[key]) for key in first):
            return False
    if runs.frame_steps(one) != runs.frame_steps(two) or [e["step"] for e in runs.read_events(one)] != [
        e["step"] for e in runs.read_events(two)
    ]:
        return False
    for step in runs.frame_steps(one):
        first, second = runs.read_frame(one, step), runs.read_frame(two, step)
        if any(not np.array_equal(first[key], second[key]) for key in first):
            return False
    plain = [[{k: v for k, v in row.items() if k != "seconds"} for row in runs.read_rows(path)] for path in (one, two)]
    return plain[0] == plain[1]


def _until(child: subprocess.Popen, out: Path, chance: random.Random) -> None:
    """Wait for the moment to kill, which is TimeoutExpired; returns when the process ends before."""
    if chance.random() < 0.5:
        child.wait(chance.uniform(0.3, 9))
        return
    target = chance.choice(PHASES)
    while child.poll() is None and PHASES.index(target) > _phase(out):
        time.sleep(0.02)
    child.wait(chance.uniform(0, 1.5))


def _phase(out: Path) -> int:
    """How far the run in the folder is, as a place in `PHASES`; -1 before the first."""
    word = runs.open_run(out).status.get("phase") if out.exists() else None
    return PHASES.index(word) if word in PHASES else len(PHASES) if word == "finished" else -1


def one_run(out: Path, reference: Path, chance: random.Random, most: int, count: Counter) -> None:
    """Start, kill and resume one run until it ends by itself or `most` kills are spent; then let it end and compare."""
    arguments, kills, opened = words(out), 0, 0
    while True:
        child = launch(arguments)
        try:
            _until(child, out, chance) if kills < most else child.wait(600)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            kills += 1
        else:
            if runs.open_run(out).state == "done":
                break
            raise SystemExit(f"A process ended by itself without finishing: {runs.open_run(out)}")
        written, run = out.exists(), runs.open_run(out)
        count[f"phase {run.status.get('phase', 'before the folder')}"] += 1
        opened += not written or (not run.problem and run.state in ("lost", "done"))
        arguments = ["resume", str(out)] if written else arguments
    same = identical(reference, out)
    count.update(kills=kills, opened=opened, resumed=kills, identical=kills if same else 0, runs=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance, count, began = random.Random(chosen.seed), Counter(), time.time()
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference"
        if launch(words(reference)).wait():
            raise SystemExit("The reference run failed.")
        while count["kills"] < chosen.kills:
            one_run(Path(folder) / f"run{count['runs']}", reference, chance, min(KILLS, chosen.kills - count["kills"]), count)
            print(json.dumps(dict(count)), flush=True)
    print(
        f"{count['kills']} kills in {count['runs']} runs, {time.time() - began:.0f} s: opened {count['opened']}, resumed {count['resumed']}, identical {count['identical']}"
    )


if __name__ == "__main__":
    main()
