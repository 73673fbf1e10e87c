"""Groups of finished runs against a reference group: accuracy per attack, and the paired difference with its 95 %
interval.

Run: python benchmarks/paired_runs.py STORE REFERENCE GROUP …   A group is a pattern of run folders in STORE, its
distillation seeds:
'c2r-ipc1-s*'. Figures are the mean over the distillation seeds of the mean over a run's evaluation networks; ± is the
standard
deviation over the seeds. All runs of a table must have seen the same test images. Reads run folders, writes nothing.
"""

import argparse
import statistics
from pathlib import Path

from c2r.evaluation import paired
from c2r.store.results import read_rows
from c2r.store.runs import open_run, read_arrays

ATTACKS = {"clean": "clean", "fgsm": "FGSM", "pgd": "PGD-10"}


def runs_of(store: Path, pattern: str) -> list[Path]:
    """The finished runs of a group. Exits when there is none."""
    finished = [path for path in sorted(store.glob(pattern)) if open_run(path).state == "done"]
    return finished or exit(f"No finished run fits '{pattern}' in {store}.")


def accuracies(run: Path, attack: str) -> float:
    """Mean accuracy in percent over the evaluation networks of a run."""
    return 100 * statistics.mean(row["accuracy"] for row in read_rows(run) if row["attack"] == attack)


def side(group: list[Path], attack: str) -> paired.Side:
    """The outcomes per test image of all runs of a group."""
    tests = [read_arrays(run, "test", only=(f"correct/{attack}", "index")) for run in group]
    return paired.Side(
        [test[f"correct/{attack}"] for test in tests], tests[0]["index"], open_run(group[0]).manifest["data"]["hash"]
    )


def cell(group: list[Path], reference: list[Path], attack: str) -> str:
    """``59.3 ± 1.6; −0.2 (−1.1 to +0.6) undecided``."""
    values = [accuracies(run, attack) for run in group]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    told = f"{statistics.mean(values):.1f}{spread}"
    if group == reference:
        return told
    sides = side(group, attack), side(reference, attack)
    told_apart = paired.obstacle(*sides) or paired.difference(*sides)
    shown = told_apart if isinstance(told_apart, str) else f"{told_apart.text} {told_apart.verdict}"
    return f"{told}; {shown}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("groups", nargs="+")
    chosen = parser.parse_args()
    groups = {pattern: runs_of(chosen.store, pattern) for pattern in chosen.groups}
    reference = next(iter(groups.values()))
    print(f"| runs | seeds | {' | '.join(ATTACKS.values())} |\n|---|---|{'---|' * len(ATTACKS)}")
    for pattern, group in groups.items():
        print(f"| {pattern} | {len(group)} | {' | '.join(cell(group, reference, attack) for attack in ATTACKS)} |")


if __name__ == "__main__":
    main()
