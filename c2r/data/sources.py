"""Where real images come from: table `SOURCES`, one row per source, each with a full and a cheap reader. numpy, no
torch.

`read` gives decoded images at the wanted side; `peek` gives their Shape without decoding them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from c2r.data.arrays import peek_digits, peek_npz, read_digits, read_npz
from c2r.data.downloads import NAMED, peek_named, read_named
from c2r.data.imagefiles import parquet_files, peek_folder, peek_parquet, read_folder, read_parquet
from c2r.data.splits import Shape, Splits, Tell, require_content, require_side, trainable
from c2r.errors import InputError, unknown
from c2r.paths import at_home


@dataclass(frozen=True)
class Source:
    """How one source is read: both take the name or path and the side in pixels (0: the images' own)."""

    read: Callable[[str, int, Tell], Splits]
    peek: Callable[[str, int], Shape]


WORDS = ("digits", *NAMED)
FILES = {".parquet": "parquet", ".npz": "npz"}
SOURCES: dict[str, Source] = {
    "digits": Source(read_digits, peek_digits),
    **dict.fromkeys(NAMED, Source(read_named, peek_named)),
    "parquet": Source(read_parquet, peek_parquet),
    "folder": Source(read_folder, peek_folder),
    "npz": Source(read_npz, peek_npz),
}


def read(data: str, side: int, tell: Tell) -> Splits:
    """Both splits of a source as uint8 images [N, C, side, side] (side 0: their own) and labels, checked.

    :raises InputError: unknown, missing, empty, damaged or unsuitable data, in one sentence
    """
    with _usable(data, side):
        return trainable(SOURCES[find(data)].read(data, side, tell), data)


def peek(data: str, side: int) -> Shape:
    """The Shape that `read` would give, from names, headers, labels and at most one image. Raises InputError as `read`
    does."""
    with _usable(data, side):
        return SOURCES[find(data)].peek(data, side)


def find(data: str) -> str:
    """The row of `SOURCES` that `data` (a name or a path) belongs to. Raises InputError when it is neither."""
    if data in WORDS:
        return data
    path = at_home(data)
    if not path.exists():
        if "/" in data or "\\" in data or path.suffix in FILES:
            raise InputError(
                f"There is no file or folder {data}: expected parquet files, an npz file or an image folder; check the"
                " path."
            )
        raise unknown("data source", data, [*WORDS, "a path"])
    if path.is_dir():
        return _find_in_folder(path, data)
    if path.suffix not in FILES:
        raise InputError(
            f"{data} is no file of images this program reads: expected .parquet, .npz or an image folder; convert it."
        )
    require_content(path)
    return FILES[path.suffix]


def _find_in_folder(path: Path, data: str) -> str:
    if (path / "train").is_dir():
        return "folder"
    if any(parquet_files(path, split) for split in ("train", "test")):
        return "parquet"
    raise InputError(
        f"The folder {data} holds no images: expected train/<class>/ pictures or train and test parquet files; add"
        " them."
    )


@contextmanager
def _usable(data: str, side: int) -> Iterator[None]:
    if side:
        require_side(side, data)
    try:
        yield
    except PermissionError as error:
        raise InputError(
            f"No permission to read {error.filename or data}: expected a file of yours; change its permissions."
        ) from None
    except OSError as error:
        raise InputError(
            f"{data} cannot be read ({error.strerror or error}): expected a readable file; check the disk and the path."
        ) from None
