"""Every method of the table under one preset: distil with several seeds, evaluate, print mean ± standard deviation.

Run: python benchmarks/ablations.py [--preset demo] [--set name=value …] [--seeds 3] [--methods c2r,random-real].
A figure is the mean over distillation seeds of the mean over that run's evaluation networks; the spread is over the
distillation seeds. Nothing is written to the run store. Long: seeds × methods × one run of the preset.
"""

import argparse
import json
import statistics

from c2r.config import load, parse_assignments
from c2r.data.real import load_on_device
from c2r.evaluation.attempts import by_attack
from c2r.evaluation.evaluate import Row, evaluate
from c2r.events import Finished
from c2r.methods.distill import distill
from c2r.registry import METHODS


def once(preset: str, changes: dict[str, str]) -> dict[str, float]:
    """Accuracy in percent per attack of one run, mean over its evaluation networks."""
    config = load(preset, changes)
    data = load_on_device(config)
    *_, result = distill(config, data)
    assert isinstance(result, Finished)
    rows = [event.values for event in evaluate(result.made, config, data) if isinstance(event, Row)]
    return {figure["label"]: 100 * figure["mean"] for figure in by_attack(rows).values()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    chosen = parser.parse_args()
    for method in chosen.methods.split(","):
        runs = [
            once(chosen.preset, parse_assignments(chosen.set) | {"method": method, "seed": str(seed)})
            for seed in range(chosen.seeds)
        ]
        spread = {
            label: [round(statistics.mean(values), 1), round(statistics.stdev(values), 1) if len(values) > 1 else None]
            for label in runs[0]
            if (values := [run[label] for run in runs])
        }
        print(json.dumps({"method": method, "seeds": chosen.seeds} | spread), flush=True)


if __name__ == "__main__":
    main()
