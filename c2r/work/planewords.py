"""What a plane shows, in words: the statement above it, and what stands for it where it cannot be seen. No torch."""

from collections.abc import Mapping, Sequence
from typing import Any


def statement(about: Mapping[str, Any]) -> str:
    """What is seen, as a title: how far the boundary lies on the way to the right."""
    names, first, way = about["classes"], about["points"][0], about["way"]
    whose = f"class {_class(names, about['label'])}"
    if first["class"] != about["label"]:
        return f"{_begun(first['name'])} of {whose} is taken for class {_class(names, first['class'])}"
    if way["boundary"] is None:
        return f"{_begun(first['name'])} stays {whose} for all {way['length']:.1f} levels {way['where']}"
    there = f"{way['boundary']:.1f} of {way['length']:.1f} levels {way['where']}"
    return f"{_begun(first['name'])} leaves {whose} after {there}, to class {_class(names, way['class'])}"


def alternative(about: Mapping[str, Any]) -> str:
    """The plane for a person who does not see it: the statement, the network, where each image lies and what it is
    taken for."""
    return " ".join(
        [
            f"{statement(about)}. {_begun(about['network'])}.",
            *(f"{spoken(point, about['classes'])}." for point in about["points"]),
            f"Units are {about['unit']}; the polygon is what lies within ε = {about['eps']} of the image.",
        ]
    )


def spoken(point: Mapping[str, Any], names: Sequence[str]) -> str:
    """One image on the plane: ``Image 12 at 0.0, 0.0: class 3, margin +2.10 logits``; how far off it lies, if it
    does."""
    s, t = (round(value, 1) + 0.0 for value in point["place"])  # + 0.0: no minus before a zero
    off = f", {point['distance']:.1f} levels off the plane" if point["distance"] >= 0.05 else ""
    margin = f"{point['margin']:+.2f}".replace("-", "−")
    return f"{_begun(point['name'])} at {s:.1f}, {t:.1f}{off}: class {_class(names, point['class'])}, margin {margin}"


def _class(names: Sequence[str], k: int) -> str:
    return names[k] if 0 <= k < len(names) else str(k)


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]
