"""The states of a run and the ways between them, in one table. No torch.

``queued`` waits for the device's slot; ``running`` and ``paused`` work; ``stopping`` was asked to stop and is putting things
away; ``stopped``, ``failed`` and ``lost`` can be resumed; ``done`` is the end. ``lost`` is never written: readers say it of a
run whose process is gone without a word.
"""

STATES = ("queued", "running", "paused", "stopping", "stopped", "done", "failed", "lost")
ALIVE = ("queued", "running", "paused", "stopping")
RESUMABLE = ("stopped", "failed", "lost")
COMMANDS = ("pause", "resume", "step", "stop")

# What the process that writes a run may make of a state; a resumed run begins again as queued.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "queued": ("running", "stopping", "stopped", "failed"),
    "running": ("paused", "stopping", "stopped", "done", "failed"),
    "paused": ("running", "stopping", "stopped", "failed"),
    "stopping": ("stopped", "failed"),
    "stopped": ("queued",),
    "failed": ("queued",),
    "lost": ("queued",),
    "done": (),
}


def allowed(before: str, after: str) -> bool:
    """Whether a run may go from one state to another; staying is always allowed."""
    return before == after or after in TRANSITIONS[before]
