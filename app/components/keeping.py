"""Housekeeping on the Home page: name, note and tags of a run, delete with Undo, archives, and what takes up the disk.

What people wrote is shown by elements that know no markup. Every change goes through `_change`, which a read-only app refuses.
"""

import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from app import cache, charts, guard, jobs, state, words
from app.components import figures, shell
from c2r import archives, disasters, keeping, runs
from c2r.errors import InputError
from c2r.formats.safe import Limits, size
from c2r.runs import Run

MOST = 200  # MB of an archive that travels through the browser; larger ones go over the command line
LIMITS = Limits(bytes=10 * MOST * 1_000_000, files=20_000)
SHOWN = 20  # runs in the storage chart, the largest


def panels(run: Run | None) -> None:
    """What was just done and the note of the run, then three closed expanders: this run, opening an archive, and storage."""
    _last()
    if run is not None and (note := keeping.about(run.path).note):
        st.text(note)
    if run is not None and not state.is_sample(run.path) and runs.is_run(run.path) and not guard.read_only():
        _expander("Name, note, archive, delete", "edit_note", "keep-run", lambda: _run(run))
    if not guard.read_only():
        _expander("Open an archived run", "unarchive", "keep-open", _open)
    _expander("Storage", "hard_drive", "keep-storage", _storage)


def _expander(label: str, icon: str, key: str, draw: Callable[[], None]) -> None:
    opened = st.expander(label, icon=f":material/{icon}:", key=key, on_change="rerun")
    if opened.open:
        with opened:
            draw()


def _change(action: Callable[[], tuple[str, str]]) -> None:
    """Do it in a callback, before anything is drawn; `action` returns what was done and '' or what Undo would bring back."""
    try:
        guard.refuse_changes()
        with disasters.spoken():
            said, undo = action()
        st.session_state["kept"] = (said, undo, "")
        st.toast(words.plain(said))
    except InputError as error:
        st.session_state["kept"] = ("", "", str(error))
        st.toast(words.plain(str(error)), icon=":material/error:")


def _last() -> None:
    """The last housekeeping action or why it failed; Undo stays until the next one."""
    said, undo, problem = st.session_state.get("kept", ("", "", ""))
    if problem:
        shell.problem(problem)
    if said:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(said)
            if undo:
                st.button("Undo", icon=":material/undo:", key="keep-undo", on_click=_change, args=(lambda: _undone(undo),))


def _undone(name: str) -> tuple[str, str]:
    path = keeping.undo(name, runs.default_store())
    state.choose_run(path.name)
    return f"Run {path.name} is back.", ""


def _run(run: Run) -> None:
    told, fresh = keeping.about(run.path), f"{run.id}-{cache.stamp(run.path / keeping.ABOUT)}"
    st.text(f"Run folder {run.id}")
    with st.form(f"keep-form-{fresh}", border=False):
        left, right = st.columns(2)
        left.text_input("Name", told.name, max_chars=keeping.NAME, key=f"keep-name-{fresh}", help="Shown beside the id, which stays")
        right.text_input("Tags", ", ".join(told.tags), key=f"keep-tags-{fresh}", help=f"With commas, at most {keeping.TAGS}")
        st.text_area("Note", told.note, max_chars=keeping.NOTE, key=f"keep-note-{fresh}", height=96)
        st.form_submit_button("Save", icon=":material/save:", on_click=_change, args=(lambda: _described(run, fresh),))
    with st.container(horizontal=True):
        _download(run)
        st.button(
            "Delete", icon=":material/delete:", key="keep-delete", on_click=_change, args=(lambda: _deleted(run),), disabled=run.alive
        )
    st.caption("Delete moves the run to the trash of the store; Undo, or Storage below, brings it back.")


def _described(run: Run, fresh: str) -> tuple[str, str]:
    name, tags, note = (st.session_state[f"keep-{what}-{fresh}"] for what in ("name", "tags", "note"))
    keeping.describe(run.path, name, note, tags.split(","))
    return f"Saved name, note and tags of run {run.id}.", ""


def _deleted(run: Run) -> tuple[str, str]:
    if jobs.busy(run.path):
        raise InputError(f"Something is being computed for run {run.id}: expected it to be at rest; wait for it or stop it.")
    place = keeping.delete(run.path, runs.default_store())
    state.run_changed()
    st.session_state.pop("addressed", None)  # it is known why that run is not here any more
    return f"Run {run.id} was deleted; all pages show another one now.", place.name


def _download(run: Run) -> None:
    """The archive as a download; for a large run the command that writes it."""
    count = sum(keeping.size(run.path).values())
    if run.alive or run.problem:
        st.caption("An archive can be made of a run that has ended and can be read.")
    elif count > MOST * 1_000_000:
        st.caption(f"{size(count)} are too much for a download: write the archive with")
        st.code(shlex.join(["python", "-m", "c2r", "archive", str(run.path), f"{run.id}.zip"]), language=None)
    else:
        st.download_button(
            "Download archive", lambda: _archive(run), f"{run.id}.zip", "application/zip", icon=":material/archive:", on_click="ignore",
            key="keep-archive", help=f"The whole run in one file, {size(count)} before it is packed; it opens in any C2R app",
        )  # fmt: skip
        if left := archives.left_out(run.path):
            st.caption(words.plain(left))


@disasters.spoken()
def _archive(run: Run) -> bytes:
    """The archive of a run. Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="c2r-archive-") as folder:
        return archives.archive(run.path, Path(folder) / "run.zip").read_bytes()


def _open() -> None:
    st.caption(f"A zip that 'Download archive' or python -m c2r archive made, up to {MOST} MB; larger ones: python -m c2r open FILE.zip")
    fresh = st.session_state.get("keep-opened", 0)  # an uploader of its own after each opening, so that no file is opened twice
    given = st.file_uploader("Archive", type="zip", max_upload_size=MOST, key=f"keep-file-{fresh}")
    if given is not None:
        st.button(
            "Open archive", type="primary", icon=":material/unarchive:", key="keep-unpack", on_click=_change, args=(lambda: _opened(given),)
        )


def _opened(given: Any) -> tuple[str, str]:
    """Make a run of an uploaded archive. Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="c2r-archive-") as folder:
        file = Path(folder) / "upload.zip"
        file.write_bytes(given.getbuffer())
        try:
            path, said = archives.open_archive(file, runs.default_store(), LIMITS), "Opened run {}."
        except archives.AlreadyThere as there:
            path, said = there.path, "The run of that archive is here already: {}."
    state.choose_run(path.name)
    st.session_state["keep-opened"] = st.session_state.get("keep-opened", 0) + 1
    return said.format(path.name), ""


def _storage() -> None:
    found = keeping.storage(runs.default_store())
    largest = sorted(found["runs"], key=lambda run: run["total"], reverse=True)
    if largest:
        shown = {f"{run['name']} ({run['id']})" if run["name"] else run["id"]: run["kinds"] for run in largest[:SHOWN]}
        figures.chart(
            charts.storage_bars(shown, keeping.KINDS, free=found["free"], dark=state.is_dark()),
            "keep-bars",
            lambda: _table(largest),
        )
    if len(largest) > SHOWN:
        st.caption(f"The chart shows the {SHOWN} largest of {len(largest)} runs; the table holds all of them.")
    st.caption(
        f"The whole store: {size(found['total'])}, of it {size(found['rest'])} for imported sets, logs and the queue; "
        f"free on its disk: {size(found['free'])}."
    )
    trash = found["deleted"]
    if not trash or guard.read_only():
        st.caption("The trash is empty." if not trash else f"{len(trash)} deleted runs can be brought back where the app may change them.")
        return
    names = {one["trash"]: f"{one['id']}, deleted {one['time'][:16].replace('T', ' ')} UTC, {size(one['total'])}" for one in trash}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Deleted runs", list(names), format_func=lambda name: names.get(name, name), key="keep-trash")
        st.button("Bring back", icon=":material/undo:", key="keep-back", on_click=_change, args=(lambda: _undone(chosen),))
        st.button("Empty the trash", icon=":material/delete_forever:", key="keep-empty", on_click=_change, args=(_emptied,),
                  help=f"Frees {size(sum(one['total'] for one in trash))}; what is in it is lost then")  # fmt: skip


def _emptied() -> tuple[str, str]:
    count = keeping.empty_trash(runs.default_store())
    return f"Removed {count} deleted run{'' if count == 1 else 's'} for good.", ""


def _table(found: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The numbers behind the chart, in MB."""
    columns: dict[str, list[Any]] = {"Run": [run["id"] for run in found], "Name": [run["name"] for run in found]}
    columns |= {f"{kind}, MB": [run["kinds"][kind] / 1e6 for run in found] for kind in keeping.KINDS}
    return columns | {"total, MB": [run["total"] / 1e6 for run in found]}
