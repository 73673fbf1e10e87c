"""Points that a person places: read and written as text, and what they still lack. No torch.

An address says a point as a letter of its class and two whole hundredths, ``a12.7`` for class 1 at (0.12, 0.07); a
field says it as a line ``0.12 0.07 1``.
"""

import math
import re
from collections import Counter

from c2r.base.errors import InputError, quoted
from c2r.learn.settings import MOST, Given

CLASSES = "abc"
LONGEST = 8 * MOST  # letters of an address that names the most points
POINT = re.compile(r"([abc])(\d{1,3})\.(\d{1,3})")

Placed = tuple[Given, ...]


def read(text: str) -> Placed:
    """The points that an address names; InputError for what names none or too many."""
    found = POINT.findall(text) if len(text) <= LONGEST else []
    if not text or "".join(f"{letter}{x}.{y}" for letter, x, y in found) != text:
        raise InputError(
            f"Expected up to {MOST} placed points such as a12.7b80.55, found '{quoted(text)}': place them anew."
        )
    return _bounded([(int(x) / 100, int(y) / 100, CLASSES.index(letter)) for letter, x, y in found])


def written(points: Placed) -> str:
    """The points as an address names them, to a hundredth; '' for none."""
    return "".join(f"{CLASSES[label]}{round(100 * x)}.{round(100 * y)}" for x, y, label in points)


def read_lines(text: str) -> Placed:
    """The points of a field, one on a line: x₁, x₂ and the class; InputError names the first line that is wrong."""
    points = []
    for number, line in enumerate(text[: 40 * LONGEST].splitlines(), 1):
        words = line.replace(",", " ").split()
        if words:
            points.append(_point(words, number))
    return _bounded(points)


def lines(points: Placed) -> str:
    """The points as a field shows them."""
    return "\n".join(f"{x:g} {y:g} {label + 1}" for x, y, label in points)


def missing(points: Placed, per_class: int) -> str:
    """What the points lack for `per_class` distilled ones of at least two classes, as a sentence; '' for nothing."""
    counts = Counter(label for _, _, label in points)
    wanted = range(max(2, max(counts, default=0) + 1))
    short = [(label + 1, per_class - counts[label]) for label in wanted if counts[label] < per_class]
    if not short:
        return ""
    needs = " and ".join(f"{more} more of class {label}" for label, more in short)
    return f"Place {needs}: every class needs at least {per_class}, as many as are distilled."


def _point(words: list[str], number: int) -> Given:
    try:
        x, y, label = float(words[0]), float(words[1]), int(words[2])
        fits = len(words) == 3 and label in range(1, len(CLASSES) + 1)
    except (ValueError, IndexError):
        fits = False
    if not fits:
        raise InputError(
            f"Line {number} expects x₁, x₂ and a class from 1 to {len(CLASSES)}, found '{quoted(' '.join(words))}':"
            " write it as 0.25 0.6 1."
        )
    return x, y, label - 1


def _bounded(points: list[Given]) -> Placed:
    """At most `MOST` points of the unit square, to a hundredth."""
    if len(points) > MOST:
        raise InputError(f"Expected at most {MOST} placed points, found {len(points)}: take some away.")
    for x, y, _ in points:
        if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= 1 and 0 <= y <= 1):
            raise InputError(f"Expected coordinates between 0 and 1, found ({x:g}, {y:g}): move that point inside.")
    return tuple((round(x, 2), round(y, 2), label) for x, y, label in points)
