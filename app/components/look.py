"""What the figures of the Live page are drawn from: plain values, so that a timer can draw them again without the
page."""

from dataclasses import dataclass
from pathlib import Path

from c2r.look.description import Description


@dataclass(frozen=True)
class Look:
    """Run folder, class names, the step (None: the newest), one class or all (None), and how the figures are drawn.

    method: what the run says of its method. scorer: under which one margins are shown, '' for the first of the run.
    until: the last step of a run at work, to which the step axes reach from the start.
    """

    path: Path
    names: list[str]
    step: int | None
    class_index: int | None
    dark: bool
    selectable: bool
    method: Description
    scorer: str = ""
    until: int | None = None
