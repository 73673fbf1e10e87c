"""How a very long, very large run opens: seconds to the live page in a real browser, seconds of a tick, memory of the
server.

Run: python benchmarks/large_run.py [--images 10000] [--steps 5000]. The folder is made here: every step's event, and
the frames that thinning would have left. Images, δ and embeddings are holes in their files (no disk is used),
everything that the page reads as a whole is real. Goals: the live page opens in one second and costs the server less
than 300 MB.
"""

import argparse
import json
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import browser, server, settled  # noqa: E402
from fake_run import make_run  # noqa: E402

from c2r.look.summary import margin_summary  # noqa: E402
from c2r.store import runs  # noqa: E402
from c2r.store.thinning import kept  # noqa: E402

KINDS = {"U8": np.uint8, "F16": np.float16, "F32": np.float32, "I64": np.int64}
HEADLINE = "[data-testid='stPlotlyChart'] .main-svg"


def write_frame(file: Path, arrays: dict[str, np.ndarray | tuple[str, list[int]]]) -> None:
    """A safetensors file in which an array given as (kind, shape) is a hole of zeros."""
    header, places, end = {}, [], 0
    for name, value in arrays.items():
        kind, shape = (
            value
            if isinstance(value, tuple)
            else ({np.dtype(t): k for k, t in KINDS.items()}[value.dtype], list(value.shape))
        )
        size = int(np.prod(shape)) * np.dtype(KINDS[kind]).itemsize
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        places.append((end, value))
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(file, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        start = out.tell()
        for place, value in places:
            if isinstance(value, np.ndarray):
                out.seek(start + place)
                out.write(value.tobytes())
        out.truncate(start + end)


class Large:
    """A run of `n` images that records one step after another."""

    def __init__(self, path: Path, n: int, classes: int, state: str):
        make_run(
            path, steps=2, n=classes, classes=classes, state=state, evaluated=False, mapped=False, shape=(3, 32, 32)
        )
        for frame in (path / "frames").iterdir():
            frame.unlink()
        (path / "events.jsonl").write_text("")
        self.path, self.n, self.labels = path, n, np.arange(n, dtype=np.int64) * classes // n
        self.draw = np.random.default_rng(0)
        self.ease, self.step = self.draw.normal(1, 2, n), 0

    def record(self, frame: bool = True) -> None:
        """Record one more step, with its frame or only its event."""
        clean = (self.ease + self.draw.normal(0, 0.5, self.n) + self.step / 2500).astype(np.float32)
        adv = (clean - 2).astype(np.float32)
        if frame:
            light = {
                "labels": self.labels,
                "order": np.argsort(adv, kind="stable").astype(np.int64),
                "margin_clean": clean,
                "margin_adv": adv,
                "score": np.maximum(0, 1 - adv),
                "pred_clean": self.labels,
                "pred_adv": self.labels,
            }
            large = {
                "images": ("U8", [self.n, 3, 32, 32]),
                "delta": ("F16", [self.n, 3, 32, 32]),
                "embedding_clean": ("F16", [self.n, 2048]),
                "embedding_adv": ("F16", [self.n, 2048]),
            }
            write_frame(self.path / "frames" / f"{self.step:06d}.safetensors", light | large)
        with open(self.path / "events.jsonl", "a") as file:
            file.write(json.dumps(self._event(clean, adv)) + "\n")
        self.step += 1

    def _event(self, clean: np.ndarray, adv: np.ndarray) -> dict[str, object]:
        """The event line of a step with these margins."""
        side = {"knn": 0.5, "silhouette": 0.1, "between_within": 0.4}
        return {
            "step": self.step,
            "time": time.time(),
            "seconds": 3.0 * self.step,
            "n": self.n,
            "losses": {
                name: 5 / (1 + self.step / 500) + self.draw.random() / 10 for name in ("total", "match", "ce", "crl")
            },
            "margin_clean": margin_summary(clean),
            "margin_adv": margin_summary(adv),
            "share_clean": float((clean > 0).mean()),
            "share_robust": float((adv > 0).mean()),
            "search": {"reused": 1, "improved": 1, "kept": 1},
            "forwards": self.n,
            "backwards": self.n,
            "separation": {"clean": side, "adv": side},
        }


def make(path: Path, n: int, steps: int, state: str) -> Large:
    """The folder of a run with `steps` recorded steps, thinned."""
    run = Large(path, n, 100, state)
    recent = runs.open_run(path).config.frames_recent
    with_frame = set(kept(steps, recent))
    for step in range(steps):
        run.record(step in with_frame)
    return run


def serving(address: str) -> psutil.Process:
    """The process that listens there."""
    port = int(address.rpartition(":")[2])
    return psutil.Process(
        next(c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port)
    )


def memory(address: str) -> float:
    """MB that the server there has written for itself. Pages of libraries do not count: they are its own or shared as
    other programs come and go."""
    return sum(place.private_dirty for place in serving(address).memory_maps(grouped=True)) / 1e6


def opened(chrome: object, address: str, run: str) -> float:
    """Seconds from a click on Live to the figures, in a tab that has drawn a chart, went Home and chose this run
    there."""
    page = chrome.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{address}/live?run=other")
    settled(page)
    page.get_by_role("link", name="Home", exact=True).first.click()
    page.get_by_text("Select a row to make it the run of all pages").wait_for()
    box = page.get_by_test_id("stSidebar").get_by_role("combobox").first
    box.click()
    page.get_by_role("option", name=run).click()
    page.get_by_text(f"Now: {run}.").wait_for()
    settled(page)
    began = time.perf_counter()
    page.get_by_role("link", name="Live", exact=True).first.click()
    page.wait_for_selector(HEADLINE, timeout=60_000)
    seconds = time.perf_counter() - began
    settled(page)
    page.context.close()
    return seconds


def opening(store: Path, run: Large) -> dict[str, float]:
    """Seconds that a small and the large run take to open, and MB of the server before, after and while it grows."""
    with server(store) as address, browser() as chrome:
        small = [opened(chrome, address, "small") for _ in range(4)][1:]
        before = memory(address)
        first = opened(chrome, address, "large")
        again = [opened(chrome, address, "large") for _ in range(3)]
        after = memory(address)
        page = chrome.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{address}/live?run=large")
        settled(page)
        peak = after
        for _ in range(20):
            run.record()
            page.wait_for_timeout(1500)
            peak = max(peak, memory(address))
    return {
        "small_run_opens_s": round(statistics.median(small), 2),
        "large_run_opens_s": round(first, 2),
        "again_s": round(statistics.median(again), 2),
        "server_before_MB": round(before),
        "server_after_MB": round(after),
        "after_20_ticks_MB": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=5_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        run = make(store / "large", chosen.images, chosen.steps, "running")
        for name in ("small", "other"):
            make_run(store / name, steps=7, state="running")
        figures = opening(store, run)
        made = {
            "images": chosen.images,
            "steps": chosen.steps,
            "frames": len(runs.frame_steps(store / "large")),
            "events_MB": round((store / "large" / "events.jsonl").stat().st_size / 1e6, 1),
        }
        print(json.dumps(made | figures))


if __name__ == "__main__":
    main()
