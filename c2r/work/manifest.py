"""Where the figures of a run come from: versions, commit, device, data; its manifest.json."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from c2r.base import device
from c2r.base.versions import versions
from c2r.config import RunConfig
from c2r.data.real import RealData
from c2r.registry import describe


def manifest(config: RunConfig, data: RealData, preset: str) -> dict[str, Any]:
    """What a figure of this run came from, and what the shell has to know of its method.

    attacked: each part as networks see it (runs without a word: stored pixels).
    """
    return {
        "versions": versions(),
        "commit": _commit(),
        "device": device.describe(data.images.device),
        "preset": preset,
        "command": command_line(),
        "classes": list(data.classes),
        "attacked": "parts",
        "data": {
            "name": data.name,
            "hash": data.hash,
            "train": len(data.images),
            "test": len(data.test_images),
            "shape": list(data.images.shape[1:]),
        },
        **describe(config),
    }


def command_line() -> str:
    """The command that started this process, as a person would type it."""
    return shlex.join(["python", "-m", "c2r", *sys.argv[1:]])


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
