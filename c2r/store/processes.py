"""The process that wrote a status: its number, and what tells it from a later process with that number. No torch."""

import os
from pathlib import Path
from typing import Any

import psutil

BOOT = Path("/proc/sys/kernel/random/boot_id")


def own() -> dict[str, Any]:
    """Return the entries of status.json that name this process: ``pid``, ``pid_started`` and ``boot``.

    A time by the clock moves when the clock is set. So where the system tells (Linux), ``pid_started`` is in seconds
    since the machine's start and ``boot`` is the name of that start; elsewhere it is a Unix time and ``boot`` is ''.
    """
    boot, started = _since_boot(os.getpid()) or ("", psutil.Process().create_time())
    return {"pid": os.getpid(), "pid_started": started, "boot": boot}


def alive(status: dict[str, Any]) -> bool:
    """Say whether the process that a status.json names lives."""
    try:
        process, started = psutil.Process(int(status["pid"])), float(status["pid_started"])
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if status.get("boot"):
            return _since_boot(process.pid) == (status["boot"], started)
        return abs(process.create_time() - started) < 2
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def _since_boot(pid: int) -> tuple[str, float] | None:
    """Return the name of this start of the machine and the seconds from it to the start of a process.

    None where the system does not tell.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return BOOT.read_text(encoding="utf-8").strip(), int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError, ValueError):
        return None
