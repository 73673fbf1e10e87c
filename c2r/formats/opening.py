"""An archived run, opened as a run of a store on any machine. No torch.

An archive from elsewhere is believed in nothing: names, kinds, counts and sizes of its members are looked at before and
while they are written.
"""

import io
import json
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from c2r.errors import InputError
from c2r.formats.archives import CHUNK, EXPECTED
from c2r.formats.safe import GIGABYTE, Limits, guarded, printable, size
from c2r.store import sizes
from c2r.store.claiming import settle
from c2r.store.files import read_json, write_atomic
from c2r.store.kinds import HOME
from c2r.store.lifecycle import ALIVE
from c2r.store.runs import Run, evaluations, list_runs, open_run
from c2r.untrusted import parse_json, regular

LIMITS = Limits(bytes=20 * GIGABYTE, files=50_000)
RATIO = 100  # an archive may unpack to that many times its own size: more is a bomb
SLACK = 10_000_000  # bytes that may be unpacked whatever the ratio: logs of equal lines shrink a lot
DIRECTORY = 16_000_000  # bytes of the largest piece that is read at once: zipfile reads its list of members in one
JSON = 8_000_000  # bytes of one .json file, which the app reads whole
ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._ -]{0,118}[A-Za-z0-9])?")
WANTED = "an archive that 'python -m c2r archive' wrote"


class AlreadyThere(InputError):
    """The run of an archive is in the store already, in the folder `path`."""

    def __init__(self, file: str, path: Path):
        self.path = path
        super().__init__(
            f"{file} holds run {path.name}, which is in this store already: {path}; look there, or use 'open --again'."
        )


def is_archive(file: Path) -> bool:
    """Whether a file is a zip that looks like an archived run, so that `open_archive` has something to say about it."""
    try:
        with _Careful(regular(Path(file), WANTED)) as raw, zipfile.ZipFile(raw) as zipped:
            names = {name.rpartition("/")[2] for name in zipped.namelist() if name.count("/") < 2}
    except (InputError, OSError, ValueError, zipfile.BadZipFile):
        return False
    return {"config.json", "status.json"} <= names


def open_archive(file: Path, store: Path, limits: Limits = LIMITS, again: bool = False) -> Path:
    """Make a run folder in `store` of an archived run; returns its path. The id is the archive's, or ``id-2`` … when
    that is taken.

    A run that had not ended belongs to a process of another machine: it loses its process id and reads as lost.

    :param again: also when the same run is in the store already; without it that is `AlreadyThere`
    :raises InputError: no such file, damage, members that lead elsewhere, links, foreign names, more than `limits`;
        nothing is written then
    """
    file, store = Path(file), Path(store)
    if not file.is_file():
        raise InputError(f"{file} is no file: expected {WANTED}; choose another.")
    with guarded(file.name, WANTED), _Careful(file) as raw, zipfile.ZipFile(raw) as zipped:
        wanted, members = _members(zipped, file.name, limits)
        _bounded(members, file, store, limits)
        with _beside(store) as folder:
            for name, info in members.items():
                _extract(zipped, info, folder / name)
            for text in folder.rglob("*.json"):
                parse_json(text.read_bytes())
            _part_from_process(folder)
            run = open_run(folder)
            if run.problem:
                raise InputError(f"{file.name} holds no run that opens: {run.problem.replace(folder.name, wanted)}")
            if not again and (there := next((known for known in list_runs(store) if _same(known, run)), None)):
                raise AlreadyThere(file.name, there.path)
            return settle(folder, store, wanted)


def _same(there: Run, run: Run) -> bool:
    """Whether a run of the store is the very run of an archive: started at the same instant, as far on, with all its
    evaluations."""
    if there.config != run.config or any(
        there.status.get(key) != run.status.get(key) for key in ("started", "seq", "state")
    ):
        return False
    return {judged.id for judged in evaluations(run.path)} <= {judged.id for judged in evaluations(there.path)}


class _Careful(io.FileIO):
    """A file that is not read in pieces beyond `DIRECTORY` bytes, so that a list of a hundred million members is not
    believed."""

    def read(self, count: int | None = -1) -> bytes:
        if count is not None and count > DIRECTORY:
            raise InputError(
                f"{Path(str(self.name)).name} lists too many files: expected {WANTED}; do not trust this file."
            )
        return super().read(-1 if count is None else count)


def _members(zipped: zipfile.ZipFile, file: str, limits: Limits) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """The run's id and its files by name in the run folder. Raises InputError for whatever an archive of ours does not
    hold."""
    infos = [info for info in zipped.infolist() if not info.is_dir()]
    if len(infos) > limits.files:
        raise InputError(
            f"{file} has {len(infos)} files: expected at most {limits.files} in an archived run; do not trust this"
            " file."
        )
    for info in infos:
        _inside(info, file)
    tops = sorted(
        name.removesuffix("config.json") for name in zipped.namelist() if re.fullmatch(r"([^/]+/)?config\.json", name)
    )
    top = tops[0] if tops else ""
    names = {info.filename.removeprefix(top) for info in infos}
    if missing := [name for name in ("config.json", "status.json") if name not in names]:
        raise InputError(f"{file} has no {missing[0]}: expected {WANTED}; choose another file.")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name, said = info.filename.removeprefix(top), printable(info.filename)[:80]
        odd = info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if odd or not info.filename.startswith(top) or not EXPECTED.fullmatch(name):
            raise InputError(
                f"'{said}' of {file} belongs to no run folder: expected {WANTED}; remove that file or choose another"
                " archive."
            )
        if name in members:
            raise InputError(f"'{said}' stands twice in {file}: expected {WANTED}; do not trust this file.")
        members[name] = info
    wanted = top.rstrip("/") or Path(file).stem
    return wanted if ID.fullmatch(wanted) else "opened", members


def _inside(info: zipfile.ZipInfo, file: str) -> None:
    """Raise InputError when a member is no regular file or its name leads out of the folder that it is unpacked
    into."""
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/") or kind not in (0, stat.S_IFREG):
        said = printable(name)[:80]
        raise InputError(
            f"'{said}' of {file} is a link or leads out of the archive: expected plain files inside; do not trust this"
            " file."
        )


def _bounded(members: dict[str, zipfile.ZipInfo], file: Path, store: Path, limits: Limits) -> None:
    """Raise InputError when the members say that they unpack to more than is allowed, likely, or free on the disk."""
    total, own = sum(info.file_size for info in members.values()), file.stat().st_size
    most = min(limits.bytes, max(SLACK, RATIO * own))
    if total > most:
        raise InputError(
            f"{file.name} ({size(own)}) would unpack to {size(total)}: expected at most {size(most)}; do not trust this"
            " file."
        )
    if long := [name for name, info in members.items() if name.endswith(".json") and info.file_size > JSON]:
        raise InputError(
            f"'{long[0]}' of {file.name} has more than {size(JSON)}: expected {WANTED}; do not trust this file."
        )
    free = sizes.free(store)
    if total > free:
        raise InputError(
            f"{file.name} needs {size(total)} and the disk of {store} has {size(free)} free: delete runs or choose"
            " another store."
        )


@contextmanager
def _beside(store: Path) -> Iterator[Path]:
    """A hidden folder in the store for a run that is not complete yet; what is left of it at the end goes. Raises
    InputError."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        folder = store / f".opening-{uuid4().hex}"
        folder.mkdir()
    except OSError as error:
        raise InputError(
            f"The run store {store} cannot be written ({error.strerror}): expected a folder of yours; set C2R_RUNS."
        ) from None
    try:
        (folder / "frames").mkdir()
        yield folder
    except OSError as error:
        raise InputError(
            f"The run store {store} cannot be written ({error.strerror}): expected free space; free some."
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _extract(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Write one member; zipfile reads no more than the size that was declared, and compares its checksum."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipped.open(info) as source, open(target, "xb") as file:
        shutil.copyfileobj(source, file, CHUNK)
        file.flush()
        os.fsync(file.fileno())
    if target.stat().st_size != info.file_size:
        raise InputError(
            f"'{info.filename}' is shorter than its archive says: expected {WANTED}; download or write it again."
        )


def _part_from_process(folder: Path) -> None:
    """Take out what means something on its own machine only: the process of a run that had not ended, and the place of
    an evaluated run."""
    for file in (folder / "status.json", *folder.glob("evaluations/*/status.json")):
        status = read_json(file)
        kept = {
            key: value
            for key, value in status.items()
            if status.get("state") not in ALIVE or key not in ("pid", "pid_started")
        }
        write_atomic(file, json.dumps(kept if status.get("of", "") in ("", HOME) else kept | {"of": "elsewhere"}))
