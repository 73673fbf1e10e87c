"""Limits and guards for files from elsewhere: nothing is allocated, followed or believed before it was checked. numpy,
no torch.

Every reader of this package runs inside `guarded`, so that a person sees one sentence, never a traceback.
"""

import math
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from c2r.errors import InputError, one_line
from c2r.untrusted import regular

GIGABYTE = 1_000_000_000
MOST_STEPS = 1_000_000  # instructions of the pickles of one import; a distilled set has some hundreds
LONGEST_NAME = 200  # bytes of a file's name
LINK = 0o120000  # file type of a symbolic link in the upper half of a zip member's attributes
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class Limits:
    """What one import may cost.

    :param bytes: of the file, and of everything that is unpacked or decoded from it together
    :param pixels: of one picture
    :param files: members of an archive or files of a folder
    """

    bytes: int = 2 * GIGABYTE
    pixels: int = 4096 * 4096
    files: int = 200_000


@dataclass
class Budget:
    """What an import may still allocate and execute; `spend` is called before an allocation, not after."""

    limits: Limits
    name: str
    spent: int = field(default=0)
    steps: int = field(default=0)

    def spend(self, count: int) -> None:
        """Raise InputError when `count` more bytes go beyond the limit."""
        self.spent += count
        if self.spent > self.limits.bytes:
            raise InputError(
                f"{self.name} unpacks to more than {size(self.limits.bytes)}: expected a distilled set within that"
                " limit; raise the limit if you trust the file, or make a smaller one."
            )

    def step(self) -> None:
        """Count one instruction of a pickle. Raises ValueError when all pickles of the import together have too
        many."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise ValueError("it has more parts than any distilled set")


def file_name(given: str) -> str:
    """The last part of a name from elsewhere as the name of a file: no folders, no control characters, no dots in
    front, not too long."""
    last = one_line(PurePosixPath(given.replace("\\", "/")).name).lstrip(".")
    while len(last.encode("utf-8", "replace")) > LONGEST_NAME:
        last = last[1:]  # the end stays, it says what kind of file it is
    return last or "file"


def size(count: int) -> str:
    """Bytes as a person reads them, such as ``2 GB``."""
    power = min(3, int(math.log(max(count, 1), 1000)))
    return f"{count / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB')[power]}"


def printable(text: str) -> str:
    """The text with '?' for line breaks and control characters, which names inside a foreign file may hold."""
    return "".join(c if c.isprintable() else "?" for c in text)


@contextmanager
def guarded(name: str, expected: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into an InputError of one sentence that calls the file `name`.

    All exceptions, on purpose: what a foreign file can make a parser raise cannot be listed.
    """
    try:
        yield
    except InputError as error:
        error.args = (printable(str(error)),)
        raise
    except PermissionError:
        raise InputError(f"No permission to read {name}: expected a file of yours; change its permissions.") from None
    except MemoryError:
        raise InputError(
            f"{name} needs more memory than there is: expected {expected}; use a larger machine or a smaller set."
        ) from None
    except Exception as error:
        reason = printable(" ".join(str(error).split()))[:120].rstrip(".").replace(". ", ", ") or type(error).__name__
        raise InputError(
            f"{name} is damaged or not what its name says ({reason}): expected {expected}; download or write it again."
        ) from None


def require_file(path: Path, limits: Limits) -> Path:
    """The path of a file that exists, is not empty and is within the size limit. Raises InputError otherwise."""
    count = regular(path, "a file or folder with what is to be read").stat().st_size
    if count == 0:
        raise InputError(f"{path.name} is empty: expected images and labels; write or download it again.")
    if count > limits.bytes:
        raise InputError(
            f"{path.name} has {size(count)}: expected at most {size(limits.bytes)}; raise the limit if you trust the"
            " file, or cut the set."
        )
    return path


def require_folder(folder: Path, limits: Limits) -> None:
    """Raise InputError when a folder has too many files, or holds a link that leads out of it."""
    root = folder.resolve()
    entries: list[Path] = []
    for place, folders, names in os.walk(folder):
        entries += [Path(place) / name for name in (*folders, *names)]
        if len(entries) > limits.files:
            raise InputError(
                f"{folder.name} has more than {limits.files} files: expected a distilled set; choose its own folder."
            )
    for entry in entries:
        if not entry.resolve().is_relative_to(root):
            raise InputError(
                f"{entry.relative_to(folder)} of {folder.name} is a link out of the folder: "
                "expected the files themselves; copy them into the folder."
            )


def members(archive: zipfile.ZipFile, budget: Budget) -> list[zipfile.ZipInfo]:
    """The files of a zip archive. Raises InputError when there are too many, or when together they would unpack beyond
    the limit."""
    files = [info for info in archive.infolist() if not info.is_dir()]
    if len(files) > budget.limits.files:
        raise InputError(
            f"{budget.name} has {len(files)} files: expected at most {budget.limits.files}; this is no distilled set."
        )
    total = sum(info.file_size for info in files)
    if total > budget.limits.bytes:
        raise InputError(
            f"{budget.name} would unpack to {size(total)}: expected at most {size(budget.limits.bytes)}; "
            "raise the limit if you trust the file, or make a smaller set."
        )
    return files


def member_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    """The content of one member; zipfile never reads beyond the size that was declared and paid for."""
    budget.spend(info.file_size)
    return archive.read(info)


def member_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> np.ndarray:
    """One ``.npy`` member as an array; its header is compared with the member's size before anything is allocated."""
    with archive.open(info) as file:
        shape, fortran, kind = HEADERS[np.lib.format.read_magic(file)](file)
        if kind.hasobject:
            raise InputError(
                f"Array '{info.filename}' of {budget.name} holds pickled objects: "
                "expected plain numbers, for safety; store it as uint8 or float32."
            )
        count = math.prod(shape) * kind.itemsize
        if count > info.file_size:
            raise InputError(
                f"Array '{info.filename}' of {budget.name} claims {size(count)} and holds {size(info.file_size)}: "
                "expected as much as it claims; write the file again."
            )
        budget.spend(count)
        content = file.read(count)
    array = np.frombuffer(content, kind)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


@contextmanager
def unpacked(path: Path, budget: Budget) -> Iterator[Path]:
    """The files of a zip in a temporary folder, which is deleted afterwards.

    :raises InputError: a member is a link, or its path leads out of the folder; a bomb; damage
    """
    with tempfile.TemporaryDirectory(prefix="c2r-import-") as place, zipfile.ZipFile(path) as archive:
        root = Path(place) / "files"
        root.mkdir()
        for info in members(archive, budget):
            parts = PurePosixPath(info.filename.replace("\\", "/")).parts
            if (
                (info.external_attr >> 16) & 0o170000 == LINK
                or ".." in parts
                or info.filename.startswith(("/", "\\"))
                or ":" in parts[0]
            ):
                raise InputError(
                    f"{info.filename} of {path.name} is a link or leads out of the archive: "
                    "expected plain files inside it; do not trust this file."
                )
            target = root.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member_bytes(archive, info, budget))
        yield root
