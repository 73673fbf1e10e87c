"""What the figures of the Live page are drawn from: plain values, so that a timer can draw them again without the
page."""

from dataclasses import dataclass
from pathlib import Path

from c2r.config import RunConfig


@dataclass(frozen=True)
class Look:
    """Run folder, class names, the step (None: the newest), one class or all (None), and how the figures are drawn.

    distilled: False for a set that was only scored here, so that there is one step and no course.
    config: the settings of the run, None where they cannot be read.
    until: the last step of a run at work, to which the step axes reach from the start.
    """

    path: Path
    names: list[str]
    step: int | None
    class_index: int | None
    dark: bool
    selectable: bool
    distilled: bool = True
    config: RunConfig | None = None
    until: int | None = None
