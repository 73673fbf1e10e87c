"""Pictures to uint8 arrays of one square size: decoding and resizing, with Pillow.

The one rule for every source: a picture that is not square is cropped to its centre square, then resized by area (box
filter) when it shrinks and bilinearly when it grows. With side 0 pictures keep their size and must be equal and square.
"""

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from c2r.data.splits import Tell
from c2r.errors import InputError
from c2r.untrusted import regular

# What foreign bytes may be, whatever their name says. Pillow reads more, and starts Ghostscript for EPS.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
PICTURE = "a PNG, JPEG, WebP, BMP, GIF, TIFF or PPM picture"
MOST_PIXELS = 8192 * 8192
GREY = ("1", "L", "LA")
COLOUR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")
CHUNK = 500
# Measured on two cores: a second thread makes 32 px JPEGs (0.8 kB) 1.5 × slower, and 160 px ones (13 kB) 1.9 × faster.
THREAD_BYTES = 5000

Item = bytes | Path | None


def decode(items: Sequence[Item], side: int, name: Callable[[int], str], tell: Tell) -> tuple[np.ndarray, bool]:
    """Decode encoded pictures (PNG, JPEG, …) into uint8 RGB [N, 3, side, side]; also says whether all of them are grey.

    :param items: file contents or paths; None stands for a missing content
    :param side: side in pixels, 0 keeps the pictures' own
    :param name: what to call the i-th picture in an error, such as ``row 3 of train.parquet``
    :raises InputError: not a picture, unequal or not square with side 0, more than 8 bits per channel
    """
    own = side or own_side(open_picture(items[0], name(0)).size, name(0))
    images = np.empty((len(items), own, own, 3), np.uint8)

    def fill(start: int) -> bool:
        grey = True
        for index in range(start, min(start + CHUNK, len(items))):
            picture = open_picture(items[index], name(index))
            grey &= picture.mode in GREY
            if not side:
                _require_equal(picture.size, own, name(index))
            images[index] = np.asarray(_fit(picture.convert("RGB"), own))
        return grey

    starts = range(0, len(items), CHUNK)
    with ThreadPoolExecutor(_threads(items[0])) as pool:
        grey = True
        for start, all_grey in zip(starts, pool.map(fill, starts), strict=True):
            grey &= all_grey
            tell("Decoding images", min(1.0, (start + CHUNK) / len(items)))
    return images.transpose(0, 3, 1, 2), grey


def _threads(item: Item) -> int:
    size = item.stat().st_size if isinstance(item, Path) else len(item or b"")
    return min(8, os.cpu_count() or 1) if size > THREAD_BYTES else 1


def opened(item: Item) -> Image.Image:
    """The picture behind a path or in bytes, not decoded yet. Raises whatever Pillow raises for bytes that are none of
    `FORMATS`."""
    return Image.open(regular(item, PICTURE) if isinstance(item, Path) else io.BytesIO(item or b""), formats=FORMATS)


def open_picture(item: Item, name: str) -> Image.Image:
    """A decoded picture with 8 bits per channel. Raises InputError calling it `name`."""
    try:
        picture = opened(item)
        if picture.width * picture.height > MOST_PIXELS:
            raise _too_large(name)
        picture.load()
    except (InputError, PermissionError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except Exception:  # what foreign bytes make a decoder raise cannot be listed
        raise InputError(f"The bytes of {name} are no image: expected {PICTURE}; replace or remove it.") from None
    if picture.mode not in GREY + COLOUR:
        raise InputError(
            f"The image of {name} has pixel format {picture.mode}: expected 8 bits per channel, grey or colour;"
            " convert it."
        )
    return picture


def _too_large(name: str) -> InputError:
    return InputError(
        f"The image of {name} has more than {MOST_PIXELS} pixels: expected at most 8192×8192; shrink or remove it."
    )


def look(item: Item, side: int, name: str) -> tuple[int, int]:
    """Channels (1 or 3) and side in pixels that the first picture of a source has once it is decoded at `side`."""
    picture = open_picture(item, name)
    return (1 if picture.mode in GREY else 3), side or own_side(picture.size, name)


def own_side(size: tuple[int, int], name: str) -> int:
    """The side of a square picture of `size` (width, height). Raises InputError when it is not square."""
    if size[0] != size[1]:
        raise InputError(
            f"The image of {name} is {size[0]}×{size[1]} px: expected square images; set image_size, for example to 32."
        )
    return size[0]


def _require_equal(size: tuple[int, int], own: int, name: str) -> None:
    if size != (own, own):
        raise InputError(
            f"The image of {name} is {size[0]}×{size[1]} px, the first one {own}×{own} px: "
            "expected images of one size; set image_size, for example to 32."
        )


def _fit(picture: Image.Image, side: int) -> Image.Image:
    width, height = picture.size
    if (width, height) == (side, side):
        return picture
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    rule = Image.Resampling.BOX if side < short else Image.Resampling.BILINEAR
    return picture.resize((side, side), rule, box=(left, top, left + short, top + short))


def resize(images: np.ndarray, side: int, name: str) -> np.ndarray:
    """uint8 images [N, C, H, W] with C 1 or 3, cropped and resized to [N, C, side, side] by the rule above; 0 keeps
    them.

    :raises InputError: not square with side 0
    """
    side = side or own_side((images.shape[3], images.shape[2]), name)
    if images.shape[2:] == (side, side):
        return images
    pictures = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
    small = np.stack([np.asarray(_fit(Image.fromarray(np.ascontiguousarray(picture)), side)) for picture in pictures])
    return small[:, None] if images.shape[1] == 1 else small.transpose(0, 3, 1, 2)


def channels_first(images: np.ndarray, where: str) -> np.ndarray:
    """A view [N, C, H, W] of images [N, H, W], [N, H, W, C] or [N, C, H, W] with C 1 or 3. Raises InputError for other
    shapes."""
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2)
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    raise InputError(
        f"The images of {where} have shape {list(images.shape)}: expected [N, H, W], [N, H, W, C] or [N, C, H, W] "
        "with 1 or 3 channels; store them so."
    )
