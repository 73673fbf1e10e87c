"""Housekeeping on the Home page: name, note and tags of a run, delete with Undo, archives, and what takes up the disk.

What people wrote is shown by elements that know no markup. Every change goes through `_change`, which a read-only app
refuses.
"""

import shlex
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from app import charts, guard, jobs, state, words
from app.components import figures, shell
from c2r.base import disasters
from c2r.base.errors import InputError
from c2r.formats import archives, opening
from c2r.formats.safe import Limits, size
from c2r.store import deleting, describing, runs, sizes, tagging
from c2r.store.runs import Run

MOST = 200  # MB of an archive that travels through the browser; larger ones go over the command line
LIMITS = Limits(bytes=10 * MOST * 1_000_000, files=20_000)
SHOWN = 20  # runs in the storage chart, the largest


def panels(run: Run | None) -> None:
    """What was just done, name, tags and note of the run, then three closed expanders: this run, opening an archive,
    and storage."""
    _last()
    if run is not None and (state.is_sample(run.path) or not runs.is_run(run.path) or guard.read_only()):
        _told(describing.about(run.path))
    elif run is not None:
        _fields(run)
        _expander("Archive, delete", "archive", "keep-run", lambda: _run(run))
    if not guard.read_only():
        _expander("Open an archived run", "unarchive", "keep-open", _open)
    _expander("Storage", "hard_drive", "keep-storage", _storage)


def _expander(label: str, icon: str, key: str, draw: Callable[[], None]) -> None:
    opened = st.expander(label, icon=f":material/{icon}:", key=key, on_change="rerun")
    if opened.open:
        with opened:
            draw()


def _change(action: Callable[[], tuple[str, str]]) -> None:
    """Do it in a callback, before anything is drawn; `action` returns what was done and '' or what Undo would bring
    back."""
    _arm("")
    try:
        guard.refuse_changes()
        with disasters.spoken():
            said, undo = action()
        st.session_state["kept"] = (said, undo, "")
        st.toast(words.plain(said))
    except InputError as error:
        said = state.in_names(str(error))
        st.session_state["kept"] = ("", "", said)
        st.toast(words.plain(said), icon=":material/error:")


def _last() -> None:
    """The last housekeeping action or why it failed; Undo stays until the next one."""
    said, undo, problem = st.session_state.get("kept", ("", "", ""))
    if problem:
        shell.problem(problem)
    if said:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(said)
            if undo:
                st.button(
                    "Undo", icon=":material/undo:", key="keep-undo", on_click=_change, args=(lambda: _undone(undo),)
                )


def _undone(name: str) -> tuple[str, str]:
    path = deleting.undo(name, runs.default_store())
    state.choose_run(path.name)
    return f"{state.spoken_name(runs.open_run(path))} is back.", ""


def _told(told: describing.About) -> None:
    """Tags and note where they cannot be changed."""
    for text in filter(None, (" ".join(f"#{tag}" for tag in told.tags), told.note)):
        st.text(text)


def _fields(run: Run) -> None:
    """Name, tags and note in place: each is saved alone when Enter is pressed or the field is left."""
    told, left, right = describing.about(run.path), *st.columns(2)
    usual, tags = (
        words.default_name(run, time.time()),
        'With commas; a tag that holds a comma in double quotes: "slow, but sure"',
    )
    asked = {
        "name": partial(
            left.text_input,
            "Name",
            told.name,
            max_chars=describing.NAME,
            placeholder=usual,
            help=words.plain(f"Enter saves. The run folder keeps its name, {run.id}"),
        ),
        "tags": partial(
            right.text_input,
            "Tags",
            tagging.tags_text(told.tags),
            placeholder="none",
            help=words.plain(f"{tags}; at most {tagging.TAGS}. Enter saves"),
        ),
        "note": partial(
            st.text_area,
            "Note",
            told.note,
            max_chars=describing.NOTE,
            height="content",
            placeholder="none",
            help="Ctrl and Enter saves, or a click elsewhere",
        ),
    }
    for what, draw in asked.items():
        key = f"keep-{what}-{run.id}"
        draw(key=key, on_change=_change, args=(partial(_described, run, what, key),))


def _described(run: Run, what: str, key: str) -> tuple[str, str]:
    given = st.session_state[key]
    said: dict[str, Any] = {what: tagging.tags_of(given) if what == "tags" else given}
    describing.describe(run.path, **said)
    return f"Saved the {what} of {state.spoken_name(run)}.", ""


def _run(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        _download(run)
        _delete(run)
    st.caption("Delete moves the run to the trash of the store; Undo, or Storage below, brings it back.")


def _delete(run: Run) -> None:
    """Delete is pressed twice; another run, or anything else that is done, disarms it."""
    if st.session_state.get("keep-armed") != run.id:
        st.button(
            "Delete",
            icon=":material/delete:",
            key=f"keep-delete-{run.id}",
            on_click=_arm,
            args=(run.id,),
            disabled=run.alive,
        )
        return
    name = words.plain(state.spoken_name(run))
    st.button(
        f"Delete {name} now",
        icon=":material/delete:",
        key=f"keep-sure-{run.id}",
        type="primary",
        on_click=_change,
        args=(partial(_deleted, run),),
        disabled=run.alive,
    )
    st.button("Keep it", key="keep-disarm", on_click=_arm, args=("",))


def _arm(run_id: str) -> None:
    st.session_state["keep-armed"] = run_id


def _deleted(run: Run) -> tuple[str, str]:
    if jobs.busy(run.path):
        raise InputError(
            f"Something is being computed for {state.spoken_name(run)}: expected it to be at rest; wait for it or"
            " stop it."
        )
    name = state.spoken_name(run)
    place = deleting.delete(run.path, runs.default_store())
    state.run_changed()
    st.session_state.pop("addressed", None)  # it is known why that run is not here any more
    return f"{name} was deleted; all pages show another one now.", place.name


def _download(run: Run) -> None:
    """The archive as a download; for a large run the command that writes it."""
    count = sum(sizes.size(run.path).values())
    if run.alive or run.problem:
        st.caption("An archive can be made of a run that has ended and can be read.")
    elif count > MOST * 1_000_000:
        st.caption(f"{size(count)} are too much for a download: write the archive with")
        st.code(shlex.join(["python", *jobs.PROGRAM, "archive", str(run.path), f"{run.id}.zip"]), language=None)
    else:
        st.download_button(
            "Download archive",
            lambda: _archive(run),
            f"{run.id}.zip",
            "application/zip",
            icon=":material/archive:",
            on_click="ignore",
            key="keep-archive",
            help=f"The whole run in one file, {size(count)} before it is packed; it opens in any C2R app",
        )
        if left := archives.left_out(run.path):
            st.caption(words.plain(left))


@disasters.spoken()
def _archive(run: Run) -> bytes:
    """The archive of a run. Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="c2r-archive-") as folder:
        return archives.archive(run.path, Path(folder) / "run.zip").read_bytes()


def _open() -> None:
    st.caption(
        f"A zip that 'Download archive' or python -m c2r archive made, up to {MOST} MB; larger ones: python -m c2r open"
        " FILE.zip"
    )
    fresh = st.session_state.get(
        "keep-opened", 0
    )  # an uploader of its own after each opening, so that no file is opened twice
    given = st.file_uploader("Archive", type="zip", max_upload_size=MOST, key=f"keep-file-{fresh}")
    if given is not None:
        st.button(
            "Open archive",
            type="primary",
            icon=":material/unarchive:",
            key="keep-unpack",
            on_click=_change,
            args=(lambda: _opened(given),),
        )


def _opened(given: Any) -> tuple[str, str]:
    """Make a run of an uploaded archive. Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="c2r-archive-") as folder:
        file = Path(folder) / "upload.zip"
        file.write_bytes(given.getbuffer())
        try:
            path, said = opening.open_archive(file, runs.default_store(), LIMITS), "Opened run {}."
        except opening.AlreadyThere as there:
            path, said = there.path, "The run of that archive is here already: {}."
    state.choose_run(path.name)
    st.session_state["keep-opened"] = st.session_state.get("keep-opened", 0) + 1
    return said.format(state.spoken_name(runs.open_run(path))), ""


def _storage() -> None:
    storage, called = sizes.storage(runs.default_store()), state.spoken_names(runs.list_runs(runs.default_store()))
    largest = sorted(storage["runs"], key=lambda run: run["total"], reverse=True)
    if largest:
        shown = {called.get(run["id"], run["id"]): run["kinds"] for run in largest[:SHOWN]}
        figures.chart(
            charts.storage_bars(shown, sizes.KINDS, free=storage["free"], dark=state.is_dark()),
            "keep-bars",
            lambda: _table(largest, called),
        )
    if len(largest) > SHOWN:
        st.caption(f"The chart shows the {SHOWN} largest of {len(largest)} runs; the table holds all of them.")
    whole, rest, free = (size(storage[name]) for name in ("total", "rest", "free"))
    st.caption(
        f"The whole store: {whole}, of it {rest} for imported sets, logs and the queue; free on its disk: {free}."
    )
    trash = storage["deleted"]
    if not trash or guard.read_only():
        st.caption(
            "The trash is empty."
            if not trash
            else f"{len(trash)} deleted runs can be brought back where the app may change them."
        )
        return
    names = {deleted["trash"]: _gone(deleted) for deleted in trash}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Deleted runs", list(names), format_func=lambda name: names.get(name, name), key="keep-trash"
        )
        st.button(
            "Bring back", icon=":material/undo:", key="keep-back", on_click=_change, args=(lambda: _undone(chosen),)
        )
        st.button(
            "Empty the trash",
            icon=":material/delete_forever:",
            key="keep-empty",
            on_click=_change,
            args=(_emptied,),
            help=f"Frees {size(sum(deleted['total'] for deleted in trash))}; what is in it is lost then",
        )


def _emptied() -> tuple[str, str]:
    count = deleting.empty_trash(runs.default_store())
    return f"Removed {count} deleted run{'' if count == 1 else 's'} for good.", ""


def _gone(gone: dict[str, Any]) -> str:
    """What a deleted run was called, when it was deleted and how large it is."""
    name = state.spoken_name(runs.open_run(runs.default_store() / deleting.TRASH / gone["trash"]))
    at = datetime.fromisoformat(gone["time"]).astimezone()
    return f"{name}, deleted {words.clock(at.timestamp(), time.time())}, {size(gone['total'])}"


def _table(kept: list[dict[str, Any]], called: dict[str, str]) -> dict[str, list[Any]]:
    """The numbers behind the chart, in MB."""
    columns: dict[str, list[Any]] = {"Run": [called.get(run["id"], run["id"]) for run in kept]}
    columns |= {f"{kind}, MB": [run["kinds"][kind] / 1e6 for run in kept] for kind in sizes.KINDS}
    return columns | {"total, MB": [run["total"] / 1e6 for run in kept]}
