"""Hours of live ticking with several real browser sessions on one living run: does the server's memory stay flat?

Run: python benchmarks/soak.py [--minutes 120] [--sessions 8] [--every 2] [--images 1000] [--out soak.json]. A thread
records a step of the run every two seconds, thinned like any other; every session watches its Live page, which looks
again every `--every` seconds, and once a minute one of them, in turn, also looks at the gallery and the map and comes
back. Once a minute the server's own memory, that of the browser and the step that each session shows are taken down.
Reported: memory over time with its slope, processor time of the server, sessions that fell behind, errors on the pages.
The browsers draw in software here and take most of the processor.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from browser import browser, open_page, server  # noqa: E402
from fake_run import add_frame, make_run, make_world  # noqa: E402
from large_run import memory, serving  # noqa: E402
from playwright.sync_api import TimeoutError  # noqa: E402

from c2r.store import runs  # noqa: E402
from c2r.store.writing import RunWriter  # noqa: E402

PACE = 2.0  # seconds between recorded steps
BEHIND = 30.0  # seconds that a session's step may be old


def record(path: Path, n: int, minutes: float, ended: threading.Event) -> None:
    """Keep the run in `path` recording steps until `ended`."""
    count = int(60 * minutes / PACE)
    writer = RunWriter(path, runs.open_run(path).config, reopen=True)
    writer.status(state="running", phase="distill", force=True)
    world = make_world(np.random.default_rng(0), n, 10, (3, 32, 32))
    for index in range(2, 100 * count):
        add_frame(writer, world, index, count)
        writer.status(step=10 * index, total=10 * count, figures={"clean": 0.9, "robust": 0.5})
        if ended.wait(PACE):
            break
    writer.status(state="stopping")
    writer.status(state="stopped")


def shown(page: object) -> int:
    """The step that the page's figures show: the label of the dotted line; -1 when it cannot be read."""
    text = page.evaluate(
        "[...document.querySelectorAll('.annotation-text')].map(e => e.textContent).find(t => /^step \\d+/.test(t))"
        " || ''"
    )
    return int(text.split()[1]) if text else -1


def around(page: object) -> None:
    """From Live to the gallery, the map and back; a browser that is too slow to answer goes on where it is."""
    with contextlib.suppress(TimeoutError):
        _around(page)


def _around(page: object) -> None:
    for place in ("Gallery", "Embeddings", "Live"):
        page.get_by_role("link", name=place, exact=True).first.click(timeout=30_000)
        page.wait_for_timeout(4000)


def processor(address: str) -> float:
    """Seconds of processor time that the server has taken."""
    return sum(serving(address).cpu_times()[:2])


def browser_memory() -> float:
    """Resident MB of all Chromium processes of this script, shared pages counted once for each."""
    family = psutil.Process().children(recursive=True)
    return sum(p.memory_info().rss for p in family if "chrom" in p.name()) / 1e6


def watch(store: Path, chosen: argparse.Namespace) -> list[dict[str, float]]:
    """Open the sessions and look once a minute; the looks are also printed as they come."""
    looks, began = [], time.time()
    with server(store) as address, browser() as chrome:
        tabs = [open_page(chrome, f"{address}/live?run=soak&every={chosen.every}%20s") for _ in range(chosen.sessions)]
        while time.time() - began < 60 * chosen.minutes:
            minute = len(looks)
            around(tabs[minute % len(tabs)][0])
            while time.time() - began < 60 * (minute + 1):
                tabs[0][0].wait_for_timeout(500)
            newest = runs.read_events(store / "soak")[-1]["step"]
            behind = [newest - step > 10 * BEHIND / PACE for step in (shown(page) for page, _ in tabs)]
            looks.append(
                {
                    "minute": round((time.time() - began) / 60, 1),
                    "server_MB": round(memory(address), 1),
                    "browser_MB": round(browser_memory()),
                    "step": newest,
                    "frames": len(runs.frame_steps(store / "soak")),
                    "behind": sum(behind),
                    "errors": sum(len(errors) for _, errors in tabs),
                    "server_cpu_s": round(processor(address)),
                }
            )
            print(json.dumps(looks[-1]), flush=True)
            if any(errors for _, errors in tabs):
                print(next(errors for _, errors in tabs if errors)[-1][:300], flush=True)
    return looks


def summary(chosen: argparse.Namespace, looks: list[dict[str, float]]) -> dict[str, float]:
    """What the looks say: memory over time with its slope, sessions that fell behind, errors, processor time."""
    settled = looks[len(looks) // 4 :]  # the first quarter fills the caches
    slope = (
        np.polyfit([look["minute"] for look in settled], [look["server_MB"] for look in settled], 1)[0]
        if len(settled) > 2
        else 0.0
    )
    return {
        "minutes": chosen.minutes,
        "sessions": chosen.sessions,
        "every_s": chosen.every,
        "images": chosen.images,
        "steps": looks[-1]["step"] // 10,
        "first_MB": looks[0]["server_MB"],
        "quarter_MB": settled[0]["server_MB"],
        "last_MB": looks[-1]["server_MB"],
        "largest_MB": max(look["server_MB"] for look in looks),
        "slope_MB_per_hour": round(60 * slope, 1),
        "behind": sum(look["behind"] for look in looks),
        "errors": looks[-1]["errors"],
        "server_cpu_share": round(looks[-1]["server_cpu_s"] / (60 * looks[-1]["minute"]), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, ended = (
            make_run(Path(folder) / "soak", steps=2, n=chosen.images, classes=10, shape=(3, 32, 32), state="lost"),
            threading.Event(),
        )
        recorder = threading.Thread(target=record, args=(path, chosen.images, chosen.minutes, ended))
        recorder.start()
        try:
            looks = watch(Path(folder), chosen)
        finally:
            ended.set()
            recorder.join()
    facts = summary(chosen, looks)
    print(json.dumps(facts))
    if chosen.out:
        chosen.out.write_text(json.dumps({"facts": facts, "looks": looks}) + "\n")


if __name__ == "__main__":
    main()
