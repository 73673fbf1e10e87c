"""Replay: a run plays over its recorded steps, and one slider moves margins, order, map and pictures together."""

from app.components import replay, shell

shell.header(
    "Replay",
    "A run plays over its recorded steps: margins, curriculum order, map and images move together; two runs stay at the"
    " same step.",
)
replay.page(shell.needs_run())
