"""Instance norm → ReLU → average pool 2 of one ConvNet block in one pass over memory, forward and backward, on the CPU.

Torch's kernels for the three cost as much as the convolutions; compiled by numba (a dependency of umap-learn) they cost
a
tenth. Images are [B, H, W, C], channels innermost; statistics [B, C]. One thread; other threads go on meanwhile.
"""

import numpy as np
from numba import njit

Array = np.ndarray


@njit(nogil=True, cache=True, error_model="numpy")
def forward(y: Array, scale: Array, shift: Array, eps: np.float32, mean: Array, inverse: Array, out: Array) -> None:
    """Fill `mean` and `inverse` (1/standard deviation) of `y`, and `out` [B, H/2, W/2, C].

    More than six parameters, because a compiled kernel takes arrays and numbers only.
    """
    images, height, width, channels = y.shape
    count, quarter, zero = np.float32(height * width), np.float32(0.25), np.float32(0)
    for b in range(images):
        mean[b] = zero
        inverse[b] = zero
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    mean[b, c] += y[b, i, j, c]
        for c in range(channels):
            mean[b, c] /= count
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    apart = y[b, i, j, c] - mean[b, c]
                    inverse[b, c] += apart * apart
        for c in range(channels):
            inverse[b, c] = np.float32(1) / np.sqrt(inverse[b, c] / count + eps)
        for i in range(height // 2):
            for j in range(width // 2):
                for c in range(channels):
                    factor = scale[c] * inverse[b, c]
                    offset = shift[c] - mean[b, c] * factor
                    top = max(y[b, 2 * i, 2 * j, c] * factor + offset, zero) + max(
                        y[b, 2 * i, 2 * j + 1, c] * factor + offset, zero
                    )
                    low = max(y[b, 2 * i + 1, 2 * j, c] * factor + offset, zero) + max(
                        y[b, 2 * i + 1, 2 * j + 1, c] * factor + offset, zero
                    )
                    out[b, i, j, c] = quarter * (top + low)


@njit(nogil=True, cache=True, error_model="numpy")
def backward(
    g: Array, y: Array, scale: Array, shift: Array, mean: Array, inverse: Array, total: Array, along: Array, out: Array
) -> None:
    """Gradient `out` at `y` from gradient `g` [B, H/2, W/2, C]; sums over an image for shift (`total`) and scale
    (`along`).

    More than six parameters, as `forward`.
    """
    images, height, width, channels = y.shape
    count, quarter, zero = np.float32(height * width), np.float32(0.25), np.float32(0)
    for b in range(images):
        total[b] = zero
        along[b] = zero
        for i in range(height // 2 * 2):
            for j in range(width // 2 * 2):
                for c in range(channels):
                    z = (y[b, i, j, c] - mean[b, c]) * inverse[b, c]
                    passed = quarter * g[b, i // 2, j // 2, c] if scale[c] * z + shift[c] > zero else zero
                    total[b, c] += passed
                    along[b, c] += passed * z
        for i in range(height):
            for j in range(width):
                pooled = i < height // 2 * 2 and j < width // 2 * 2
                for c in range(channels):
                    z = (y[b, i, j, c] - mean[b, c]) * inverse[b, c]
                    passed = quarter * g[b, i // 2, j // 2, c] if pooled and scale[c] * z + shift[c] > zero else zero
                    out[b, i, j, c] = scale[c] * inverse[b, c] * (passed - (total[b, c] + z * along[b, c]) / count)
