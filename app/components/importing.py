"""Import a set from elsewhere: upload, a look by a child process, the questions it asks, and a run that scores and
evaluates the set.

What is uploaded is saved to a temporary folder under its own name and read by a child process only: the server never
unpickles anything.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from app import guard, jobs, state, words
from app.components import shell
from c2r import config, disasters
from c2r.data.sources import WORDS
from c2r.errors import InputError
from c2r.formats import FORMATS, NORMALISATIONS, file_name
from c2r.registry import of_kind
from c2r.store import runs

MOST = 200  # MB of one uploaded file
ENDINGS = ["pt", "pth", "pkl", "pickle", "tar", "bin", "npz", "safetensors", "zip"]
AUTO = "auto"
NONE = "none"
MEANINGS = {
    "cifar10-dc": "CIFAR-10 as DC, DSA, DM, MTT, ROME and BEARD normalise it",
    "cifar10": "CIFAR-10 with the standard deviations of its pixels",
    "half": "values from -1 to 1",
    "bytes": "values from 0 to 255",
}


def panel() -> None:
    """The import behind a closed expander, which draws nothing until it is opened; nothing where the app only shows."""
    if guard.read_only():
        return
    opened = st.expander("Import a set from elsewhere", icon=":material/upload:", key="import-set", on_change="rerun")
    if opened.open:
        with opened:
            _show()


def _show() -> None:
    """The whole import: nothing is read before a file is there, and nothing starts before Import is pressed."""
    st.caption(
        "A distilled set of DC, DSA, DM, MTT, TESLA, IDM, ROME, BEARD, SRe2L, D4M and others, as one file, a zip, or"
        " the files of one folder. It becomes a run: scored by an adversarially trained network and evaluated like your"
        " own. Nothing in the file is executed."
    )
    files = st.file_uploader(
        "Files", type=ENDINGS, accept_multiple_files=True, max_upload_size=MOST, key="import-files", on_change=_forget
    )
    if not files:
        return
    if problem := several([file.name for file in files]):
        shell.problem(problem)
        return
    format = st.selectbox(
        "Format",
        [AUTO, *FORMATS],
        key="import-format",
        format_func=lambda name: "Recognise it" if name == AUTO else FORMATS[name].label,
    )
    normalisation = _asked([file.name for file in files])
    if normalisation is None:
        st.caption("Import waits until the normalisation is said.")
        return
    try:
        facts = _look(files, format, normalisation)
    except InputError as error:
        shell.problem(error)
        return
    if facts is None:
        st.rerun()
    st.markdown(words.plain(told(facts)))
    _start(files, facts, ["--format", format, "--normalisation", normalisation])


def _forget() -> None:
    for key in ("import-question", "import-normalisation"):
        st.session_state.pop(key, None)


def several(names: list[str]) -> str:
    """Why these files are not one set, '' when they may be: only MTT's come as files of images and of labels."""
    if len(names) < 2 or any(Path(name).name.startswith("images_") for name in names):
        return ""
    return (
        f"You chose {len(names)} files: expected one set at a time, a single file, a zip, or the files of one folder"
        " (MTT); take the others away."
    )


def supported(names: list[str], guesses: list[str]) -> str | None:
    """The guess whose data set the name of a file speaks of, the longest name first (``cifar100`` before ``cifar10``);
    None without one."""
    said = " ".join(re.sub("[^a-z0-9]", "", name.lower()) for name in names)
    known = {name: re.sub("[^a-z0-9]", "", name.removesuffix("-dc")) for name in guesses}
    named = max((spoken for spoken in known.values() if spoken in said), key=len, default=None)
    return next((name for name, spoken in known.items() if spoken == named), None)


def _asked(names: list[str]) -> str | None:
    """What was done to the pixel values: asked only when the file does not say. None: asked and not answered yet."""
    question = st.session_state.get("import-question")
    if not question:
        return "ask"
    offered = [*question["guesses"], *(name for name in NORMALISATIONS if name not in question["guesses"]), NONE]
    likely = supported(names, offered[:-1])
    reason = f"By the name of the file: {likely}." if likely else "The file does not tell; ask whoever made it."
    st.info(
        words.plain(
            f"The values of the images go from {question['low']:.3g} to {question['high']:.3g}, so they are normalised:"
            f" say with what. {reason}"
        )
    )
    return st.selectbox(
        "Normalisation to undo",
        offered,
        index=offered.index(likely) if likely else None,
        key="import-normalisation",
        format_func=_spoken,
        placeholder="Choose",
    )


def _spoken(name: str) -> str:
    """A normalisation with its meaning and its constants."""
    if name == NONE:
        return "none: clip to [0, 1]"
    mean, std = (", ".join(f"{value:.4g}" for value in values) for values in NORMALISATIONS[name])
    return f"{MEANINGS.get(name, name)}: mean {mean}; std {std}"


def _look(files: list[Any], format: str, normalisation: str) -> dict[str, Any] | None:
    """What a child says the files hold; None when it asked for the normalisation, which is kept. Raises InputError."""
    key = (tuple(file.file_id for file in files), format, normalisation)
    if st.session_state.get("import-look", (None,))[0] == key:
        return st.session_state["import-look"][1]
    with (
        disasters.spoken(),
        tempfile.TemporaryDirectory(prefix="c2r-upload-") as folder,
        st.spinner("Reading the file"),
    ):
        place = saved([(file.name, file.getvalue()) for file in files], Path(folder))
        answer = jobs.ask(
            ["import", str(place), "--format", format, "--normalisation", normalisation, "--look", "--json"]
        )
    question = asks(answer.text)
    if question:
        st.session_state["import-question"] = question
        return None
    if answer.problem:
        raise InputError(answer.problem)
    facts = json.loads(answer.text)
    st.session_state["import-look"] = (key, facts)
    return facts


def asks(text: str) -> dict[str, Any] | None:
    """The question in what a child printed, None when it asks nothing."""
    try:
        question = json.loads(text)
    except ValueError:
        return None
    return question if isinstance(question, dict) and question.get("question") == "normalisation" else None


def saved(files: list[tuple[str, bytes]], folder: Path) -> Path:
    """Save uploaded files into `folder` under their own last names; returns the file, or the folder of several."""
    place = folder / "upload"
    place.mkdir()
    for name, content in files:
        (place / file_name(name)).write_bytes(content)
    inside = list(place.iterdir())
    return inside[0] if len(inside) == 1 else place


def told(facts: dict[str, Any]) -> str:
    """What was found, as one sentence."""
    count, channels, *sides = facts["shape"]
    label = FORMATS[facts["format"]].label if facts["format"] in FORMATS else facts["format"]
    undone = "normalisation undone" if facts.get("mean") else "values already in [0, 1]"
    parts = f", {facts['partition']} × {facts['partition']} parts each" if facts.get("partition", 1) > 1 else ""
    return (
        f"Found: {label}. {count} images of {channels} × {' × '.join(map(str, sides))}{parts}, {facts['classes']}"
        f" classes, {'soft' if facts.get('soft') else 'hard'} labels, {undone}."
    )


def _start(files: list[Any], facts: dict[str, Any], asked: list[str]) -> None:
    """Which real data and how many parts, and the button that makes a run of the set."""
    guess, left, right = str(facts.get("facts", {}).get("data") or ""), *st.columns(2)
    names = list(WORDS)
    with left:
        data = st.selectbox(
            "Real data it was distilled from",
            names,
            index=names.index(guess) if guess in names else None,
            accept_new_options=True,
            key="import-data",
            placeholder="Choose, or type a path",
            help="Its test images are what the networks are tested on",
        )
    with right:
        parts = st.selectbox(
            "Parts per side",
            (1, 2, 3),
            index=min(3, int(facts.get("partition") or 1)) - 1,
            key="import-partition",
            help=words.plain(f"Partition-expansion. {facts.get('facts', {}).get('partition_reason', '')}"),
        )
    if not data:
        st.caption("Import waits until the real data are named.")
    if not st.button("Import", type="primary", icon=":material/upload:", key="import", disabled=not data) or not data:
        return
    try:
        path = runs.default_store() / runs.new_id(_settings(facts, data))
        with (
            disasters.spoken(),
            tempfile.TemporaryDirectory(prefix="c2r-upload-") as folder,
            st.spinner("Reading the set and starting it"),
        ):
            place = saved([(file.name, file.getvalue()) for file in files], Path(folder))
            jobs.import_set([str(place), *asked, "--data", data, "--set", f"partition={parts}"], path)
    except InputError as error:
        shell.problem(error)
        return
    state.choose_run(path.name)
    shell.go("live")


def _settings(facts: dict[str, Any], data: str) -> config.RunConfig:
    """Settings of a run of a set with these facts, distilled from `data`."""
    ipc = min(1000, -(-facts["shape"][0] // max(1, facts["classes"])))
    return config.load("demo", {"method": of_kind("imported")[0], "data": data, "ipc": ipc})
