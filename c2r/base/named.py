"""What a table names by text, ``"package.module:name"``, so that the table itself loads nothing."""

from importlib import import_module
from typing import Any


def named(place: str) -> Any:
    """The function, class or table at `place`; its module is imported on first use."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
