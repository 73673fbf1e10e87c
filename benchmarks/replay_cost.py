"""What a replay costs: seconds to make it, its bytes, and how fast it plays in Chromium, of a made-up run.

Run: python benchmarks/replay_cost.py [--images 1000] [--steps 200]. Processor seconds are of this process; a panel's
milliseconds are taken in the browser around what it draws, steps a second while it plays as fast as it can.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import browser, open_page, server, settled  # noqa: E402
from fake_run import make_run  # noqa: E402

from c2r.look.replay import replay  # noqa: E402

PLAYED = 4000  # ms


def played(store: Path) -> dict[str, object]:
    """Steps a second and milliseconds of each panel, mean and most, of the run `large` at the fastest speed."""
    with server(store, script=ROOT / "tests" / "replay_app.py") as address, browser() as chrome:
        page, _ = open_page(chrome, f"{address}/?run=large")
        settled(page)
        page.locator(".replay[aria-busy=false]").wait_for(timeout=60_000)
        page.locator(".pace").select_option("50")
        page.locator(".again").check()
        before, began = page.locator(".replay").evaluate("(root) => [root.replay.drawn, performance.now()]")
        page.wait_for_timeout(PLAYED)
        drawn, ended, times = page.locator(".replay").evaluate(
            "(root) => [root.replay.drawn, performance.now(), root.replay.times]"
        )
    panels = {kind: [round(time["sum"] / time["n"], 1), round(time["most"], 1)] for kind, time in times.items()}
    return {"steps_a_second": round(1000 * (drawn - before) / (ended - began), 1), "panel_ms": panels}


def main() -> None:
    """Print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        path = make_run(
            store / "large", steps=given.steps, n=given.images, classes=10, shape=(3, 32, 32), evaluated=False
        )
        clock, processor = time.perf_counter(), time.process_time()
        content = replay(path)
        spent = {"processor_s": time.process_time() - processor, "clock_s": time.perf_counter() - clock}
        made = {"bytes": len(content)} | {name: round(value, 2) for name, value in spent.items()}
        print(json.dumps(vars(given) | made | played(store)))


if __name__ == "__main__":
    main()
