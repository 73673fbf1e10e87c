"""A replay as an animated GIF: margin histogram and map at every recorded step, drawn in a simple way with Pillow.

It reads the same file as the player, so both show the same figures.
"""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from safetensors.numpy import load

from c2r.look.colours import ADVERSARIAL, CLEAN
from c2r.look.replay import replay
from c2r.look.replaymap import FINEST
from c2r.look.summary import BIN_EDGES, thin
from c2r.report import style

WIDE, HIGH, SIDE = 760, 400, 330  # px: the picture, and a panel
HEAD, LEFT, RIGHT = 46, 44, 400  # px: below the title; where the panels start
FRAMES = 120  # pictures at most; of more steps evenly spread ones are drawn
PAUSE, LAST = 140, 1400  # ms of a picture, and of the last one
ROUND = 4  # px, half of a mark

Box = tuple[float, float, float, float]


class Told(NamedTuple):
    """A replay as it was read: arrays, and what is said about them."""

    arrays: dict[str, np.ndarray]
    about: dict[str, Any]


def replay_gif(path: Path) -> bytes:
    """The replay of a run folder as an animated GIF that begins anew at its end. Raises InputError."""
    told = read(replay(path))
    kept = thin(len(told.arrays["steps"]), FRAMES)
    pictures = [_picture(told, int(i)).quantize(64, dither=Image.Dither.NONE) for i in kept]
    content = io.BytesIO()
    pauses = [PAUSE] * (len(pictures) - 1) + [LAST]
    pictures[0].save(content, "GIF", save_all=True, append_images=pictures[1:], duration=pauses, loop=0, optimize=True)
    return content.getvalue()


def read(content: bytes) -> Told:
    """The arrays of a replay, and what it says about them."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return Told(load(content), json.loads(header["__metadata__"]["about"]))


def _picture(told: Told, i: int) -> Image.Image:
    """Both panels at recorded step number `i`."""
    picture = Image.new("RGB", (WIDE, HIGH), style.LIGHT["page"])
    pen, steps, about = ImageDraw.Draw(picture), told.arrays["steps"], told.about
    broken, wide = (
        int(told.arrays["broken"][i]),
        (WIDE - 2 * LEFT) * (steps[i] - steps[0]) / max(1, steps[-1] - steps[0]),
    )
    pen.text((LEFT, 6), f"Step {steps[i]} of {steps[-1]}", style.LIGHT["text"], _font(16))
    said = f"At least {broken} of {about['n']} images are broken within {about['eps']}"
    pen.text((LEFT, 27), said, style.LIGHT["text"], _font(12))
    pen.text(
        (RIGHT, 27),
        f"{(about['map'] or {}).get('method', 'No map')}: circle clean, cross adversarial",
        style.LIGHT["text"],
        _font(12),
    )
    pen.rectangle((LEFT, HIGH - 6, WIDE - LEFT, HIGH - 4), style.LIGHT["grid"])
    pen.rectangle((LEFT, HIGH - 6, LEFT + float(wide), HIGH - 4), style.LIGHT["clean"])
    _histogram(pen, told, i)
    if about["map"]:
        _map(pen, told, i)
    return picture


def _histogram(pen: ImageDraw.ImageDraw, told: Told, i: int) -> None:
    """Robust margins as bars, clean ones as a line, in the bins that any step fills."""
    counts, edges = told.arrays["counts"], BIN_EDGES
    filled = np.flatnonzero(counts.sum((0, 1)))
    low, high = min(-5.0, edges[filled[0]]), max(5.0, edges[filled[-1] + 1])
    base, top = HEAD + SIDE - 36, max(1, int(counts.max()))

    def place(margin: float, count: float) -> tuple[float, float]:
        return LEFT + SIDE * (margin - low) / (high - low), base - (base - HEAD - 18) * count / top

    line: list[tuple[float, float]] = []
    for k in range(int(np.searchsorted(edges, low)), int(np.searchsorted(edges, high))):
        (left, y), (right, floor) = place(edges[k], counts[i, 0, k]), place(edges[k + 1], 0)
        if counts[i, 0, k]:
            pen.rectangle((left + 1, y, right - 1, floor), ADVERSARIAL)
        line += [place(edges[k], counts[i, 1, k]), place(edges[k + 1], counts[i, 1, k])]
    pen.line(line, CLEAN, 2)
    ink, (zero, _) = style.LIGHT["text"], place(0, 0)
    pen.line((LEFT, base, LEFT + SIDE, base), ink)
    pen.line((zero, HEAD + 4, zero, base), ink, 2)
    pen.text((zero - 6, HEAD + 2), "misclassified", style.LIGHT["muted"], _font(11), anchor="ra")
    pen.text((zero + 6, HEAD + 2), "robust", style.LIGHT["muted"], _font(11), anchor="la")
    for tick in np.arange(np.ceil(low / 5) * 5, high + 0.1, 5):
        pen.text((place(tick, 0)[0], base + 4), f"{tick:g}", style.LIGHT["muted"], _font(11), anchor="ma")
    pen.text(
        (LEFT + SIDE / 2, base + 18),
        "margin (logits): bars robust, line clean",
        style.LIGHT["muted"],
        _font(11),
        anchor="ma",
    )
    pen.text((LEFT - 6, place(0, top)[1]), str(top), style.LIGHT["muted"], _font(11), anchor="rm")


def _map(pen: ImageDraw.ImageDraw, told: Told, i: int) -> None:
    """Where the images lie: crosses first, circles over them."""
    arrays, colours = told.arrays, told.about["colours"]
    pen.rectangle((RIGHT, HEAD, RIGHT + SIDE, HEAD + SIDE), outline=style.LIGHT["grid"])
    classes = arrays["labels"][arrays["mapped"]]
    for side in (1, 0):
        places = arrays["places"][i, side].astype(float)
        for (x, y), k in zip(places, classes, strict=True):
            if x <= FINEST:
                _mark(
                    pen, (RIGHT + SIDE * x / FINEST, HEAD + SIDE * (1 - y / FINEST)), colours[int(k)], cross=side == 1
                )


def _mark(pen: ImageDraw.ImageDraw, at: tuple[float, float], colour: str, *, cross: bool) -> None:
    left, top, right, bottom = at[0] - ROUND, at[1] - ROUND, at[0] + ROUND, at[1] + ROUND
    if cross:
        pen.line((left, top, right, bottom), colour, 2)
        pen.line((left, bottom, right, top), colour, 2)
    else:
        pen.ellipse((left, top, right, bottom), colour, style.LIGHT["text"])


def _font(size: int) -> Any:
    return ImageFont.load_default(size)
