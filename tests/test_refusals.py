"""Every command × every bad value is one sentence (expected, found, what next), code 2, soon, and leaves nothing behind.

The cases are made from the parser: a new command or option is covered without a line here, a new kind of value needs a row
in `BAD`. Run: pytest tests/test_refusals.py; C2R_FUZZ=full tries every setting and every option of a kind with every value.
"""

import os
import re
import shutil
import signal
import tempfile
import unicodedata
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fake_run import make_run

from c2r import archives, foreign, keeping, tasks
from c2r.__main__ import main
from c2r.commands import entry, work
from c2r.config import RunConfig

FULL = os.environ.get("C2R_FUZZ") == "full"
LIMIT = 20  # seconds of one command
WHOLE, BY_NAME = entry.parsers()
NEXT = re.compile(
    r"\b(add|ask|bring|change|check|choose|close|convert|download|fork|free|give|import|install|leave|lower|make|mend|name|raise|read|remove"
    r"|rename|run|set|shorten|start|stop|wait|write)\b"
)


class Began(BaseException):
    """The command found nothing to refuse and began its work."""


class TooLong(BaseException):
    """The command took longer than `LIMIT`. (No Exception, so that no reader of foreign files takes it for damage.)"""


# ---- values by kind; a type of the parser has the name of the function that made it

PATHS = {
    "empty": "", "blank": "  ", "nobody": "~nouser/x", "circle": "circle", "below a circle": "circle/x", "long": "x" * 300, "long below": f"{'y' * 256}/x",
    "not UTF-8": os.fsdecode(b"caf\xe9"), "line break": "a\nb", "nul": "a\0b", "pipe": "pipe", "zero": "/dev/zero", "null": "/dev/null",
}  # fmt: skip
FOLDERS = PATHS | {"a file": "words.txt"}
FILES = PATHS | {"a folder": "folder"}
NEW = PATHS | {"here": ".", "above": "..", "root": "/", "above that": "folder/.."}
NUMBERS = {name: name for name in ("", "x", "nan", "inf", "-inf", "1e400", "9" * 30, "1.5", "٣", "0x10", "-" + "9" * 19, "1_0")}
NAMES = {
    "empty": "",
    "unknown": "nonsense",
    "slashes": "../../etc/passwd",
    "controls": "a\x1b[31m\nb",
    "commas": ",",
    "surrogate": "\udcff",
}
TEXTS = {name: NAMES[name] for name in ("empty", "controls", "surrogate")}
SETTINGS = {
    "no value": "ipc", "no name": "=5", "unknown": "nope=1", "empty": "ipc=", "negative": "ipc=-1", "nan": "eta=nan", "huge": f"ipc={'9' * 30}",
    "radius": "eps=1/0", "control": "data=a\nb", "word": "protocol=nope",
}  # fmt: skip
BAD = {
    "given": PATHS, "folder": FOLDERS, "store": FOLDERS | {"root": "/"}, "file": FILES, "new": NEW, "whole": NUMBERS, "days": {name: value for name, value in NUMBERS.items() if name != "1.5"} | {"-1": "-1"},
    "one_of": NAMES, "several_of": NAMES, "check_names": NAMES, "model": NAMES | {"no module": ":x", "no name": "x:", "no such": "nope.nope:x", "ends": "sys:exit"},
    "word": TEXTS, "assignment": SETTINGS, "text": {},
}  # fmt: skip
if FULL:
    HURT = ("", "-1", "nan", "inf", "1e400", "9" * 30, "x", "1/0", "\udcff", "a\nb", ",")
    SETTINGS |= {f"{name} {value!r}": f"{name}={value}" for name in RunConfig.model_fields for value in HURT}
FEW = ("", "x", "nan", "9" * 30)  # what an ordinary run tries of numbers


def kind(action) -> str:
    """The kind of value that an argument of the parser takes; '' for a switch."""
    return "" if action.nargs == 0 else getattr(action.type, "__qualname__", str(action.type)).partition(".")[0]


def arguments(name: str) -> list:
    """The arguments of a command, without --help."""
    return [action for action in BY_NAME[name]._actions if action.dest != "help"]


def good(action, place: Path) -> list[str]:
    """Words that an argument takes."""
    by = {
        "DIR": "store/one",
        "FILE.zip": "new.zip" if kind(action) == "new" else "run.zip",
        "PATH": "set.npz",
        "FILE": "beard.txt",
        "ID": "gone",
    }
    words = [str(place / by[action.metavar]) if action.metavar != "ID" else "gone"] if action.metavar in by else ["0"]
    return words * 2 if action.nargs == "+" else words


def line(name: str, place: Path, instead: object = None, value: str = "") -> list[str]:
    """A command line with everything a command needs, and `value` for the argument `instead`."""
    words = []
    for action in arguments(name):
        taken = [value, *good(action, place)[1:]] if action is instead else good(action, place)
        if action.option_strings:
            words += [f"{action.option_strings[0]}={taken[0]}"] if action is instead or action.required else []
        elif action is instead or action.nargs != "?":
            words += taken if not taken[0].startswith("-") else ["--", *taken]
    return [name, *words]


# ---- what must hold


@contextmanager
def within(seconds: int):
    def late(*_):
        raise TooLong

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def listing(folder: Path) -> dict[str, tuple]:
    """Everything below a folder: kind, size and time of change, but for locks, which are opened to be looked at."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            seen = os.lstat(os.path.join(place, name))
            found[os.path.join(place, name)] = (
                seen.st_mode,
                *((seen.st_size, seen.st_mtime_ns) if name in names and name != "lock" else ()),
            )
    return found


def tried(words: list[str], capsys) -> tuple[object, str]:
    """The code of a command, or why it did not end, and what it said on stderr."""
    try:
        with within(LIMIT):
            code: object = main(words)
    except (Began, TooLong, SystemExit) as error:
        code = type(error).__name__
    except Exception as error:
        code = repr(error)
    return code, capsys.readouterr().err.strip()


def unfit(said: str) -> str:
    """Why a text is no sentence that helps, '' when it is."""
    kinds = {unicodedata.category(letter) for letter in said}
    if kinds & {"Cc", "Cs", "Zl", "Zp"} or not 0 < len(said) < 1000 or "Traceback" in said or "usage:" in said:
        return "no single line"
    if said.startswith("The command broke ("):
        return "nobody foresaw it"
    if "expect" not in said:
        return "says nothing of what was expected"
    return "" if NEXT.search(said.partition("expect")[2]) else "says nothing of what to do"


def complaint(words: list[str], capsys, place: Path, before: dict, names: tuple[str, ...] = ()) -> str:
    """What is wrong with the way in which a command refuses these words, '' for nothing. :param names: one of them is in the sentence"""
    code, said = tried(words, capsys)
    wrong = f"ended with {code}" if code != 2 else unfit(said)
    if names and not any(name and name in said for name in names):
        wrong = wrong or "does not say what is wrong"
    after = {name: seen for name, seen in listing(place).items() if not said.endswith(f"{name}.")}  # a log that it names may stay
    if not wrong and after != before:
        wrong = f"left or changed {sorted(dict(set(after.items()) ^ set(before.items())))[:3]}"
    before.clear()
    before |= listing(place)
    return f"{wrong}: {' '.join(words)!r}: {said[-400:]!r}" if wrong else ""


def none(wrong: list[str]) -> None:
    """Fail with all complaints, one per line."""
    if found := "\n".join(filter(None, wrong)):
        pytest.fail(found, pytrace=False)


# ---- a store and files to give


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with a store of a few runs, a file of every kind, a pipe and a circle of links."""
    place = tmp_path_factory.mktemp("refusals")
    for name in ("one", "gone"):
        make_run(place / "store" / name, n=12, classes=3, steps=3)
    archives.archive(place / "store" / "one", place / "run.zip")
    keeping.delete(place / "store" / "gone", place / "store")
    (place / "folder").mkdir()
    (place / "tmp").mkdir()
    (place / "words.txt").write_text("words\n")
    shutil.copy(Path(__file__).parent / "data" / "ConvNet_CIFAR10_10_evaluation_log.txt", place / "beard.txt")
    np.savez(place / "set.npz", images=np.zeros((10, 1, 8, 8), np.uint8), labels=np.arange(10))
    (place / "circle").symlink_to("circle")
    os.mkfifo(place / "pipe")
    return place


@pytest.fixture
def place(made, monkeypatch) -> Path:
    """The folder to work in: commands that begin their work say so instead of doing it."""

    def began(*_, **__):
        raise Began

    monkeypatch.chdir(made)
    monkeypatch.setenv("C2R_RUNS", str(made / "store"))
    monkeypatch.setattr(tempfile, "tempdir", str(made / "tmp"))
    monkeypatch.setattr(work, "_work", began)
    monkeypatch.setattr(tasks, "joint_umap", began)
    monkeypatch.setattr(foreign, "measure", began)
    return made


@pytest.mark.parametrize("name", BY_NAME)
def test_every_argument_declares_its_kind_and_every_help_can_be_read(name, capsys):
    assert [(action.dest, kind(action)) for action in arguments(name) if kind(action) and kind(action) not in BAD] == []
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0 and f"usage: python -m c2r {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", BY_NAME)
def test_a_command_refuses_every_bad_value_of_every_argument(name, place, capsys):
    before, wrong = listing(place), []
    for action in arguments(name):
        values = BAD[kind(action)] if kind(action) else {}
        for label, value in values.items():
            if kind(action) == "whole" and not FULL and label not in FEW:
                continue
            named = (*action.option_strings, str(action.metavar), value[:40], "Unknown", "Setting", value.partition("=")[0])
            wrong.append(complaint(line(name, place, action, value), capsys, place, before, named))
    none(wrong)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_command_line_of_the_wrong_shape_is_a_sentence_with_the_name_of_what_is_wrong(name, place, capsys):
    before = listing(place)
    shapes = [([*line(name, place), "--nonsense"], ("--nonsense",)), ([*line(name, place), "--nonsense=3"], ("--nonsense",))]
    shapes += [([*line(name, place), "--json=3"], ("--json",))] if any(action.dest == "json" for action in arguments(name)) else []
    for action in arguments(name):
        if action.option_strings and action.nargs != 0:
            shapes.append(([*line(name, place), action.option_strings[0]], (action.option_strings[0],)))
        elif not action.option_strings and action.nargs != "?":
            shapes.append(([name], (action.metavar,)))
    if not any(action.nargs == "+" for action in arguments(name)):
        shapes.append(([*line(name, place), "new.zip", "surplus"], ("surplus", "new.zip")))
    none([complaint(words, capsys, place, before, names) for words, names in shapes])


@pytest.mark.parametrize("words", [[], ["nonsense"], [""], ["dist"], ["--json"], ["a\nb"]], ids=repr)
def test_a_command_that_is_missing_or_unknown_is_a_sentence_with_the_commands(words, place, capsys):
    assert complaint(words, capsys, place, listing(place), ("distill, evaluate",)) == ""
