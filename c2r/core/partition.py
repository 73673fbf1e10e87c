"""Partition-expansion: a stored image holds p×p small ones (IDM, Zhao et al. 2023; used by BACON and ROME).

Letters: N stored images, C channels, H W sides, p parts per side.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def edges(side: int, p: int) -> list[int]:
    """Where parts begin and end along a side: p + 1 pixel positions, so that p need not divide the side."""
    return [round(i * side / p) for i in range(p + 1)]


def boxes(height: int, width: int, p: int) -> list[tuple[slice, slice]]:
    """Pixel boxes of the p² parts, row by row."""
    rows, columns = edges(height, p), edges(width, p)
    return [(slice(rows[i], rows[i + 1]), slice(columns[j], columns[j + 1])) for i in range(p) for j in range(p)]


def expand(images: Tensor, p: int) -> Tensor:
    """Cut stored images [N, C, H, W] into parts and upsample each to H×W: [N·p², C, H, W], the parts of one image
    adjacent.

    Bilinear, so every output pixel is a mean of stored pixels: a perturbation within ε stays within ε.
    """
    if p == 1:
        return images
    n, channels, height, width = images.shape
    parts = [
        F.interpolate(images[:, :, rows, columns], (height, width), mode="bilinear", align_corners=False)
        for rows, columns in boxes(height, width, p)
    ]
    return torch.stack(parts, 1).view(n * p * p, channels, height, width)


def fold(parts: Tensor, p: int) -> Tensor:
    """What `expand` made [N·p², C, H, W] as seen on the stored images [N, C, H, W]: the mean over the area of each
    stored pixel."""
    if p == 1:
        return parts
    count, channels, height, width = parts.shape
    stored = parts.new_empty(count // p**2, channels, height, width)
    for part, (rows, columns) in enumerate(boxes(height, width, p)):
        size = (rows.stop - rows.start, columns.stop - columns.start)
        stored[:, :, rows, columns] = F.interpolate(parts[part :: p * p], size, mode="area")
    return stored
