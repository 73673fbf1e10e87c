"""What is believed of a path or a word from elsewhere: regular files only, short plain words. No torch."""

import json
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from c2r.base.errors import InputError, one_line

LONGEST_WORD, LONGEST_SLUG, LONGEST_TEXT = 100, 40, 1000  # letters
LARGEST = 1e15
MOST_ENTRIES = 1000
MOST_CLASSES = 10_000


def regular(path: Path, expected: str) -> Path:
    """The path of a regular file. Raises InputError for a folder, a device, a pipe or a socket: reading one may never
    end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path.name or path} is no regular file: expected {expected}; choose another.")
    return path


def word(value: object, otherwise: str = "", longest: int = LONGEST_WORD) -> str:
    """A text as a short one of letters that every file and screen can hold; `otherwise` for what is blank or no
    text."""
    text = one_line(value[: longest + 1]).strip() if isinstance(value, str) else ""
    return (text if len(text) <= longest else f"{text[: longest - 1]}…") or otherwise


def slug(value: object) -> str:
    """A word of letters, digits and ``_ . + -`` that no path reads as more than a name; '' for what is no text."""
    return re.sub(r"[^A-Za-z0-9_.+-]+|\.{2,}", "-", word(value)).strip("-.")[:LONGEST_SLUG]


def plain(value: object, levels: int = 4) -> object:
    """A JSON value as one of short texts, sane numbers, and lists and dictionaries of few entries and levels; None for
    the rest."""
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= LARGEST):
        return value
    if isinstance(value, str):
        return word(value, longest=LONGEST_TEXT)
    if isinstance(value, list) and levels:
        return [plain(item, levels - 1) for item in value[:MOST_ENTRIES]]
    if isinstance(value, dict) and levels:
        return {word(key): plain(item, levels - 1) for key, item in list(value.items())[:MOST_ENTRIES]}
    return None


def class_names(names: Iterable[object]) -> tuple[str, ...]:
    """Names of classes as short words, each once: the number of its class stands for what is no word, and beside what
    came before."""
    unique: dict[str, None] = {}
    for index, name in enumerate(names):
        text, number = word(name, str(index)), index
        free = text
        while free in unique:
            free, number = f"{text} ({number})", number + 1
        unique[free] = None
    return tuple(unique)


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError also for one that is nested too deep, or whose letters cannot be
    written again."""
    try:
        value = json.loads(text)
        if "\\ud" in (text if isinstance(text, str) else text.decode("utf-8", "replace")).lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value
