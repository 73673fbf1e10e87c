"""What a plane costs: seconds of processor and clock for 26 × 26, 51 × 51 and 101 × 101 points, with 1 and 2 threads.

Run: python benchmarks/plane_cost.py [--width 48] [--side 32]. The network is a fresh ConvNet-3 for colour images; what
a pass costs does not depend on its weights. Processor seconds are of this process, all threads together, the least of
`REPEATS`; others who use the processor make them larger, too. *polygons*: plane, ball, pixel box and mask.
"""

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from c2r import config
from c2r.look import boundary, plane
from c2r.networks.models import Network, build, frozen

REPEATS = 5
EPS = 8 / 255


def network(width: int, side: int) -> Network:
    """A fresh ConvNet-3."""
    settings = config.load("cifar10", {"model": "convnet", "width": width, "depth": 3, "device": "cpu"})
    statistics = (torch.full((3,), 0.5), torch.full((3,), 0.25))
    return frozen(build(settings, (3, side, side), 10, statistics, torch.Generator().manual_seed(0)))


def timed(work: Callable[[], None]) -> dict[str, float]:
    """Least seconds of processor and of clock."""
    found = []
    for _ in range(REPEATS):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        found.append((time.process_time() - processor, time.perf_counter() - clock))
    return {"processor_s": round(min(p for p, _ in found), 3), "clock_s": round(min(c for _, c in found), 3)}


def main() -> None:
    """Print a line of JSON for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--side", type=int, default=32)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model, draw = network(given.width, given.side), np.random.default_rng(0)
    first, second, third = draw.uniform(0, 1, (3, 3, given.side, given.side))
    shown = plane.through(first, np.clip(first + EPS * np.sign(second - 0.5), 0, 1), third)
    window = plane.window_around(np.array([shown.landing(image)[:2] for image in (first, third)]))

    def polygons() -> None:
        plane.ball(shown, EPS)
        plane.allowed(shown, window)
        plane.outside(shown, window.places(boundary.SIDE))

    print(json.dumps({"what": "polygons"} | timed(polygons)))
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as pool:
            for count, points in enumerate((26, 51, 101), 1):

                def grids(count: int = count, mapped: boundary.Mapped = pool.map) -> None:
                    for _ in zip(range(count), boundary.sweep(model, shown, window, 0, mapped=mapped), strict=False):
                        pass

                print(json.dumps({"what": f"{points} × {points}", "threads": threads} | timed(grids)), flush=True)


if __name__ == "__main__":
    main()
