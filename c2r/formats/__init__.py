"""Distilled sets of other projects and ours: table `FORMATS` to read, `write.EXPORTS` to write. numpy, no torch at
import or reading.

Nothing that a file contains is executed: pickles are read by `pickles.Reader`, which knows tensors and plain containers
only.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from c2r.data.splits import partition_problem
from c2r.errors import InputError, unknown
from c2r.formats.arrays import read_npz, read_safetensors
from c2r.formats.fkd import image_folder, label_folder, read_fkd
from c2r.formats.folders import FLOAT, class_folders, read_folder
from c2r.formats.imported import ImportedSet, Raw, digest, finish, size_of
from c2r.formats.layouts import (
    is_dc,
    is_pair,
    is_prototypes,
    mtt_files,
    read_dc,
    read_mtt,
    read_pair,
    refuse_others,
    refuse_prototypes,
)
from c2r.formats.normalisation import NORMALISATIONS, NormalisationNeeded
from c2r.formats.safe import Budget, Limits, checked_file, checked_folder, file_name, guarded, unpacked
from c2r.formats.tensors import read_tensors
from c2r.paths import at_home

__all__ = [
    "FORMATS",
    "NORMALISATIONS",
    "ImportedSet",
    "Limits",
    "NormalisationNeeded",
    "file_name",
    "read_set",
    "read_upload",
    "sniff",
]

MOST_PARTS = 16
TORCH = (".pt", ".pth", ".pkl", ".pickle", ".tar", ".bin")
EXPECTED = "a distilled set in one of the layouts that 'python -m c2r import' lists"


@dataclass
class Candidate:
    """A file or folder that is to be read; what torch wrote is parsed once, on first use."""

    path: Path
    budget: Budget
    experiment: int = -1
    image_size: int = 0

    @cached_property
    def stored(self) -> tuple[Any, str]:
        return read_tensors(checked_file(self.path, self.budget.limits), self.budget)

    def is_torch(self) -> bool:
        return self.path.is_file() and self.path.suffix.lower() in TORCH


@dataclass(frozen=True)
class Format:
    """How one layout is recognised and read."""

    label: str
    sniff: Callable[[Candidate], bool]
    read: Callable[[Candidate], Raw]


def _tensors(read: Callable[..., Raw], fits: Callable[[Any], bool]) -> Callable[[Candidate], Raw]:
    """A reader of what torch wrote: parse, refuse what is known to be something else, check the layout, read."""

    def reader(found: Candidate) -> Raw:
        content, container = found.stored
        refuse_others(content, found.path.name)
        if not fits(content):
            raise InputError(
                f"{found.path.name} holds a {_outline(content)}: expected {EXPECTED}; choose another file."
            )
        raw = read(content, found.budget, found.experiment)
        return replace(raw, facts=raw.facts | {"container": container})

    return reader


def _outline(content: Any) -> str:
    inside = (
        ", ".join(str(key)[:40] for key in list(content)[:4])
        if isinstance(content, dict)
        else f"{len(content)} entries"
        if isinstance(content, list | tuple)
        else ""
    )
    return f"{type(content).__name__.lower()}{f' of {inside}' if inside else ''}"


FORMATS: dict[str, Format] = {
    "dc-pt": Format(
        "DC, DSA, DM, ROME, BEARD pool: .pt with a list of experiments",
        lambda f: f.is_torch() and is_dc(f.stored[0]),
        _tensors(read_dc, is_dc),
    ),
    "idm-pickle": Format(
        "IDM, ROME: pickle of (images, labels)",
        lambda f: (
            f.is_torch()
            and is_pair(f.stored[0])
            and (f.stored[1] == "pickle" or f.path.suffix.lower() in (".pkl", ".pickle"))
        ),
        _tensors(read_pair, is_pair),
    ),
    "tensor-pair": Format(
        "DREAM, IDC: .pt with (data, target)",
        lambda f: f.is_torch() and is_pair(f.stored[0]),
        _tensors(read_pair, is_pair),
    ),
    "npz": Format(
        "npz with images and labels", lambda f: f.path.suffix.lower() == ".npz", lambda f: read_npz(f.path, f.budget)
    ),
    "safetensors": Format(
        "safetensors with images and labels",
        lambda f: f.path.suffix.lower() == ".safetensors",
        lambda f: read_safetensors(f.path, f.budget),
    ),
    "mtt-folder": Format(
        "MTT, TESLA: folder with images_best.pt and labels_best.pt",
        lambda f: f.path.is_dir() and bool(mtt_files(f.path)[0]),
        lambda f: read_mtt(f.path, f.budget),
    ),
    "fkd": Format(
        "SRe2L, CDA, GUARD, D4M: image folder with FKD soft labels (epoch_0/batch_0.tar)",
        lambda f: f.path.is_dir() and bool(label_folder(f.path)) and bool(image_folder(f.path)),
        lambda f: read_fkd(f.path, f.budget, f.image_size),
    ),
    "image-folder": Format(
        "SRe2L, D4M and others: one folder of pictures per class",
        lambda f: f.path.is_dir() and bool(class_folders(f.path)),
        lambda f: read_folder(f.path, f.budget, f.image_size),
    ),
    "prototypes-json": Format(
        "D4M prototypes (refused: latents)", lambda f: is_prototypes(f.path), lambda f: refuse_prototypes(f.path)
    ),
}


def sniff(found: Candidate) -> str:
    """The name of the format a file or folder has. Raises InputError when it has none of them."""
    if found.is_torch():
        refuse_others(found.stored[0], found.path.name)
    name = next((name for name, format in FORMATS.items() if format.sniff(found)), "")
    if name:
        return name
    if found.path.is_dir():
        inside = [child.name for child in sorted(found.path.iterdir())][:5]
        came = f"holds {', '.join(inside)}" if inside else "is empty"
    elif found.is_torch():
        came = f"holds a {_outline(found.stored[0])}"
    else:
        came = f"ends in '{found.path.suffix}'"
    raise InputError(
        f"{found.path.name} {came}: expected one of {', '.join(FORMATS)}; name the format or choose another file."
    )


def read_set(
    path: str | Path,
    format: str = "auto",
    *,
    normalisation: str = "ask",
    experiment: int = -1,
    image_size: int = 0,
    partition: int = 0,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
) -> ImportedSet:
    """Read a distilled set in any layout of `FORMATS`, without executing what it contains.

    :param format: a name of `FORMATS`, or ``auto``
    :param normalisation: ``ask``, ``none``, a name of `NORMALISATIONS`, or ``mean;std`` such as
        ``0.5,0.5,0.5;0.2,0.2,0.2``
    :param experiment: which experiment of a dc-pt file; the last one by default
    :param image_size: side in pixels to resize pictures of a folder to; 0 keeps theirs
    :param partition: parts per side of a stored image, if you know them; 0 takes what the file says, else a guess
    :raises NormalisationNeeded: values outside [0, 1] with ``ask``; its `guesses` are to choose from
    :raises InputError: unknown, missing, damaged, too large, unsafe or unfit; one sentence each
    """
    if format not in ("auto", *FORMATS):
        raise unknown("format", format, ["auto", *FORMATS])
    if not 0 <= partition <= MOST_PARTS:
        raise InputError(
            f"You gave partition {partition}: expected a whole number from 1 to {MOST_PARTS}, or 0 to guess; change it."
        )
    path = at_home(path)
    if not _exists(path):
        raise InputError(f"There is no file or folder {path}: expected a distilled set; check the path.")
    given = {"partition": partition, "partition_reason": "given by you"} if partition else {}
    with guarded(path.name, EXPECTED):
        _check_outside(path, limits)
        found = Candidate(path, Budget(limits, path.name), experiment, image_size)
        read = _read_zip if _is_zip(path) else _read
        imported = read(found, format, normalisation)
        imported = replace(imported, facts=imported.facts | given)
        if problem := partition_problem(min(imported.images.shape[2:]), imported.partition):
            raise InputError(problem)
        return imported


def _check_outside(path: Path, limits: Limits) -> None:
    (checked_folder if path.is_dir() else checked_file)(path, limits)


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and path.is_file()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that no disk can hold
        return False


def _read(found: Candidate, format: str, normalisation: str) -> ImportedSet:
    name = sniff(found) if format == "auto" else format
    raw = FORMATS[name].read(found)
    if raw.images.itemsize < FLOAT:
        found.budget.spend(FLOAT * raw.images.size)  # they are held as float32
    return finish(raw, found.path, name, normalisation)


def _read_zip(found: Candidate, format: str, normalisation: str) -> ImportedSet:
    """A zip of any layout: unpacked into a temporary folder; a folder that holds nothing but one entry is entered. One
    budget for all."""
    path = found.path
    with unpacked(path, found.budget) as place:
        inside = place
        while inside.is_dir() and len(children := list(inside.iterdir())) == 1 and not class_folders(inside):
            inside = children[0]
        if inside.is_dir() and not any(inside.iterdir()):
            raise InputError(f"{path.name} is an empty archive: expected {EXPECTED}; choose another file.")
        _check_outside(inside, found.budget.limits)
        if _is_zip(inside):
            raise InputError(
                f"{path.name} holds another zip, {inside.name}: expected the set itself; unpack the outer one and"
                " choose the inner."
            )
        imported = _read(Candidate(inside, found.budget, found.experiment, found.image_size), format, normalisation)
        return replace(
            imported, path=str(path), facts=imported.facts | {"bytes": size_of(path), "sha256": digest(path)}
        )


def read_upload(files: list[tuple[str, bytes]], format: str = "auto", **options: Any) -> ImportedSet:
    """A set that came as file names and contents: one file, a zip, or the files of a folder such as MTT's.

    :param options: those of `read_set`
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
        found = read_set(entries[0] if len(entries) == 1 else place, format, **options)
        return replace(found, path=", ".join(name for name, _ in files))
