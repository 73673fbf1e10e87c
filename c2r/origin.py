"""Where the figures of a run come from: versions, commit, device, data; its manifest.json."""

import importlib.metadata
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from c2r import __version__, device
from c2r.data import RealData


def origin(data: RealData, preset: str) -> dict[str, Any]:
    """The manifest: what a figure of this run came from."""
    packages = ("torch", "torchvision", "numpy", "umap-learn", "scikit-learn")
    return {
        "versions": {"c2r": __version__, "python": sys.version.split()[0]} | {name: importlib.metadata.version(name) for name in packages},
        "commit": _commit(), "device": device.describe(data.images.device), "preset": preset, "command": command_line(),
        "classes": list(data.classes),
        "data": {
            "name": data.name, "hash": data.hash, "train": len(data.images), "test": len(data.test_images),
            "shape": list(data.images.shape[1:]),
        },
    }  # fmt: skip


def command_line() -> str:
    """The command that started this process, as a person would type it."""
    return shlex.join(["python", "-m", "c2r", *sys.argv[1:]])


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, timeout=5, check=True
        )
        return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
