"""Replays as the server hands them out: made once for all who ask, and again when a file of the run changed."""

from pathlib import Path

import numpy as np

from app import cache
from c2r.look.replay import replay

PARTS = ("events.jsonl", "frames", "map.safetensors", "basis.safetensors", "manifest.json", "about.json")
When = tuple[cache.Stamp, ...]


def stamp(path: Path) -> When:
    """What changes with the replay of a run folder."""
    return tuple(cache.stamp(path / part) for part in PARTS)


def content(path: Path) -> bytes:
    """The replay of a run folder, see `c2r.look.replay`. Raises InputError."""
    kept: np.ndarray = _content(str(path), stamp(path))
    return kept.tobytes()


@cache.kept
def _content(path: str, when: When) -> np.ndarray:  # noqa: ARG001 - `when` is part of the key
    return np.frombuffer(replay(Path(path)), np.uint8)
