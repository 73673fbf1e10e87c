"""A method nobody needs, in one file: images drift to their class mean, then shrink, while soft labels sharpen."""

from collections.abc import Iterator
from typing import Any

import torch

from c2r.data.splits import Shape
from c2r.distilled import DistilledSet
from c2r.events import Event, Finished, Progress, Snapshot, State
from c2r.fields import setting
from c2r.methods.context import Context, as_bytes
from c2r.methods.cost import Job, Spent
from c2r.registry import METHODS, Method, Phase, Series
from c2r.settings import RunConfig, Settings


class ToySettings(Settings):
    """Toy drift"""

    drift: float = setting(0.1, "Drift", "Share of the way to the class mean that an update goes", ge=0, le=1)


class ToyConfig(ToySettings, RunConfig):
    """The settings of a toy run."""


def run(context: Context, state: State | None) -> Iterator[Event]:
    """Half of the updates drift, half of them shrink; the labels' temperature falls all the way."""
    config: Any = context.config
    real = context.data.images.float() / 255
    means = torch.stack([real[context.data.labels == k].mean(0) for k in range(len(context.data.classes))])
    images = state.tensors["images"] if state else context.start.images
    labels, half = context.start.labels, config.steps // 2
    for step in range(state.step + 1 if state else 0, config.steps + 1):
        rate = config.drift if 0 < step <= half else 0.0
        images = (images + rate * (means[labels] - images)) * (0.99 if step > half else 1.0)
        temperature = 1.0 - 0.8 * step / config.steps
        soft = (torch.nn.functional.one_hot(labels, len(means)) / temperature).softmax(1)
        if step:
            drifting = step <= half
            yield Progress("drift" if drifting else "shrink", step if drifting else step - half, half)
        if step % config.record_every == 0 or step == config.steps:
            distance = float((images - means[labels]).square().mean())
            yield Snapshot(step, images, labels, soft, {"distance": distance, "heat": temperature})
            yield State(step, {"images": images})
    recipe = {"temperature": temperature, "teacher": "none: sharpened by hand"}
    yield Finished(DistilledSet(as_bytes(images), labels.numpy(), soft.numpy(), config.partition, recipe))


def spent(config: RunConfig, shape: Shape) -> Spent:
    """Next to nothing."""
    return Spent((Job("drift", config.steps, shape.classes, 1), Job("shrink", config.steps, shape.classes, 1)))


PHASES = (Phase("drift", "Drifting to the class means", "Drift"), Phase("shrink", "Shrinking", "Shrink"))
SERIES = (Series("distance", "Distance to the class mean", "pixel units²"), Series("heat", "Label heat", "", "Heat"))
HERE = {"run": "toy_method:run", "settings": "toy_method:ToyConfig", "cost": "toy_method:spent"}
METHODS["toy"] = Method("Toy", "Toys", "Images drift to their class mean", phases=PHASES, series=SERIES, **HERE)
