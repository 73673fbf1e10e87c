"""What a table names as text, imported when it is asked for: so a table of torch functions loads no torch.

Only tables of this project hold such texts; nothing that a file or a person gives ever comes here.
"""

from importlib import import_module
from typing import Any


def named(text: str) -> Any:
    """The object that ``package.module:name`` names. Loads its module."""
    module, _, name = text.partition(":")
    return getattr(import_module(module), name)
