"""Runs ``python -m c2r`` and kills its own process with SIGKILL inside one chosen write. Used by kill_test.py, no part
of the product.

Run: python benchmarks/dying.py '{"after": NAME, "skip": 0, "how": "half"}' distill --preset demo --out DIR. NAME is a
file of the run folder such as ``frames/000040.safetensors``, ``events.jsonl`` or ``claim`` (the folder itself); the
write that dies is the one that comes `skip` writes after the first one of NAME. `how`: ``half`` leaves half of the
bytes (of a new line: half of the line), ``before`` and ``after`` have all bytes and lie on either side of the rename.
With {"log": FILE} nothing dies and the names of all writes are listed.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

FOLDERS = ("frames", "parts", "networks")


class Death:
    """Counts the writes of this process, and ends it at the one that was chosen."""

    def __init__(self, plan: dict[str, Any]):
        self.plan, self.left, self.names = plan, None, []
        self.replace, self.rename, self.fsync = os.replace, os.rename, os.fsync
        os.replace, os.rename, os.fsync = self.replaced, self.renamed, self.flushed  # type: ignore[assignment]

    def meets(self, name: str) -> bool:
        """Whether the process dies in this write."""
        self.names.append(name)
        if self.left is None and name == self.plan.get("after"):
            self.left = self.plan["skip"] + 1
        if self.left is None:
            return False
        self.left -= 1
        return self.left == 0

    def replaced(self, source: str | Path, target: str | Path) -> None:
        target = Path(target)
        name = f"{target.parent.name}/{target.name}" if target.parent.name in FOLDERS else target.name
        if name == ".control.taken" or (name == "status.json" and self.plan.get("after") != name):
            self.replace(source, target)
        elif self.meets(name):
            if self.plan["how"] == "half":
                os.truncate(source, os.path.getsize(source) // 2)
            if self.plan["how"] == "after":
                self.replace(source, target)
            self.die()
        else:
            self.replace(source, target)

    def renamed(self, source: str | Path, target: str | Path) -> None:
        dies = self.meets("claim")
        if not dies or self.plan["how"] == "after":
            self.rename(source, target)
        if dies:
            self.die()

    def flushed(self, place: int) -> None:
        file = Path(os.readlink(f"/proc/self/fd/{place}"))
        if file.suffix == ".jsonl" and self.meets(file.name):
            if self.plan["how"] == "half":
                text = file.read_bytes()
                last = len(text) - text[:-1].rfind(b"\n")
                os.truncate(file, len(text) - last // 2)
            self.die()
        self.fsync(place)

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    plan = json.loads(sys.argv[1])
    sys.argv = ["c2r", *sys.argv[2:]]
    death = Death(plan)
    from c2r.__main__ import main as command

    code = command(sys.argv[1:])
    if "log" in plan:
        Path(plan["log"]).write_text(json.dumps(death.names))
    return code


if __name__ == "__main__":
    sys.exit(main())
