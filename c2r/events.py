"""What a method hands out while it works, and what it has to be given back to go on. A method prints, saves and draws
nothing; whoever runs it decides.

Letters: N stored images, C channels, H W sides, K classes, V parts or views of an image, p² parts of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the shell reads these names without torch
    from torch import Tensor

from c2r.distilled import DistilledSet


@dataclass(frozen=True)
class Progress:
    """Where the work is: `step` of `total` in `phase`; figures to show beside it; what it is doing in detail."""

    phase: str
    step: int
    total: int
    figures: dict[str, float] = field(default_factory=dict)
    doing: str = ""


@dataclass(frozen=True)
class Snapshot:
    """What can be seen of a set after update `step` (0: before the first).

    :param images: float [N, C, H, W] in [0, 1]; labels: int64 [N]; soft: float [N, K] or [N, V, K] probabilities, or
        None
    :param series: the figures of the method's row, None where there is none yet
    :param warm: where an attack on the effective images starts: δ [N·p², C, H, W] in pixel units and the loss [N·p²]
        that it had there (None: never attacked); None: from nothing
    :param forwards, backwards: what the method has spent on attacks so far, sums over images
    """

    step: int
    images: "Tensor"
    labels: "Tensor"
    soft: "Tensor | None" = None
    series: Mapping[str, float | None] = field(default_factory=dict)
    warm: "tuple[Tensor, Tensor | None] | None" = None
    forwards: int = 0
    backwards: int = 0


@dataclass(frozen=True)
class State:
    """What must be kept to go on after update `step`, bit for bit.

    :param tensors: by name; facts: plain values that JSON can hold
    :param parts: by name, tensors that never change again: they are stored once each
    """

    step: int
    tensors: Mapping[str, "Tensor"] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, "Tensor"]] = field(default_factory=dict)

    def plus(
        self,
        tensors: Mapping[str, "Tensor"] = {},
        facts: Mapping[str, Any] = {},
        parts: Mapping[str, Mapping[str, "Tensor"]] = {},
    ) -> "State":
        """The state with more in it."""
        return State(self.step, {**self.tensors, **tensors}, {**self.facts, **facts}, {**self.parts, **parts})


@dataclass(frozen=True)
class Finished:
    """The work is done: the distilled set."""

    made: DistilledSet


Event = Progress | Snapshot | State | Finished
