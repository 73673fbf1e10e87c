"""Every command × every bad value is one sentence (expected, found, what next), code 2, soon, and leaves nothing
behind.

The cases are made from the parser: a new command or option is covered without a line here, a new kind of value needs a
row
in `BAD`. Run: pytest tests/test_refusals.py; C2R_FUZZ=full tries every setting, number and damaged folder with every
command.
"""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unicodedata
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import TooLong, within
from fake_run import make_run

from c2r.__main__ import main
from c2r.base.errors import InputError
from c2r.cli import control, entry, imports, work
from c2r.config import every_name, load
from c2r.evaluation import external_networks
from c2r.formats import archives
from c2r.store import deleting, runs, sizes
from c2r.work import preflight, tasks

FULL = os.environ.get("C2R_FUZZ") == "full"
LIMIT = 20  # seconds of one command
WHOLE, BY_NAME = entry.parsers()
NEXT = re.compile(
    r"\b(add|ask|bring|change|check|choose|close|convert|download|end|evaluate|fork|free|give|import|install|leave|lower|make|mend|name|raise|read|remove"
    r"|rename|run|set|shorten|start|stop|wait|write)\b"
)


class Began(BaseException):
    """The command found nothing to refuse and began its work."""


# ---- values by kind; a type of the parser has the name of the function that made it

PATHS = {
    "empty": "",
    "blank": "  ",
    "nobody": "~nouser/x",
    "circle": "circle",
    "below a circle": "circle/x",
    "long": "x" * 300,
    "long below": f"{'y' * 256}/x",
    "not UTF-8": os.fsdecode(b"caf\xe9"),
    "line break": "a\nb",
    "nul": "a\0b",
    "pipe": "pipe",
    "zero": "/dev/zero",
    "null": "/dev/null",
}
FOLDERS = PATHS | {"a file": "words.txt", "root": "/"}
FILES = PATHS | {"a folder": "folder"}
NEW = PATHS | {"here": ".", "above": "..", "root": "/", "above that": "folder/.."}
NUMBERS = {
    name: name for name in ("", "x", "nan", "inf", "-inf", "1e400", "9" * 30, "1.5", "٣", "0x10", "-" + "9" * 19, "1_0")
}
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
    "no value": "ipc",
    "no name": "=5",
    "unknown": "nope=1",
    "empty": "ipc=",
    "negative": "ipc=-1",
    "nan": "eta=nan",
    "huge": f"ipc={'9' * 30}",
    "radius": "eps=1/0",
    "radii": "eval_eps=0",
    "control": "data=a\nb",
    "word": "protocol=nope",
} | {f"data {name}": f"data={value}" for name, value in {**PATHS, "a file": "words.txt", "a folder": "folder"}.items()}
BAD = {
    "given": PATHS,
    "folder": FOLDERS,
    "store": FOLDERS,
    "file": FILES,
    "new": NEW,
    "whole": NUMBERS,
    "days": {name: value for name, value in NUMBERS.items() if name != "1.5"} | {"-1": "-1"},
    "one_of": NAMES,
    "several_of": NAMES,
    "check_names": NAMES,
    "model": NAMES | {"no module": ":x", "no name": "x:", "no such": "nope.nope:x", "ends": "sys:exit"},
    "word": TEXTS,
    "assignment": SETTINGS,
    "text": {},
}


def _is_refused(name: str, value: str) -> bool:
    try:
        load("demo", {name: value})
    except InputError:
        return True
    return False


if FULL:
    HURT = ("", "-1", "nan", "inf", "1e400", "9" * 30, "x", "1/0", "\udcff", "a\nb", ",")
    SETTINGS |= {
        f"{name} {value!r}": f"{name}={value}" for name in every_name() for value in HURT if _is_refused(name, value)
    }
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
    """What is wrong with the way in which a command refuses these words, '' for nothing. :param names: one of them is
    in the sentence"""
    code, said = tried(words, capsys)
    wrong = f"ended with {code}" if code != 2 else unfit(said)
    if names and not any(name and name in said for name in names):
        wrong = wrong or "does not say what is wrong"
    after = {
        name: seen for name, seen in listing(place).items() if not said.endswith(f"{name}.")
    }  # a log that it names may stay
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
    deleting.delete(place / "store" / "gone", place / "store")
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
    monkeypatch.setattr(work, "do", began)
    monkeypatch.setattr(tasks, "joint_umap", began)
    monkeypatch.setattr(external_networks, "measure", began)
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
            named = (
                *action.option_strings,
                str(action.metavar),
                value[:40],
                "Unknown",
                "Setting",
                *value[:60].partition("=")[::2],
            )
            wrong.append(complaint(line(name, place, action, value), capsys, place, before, named))
    none(wrong)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_command_line_of_the_wrong_shape_is_a_sentence_with_the_name_of_what_is_wrong(name, place, capsys):
    before = listing(place)
    shapes = [
        ([*line(name, place), "--nonsense"], ("--nonsense",)),
        ([*line(name, place), "--nonsense=3"], ("--nonsense",)),
    ]
    shapes += (
        [([*line(name, place), "--json=3"], ("--json",))]
        if any(action.dest == "json" for action in arguments(name))
        else []
    )
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


# ---- files that hold something else

NOISE = np.random.default_rng(0).bytes(300)
CONTENT = {
    "empty": b"",
    "noise": NOISE,
    "words": b"words\n",
    "json": b"[1, 2",
    "null": b"null",
    "zip": b"PK\x05\x06" + bytes(18),
    "long header": b"\xff" * 8 + NOISE,
    "torn": b"\x40\0\0\0\0\0\0\0" + b'{"images":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}'.ljust(64) + b"12",
    "pickle": b"\x80\x04\x95",
}
ENDINGS = ("", ".safetensors", ".npz", ".zip", ".json", ".pt", ".png", ".txt")
READ = [
    (name, action)
    for name in BY_NAME
    for action in arguments(name)
    if kind(action) in ("file", "given") and action.dest != "out"
]


@pytest.mark.parametrize(("name", "action"), READ, ids=lambda value: value if isinstance(value, str) else value.dest)
def test_a_file_that_holds_something_else_is_refused(name, action, place, capsys):
    files = [
        place / "folder" / f"hurt-{label}{ending}" for label in CONTENT for ending in (ENDINGS if FULL else ENDINGS[:4])
    ]
    for file in files:
        file.write_bytes(CONTENT[file.stem.removeprefix("hurt-")])
    before = listing(place)
    wrong = [complaint(line(name, place, action, str(file)), capsys, place, before, (file.name,)) for file in files]
    for file in files:
        file.unlink()
    none(wrong)


# ---- run folders in every state


def text_of(name: str, text: str):
    return lambda run: (run / name).write_text(text)


def folder_of(name: str):
    def change(run: Path) -> None:
        file = run / name
        shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
        file.mkdir()

    return change


def without(*names: str):
    return lambda run: [(run / name).unlink() for name in names]


def frames_gone(run: Path) -> None:
    shutil.rmtree(run / "frames")
    (run / "frames").write_text("no folder")


BROKEN = {
    "no config": without("config.json"),
    "no status": without("status.json"),
    "neither": without("config.json", "status.json"),
    "torn status": text_of("status.json", '{"state": "do'),
    "other status": text_of("status.json", "[]"),
    "strange state": text_of("status.json", '{"state": 5}'),
    "torn config": text_of("config.json", '{"ipc": 1'),
    "config of words": text_of("config.json", "words"),
    "null": text_of("config.json", "null"),
    "config folder": folder_of("config.json"),
    "status folder": folder_of("status.json"),
    "torn manifest": text_of("manifest.json", "{"),
}
HURT_RUNS = {
    "no file of frames": frames_gone,
    "torn rows": text_of("rows.jsonl", "{"),
    "torn set": text_of("synthetic.safetensors", "words"),
    "torn test": text_of("test.safetensors", "words"),
    "no test": without("test.safetensors"),
    "facts folder": folder_of("facts.json"),
    "about folder": folder_of("about.json"),
    "events folder": folder_of("events.jsonl"),
    "lock folder": folder_of("lock"),
    "control folder": folder_of("control"),
    "evaluations file": text_of("evaluations", "words"),
    "set folder": folder_of("synthetic.safetensors"),
    "rows folder": folder_of("rows.jsonl"),
}
STATES = {
    "done": {},
    "never evaluated": {"evaluated": False},
    "failed": {"state": "failed"},
    "failed at once": {"state": "failed", "steps": 0, "evaluated": False},
    "lost": {"state": "lost"},
    "stopped": {"state": "stopped", "evaluated": False},
    "living": {"state": "running"},
    "waiting": {"state": "queued", "steps": 0},
}
ANY = ("about", "delete")  # what is known of a damaged run is shown, and it can be deleted
OF_RUNS = [name for name in BY_NAME if any(action.metavar == "DIR" for action in arguments(name))]


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> Path:
    """A run in each of `STATES`."""
    place = tmp_path_factory.mktemp("states")
    for label, about in STATES.items():
        state = about.get("state", "done")
        run = make_run(
            place / label,
            **{"n": 6, "classes": 3, "steps": 1} | about | {"state": "running" if state == "lost" else state},
        )
        if state == "lost":
            (run / "status.json").write_text((run / "status.json").read_text().replace('"pid":', '"former":'))
    (place / "empty").mkdir()
    return place


def in_a_state(name: str, source: Path, change, place: Path, capsys) -> str:
    """What is wrong with the way in which a command takes a run folder, '' for nothing; what it began or did is no
    matter."""
    it = place / "store" / "it"
    shutil.copytree(source, it)
    if change:
        change(it)
    before = listing(place)
    words = line(name, place)
    for position, action in enumerate(action for action in arguments(name) if not action.option_strings):
        if action.metavar == "DIR":
            words[position + 1 :] = [str(it)] * len(good(action, place)) + words[
                position + 1 + len(good(action, place)) :
            ]
    code, said = tried(words, capsys)
    fine = code in (0, "Began") and (change not in BROKEN.values() and source.name != "empty" or name in ANY)
    wrong = "" if fine else f"ended with {code}" if code != 2 else unfit(said)
    if code == 2 and not wrong and listing(place) != before and "stays in its folder" not in said:
        wrong = f"left or changed {sorted(dict(set(listing(place).items()) ^ set(before.items())))[:3]}"
    for left in set(listing(place)) - set(before):
        Path(left).unlink() if os.path.isfile(left) else None
    shutil.rmtree(it, ignore_errors=True)
    shutil.rmtree(place / "store" / ".trash" / it.name, ignore_errors=True)
    return f"{wrong}: {said[-300:]!r}" if wrong else ""


@pytest.mark.parametrize("name", OF_RUNS)
def test_a_command_works_on_a_run_folder_in_any_state_or_refuses_it(name, states, place, capsys, monkeypatch):
    monkeypatch.setattr(control, "ANSWER", 0.02)
    monkeypatch.setattr(control, "MOMENT", 0.02)
    cases = [(label, states / label, None) for label in (*STATES, "empty")]
    cases += [
        ("living, control folder", states / "living", folder_of("control")),
        ("stopped, lock folder", states / "stopped", folder_of("lock")),
    ]
    damaged = [(label, states / "done", change) for label, change in (BROKEN | HURT_RUNS).items()]
    cases += damaged if FULL else damaged[OF_RUNS.index(name) % 4 :: 4]
    none(
        [
            f"{label}: {found}"
            for label, source, change in cases
            if (found := in_a_state(name, source, change, place, capsys))
        ]
    )


@contextmanager
def closed(folder: Path):
    """As a folder of somebody else, for a system's manager too: nothing in it can be looked at."""

    def refusing(look, of_itself: bool):
        def refused(path=".", *more, **how):
            if isinstance(path, str | Path) and (folder in Path(path).parents or of_itself and Path(path) == folder):
                raise PermissionError(13, "Permission denied", str(path))
            return look(path, *more, **how)

        return refused

    with pytest.MonkeyPatch.context() as patched:
        for module, name in ((os, "stat"), (os, "lstat"), (os, "open"), (io, "open"), (os, "listdir")):
            patched.setattr(module, name, refusing(getattr(module, name), name == "listdir"))
        yield


@pytest.mark.parametrize("name", ["list", "storage"])
def test_a_run_that_cannot_be_read_hides_no_other(name, states, tmp_path, capsys, monkeypatch):
    damage = BROKEN | HURT_RUNS | {"closed": lambda _: None, "broken": lambda _: None}
    for label, change in damage.items():
        shutil.copytree(states / "done", tmp_path / label)
        change(tmp_path / label)
    for label in STATES:
        shutil.copytree(states / label, tmp_path / f"a {label}")
    steps = runs.frame_steps
    monkeypatch.setattr(runs, "frame_steps", lambda path: 1 / 0 if path.name == "broken" else steps(path))
    before = listing(tmp_path)
    with closed(tmp_path / "closed"):
        assert main([name, "--store", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    found = found if name == "list" else found["runs"]
    assert {run["id"] for run in found} == {*damage, *(f"a {label}" for label in STATES)}
    said = {
        run["id"]: unfit(run["problem"])
        for run in found
        if name == "list" and run["id"] in {*BROKEN, "closed", "broken"}
    }
    assert set(said.values()) <= {""} and len(said) == (len(BROKEN) + 2 if name == "list" else 0), said
    assert main([name, "--store", str(tmp_path)]) == 0 and listing(tmp_path) == before
    assert len(capsys.readouterr().out.splitlines()) >= len(damage) + len(STATES)


# ---- sentences that misled


SAID = {
    "a run that was never evaluated is not checked": (
        ["check", "raw"],
        "Run raw was never evaluated: expected result rows; run python -m c2r evaluate",
    ),
    "nor compared": (["transfer", "raw", "raw"], "Run raw was never evaluated"),
    "nor are its rows exported": (["export", "raw", "--format", "rows-csv"], "Run raw was never evaluated"),
    "a step that a finished run has not recorded": (
        ["export", "raw", "--step", "3"],
        "has no recorded step 3: expected one of 0, 10, 20; choose another --step",
    ),
    "a set that is not there yet": (
        ["export", "raw"],
        "Run raw (stopped) has no finished set: expected synthetic.safetensors in it; name a recorded step with --step",
    ),
    "the folder itself": (["evaluate", "."], "'folder' is no run folder: expected one with config.json"),
    "the root": (["evaluate", "/"], "'/' is no run folder: expected one with config.json"),
    "a whole number is whole": (
        ["distill", "--set", "seed=-1"],
        "a whole number at least 0 and at most 2147483647, found '-1'",
    ),
    "a list of radii": (
        ["distill", "--set", "eval_eps=0"],
        "expects radii such as 2/255,4/255, each above 0 and at most 1, or none, found '0'",
    ),
    "an existing file of another program": (
        ["export", "done", "--out", "words.npz"],
        "words.npz exists already: expected a new name",
    ),
    "the matrix over a file": (["transfer", "done", "done", "--out", "words.npz"], "words.npz exists already"),
    "less than no image": (["attack", "--n", "-1"], "--n expects a whole number from 0 to 1000000, found '-1'"),
    "no method": (["distill", "--method", ""], "Unknown method ''"),
    "no format": (["export", "done", "--format", ","], "Unknown export format ','"),
    "no torch module": (
        ["attack", "--model", "builtins:dict"],
        "--model builtins:dict returned a dict: expected a torch module",
    ),
    "the end of the process": (
        ["attack", "--model", "sys:exit"],
        "--model sys:exit broke (SystemExit): expected module:function",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_said_is_what_is_the_matter(case, place, states, capsys, monkeypatch):
    shutil.copytree(states / "never evaluated", place / "folder" / "done", dirs_exist_ok=True)
    make_run(place / "folder" / "raw", n=6, classes=3, steps=3, state="stopped", evaluated=False)
    shutil.copytree(place / "store" / "one", place / "folder" / "done", dirs_exist_ok=True)
    (place / "folder" / "words.npz").write_text("mine")
    monkeypatch.chdir(place / "folder")
    try:
        code, said = tried(SAID[case][0], capsys)
    finally:
        for name in ("done", "raw"):
            shutil.rmtree(place / "folder" / name)
    assert (code, SAID[case][1] in said, (place / "folder" / "words.npz").read_text()) == (2, True, "mine"), said
    (place / "folder" / "words.npz").unlink()


def test_an_export_takes_the_place_of_no_device_and_of_nothing_that_was_there(place, capsys):
    for words in (
        ["--out", "/dev/null"],
        ["--out", "pipe"],
        ["--out", "words.txt"],
        ["--format", "report", "--out", "words.txt"],
    ):
        before = listing(place)
        assert tried(["export", str(place / "store" / "one"), *words], capsys)[0] == 2 and listing(place) == before
    assert main(["export", str(place / "store" / "one"), "--out", "words"]) == 0
    assert (place / "words.safetensors").stat().st_size > 100 and (place / "words.txt").read_text() == "words\n"
    (place / "words.safetensors").unlink()


def test_a_home_is_expanded_wherever_a_path_is_given(place, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("C2R_RUNS", "~/store")
    assert main(["list", "--json"]) == 0
    assert [run["id"] for run in json.loads(capsys.readouterr().out)] == ["one"]
    with pytest.raises(Began):
        main(["distill", "--out", "~/mine"])
    for words, made in (
        (["export", "~/store/one", "--out", "~/a.npz", "--format", "npz"], "a.npz"),
        (["archive", "~/store/one", "~/b.zip"], "b.zip"),
    ):
        assert main(words) == 0 and (place / made).exists()
        (place / made).unlink()
    assert not [name for name in os.listdir(place) if name.startswith("~")]
    monkeypatch.setenv("C2R_RUNS", "~nouser/x")
    assert (
        complaint(["list"], capsys, place, listing(place), ("C2R_RUNS expects a path, found '~nouser/x' and no user",))
        == ""
    )


@pytest.mark.usefixtures("place")
def test_too_little_memory_for_a_set_is_not_answered_with_settings_of_a_run(capsys, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(imports, "write_set", full)
    code, said = tried(["import", "set.npz", "--data", "digits"], capsys)
    assert code == 2 and "set.npz needs more memory than there is: expected" in said and "ipc" not in said
    monkeypatch.setattr(imports, "write_set", lambda *_: None)
    monkeypatch.setattr(preflight.machine, "memory", lambda: 1e-6)
    monkeypatch.setattr(preflight, "_is_file", lambda _: True)
    code, said = tried(["import", "set.npz", "--data", "digits"], capsys)
    assert code == 2 and "of memory and this machine has" in said and "ipc" not in said


MODULES = {
    "breaks_in_import": (
        "raise OSError('no such card')",
        "--model breaks_in_import:make broke (OSError: no such card)",
    ),
    "is_no_python": ("def make(:", "--model is_no_python:make broke (SyntaxError: "),
    "breaks_when_made": (
        "def make(): assert False, 'two lines\\nof it'",
        "--model breaks_when_made:make broke (AssertionError: two lines)",
    ),
    "leaves": ("import sys\ndef make(): sys.exit(0)", "--model leaves:make broke (SystemExit: 0)"),
    "breaks_on_images": (
        "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x): return {}['gone']\nmake = Net",
        "The network broke (KeyError: 'gone'): expected a network that takes (2, 1, 8, 8) and gives logits",
    ),
    "gives_no_tensor": (
        "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x): return [x]\nmake = Net",
        "The network broke (AttributeError: 'list' object has no attribute 'shape')",
    ),
}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_fails_in_any_way_is_a_sentence_with_its_exception_and_a_log(
    module, place, tmp_path, capsys, monkeypatch
):
    source, expected = MODULES[module]
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    words = ["attack", "--model", f"{module}:make", "--data", "digits", "--n", "10"]
    code, said = tried(words, capsys)
    assert code == 2 and said.startswith(expected) and unfit(said) == "", said
    log = Path(said.rpartition(" ")[2].rstrip("."))
    assert log.parent == place / "tmp" and "Traceback" in log.read_text()
    log.unlink()


# ---- Ctrl-C, and a process of its own

LOADING = """
import os, runpy, signal, sys
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Hook())
sys.argv = ["c2r", *{words!r}]
runpy.run_module("c2r", run_name="__main__", alter_sys=True)
"""


def child(*words: str) -> subprocess.CompletedProcess:
    heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731 - a background job ignores it
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=LIMIT, preexec_fn=heard
    )


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("module", "words"),
    [("c2r.cli.entry", ["list"]), ("numpy", ["list"]), ("pydantic", ["nonsense"]), ("c2r.cli.keep", ["distill"])],
)
def test_ctrl_c_while_the_first_libraries_load_is_one_word_and_130(module, words):
    found = child("-c", LOADING.format(module=module, words=words))
    assert (found.returncode, found.stderr, found.stdout) == (130, "Stopped.\n", "")


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", [["list", "--nonsense"], ["evaluate", "circle"], ["distill", "--out", "/"]], ids=repr)
def test_a_process_of_its_own_says_the_same_sentence(words, capsys):
    found = child("-m", "c2r", *words)
    assert (found.returncode, found.stdout, found.stderr.strip()) == (2, "", tried(words, capsys)[1])


@pytest.mark.usefixtures("place")
def test_an_error_that_nobody_foresaw_is_a_sentence_with_its_log(capsys, monkeypatch):
    monkeypatch.setattr(sizes, "storage", lambda _: 1 / 0)
    code, said = tried(["storage"], capsys)
    assert code == 2 and said.startswith("The command broke (ZeroDivisionError: division by zero): expected")
    log = Path(said.rpartition(" ")[2].rstrip("."))
    assert "Traceback" in log.read_text() and "1 / 0" in log.read_text()
    log.unlink()
