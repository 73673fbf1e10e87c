"""Seconds from pressing Start to the first margin histogram on screen, on digits, in a real browser.

Run: python benchmarks/first_picture.py [--times 5]. A fresh store and a fresh tab each time; the goal is 5 s.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import browser, open_page, server, settled  # noqa: E402

from c2r.store import runs  # noqa: E402


def once(chrome: object) -> float:
    """One start of the demo from the page; the run is stopped afterwards."""
    with tempfile.TemporaryDirectory() as place, server(Path(place)) as address:
        page, _ = open_page(chrome, f"{address}/start")
        settled(page)
        began = time.perf_counter()
        page.get_by_test_id("stBaseButton-primary").get_by_text("Start", exact=True).click()
        page.wait_for_selector(".js-plotly-plot .barlayer path", state="attached")
        seconds = time.perf_counter() - began
        (run,) = runs.list_runs(Path(place))
        runs.send(run.path, "stop")
        while runs.open_run(run.path).alive:
            time.sleep(0.1)
        page.context.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    with browser() as chrome:
        seconds = [once(chrome) for _ in range(parser.parse_args().times)]
    print(
        "first picture",
        json.dumps({"median_s": round(statistics.median(seconds), 2), "all_s": [round(s, 2) for s in seconds]}),
    )


if __name__ == "__main__":
    main()
