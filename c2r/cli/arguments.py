"""How words of the command line are read, and the sentence for every one that cannot be: expected, found, what to do
next.

A type raises InputError with a whole sentence, or with one that begins with 'expects' and gets the option's name in
front.
"""

import argparse
import re
from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Any, NoReturn

from c2r import config as settings
from c2r.errors import UNSPEAKABLE, InputError, quoted, unknown

# what argparse says of the shape of a command line → the same as a sentence; {0}, {1} are what it names, {name} is the
# option
_SHAPES = {
    r"expected (?:one|at least one) argument": (
        "{name} expects a value, found nothing: write one behind it, one that begins with '-' as {name}=VALUE."
    ),
    r"ignored explicit argument '(.*)'": "{name} expects no value, found '{0}': leave it out.",
    r"ambiguous option: (\S+) could match (.*)": (
        "Option '{0}' is the start of several: expected one of {1}; write it whole."
    ),
    r"the following arguments are required: (.*)": (
        "'{command}' expects {0}, found nothing: name it; '{command} --help' says more."
    ),
}


class Parser(argparse.ArgumentParser):
    """argparse that raises InputError with a sentence of ours where it prints its usage and ends the process."""

    def __init__(self, **how: Any):
        super().__init__(exit_on_error=False, **how)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's. Raises InputError."""
        try:
            return super().parse_known_args(args, namespace)
        except argparse.ArgumentError as error:
            self._refuse(error.message, error.argument_name or "", error.__context__)

    def error(self, message: str) -> NoReturn:
        """What argparse has to say of a command line as a whole."""
        self._refuse(message, "", None)

    def _refuse(self, message: str, name: str, cause: BaseException | None) -> NoReturn:
        """Raise InputError with the sentence for what argparse says of the argument `name`, or with the one of its
        type."""
        if isinstance(cause, InputError):
            raise InputError(f"{name} {cause}" if str(cause).startswith("expects") else str(cause)) from None
        if known := self._commands():
            raise _wrong_command("".join(re.findall(r"invalid choice: '(.*)' \(choose", message)[:1]), known) from None
        for shape, text in _SHAPES.items():
            if said := re.fullmatch(shape, message, re.DOTALL):
                raise InputError(text.format(*map(quoted, said.groups()), name=name, command=self.prog)) from None
        raise InputError(
            f"'{self.prog}' expects other words ({name} {message}): '{self.prog} --help' lists them."
        ) from None

    def _commands(self) -> list[str]:
        return [
            name
            for action in self._actions
            if isinstance(action, argparse._SubParsersAction)
            for name in action.choices
        ]

    def surplus(self, words: list[str]) -> InputError:
        """The sentence for words that stand for nothing here."""
        options, word = sorted(self._option_string_actions), words[0].partition("=")[0]
        if not word.startswith("-"):
            return InputError(
                f"'{self.prog}' expects no further word, found '{quoted(word)}': leave it out, or put quotes around a"
                " name with spaces."
            )
        return _with_hint(
            f"Unknown option '{quoted(word)}': expected one of {', '.join(options)}; choose one, '{self.prog} --help'"
            " explains them.",
            word,
            options,
        )


def _wrong_command(word: str, known: list[str]) -> InputError:
    """The sentence for a command that is missing or stands in no table."""
    said = f"Unknown command '{quoted(word)}'" if word else "A command is missing"
    return _with_hint(f"{said}: expected one of {', '.join(known)}; write python -m c2r COMMAND.", word, known)


def _with_hint(sentence: str, word: str, known: Collection[str]) -> InputError:
    near = [name for name in known if word and name.startswith(word)] or get_close_matches(word, known, n=1)
    return InputError(f"{sentence} Did you mean '{near[0]}'?" if near else sentence)


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number in these limits."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise InputError(f"expects a whole number from {least} to {most}, found '{quoted(text)}': change it.")
        return int(text)

    return read


def days(text: str) -> float:
    """Reads a number of days from 0 on."""
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,9})?", text) or float(text) > 36_500:
        raise InputError(f"expects a number of days from 0 to 36500, found '{quoted(text)}': change it.")
    return float(text)


def one_of(kind: str, known: Collection[str]) -> Callable[[str], str]:
    """Reads one name of a table."""

    def read(text: str) -> str:
        if text not in known:
            raise unknown(kind, text, list(known))
        return text

    return read


def several_of(kind: str, known: Collection[str]) -> Callable[[str], list[str]]:
    """Reads names of a table with commas between them, each of them once."""

    def read(text: str) -> list[str]:
        names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        for name in names or [text]:
            if name not in known:
                raise unknown(kind, name, list(known))
        return names

    return read


def assignment(text: str) -> str:
    """Reads ``name=value``; which names there are is checked with the settings."""
    settings.parse_assignments([text])
    return text


def add_settings(parser: argparse.ArgumentParser, help: str) -> None:
    """The option ``--set NAME=VALUE``, which may be repeated."""
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="NAME=VALUE", help=help)


def word(text: str) -> str:
    """Reads a text that is not empty and can be shown."""
    if not text.strip() or UNSPEAKABLE.search(text):
        raise InputError(
            f"expects a text of letters that can be shown, found '{quoted(text)}': write another or leave the option"
            " out."
        )
    return text


def text(given: str) -> str:
    """Reads any text, also none."""
    return given
