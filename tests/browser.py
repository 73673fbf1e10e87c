"""The real app in a real browser, for the browser tests and the benchmarks: a server on a free port, headless
Chromium."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Not ours: what a browser without a GPU says of itself, and the two addresses Streamlit tries below a page's path
# before it
# finds them at the root (every deep link logs these two 404s).
NOT_OURS = ("WebGL", "GPU stall", "GroupMarkerNotSet", "swiftshader", "/_stcore/health", "/_stcore/host-config")


def chromium() -> str | None:
    """Path of an installed Chromium or Chrome, None when there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@contextlib.contextmanager
def server(
    store: Path, folder: Path | None = None, killed: bool = False, script: Path = ROOT / "app" / "main.py"
) -> Iterator[str]:
    """The app (or another `script`) on a free port with `store` as its run store, started from `folder`; yields its
    address. `killed`: ended with SIGKILL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        f"--server.port={port}",
        "--server.address=127.0.0.1",  # as in app/.streamlit, also for a script elsewhere
        "--browser.gatherUsageStats=false",
        "--server.headless=true",
    ]
    with open(store / "server.txt", "wb") as log:
        process = subprocess.Popen(
            words, cwd=folder or store, env=os.environ | {"C2R_RUNS": str(store)}, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                break
            time.sleep(0.1)
        yield address
    finally:
        process.kill() if killed else process.terminate()
        process.wait(10)


@contextlib.contextmanager
def browser() -> Iterator[object]:
    """A headless Chromium; yields Playwright's Browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        words = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-sync",
        ]
        found = playwright.chromium.launch(executable_path=chromium(), args=words)
        yield found
        found.close()


def open_page(browser: object, address: str, dark: bool = False) -> tuple[object, list[str]]:
    """A fresh tab on `address`; returns it with the list that console errors and page errors are appended to."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark" if dark else "light")
    page, errors = context.new_page(), []

    def listen(message: object) -> None:
        said = f"{message.text} ({message.location['url']})"
        if message.type in ("error", "warning") and not any(word in said for word in NOT_OURS):
            errors.append(said)

    page.on("console", listen)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(address, timeout=120_000)
    page.set_default_timeout(30_000)
    return page, errors


def settled(page: object) -> None:
    """Wait until no script of the app is running and nothing is a placeholder any more."""
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)
    page.wait_for_timeout(500)
