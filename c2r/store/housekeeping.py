"""Housekeeping of a run store: what a person calls a run, deleting with undo, and what takes up the space. No torch.

Name, note, tags and headline stand in ``about.json`` of the run folder; the folder's own name stays, so links and
lineage hold. A deleted
run is moved to ``<store>/.trash/<id>-<time>`` (time in UTC) and stays there until it is brought back or the trash is
emptied.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from c2r.errors import InputError
from c2r.paths import at_home
from c2r.store.claiming import fill, hold, reserve
from c2r.store.files import read_json, write_atomic
from c2r.store.headline import pick
from c2r.store.runs import ABOUT, Run, evaluations, headline, is_run, list_runs, open_run
from c2r.store.tagging import TAG, TAGS

TRASH, MOMENT = ".trash", "%Y%m%d-%H%M%S-%f"
NAME, NOTE = 80, 2000  # most characters of a name and a note
Text = str | None
KINDS = ("frames", "networks", "parts", "evaluations", "other")
_ENTRY = re.compile(r"(?P<id>.+)-(?P<time>\d{8}-\d{6}-\d{6})")


@dataclass(frozen=True)
class About:
    """What a person says of a run: a display name and a note ('' for none), tags, the evaluation that stands for it
    ('': its own)."""

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    headline: str = ""


def sample_path() -> Path:
    """The recorded run that comes with the app (``$C2R_SAMPLE`` replaces it); it stays as it is."""
    return at_home(os.environ.get("C2R_SAMPLE") or Path(__file__).resolve().parents[2] / "app" / "sample_run")


def about(path: Path) -> About:
    """What a person said of the run in `path`. Never raises: what is missing, damaged, too long or no text is left out
    or cut."""
    try:
        found = read_json(Path(path) / ABOUT)
    except InputError:
        return About()
    name, note = (found[key] if isinstance(found.get(key), str) else "" for key in ("name", "note"))
    tags = found["tags"] if isinstance(found.get("tags"), list) else []
    kept = dict.fromkeys(_line(tag)[:TAG] for tag in tags if isinstance(tag, str) and _line(tag))
    return About(_line(name)[:NAME], _lines(note)[:NOTE], tuple(kept)[:TAGS], headline(path))


def describe(
    path: Path, name: Text = None, note: Text = None, tags: list[str] | None = None, headline: Text = None
) -> About:
    """Change name, note, tags or headline of the run in `path`; None leaves a value as it is, '' or [] removes it.

    Line breaks and control characters become spaces, except line breaks of the note; equal tags are kept once. Returns
    what is said
    now. Raises InputError: no run, the sample run, a text that is too long, too many tags, a headline that cannot stand
    for the run.
    """
    path, before = Path(path), about(path)
    _own(path)
    wanted = About(
        before.name if name is None else _short("name", _line(name), NAME),
        before.note if note is None else _short("note", _lines(note), NOTE),
        (
            before.tags
            if tags is None
            else tuple(dict.fromkeys(_short("tag", _line(tag), TAG) for tag in tags if _line(tag)))
        ),
        before.headline if headline is None else pick(path, headline),
    )
    if len(wanted.tags) > TAGS:
        raise InputError(
            f"Run {path.name} would have {len(wanted.tags)} tags: expected at most {TAGS}; leave some out."
        )
    try:
        write_atomic(path / ABOUT, json.dumps(asdict(wanted), indent=2) + "\n")
    except OSError as error:
        raise InputError(
            f"{path / ABOUT} cannot be written ({error.strerror}): expected a folder of yours with free space; free"
            " some."
        ) from None
    return wanted


def delete(path: Path, store: Path) -> Path:
    """Move a run folder of `store` into its trash, from where `undo` brings it back; returns its place there.

    :raises InputError: no run folder directly in the store, a link, the sample run, a run or evaluation that lives
    """
    path, store = Path(path).absolute(), Path(store)
    if path.is_symlink() or path.name.startswith(".") or path.parent.resolve() != store.resolve():
        raise InputError(
            f"{path} is a link or no folder of the run store {store}: expected a run folder in it; choose one that"
            " 'list' shows."
        )
    _own(path)
    ended(path, "deleted")
    place = store / TRASH / f"{path.name}-{datetime.now(UTC):{MOMENT}}"
    if place.parent.is_symlink():
        raise InputError(f"The trash {place.parent} is a link: expected a folder of the store itself; remove the link.")
    try:
        place.parent.mkdir(exist_ok=True)
        with hold(path) as held:
            if os.name == "nt":  # an open file would keep the folder from moving there
                held.close()
            os.rename(path, place)
    except OSError as error:
        raise InputError(
            f"Run {path.name} cannot be moved to the trash ({error.strerror}): expected a store of yours; check it."
        ) from None
    return place


def ended(path: Path, what: str) -> Run:
    """The run in `path`, for something that needs it at rest. Raises InputError while it or one of its evaluations
    lives."""
    run = open_run(path)
    living = next((one for one in (run, *evaluations(path)) if one.alive), None)
    if living is not None:
        raise InputError(
            f"Run {living.id} is {living.state} and cannot be {what} now: expected one that has ended; stop it or wait."
        )
    return run


@dataclass(frozen=True)
class Deleted:
    """A run in the trash: its folder there, the id it had, and when it was deleted (UTC)."""

    path: Path
    id: str
    time: datetime


def deleted(store: Path) -> list[Deleted]:
    """The runs in the trash of a store, newest first."""
    folder = Path(store) / TRASH
    names = os.listdir(folder) if folder.is_dir() and not folder.is_symlink() else []
    found = [_deleted(folder / name) for name in names]
    return sorted((one for one in found if one), key=lambda one: one.time, reverse=True)


def _deleted(path: Path) -> Deleted | None:
    parts = _ENTRY.fullmatch(path.name)
    if not parts or path.is_symlink() or not path.is_dir():
        return None
    try:
        return Deleted(path, parts["id"], datetime.strptime(parts["time"], MOMENT).replace(tzinfo=UTC))
    except ValueError:
        return None


def undo(name: str, store: Path) -> Path:
    """Bring a deleted run back: `name` is its id (the one deleted last) or its name in the trash. Returns its folder.

    When the id was taken meanwhile it gets another one.

    :raises InputError: no such run in the trash
    """
    store = Path(store)
    found = next((one for one in deleted(store) if name in (one.id, one.path.name)), None)
    if found is None:
        raise InputError(
            f"The trash of {store} holds no run '{name}': expected one that 'python -m c2r storage' lists as deleted;"
            " it may be gone."
        )
    return settle(found.path, store, found.id)


def settle(folder: Path, store: Path, wanted: str) -> Path:
    """Move a complete run folder into the store under the id `wanted`, or ``wanted-2`` … when it is taken; returns its
    new path."""
    place = store / wanted
    try:
        place = reserve(place)
        fill(folder, place)
    except OSError as error:
        with suppress(OSError):
            place.rmdir()
        raise InputError(
            f"{place} cannot be made ({error.strerror}): expected a run store of yours with free space; check it."
        ) from None
    return place


def empty_trash(store: Path, older_than_days: float = 0) -> int:
    """Remove for good what was deleted more than `older_than_days` days ago; returns how many runs. Raises
    InputError."""
    if not older_than_days >= 0:
        raise InputError(f"Days must be 0 or more to empty the trash, found {older_than_days}: choose another number.")
    limit = datetime.now(UTC) - timedelta(days=min(older_than_days, 36_500))
    old = [
        one for one in deleted(store) if one.time <= limit or not older_than_days
    ]  # all of them, even from after a clock was set back
    for one in old:
        try:
            shutil.rmtree(one.path)
        except OSError as error:
            raise InputError(
                f"{one.path} cannot be removed ({error.strerror}): expected a folder of yours; remove it yourself."
            ) from None
    return len(old)


def size(path: Path) -> dict[str, int]:
    """Bytes of the files in a run folder for each of `KINDS`: networks are those of every evaluation, evaluations their
    other files."""
    found = dict.fromkeys(KINDS, 0)
    for (*folders, _), count in _files(Path(path)):
        kind = "networks" if "networks" in folders else next((name for name in folders[:1] if name in found), "other")
        found[kind] += count
    return found


def storage(store: Path) -> dict[str, Any]:
    """What a store holds, in bytes: ``runs`` (id, name, sizes by kind, total), ``deleted`` (id, trash, time, total),
    ``rest``, ``total``, ``free``."""
    store = Path(store)
    sizes = {run.path: size(run.path) for run in list_runs(store)}
    runs = [
        {"id": p.name, "name": about(p).name, "kinds": kinds, "total": sum(kinds.values())}
        for p, kinds in sizes.items()
    ]
    gone = {one.path.name: (one, sum(size(one.path).values())) for one in deleted(store)}
    trash = [
        {"id": one.id, "trash": name, "time": one.time.isoformat(), "total": count}
        for name, (one, count) in gone.items()
    ]
    total = sum(count for _, count in _files(store))
    rest = total - sum(sum(kinds.values()) for kinds in sizes.values()) - sum(count for _, count in gone.values())
    return {"runs": runs, "deleted": trash, "rest": max(0, rest), "total": total, "free": free(store)}


def free(store: Path) -> int:
    """Free bytes on the disk of a store, which need not exist yet."""
    near = next(place for place in (Path(store).absolute(), *Path(store).absolute().parents) if os.path.exists(place))
    return shutil.disk_usage(near).free


def _files(folder: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    """Path below `folder` and bytes of every file; links are not followed, what vanishes meanwhile is left out."""
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place, name)
            try:
                yield file.relative_to(folder).parts, file.lstat().st_size
            except OSError:
                continue


def _own(path: Path) -> None:
    """Raise InputError for what is no run folder, and for the sample run."""
    if not is_run(path):
        raise InputError(
            f"{path} is no run folder: expected one with config.json and status.json; choose one that 'list' shows."
        )
    if path.resolve() == sample_path().resolve():
        raise InputError("The sample run stays as it is: expected a run of yours; start one or open an archive.")


def _line(text: str) -> str:
    """One line of text: control characters and line breaks become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _lines(text: str) -> str:
    return "\n".join(_line(line) for line in text.splitlines()).strip()


def _short(what: str, text: str, most: int) -> str:
    if len(text) > most:
        raise InputError(f"The {what} has {len(text)} characters: expected at most {most}; shorten it.")
    return text
