"""The files of components that live in the browser: their scripts and style sheets, read once a server."""

from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def texts(*names: str) -> str:
    """The files `names` of this folder, one after the other. ``mounted.js``, which keeps what an element shows, goes
    first where a script uses it."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)
