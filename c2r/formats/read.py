"""A distilled set from a file, a folder, a zip or an upload, in any layout of `known.FORMATS`. numpy, no torch.

Nothing that a file contains is executed: pickles are read by `pickles.Reader`, which knows tensors and plain containers
only.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from c2r.data.splits import partition_problem
from c2r.errors import InputError, unknown
from c2r.formats.folders import FLOAT, class_folders
from c2r.formats.imported import ImportedSet, digest, finish, size_of
from c2r.formats.known import EXPECTED, FORMATS, Candidate, sniff
from c2r.formats.safe import Budget, Limits, file_name, guarded, require_file, require_folder, unpacked
from c2r.paths import at_home

MOST_PARTS = 16


@dataclass(frozen=True)
class Reading:
    """How a set is read.

    :param normalisation: ``ask``, ``none``, a name of `NORMALISATIONS`, or ``mean;std`` such as
        ``0.5,0.5,0.5;0.2,0.2,0.2``
    :param experiment: which experiment of a dc-pt file; the last one by default
    :param image_size: side in pixels to resize pictures of a folder to; 0 keeps theirs
    :param partition: parts per side of a stored image, if you know them; 0 takes what the file says, else a guess
    """

    normalisation: str = "ask"
    experiment: int = -1
    image_size: int = 0
    partition: int = 0
    limits: Limits = Limits()


def read_set(path: str | Path, format: str = "auto", **how: Any) -> ImportedSet:
    """Read a distilled set in any layout of `FORMATS`, without executing what it contains.

    :param format: a name of `FORMATS`, or ``auto``
    :param how: the fields of `Reading`
    :raises NormalisationNeeded: values outside [0, 1] with ``ask``; its `guesses` are to choose from
    :raises InputError: unknown, missing, damaged, too large, unsafe or unfit; one sentence each
    """
    reading, path = Reading(**how), at_home(path)
    _require_known(path, format, reading)
    parts = reading.partition
    given = {"partition": parts, "partition_reason": "given by you"} if parts else {}
    with guarded(path.name, EXPECTED):
        _require_allowed(path, reading.limits)
        candidate = Candidate(path, Budget(reading.limits, path.name), reading.experiment, reading.image_size)
        read = _read_zip if _is_zip(path) else _read
        imported = read(candidate, format, reading.normalisation)
        imported = replace(imported, facts=imported.facts | given)
        if problem := partition_problem(min(imported.images.shape[2:]), imported.partition):
            raise InputError(problem)
        return imported


def _require_known(path: Path, format: str, reading: Reading) -> None:
    """Raise InputError for a format or partition that is none, or a place where nothing is."""
    if format not in ("auto", *FORMATS):
        raise unknown("format", format, ["auto", *FORMATS])
    if not 0 <= reading.partition <= MOST_PARTS:
        raise InputError(
            f"You gave partition {reading.partition}: expected a whole number from 1 to {MOST_PARTS}, or 0 to guess;"
            " change it."
        )
    if not _exists(path):
        raise InputError(f"There is no file or folder {path}: expected a distilled set; check the path.")


def _require_allowed(path: Path, limits: Limits) -> None:
    (require_folder if path.is_dir() else require_file)(path, limits)


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and path.is_file()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that no disk can hold
        return False


def _read(candidate: Candidate, format: str, normalisation: str) -> ImportedSet:
    name = sniff(candidate) if format == "auto" else format
    raw = FORMATS[name].read(candidate)
    if raw.images.itemsize < FLOAT:
        candidate.budget.spend(FLOAT * raw.images.size)  # they are held as float32
    return finish(raw, candidate.path, name, normalisation)


def _read_zip(candidate: Candidate, format: str, normalisation: str) -> ImportedSet:
    """A zip of any layout: unpacked into a temporary folder; a folder that holds nothing but one entry is entered. One
    budget for all."""
    path = candidate.path
    with unpacked(path, candidate.budget) as place:
        inside = place
        while inside.is_dir() and len(children := list(inside.iterdir())) == 1 and not class_folders(inside):
            inside = children[0]
        if inside.is_dir() and not any(inside.iterdir()):
            raise InputError(f"{path.name} is an empty archive: expected {EXPECTED}; choose another file.")
        _require_allowed(inside, candidate.budget.limits)
        if _is_zip(inside):
            raise InputError(
                f"{path.name} holds another zip, {inside.name}: expected the set itself; unpack the outer one and"
                " choose the inner."
            )
        imported = _read(
            Candidate(inside, candidate.budget, candidate.experiment, candidate.image_size), format, normalisation
        )
        return replace(
            imported, path=str(path), facts=imported.facts | {"bytes": size_of(path), "sha256": digest(path)}
        )


def read_upload(files: list[tuple[str, bytes]], format: str = "auto", **how: Any) -> ImportedSet:
    """A set that came as file names and contents: one file, a zip, or the files of a folder such as MTT's.

    :param how: the fields of `Reading`
    :raises InputError: as `read_set`
    """
    if not files:
        raise InputError("No file came: expected one file, a zip, or the files of one folder; choose them again.")
    with tempfile.TemporaryDirectory(prefix="c2r-upload-") as temporary:
        place = Path(temporary) / "upload"
        place.mkdir()
        for name, content in files:
            (place / file_name(name)).write_bytes(content)
        entries = list(place.iterdir())
        imported = read_set(entries[0] if len(entries) == 1 else place, format, **how)
        return replace(imported, path=", ".join(name for name, _ in files))
