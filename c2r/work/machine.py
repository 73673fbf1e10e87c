"""What this machine has: GPU, cores, memory. No torch: asked before a start, and while the Start page is looked at."""

import os
import subprocess
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import psutil

LIMIT = Path("/sys/fs/cgroup/memory.max")  # bytes of memory that a container may use, or 'max'


@lru_cache
def gpu() -> tuple[str, float]:
    """Name and memory in GB of the first GPU that torch's build could use, ('', 0) when there is none. Asks nvidia-smi
    once."""
    if metadata.version("torch").endswith("+cpu") or os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return "", 0.0
    try:
        words = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
        lines = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return "", 0.0
    name, _, mebibytes = (lines[0] if lines else "").rpartition(",")
    return name.strip(), int(mebibytes) * 2**20 / 1e9 if mebibytes.strip().isdigit() else 0.0


def cores() -> int:
    """Processor cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


def memory() -> float:
    """GB of memory that this machine, or the container it runs in, has."""
    whole = psutil.virtual_memory().total / 1e9
    with suppress(OSError, ValueError):
        whole = min(whole, int(LIMIT.read_text(encoding="utf-8")) / 1e9)
    return whole


def free_memory() -> float:
    """GB of memory that are free now."""
    return psutil.virtual_memory().available / 1e9
