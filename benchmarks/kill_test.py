"""Kill runs with SIGKILL, resume them, and compare their ends with a run that was never killed.

Run: python benchmarks/kill_test.py [--kills 100] [--seed 0]. Every run gets up to ten kills, drawn for it, in the order
of its life:

- six of ten inside a write: half-way through the bytes, before or after the rename (see dying.py); which write is drawn
  by kind, so that the few of the evaluation are met as often as the many frames and checkpoints;
- three of ten at a moment: up to half a second after a drawn file appeared;
- one of ten while libraries load.

After a kill the folder must open, and the run is resumed; after its kills it ends, and its images, frames, map,
outcomes and rows are compared with the reference, bit for bit. Every kill is counted as opened (the folder opens
without a problem), resumed (the run went on from there and came to its end) and identical (the run it belongs to ended
as the reference did).
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from c2r.store import runs
from c2r.store.results import read_rows

SETTINGS = {
    "data": "digits",
    "ipc": 3,
    "width": 8,
    "pool_size": 3,
    "pool_steps": 20,
    "pool_stage": 10,
    "pool_batch": 32,
    "steps": 60,
    "record_every": 2,
    "frames_recent": 12,
    "real_batch": 8,
    "batch": 10,
    "eval_seeds": 3,
    "eval_steps": 20,
    "eval_batch": 32,
    "eval_images": 100,
    "map_points": 20,
    "device": "cpu",
}
KILLS = 10  # of one run, before it may end
KINDS = {
    "claim": r"claim",
    "manifest": r"manifest",
    "network": r"parts/",
    "frame": r"frames/",
    "event line": r"events\.jsonl",
    "checkpoint": r"checkpoint",
    "basis, set, map": r"(basis|synthetic|map)\.",
    "evaluation network": r"networks/seed",
    "judged network": r"networks/outcomes",
    "results": r"(outcomes|test|facts|checks|rows)\.",
}
HERE = Path(__file__).resolve().parent


def words(out: Path) -> list[str]:
    """The command line of a new run."""
    return [
        "distill",
        "--preset",
        "demo",
        *(f"--set={name}={value}" for name, value in SETTINGS.items()),
        "--out",
        str(out),
    ]


def launch(arguments: list[str], plan: dict[str, Any]) -> subprocess.Popen:
    """A process of the command line, silent, that dies as `plan` says."""
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "dying.py"), json.dumps(plan), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def identical(ended: Path, reference: Path) -> bool:
    """Whether two finished runs hold the same set, frames, map, outcomes and rows (seconds aside)."""
    for name in ("synthetic", "outcomes", "test", "map"):
        first, second = runs.read_arrays(ended, name), runs.read_arrays(reference, name)
        if set(first) != set(second) or any(not np.array_equal(first[key], second[key]) for key in first):
            return False
    if runs.frame_steps(ended) != runs.frame_steps(reference) or [e["step"] for e in runs.read_events(ended)] != [
        e["step"] for e in runs.read_events(reference)
    ]:
        return False
    for step in runs.frame_steps(ended):
        first, second = runs.read_frame(ended, step), runs.read_frame(reference, step)
        if any(not np.array_equal(first[key], second[key]) for key in first):
            return False
    plain = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(path)] for path in (ended, reference)
    ]
    return plain[0] == plain[1]


def drawn(chance: random.Random, writes: list[str], most: int) -> list[dict[str, Any]]:
    """The kills of one run in the order of its life: what they are called, the place in `writes` they are about, and
    how they are done."""
    kills = []
    for _ in range(most):
        kind = chance.choice(list(KINDS))
        kills.append(
            {
                "what": chance.choices(
                    ("inside a write", "inside status.json", "at a moment", "while libraries load"), (11, 1, 6, 2)
                )[0],
                "kind": kind,
                "place": chance.choice([place for place, name in enumerate(writes) if re.match(KINDS[kind], name)]),
                "how": chance.choice(("half", "before", "after")),
                "share": chance.random(),
            }
        )
    return sorted(kills, key=lambda kill: kill["place"])


def planned(kill: dict[str, Any], writes: list[str], begin: int) -> dict[str, Any] | None:
    """The plan for `launch` of a process whose first write is `begin`; None when the kill is about a write that is
    past."""
    anchors = [place for place in range(begin, kill["place"] + 1) if writes.count(writes[place]) == 1]
    if not anchors:
        return None
    return {
        "inside a write": {"after": writes[anchors[-1]], "skip": kill["place"] - anchors[-1], "how": kill["how"]},
        "inside status.json": {"after": "status.json", "skip": int(20 * kill["share"]), "how": kill["how"]},
        "at a moment": {"seen": writes[anchors[-1]], "seconds": kill["share"] / 2},
        "while libraries load": {"seconds": 0.1 + 2.4 * kill["share"]},
    }[kill["what"]]


def first_write(writes: list[str], out: Path) -> int:
    """The place in `writes` where a process begins that makes or resumes the run in `out`."""
    if not out.exists():
        return 0
    known = [
        writes.index("claim"),
        *(
            place
            for place, name in enumerate(writes)
            if re.match("manifest|networks/outcomes", name) and (out / name).exists()
        ),
    ]
    if (out / "checkpoint.safetensors").exists():
        with safe_open(out / "checkpoint.safetensors", framework="numpy") as stored:
            facts = json.loads(stored.metadata()["state"])
        known.append(writes.index(f"parts/{facts['parts'][-1]}.safetensors") + 1)
        known += [writes.index(f"frames/{facts['step']:06d}.safetensors") + 2] if facts["step"] >= 0 else []
    return max(known) + 1


def killed(child: subprocess.Popen, out: Path, plan: dict[str, Any]) -> bool:
    """Wait for the death that is planned, or bring it; False when the process came to its end before."""
    if "seconds" in plan:
        file = out / ("config.json" if plan.get("seen") == "claim" else plan.get("seen", ""))
        while "seen" in plan and child.poll() is None and not file.exists():
            time.sleep(0.005)
        try:
            child.wait(plan["seconds"])
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
    return child.wait(600) == -signal.SIGKILL


def one_run(out: Path, reference: Path, writes: list[str], kills: list[dict[str, Any]], count: Counter) -> None:
    """Start, kill and resume one run as drawn; then let it end and compare."""
    arguments, opened, met = words(out), 0, 0
    for kill in kills:
        plan = planned(kill, writes, first_write(writes, out))
        if plan is None:
            continue
        if not killed(launch(arguments, plan), out, plan):
            break
        written, run = out.exists(), runs.open_run(out)
        where = (
            f"{kill['kind']}, {kill['how']}"
            if kill["what"] == "inside a write"
            else run.status.get("phase", "before the folder")
        )
        count.update([kill["what"], f"{kill['what']}: {where}"])
        met += 1
        opened += not written or (not run.problem and run.state in ("lost", "done"))
        arguments = ["resume", str(out)] if written else arguments
        if run.state == "done":
            break
    ended = runs.open_run(out).state == "done" or (
        launch(arguments, {}).wait(600) == 0 and runs.open_run(out).state == "done"
    )
    if not ended:
        print(f"A run did not come to its end: {runs.open_run(out)}", flush=True)
    same = ended and identical(out, reference)
    count.update(kills=met, opened=opened, resumed=met if ended else 0, identical=met if same else 0, runs=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance, count, began = random.Random(chosen.seed), Counter(), time.time()
    with tempfile.TemporaryDirectory() as folder:
        reference, log = Path(folder) / "reference", Path(folder) / "writes.json"
        if launch(words(reference), {"log": str(log)}).wait():
            raise SystemExit("The reference run failed.")
        writes = json.loads(log.read_text())
        while count["kills"] < chosen.kills:
            kills = drawn(chance, writes, min(KILLS, chosen.kills - count["kills"]))
            one_run(Path(folder) / f"run{count['runs']}", reference, writes, kills, count)
            print(json.dumps(dict(sorted(count.items()))), flush=True)
    print(
        f"{count['kills']} kills in {count['runs']} runs, {time.time() - began:.0f} s: opened {count['opened']},"
        f" resumed {count['resumed']}, identical {count['identical']}"
    )


if __name__ == "__main__":
    main()
