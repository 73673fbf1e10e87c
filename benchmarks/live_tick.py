"""One tick of the Live page at N = 1,000 images and 31 recorded steps: server time and bytes sent.

Run: python benchmarks/live_tick.py. The tick is the page's own fragment, run by Streamlit's test runner after a first
(cold) run; between ticks one more step is recorded, so nothing is served from a cache that a live run would miss.
Goals: at most 300 ms and 500 kB.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fake_run import make_run  # noqa: E402
from streamlit.testing.v1 import AppTest  # noqa: E402


def tick(path: str) -> None:
    """The script under test: what the fragment of the Live page draws."""
    from pathlib import Path

    from app.components import live

    names = [str(k) for k in range(10)]
    live.draw(live.Look(Path(path), names, None, False, False, False))


def sent(app: AppTest) -> int:
    """Bytes of all elements of the last run, as they go over the wire."""
    total = 0
    for node in app.main:
        proto = getattr(node, "proto", None)
        if proto is not None and hasattr(proto, "ByteSize"):
            total += proto.ByteSize()
    return total


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["C2R_RUNS"] = place
        path = Path(place) / "run"
        make_run(path, steps=31, n=1000, classes=10, state="running")
        app = AppTest.from_function(tick, args=(str(path),), default_timeout=60).run()
        assert not app.exception, app.exception
        seconds = []
        events = (path / "events.jsonl").read_text().splitlines()
        for number in range(8):
            step = 1000 + number
            (path / "frames" / f"{step:06d}.safetensors").write_bytes(
                (path / "frames" / sorted(os.listdir(path / "frames"))[-1]).read_bytes()
            )
            with open(path / "events.jsonl", "a") as file:
                file.write(json.dumps(json.loads(events[-1]) | {"step": step}) + "\n")
            began = time.perf_counter()
            app.run()
            seconds.append(time.perf_counter() - began)
        print(
            "live tick",
            json.dumps(
                {
                    "n": 1000,
                    "median_ms": round(1000 * statistics.median(seconds)),
                    "worst_ms": round(1000 * max(seconds)),
                    "kB": round(sent(app) / 1000),
                }
            ),
        )


if __name__ == "__main__":
    main()
