"""What is believed of a path or a word from elsewhere: regular files only, short plain words. No torch."""

import stat
from collections.abc import Iterable
from pathlib import Path

from c2r.errors import InputError, one_line

LONGEST_WORD = 100  # letters of a name


def regular(path: Path, expected: str) -> Path:
    """The path of a regular file. Raises InputError for a folder, a device, a pipe or a socket: reading one may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path.name or path} is no regular file: expected {expected}; choose another.")
    return path


def word(value: object, otherwise: str = "") -> str:
    """A text as a short one of letters that every file and screen can hold; `otherwise` for what is blank or no text."""
    text = one_line(value[: LONGEST_WORD + 1]).strip() if isinstance(value, str) else ""
    return (text if len(text) <= LONGEST_WORD else f"{text[: LONGEST_WORD - 1]}…") or otherwise


def class_names(names: Iterable[object]) -> tuple[str, ...]:
    """Names of classes as short words, each once: the number of its class stands for what is no word, and beside what came before."""
    found: dict[str, None] = {}
    for index, name in enumerate(names):
        text = word(name, str(index))
        found[text if text not in found else f"{text} ({index})"] = None
    return tuple(found)
