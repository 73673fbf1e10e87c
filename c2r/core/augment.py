"""Differentiable Siamese augmentation (DSA, Zhao & Bilen 2021; methods spec §3.0), drawn from a local generator.

One operation is drawn per call and applied with the same parameters to every image it is given, so clean, adversarial,
real and synthetic images are transformed alike. Strengths are DSA's, which are stated for normalised images; here they
are scaled by the channel statistics, and what moves in from outside is the channel mean (0 in normalised space).
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Transform = Callable[[Tensor], Tensor]


def draw(generator: torch.Generator, mean: Tensor, std: Tensor, flip: bool) -> Transform:
    """One random transform of images [B, C, H, W], kept in the pixel box [0, 1], so that attacks come after it, here as
    everywhere.

    :param generator: a CPU generator; mean, std: [C]; flip: without it, mirroring is never drawn
    """
    names = [name for name in OPERATIONS if name != "flip" or flip]
    name = names[int(torch.randint(len(names), (1,), generator=generator))]
    u = torch.rand(6, generator=generator).tolist()
    mean, std = mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)
    return lambda images: OPERATIONS[name](images, u, mean, std).clamp(0, 1)


def _color(images: Tensor, u: list[float], mean: Tensor, std: Tensor) -> Tensor:
    z = (images - mean) / std + (u[0] - 0.5)
    grey = z.mean(1, keepdim=True)
    z = (z - grey) * (2 * u[1]) + grey
    centre = z.mean((1, 2, 3), keepdim=True)
    return ((z - centre) * (u[2] + 0.5) + centre) * std + mean


def _crop(images: Tensor, u: list[float], mean: Tensor, _std: Tensor) -> Tensor:
    height, width = images.shape[2:]
    down, right = (round((2 * v - 1) * 0.125 * side) for v, side in ((u[0], height), (u[1], width)))
    padded = F.pad(images - mean, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)))
    top, left = max(-down, 0), max(-right, 0)
    return padded[:, :, top : top + height, left : left + width] + mean


def _cutout(images: Tensor, u: list[float], mean: Tensor, _std: Tensor) -> Tensor:
    height, width = images.shape[2:]
    mask = torch.ones(1, 1, height, width, device=images.device)
    top, left = int(u[0] * height) - height // 4, int(u[1] * width) - width // 4
    mask[:, :, max(top, 0) : top + height // 2, max(left, 0) : left + width // 2] = 0
    return (images - mean) * mask + mean


def _flip(images: Tensor, u: list[float], _mean: Tensor, _std: Tensor) -> Tensor:
    return images.flip(3) if u[0] < 0.5 else images


def _scale(images: Tensor, u: list[float], mean: Tensor, _std: Tensor) -> Tensor:
    x, y = (1.2 ** (2 * v - 1) for v in u[:2])
    return _affine(images, [[x, 0.0, 0.0], [0.0, y, 0.0]], mean)


def _rotate(images: Tensor, u: list[float], mean: Tensor, _std: Tensor) -> Tensor:
    angle = math.radians(15 * (2 * u[0] - 1))
    return _affine(images, [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]], mean)


def _affine(images: Tensor, matrix: list[list[float]], mean: Tensor) -> Tensor:
    theta = torch.tensor([matrix], device=images.device, dtype=images.dtype)
    grid = F.affine_grid(theta, [1, *images.shape[1:]], align_corners=False).expand(len(images), -1, -1, -1)
    return F.grid_sample(images - mean, grid, align_corners=False) + mean


OPERATIONS: dict[str, Callable[[Tensor, list[float], Tensor, Tensor], Tensor]] = {
    "color": _color,
    "crop": _crop,
    "cutout": _cutout,
    "flip": _flip,
    "scale": _scale,
    "rotate": _rotate,
}
