"""The states of a run and the ways between them, in one table. No torch.

``queued`` waits for the device's slot; ``running`` and ``paused`` work; ``stopping`` was asked to stop and is putting
things away; ``stopped``, ``failed`` and ``lost`` can be resumed; ``done`` is the end. ``lost`` is never written:
readers say it of a run whose process is gone without a word.
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
    "stopping": ("stopped", "done", "failed"),  # done: it came to its end before it could stop
    "stopped": ("queued",),
    "failed": ("queued",),
    "lost": ("queued",),
    "done": (),
}

# What a run can be asked for in a state; what was asked of it and not yet done can be taken back by 'resume'.
TAKES: dict[str, tuple[str, ...]] = {
    "queued": ("pause", "step", "stop"),
    "running": ("pause", "step", "stop"),
    "paused": ("resume", "step", "stop"),
}


def takes(state: str, asked: str = "") -> tuple[str, ...]:
    """Return the commands that make sense in a state in which `asked` was asked for and is not done yet."""
    taken_back = ("resume",) if asked in ("pause", "step") and state in ("queued", "running") else ()
    return tuple(word for word in (*taken_back, *TAKES.get(state, ())) if word != asked)


def allowed(before: str, after: str) -> bool:
    """Say whether a run may go from one state to another; staying is always allowed."""
    return before == after or after in TRANSITIONS[before]
