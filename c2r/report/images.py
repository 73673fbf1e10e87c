"""Synthetic images as PNG data addresses: contact sheets and single ones. uint8 [C, H, W] in, no contrast is ever
stretched."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

GREY, GAP = 128, 2  # the neutral mid-grey around images, and how many pixels of it
SIDE = 48  # px, about which small images are enlarged to


def times(side: int) -> int:
    """How often each pixel is repeated: three for 16 px images, two up to 32 px, once for large ones; 8 px images six
    times."""
    return max(1, min(6, SIDE // side)) if side < 24 else 2 if side <= 32 else 1


def sheet(images: Sequence[np.ndarray]) -> str:
    """Images [C, H, W] side by side with `GAP` px of grey between and around, as a data address."""
    tiles = [_enlarged(image) for image in images]
    high, wide = tiles[0].shape[:2]
    picture = np.full((high + 2 * GAP, len(tiles) * (wide + GAP) + GAP, 3), GREY, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        left = GAP + i * (wide + GAP)
        picture[GAP : GAP + high, left : left + wide] = tile
    return _address(picture)


def _enlarged(image: np.ndarray) -> np.ndarray:
    k = times(max(image.shape[1:]))
    picture = np.moveaxis(image, 0, -1).repeat(k, 0).repeat(k, 1)
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def _address(picture: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode()
