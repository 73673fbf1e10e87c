"""What is believed of a path or a word from elsewhere: regular files only, short plain words. No torch."""

import stat
from pathlib import Path

from c2r.errors import InputError


def regular(path: Path, expected: str) -> Path:
    """The path of a regular file. Raises InputError for a folder, a device, a pipe or a socket: reading one may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path.name or path} is no regular file: expected {expected}; choose another.")
    return path
