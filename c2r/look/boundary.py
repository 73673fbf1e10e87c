"""What a network says on a plane of images (`c2r.look.plane`): class regions and margins, coarse first and then finer.

Letters: n grid points per side, B images of one pass, K classes. Everything happens on the CPU: a plane must not take
the device from a run.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.base.errors import InputError
from c2r.core.margins import logit_margin
from c2r.look.plane import Plane, Window

Array = np.ndarray
Model = Callable[[Tensor], Tensor]
Mapped = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
SIDE = 101  # grid points per side
STRIDES = (4, 2, 1)  # first every fourth of them (26 × 26), then every second, then all
BATCH = 64  # images of one pass: few enough that they stay in the processor's cache
WAYS = 64  # places that are tried between two images


@dataclass(frozen=True)
class Regions:
    """A network on an evenly spaced grid, rows from the bottom.

    :param classes: what is predicted, uint8 [n, n], uint16 from 257 classes on
    :param margin: by how much the largest logit leads the second, float32 [n, n], never negative
    :param own: the logit margin of the class that is asked about, float32 [n, n]: negative where another is predicted
    """

    classes: Array
    margin: Array
    own: Array


def sweep(
    network: Model, plane: Plane, window: Window, label: int, n: int = SIDE, mapped: Mapped = map
) -> Iterator[Regions]:
    """A frozen network on n × n places of a window; each grid holds the points of the one before it, which are not
    computed again.

    :param label: the class that is asked about, that of the image at the origin
    :param mapped: ``map``, or that of a pool of threads, each of which computes batches of its own
    :raises InputError: a grid that does not begin and end with a point of the coarsest one
    """
    if (n - 1) % STRIDES[0]:
        raise InputError(
            f"A grid expects a multiple of {STRIDES[0]} and one points per side, found {n}: choose for example {SIDE}."
        )
    places, number = window.places(n), np.arange(n)
    done = np.zeros((n, n), bool)
    found = np.zeros((3, n, n), np.float32)  # a class is a small whole number, which a float32 holds exactly
    for stride in STRIDES:
        on = number % stride == 0
        asked = on[:, None] & on[None, :] & ~done
        found[:, asked] = _answers(network, plane, places[asked.ravel()], label, mapped)
        done |= asked
        classes, margin, own = found[:, ::stride, ::stride]
        kind = np.uint8 if classes.max() < 256 else np.uint16
        yield Regions(classes.astype(kind), margin.copy(), own.copy())


@torch.inference_mode()
def _answers(network: Model, plane: Plane, places: Array, label: int, mapped: Mapped) -> Array:
    """Predicted class, its lead and the margin of `label` at places [M, 2]: float32 [3, M]."""
    origin = torch.from_numpy(plane.origin).float()
    axes = torch.from_numpy(plane.axes).float()

    def answer(part: Tensor) -> Tensor:
        with torch.inference_mode():  # a thread of a pool has a mode of its own
            images = torch.addmm(origin.view(1, -1), part, axes).view(-1, *origin.shape)
            logits = network(images).float()
            first, second = logits.topk(2, 1).values.unbind(1)
            own = logit_margin(logits, torch.full((len(part),), label))
            return torch.stack([logits.argmax(1).float(), first - second, own])

    parts = torch.from_numpy(places).float().split(BATCH)
    return torch.cat(list(mapped(answer, parts)), 1).numpy()


def margins_at(network: Model, images: Array, label: int) -> tuple[Array, Array]:
    """Predicted classes [B] and logit margins of `label` [B] at images [B, C, H, W]."""
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.ascontiguousarray(images, np.float32)))
        own = logit_margin(logits, torch.full((len(images),), label))
        return logits.argmax(1).numpy(), own.numpy()


def gradient(network: Model, image: Array, label: int) -> Array:
    """The gradient of the cross-entropy of `label` at an image, [C, H, W]: where the loss climbs fastest."""
    x = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None].requires_grad_(True)
    loss = F.cross_entropy(network(x), torch.tensor([label]))
    return torch.autograd.grad(loss, x)[0][0].double().numpy()


def crossing(network: Model, start: Array, end: Array, label: int) -> float | None:
    """The share of the way from one image to another, both [C, H, W], at which `label` is no longer predicted.

    The first of `WAYS` even steps that lies beyond the boundary, and then bisection: a thinner region of another class
    is not seen. 0 where `label` is not predicted from the start, None where it is all the way.
    """
    low, high = 0.0, 1.0
    ways = np.linspace(0, 1, WAYS + 1)
    _, own = margins_at(network, _between(start, end, ways), label)
    if own[0] <= 0:
        return 0.0
    if not (own <= 0).any():
        return None
    first = int((own <= 0).argmax())
    low, high = float(ways[first - 1]), float(ways[first])
    for _ in range(20):
        middle = (low + high) / 2
        _, there = margins_at(network, _between(start, end, np.array([middle])), label)
        low, high = (low, middle) if there[0] <= 0 else (middle, high)
    return high


def _between(start: Array, end: Array, shares: Array) -> Array:
    mixed: Array = start + shares[:, None, None, None] * (np.asarray(end, np.float64) - start)
    return mixed
