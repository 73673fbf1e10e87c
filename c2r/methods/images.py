"""Images that a method optimises: its updates one after another, what is seen of them, and how they go on after a kill.

Letters: N stored images, C channels, H W sides, p² parts of each.
"""

from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field

import torch
from torch import Tensor
from torch.optim import Optimizer

from c2r.core.partition import expand
from c2r.events import Event, Finished, Progress, Snapshot, State
from c2r.methods.context import Context, made_of
from c2r.methods.labels import current_labels
from c2r.registry import UPDATES

MOMENTS = ("exp_avg", "exp_avg_sq", "step", "momentum_buffer")  # what Adam and SGD remember of a tensor
SERIES_BEFORE = "losses"  # what states of C2R called their series


@dataclass
class Optimised:
    """Images [N, C, H, W] in [0, 1], which are optimised, labels [N], and what the updates so far left.

    A method that keeps more between two updates derives its own class from this one, which adds that to `kept` and
    `restore`, and to `snapshot` what else can be seen.

    :param context: what the method is given; the images start where it says
    :param by: makes the optimiser of the images, Adam or SGD
    :param step: the last update; series: its figures; forwards, backwards: spent on attacks so far, sums over images
    """

    context: Context
    by: InitVar[Callable[[list[Tensor]], Optimizer]]
    images: Tensor = field(init=False)
    labels: Tensor = field(init=False)
    optimiser: Optimizer = field(init=False)
    step: int = field(default=0, init=False)
    series: dict[str, float | None] = field(default_factory=dict, init=False)
    forwards: int = field(default=0, init=False)
    backwards: int = field(default=0, init=False)

    def __post_init__(self, by: Callable[[list[Tensor]], Optimizer]) -> None:
        start = self.context.start
        self.images, self.labels = start.images.clone().requires_grad_(True), start.labels
        self.optimiser = by([self.images])

    def effective(self) -> tuple[Tensor, Tensor]:
        """What networks are trained on: images [N·p², C, H, W], which carry the gradient, and labels [N·p²]."""
        parts = self.context.config.partition
        return expand(self.images, parts), self.labels.repeat_interleave(parts**2)

    def descend(self, loss: Tensor, further: Tensor | None = None) -> None:
        """One step of the images by the gradient of a scalar loss, see `move`."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.move(further)

    @torch.no_grad()
    def move(self, further: Tensor | None = None) -> None:
        """One step of the images by the gradient that they hold, back into [0, 1].

        :param further: [N], what the step of each image is multiplied with; None leaves it
        """
        before = self.images.clone()
        self.optimiser.step()
        if further is not None:
            self.images.copy_(before + further[:, None, None, None] * (self.images - before))
        self.images.clamp_(0, 1)

    def snapshot(self) -> Snapshot:
        """The set after the last update."""
        return Snapshot(
            self.step,
            self.images.detach(),
            self.labels,
            current_labels(self.context, self.images),
            self.series,
            forwards=self.forwards,
            backwards=self.backwards,
        )

    def kept(self) -> State:
        """What the next update needs."""
        facts = {"series": dict(self.series), "forwards": self.forwards, "backwards": self.backwards}
        return State(self.step, {"images": self.images, **self.optimiser.state[self.images]}, facts)

    def restore(self, state: State) -> dict[str, Tensor]:
        """Take up what a state kept; returns its tensors, on the device of the images."""
        tensors = {name: value.to(self.images.device) for name, value in state.tensors.items()}
        self.images.data.copy_(tensors["images"])
        self.optimiser.state[self.images] = {name: tensors[name] for name in MOMENTS if name in tensors}
        facts = state.facts
        self.step, self.series = state.step, facts["series" if "series" in facts else SERIES_BEFORE]
        self.forwards, self.backwards = facts["forwards"], facts["backwards"]
        return tensors


def begin(held: Optimised, state: State | None) -> Iterator[Event]:
    """Go on where a state left the images; without one they are seen once before anything moves them."""
    if state is None:
        yield from _seen(held)
    else:
        held.restore(state)


def updates(held: Optimised, update: Callable[[int], None]) -> Iterator[Event]:
    """The updates that are left, recorded as often as the settings say, and the set that they end with.

    :param update: makes the update of a step; `held.step` is still that of the one before
    """
    config = held.context.config
    for step in range(held.step + 1, config.steps + 1):
        update(step)
        held.step = step
        yield Progress(UPDATES.name, step, config.steps)
        if step % config.record_every == 0 or step == config.steps:
            yield from _seen(held)
    yield Finished(made_of(held.snapshot(), config.partition))


def _seen(held: Optimised) -> Iterator[Event]:
    yield held.snapshot()
    yield held.kept()
