"""What recording costs: the demo with every frame on against the same with the first and last alone, paired.

Run: python benchmarks/recording.py [--pairs 5]. Both write a run folder; only `record_every` differs. Map and
evaluation are left out, since they do not depend on it in time. The goal is a median ratio of at most 1.03.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from c2r.config import load
from c2r.data.real import load_on_device
from c2r.methods.distill import Progress, Recorded, distill
from c2r.store.thinning import expected_frames
from c2r.store.writing import RunWriter


def seconds(every: int, folder: Path) -> float:
    """Seconds of one demo distillation that records every so many steps into `folder`."""
    config = load("demo", {"record_every": every})
    data = load_on_device(config)
    writer = RunWriter(folder, config)
    began = time.perf_counter()
    for event in distill(config, data):
        if isinstance(event, Progress):
            writer.status(phase=event.phase, step=event.step, total=event.total)
        elif isinstance(event, Recorded):
            writer.frame(event.step, event.event, event.arrays)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    pairs, every, off = parser.parse_args().pairs, load("demo").record_every, load("demo").steps
    with tempfile.TemporaryDirectory() as place:
        seconds(off, Path(place) / "warm-up")
        pairings = [
            (seconds(every, Path(place) / f"on{i}"), seconds(off, Path(place) / f"off{i}")) for i in range(pairs)
        ]
    ratios = sorted(on / off for on, off in pairings)
    facts = {
        "pairs": pairs,
        "frames_on": expected_frames(load("demo")),
        "median_ratio": round(statistics.median(ratios), 3),
    }
    print(
        "recording",
        json.dumps(
            facts
            | {
                "ratios": [round(r, 3) for r in ratios],
                "seconds_on": round(statistics.median(on for on, _ in pairings), 2),
            }
        ),
    )


if __name__ == "__main__":
    main()
