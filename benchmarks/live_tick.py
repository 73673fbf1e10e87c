"""One tick of the Live page at N = 1,000 images and 31 recorded steps: server time and bytes sent.

Run: python benchmarks/live_tick.py. Time: the page's own fragment in Streamlit's test runner, after a first (cold) run.
A second session that looks at the same step shares its figures. Bytes: what a real browser's socket receives. Between
ticks one more step is recorded, so nothing is served from a cache that a live run would miss. Goals: at most 300 ms and
500 kB.
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

from browser import browser, server, settled  # noqa: E402
from fake_run import make_run  # noqa: E402
from streamlit.testing.v1 import AppTest  # noqa: E402


def tick(path: str) -> None:
    """The script under test: what the fragment of the Live page draws."""
    from pathlib import Path

    from app.components import live
    from app.components.look import Look
    from c2r.look.description import description
    from c2r.store import runs

    names, run = [str(k) for k in range(10)], runs.open_run(Path(path))
    until = run.config.steps if run.config else None
    live.draw(Look(Path(path), names, None, None, False, False, description(run), until=until))


def grow(path: Path, step: int) -> None:
    """Record one more step, a copy of the last one."""
    frames = sorted((path / "frames").iterdir())
    (path / "frames" / f"{step:06d}.safetensors").write_bytes(frames[-1].read_bytes())
    last = json.loads((path / "events.jsonl").read_text().splitlines()[-1])
    with open(path / "events.jsonl", "a") as file:
        file.write(json.dumps(last | {"step": step}) + "\n")


def milliseconds(path: Path, ticks: int = 9) -> tuple[list[float], list[float]]:
    """Server time of the fragment, one recorded step further each time: of the first session that looks, and of a
    second one."""
    apps = [AppTest.from_function(tick, args=(str(path),), default_timeout=60).run() for _ in range(2)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(ticks):
        grow(path, 1000 + number)
        for app, times in zip(apps, seconds, strict=True):
            began = time.perf_counter()
            assert not app.run().exception, app.exception
            times.append(1000 * (time.perf_counter() - began))
    return seconds


def kilobytes(store: Path, path: Path, ticks: int = 4) -> list[float]:
    """Bytes the browser receives in each 2 s in which one step is recorded, counted on its own socket."""
    counts: list[int] = []
    with server(store) as address, browser() as chrome:
        page = chrome.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.on("websocket", lambda socket: socket.on("framereceived", lambda data: counts.append(len(data))))
        page.goto(f"{address}/live?run={path.name}")
        settled(page)
        page.wait_for_timeout(4000)
        received = []
        for number in range(ticks):
            before = sum(counts)
            grow(path, 2000 + number)
            page.wait_for_timeout(2200)
            received.append((sum(counts) - before) / 1000)
    return received


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["C2R_RUNS"] = place
        path = Path(place) / "run"
        make_run(path, steps=31, n=1000, classes=10, state="running")
        (times, others), sizes = milliseconds(path), kilobytes(Path(place), path)
        facts = {
            "n": 1000,
            "steps": 31,
            "median_ms": round(statistics.median(times)),
            "worst_ms": round(max(times)),
            "second_session_ms": round(statistics.median(others)),
        }
        print(
            "live tick",
            json.dumps(facts | {"median_kB": round(statistics.median(sizes)), "worst_kB": round(max(sizes))}),
        )


if __name__ == "__main__":
    main()
