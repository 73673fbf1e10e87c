"""The toy's worker as the pages see it: one long-lived child of this server that answers, and what it answered. No
Streamlit.

It only computes and writes nothing, so a server that only shows may ask it, too. It ends with the server, whose end
closes its input. One question at a time: each takes about a second, and the answers are kept.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from c2r.base.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
WORDS = ("-m", "c2r.work.learning")
PATIENCE = 90.0  # seconds an answer may take, with the loading of torch on a busy machine
KEPT = 48  # answers that are kept, below a megabyte each


@dataclass
class Worker:
    """A child, and the lines it has written and nobody has read."""

    process: subprocess.Popen
    lines: queue.Queue


_LOCK = threading.Lock()
_WORKER: list[Worker] = []


def record(one: dict[str, Any]) -> dict[str, Any]:
    """A whole toy run of these settings."""
    return _asked(ask="record", one=one)


def students(one: dict[str, Any]) -> dict[str, Any]:
    """Fresh networks trained on the points of some steps of it."""
    return _asked(ask="students", one=one)


def claim(name: str, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Whether a lesson's claim holds for two panels, and the figures it rests on."""
    return _asked(ask="claim", claim=name, one=one, other=other)


def _asked(**question: Any) -> dict[str, Any]:
    """The kept or fresh answer; raises InputError with the worker's sentence, which is not kept."""
    return _kept(json.dumps(question, sort_keys=True))


@lru_cache(maxsize=KEPT)
def _kept(line: str) -> dict[str, Any]:
    with _LOCK:
        said = json.loads(_said(_worker(), line))
    if "problem" in said:
        raise InputError(said["problem"])
    return said["answer"]


def _said(worker: Worker, line: str) -> str:
    """The worker's next line; a worker that died or is late is given up, and the next question starts another."""
    try:
        assert worker.process.stdin is not None
        worker.process.stdin.write(line + "\n")
        worker.process.stdin.flush()
        said = worker.lines.get(timeout=PATIENCE)
    except (OSError, queue.Empty):
        said = ""
    if said:
        return str(said)
    worker.process.kill()
    _WORKER.clear()
    raise InputError("The process that computes the toy ended or took too long: expected an answer; press Reload.")


def _worker() -> Worker:
    """The living worker, started when there is none."""
    if _WORKER and _WORKER[0].process.poll() is None:
        return _WORKER[0]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        process = subprocess.Popen(
            [sys.executable, *WORDS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )
    except OSError as error:
        raise InputError(
            f"No process could be started for the toy ({error.strerror}): close other programs and reload the page."
        ) from None
    worker = Worker(process, queue.Queue())
    threading.Thread(target=_read, args=(worker,), daemon=True).start()
    _WORKER[:] = [worker]
    return worker


def _read(worker: Worker) -> None:
    """Take down what the worker writes; an empty line says that it ended."""
    assert worker.process.stdout is not None
    for line in worker.process.stdout:
        worker.lines.put(line)
    worker.lines.put("")
    worker.process.wait()
