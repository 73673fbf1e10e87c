"""Downloads of a set, its result rows and a report. Files that need torch or take a while are made by a child
process."""

import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from app import jobs, state, words
from app.components import shell
from c2r import disasters
from c2r.errors import InputError
from c2r.formats.fromrun import from_run
from c2r.formats.write import EXPORTS, export_bytes, rows_csv, rows_json
from c2r.store.results import headline_folder

# kind → words on its button; all of them are written here, without torch
DIRECT = {"safetensors": "safetensors", "npz": "npz", "png": "PNG pictures (zip)", "snippet": "Training script"}
# kind → words on its button, ending, media type; made by `python -m c2r export`
MADE = {
    "dc-pt": ("DC-style .pt", ".pt", "application/octet-stream"),
    "report": ("HTML report", ".html", "text/html"),
}
ROWS = {
    "rows-csv": ("Result rows, CSV", ".csv", "text/csv", rows_csv),
    "rows-json": ("Result rows, JSON", ".json", "application/json", rows_json),
}


def popover(view: state.View, rows: list[dict[str, Any]]) -> None:
    """A button that opens all downloads of the shown step and of the shown evaluation."""
    with st.popover("Download", icon=":material/download:"):
        buttons(view.path, None if finished(view) else view.step, rows)


def finished(view: state.View) -> bool:
    """Whether the shown step is the finished set, which also holds soft labels."""
    return bool(view.steps) and view.step == view.steps[-1] and (view.path / "synthetic.safetensors").exists()


def buttons(path: Path, step: int | None, rows: list[dict[str, Any]], key: str = "export") -> None:
    """Downloads of the run folder `path`: the set at a recorded step (None: the finished one), result rows, a
    report."""
    name = f"{path.name}{'' if step is None else f'-step{step}'}"
    st.markdown("**The set**" if step is None else f"**The set at step {step}**")
    for kind, label in DIRECT.items():
        found = EXPORTS[kind]
        _button(
            label,
            lambda kind=kind: _content(kind, path, step),
            _file(kind, name, found.suffix),
            found.mime,
            f"{key}-{kind}",
            found.label,
        )
    _made("dc-pt", path, step, name, key)
    st.markdown("**Results**")
    if not rows:
        st.caption("Result rows and a report come with an evaluation.")
        return
    for kind, (label, suffix, mime, make) in ROWS.items():
        _button(
            label,
            lambda make=make: make(rows),
            f"{path.name}-rows{suffix}",
            mime,
            f"{key}-{kind}",
            "One row per attack and network",
        )
    _made("report", path, None, path.name, key)


def _file(kind: str, name: str, suffix: str) -> str:
    return "train.py" if kind == "snippet" else f"{name}{suffix}"


def _content(kind: str, path: Path, step: int | None) -> bytes:
    name = f"{path.name}{'' if step is None else f'-step{step}'}.npz"
    return export_bytes(kind, from_run(path, step), **({"file": name} if kind == "snippet" else {}))


def _button(label: str, make: Any, file: str, mime: str, key: str, help: str) -> None:
    st.download_button(
        label,
        make,
        file,
        mime,
        icon=":material/download:",
        on_click="ignore",
        key=key,
        width="stretch",
        help=words.plain(help),
    )


def _made(kind: str, path: Path, step: int | None, name: str, key: str) -> None:
    """A file of `MADE`: a button that makes it, then the button that downloads it."""
    label, suffix, mime = MADE[kind]
    made, asked = st.session_state.get(f"{key}-made-{kind}"), (path, step, headline_folder(path))
    if made and made[0] == asked:
        _button(f"Download the {label}", made[1], f"{name}{suffix}", mime, f"{key}-{kind}", "Made just now")
        return
    if st.button(f"Make the {label}", icon=":material/build:", key=f"{key}-make-{kind}", width="stretch"):
        try:
            with st.spinner("Making the file"):
                content = _by_child(kind, path, step, suffix)
        except InputError as error:
            shell.problem(error)
            return
        st.session_state[f"{key}-made-{kind}"] = (asked, content)
        st.rerun()


@disasters.spoken()
def _by_child(kind: str, path: Path, step: int | None, suffix: str) -> bytes:
    """The content of a file that a child process wrote. Raises InputError with its sentence."""
    with tempfile.TemporaryDirectory(prefix="c2r-export-") as folder:
        file = Path(folder) / f"export{suffix}"
        asked = [
            "export",
            str(path),
            "--format",
            kind,
            "--out",
            str(file),
            *([] if step is None else ["--step", str(step)]),
        ]
        answer = jobs.ask(asked)
        if answer.problem:
            raise InputError(answer.problem)
        return file.read_bytes()
