"""Images for the screen: uint8 [C, H, W] in, arrays [H, W, 3] or PNG bytes out. No contrast is ever stretched.

C is 1 (grey) or 3 (red, green, blue). Everything stands on the same mid-grey in both appearances.
"""

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from c2r.base.errors import InputError

GREY = 128  # the mid-grey of `app.theme`, also "no difference"


def upscale(image: Any, to: int = 96) -> np.ndarray:
    """The image [C, H, W] as uint8 [kH, kW, 3], pixels repeated k times: the largest whole k that stays within `to` px,
    at least 1."""
    image = _checked(image)
    k = max(1, to // max(image.shape[1:]))
    picture = np.repeat(np.repeat(np.moveaxis(image, 0, -1), k, axis=0), k, axis=1)
    return np.broadcast_to(picture, (*picture.shape[:2], 3)).copy()


def shrink(image: Any, to: int) -> np.ndarray:
    """The image uint8 [C, H, W], means of k × k pixels in place of each, with the largest whole k that leaves at least
    `to` px a side."""
    image = _checked(image)
    k = max(1, min(image.shape[1:]) // to)
    high, wide = (side // k for side in image.shape[1:])
    parts = image[:, : high * k, : wide * k].reshape(len(image), high, k, wide, k)
    return np.rint(parts.mean((2, 4))).astype(np.uint8) if k > 1 else image


def strip(images: Any, columns: int, *, to: int = 48, gap: int = 2) -> np.ndarray:
    """A contact sheet of images [M, C, H, W], row by row in `columns` columns: uint8 [.., .., 3], `gap` px of grey
    between and around."""
    tiles = [upscale(image, to) for image in images]
    if not tiles:
        raise InputError(
            "A contact sheet expects at least one image, found none: choose other classes or another step."
        )
    high, wide = tiles[0].shape[:2]
    columns = max(1, min(columns, len(tiles)))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (high + gap) + gap, columns * (wide + gap) + gap, 3), GREY, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        top, left = gap + i // columns * (high + gap), gap + i % columns * (wide + gap)
        sheet[top : top + high, left : left + wide] = tile
    return sheet


class Sheet(NamedTuple):
    """Pictures side by side in one file, row by row: each `side` px wide at the top left of a cell of `cell` px; exact
    unless `jpeg`."""

    content: bytes
    jpeg: bool
    side: int
    cell: int
    columns: int


EXACT, LARGEST = 250_000, 2_100_000  # pixels of a sheet that is stored exactly; of any sheet
HEAVIEST = 700_000  # bytes of a sheet
QUALITIES = (75, 50, 25, 10)
BLOCK = 16  # px of the squares that JPEG mixes colours in: no picture shares one with its neighbour


def sheet(images: Any) -> Sheet:
    """All images [M, C, H, W] uint8 in one small file: a PNG of the very pixels, or of many a JPEG, made smaller where
    they are large."""
    images = np.asarray(images)
    _checked(images[0])
    m, largest = len(images), max(images.shape[2:])
    k = next(k for k in range(1, largest + 1) if m * (largest // k) ** 2 <= LARGEST or k == largest)
    if k > 1:
        high, wide = (size // k for size in images.shape[2:])
        parts = images[:, :, : high * k, : wide * k].reshape(m, -1, high, k, wide, k)
        images = np.rint(parts.mean((3, 5), dtype=np.float32)).astype(np.uint8)
    side = max(images.shape[2:])
    jpeg = m * side**2 > EXACT
    cell, columns = -(-side // BLOCK) * BLOCK if jpeg else side, int(np.ceil(np.sqrt(m)))
    rows = -(-m // columns)
    cells = np.full((rows * columns, cell, cell, 3), GREY, dtype=np.uint8)
    cells[:m, : images.shape[2], : images.shape[3]] = np.moveaxis(images, 1, -1)
    picture = cells.reshape(rows, columns, cell, cell, 3).swapaxes(1, 2).reshape(rows * cell, columns * cell, 3)
    return Sheet(_jpeg(picture) if jpeg else png(picture), jpeg, side, cell, columns)


def _jpeg(picture: np.ndarray) -> bytes:
    """A picture uint8 [H, W, 3] as the bytes of a JPEG file of at most `HEAVIEST` bytes, or of the lowest quality."""
    for quality in QUALITIES:
        buffer = BytesIO()
        Image.fromarray(picture).save(buffer, format="JPEG", quality=quality)
        if buffer.tell() <= HEAVIEST:
            break
    return buffer.getvalue()


def adversarial_twin(image: Any, delta: Any) -> np.ndarray:
    """The image uint8 [.., C, H, W] with `delta` (same shape, pixel units of [0, 1]) added, rounded to uint8 and kept
    in the box."""
    image, delta = np.asarray(image), np.asarray(delta, dtype=np.float32)
    if image.shape != delta.shape:
        raise InputError(
            f"An adversarial image expects a difference of the same shape, found {delta.shape} for {image.shape}:"
            " choose another step."
        )
    return np.clip(np.rint(image.astype(np.float32) + 255 * delta), 0, 255).astype(np.uint8)


def difference(delta: Any, times: float = 10) -> np.ndarray:
    """`delta` [.., C, H, W] (pixel units of [0, 1]) as uint8 around mid-grey, enlarged `times`: one scale for all
    images."""
    return np.clip(np.rint(GREY + 255 * times * np.asarray(delta, dtype=np.float32)), 0, 255).astype(np.uint8)


def enlargement(largest: float) -> int:
    """How many times all differences of a step are enlarged, whose `largest` |δ| is given: 10, or less where it would
    leave the grey range."""
    return max(1, min(10, int(0.5 / largest))) if largest else 10


def bars(
    values: Any, colours: list[str], chosen: int | None = None, *, width: int = 256, height: int = 56
) -> np.ndarray:
    """Upright bars from shares in [0, 1], left to right, each on its own faint track: uint8 [height, width, 4],
    see-through around.

    `colours` are ``#rrggbb``, one per bar; all but the `chosen` one are paler. An empty bar keeps a line at its foot.
    """
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    edges = np.linspace(0, width, len(colours) + 1).astype(int)
    for i, (value, colour) in enumerate(zip(values, colours, strict=True)):
        left, right = edges[i], max(edges[i] + 1, edges[i + 1] - 4)
        ink = [int(colour[j : j + 2], 16) for j in (1, 3, 5)]
        picture[:, left:right] = (*(GREY,) * 3, 48)
        picture[height - max(3, round(height * float(value))) :, left:right] = (
            *ink,
            255 if chosen in (None, i) else 130,
        )
    return picture


def png(picture: np.ndarray) -> bytes:
    """An array uint8 [H, W, 3], or [H, W, 4] with opacity, as the bytes of a PNG file, pixels unchanged."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", optimize=False, compress_level=3)
    return buffer.getvalue()


def _checked(image: Any) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[0] not in (1, 3) or image.dtype != np.uint8:
        raise InputError(
            f"An image expects uint8 [C, H, W] with 1 or 3 channels, found {image.dtype} {image.shape}: choose another"
            " step."
        )
    return image
