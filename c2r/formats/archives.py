"""A whole run in one zip file, of which `opening` makes a run on any machine. No torch.

An archive holds the files of `EXPECTED` below one folder named like the run, in the order of their names and without
times, so that equal runs give equal archives. Locks, commands and whatever else lies in the folder stay behind.
"""

import os
import re
import shutil
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

from c2r.base.errors import InputError
from c2r.formats.safe import printable
from c2r.store.runs import ended

CHUNK = 1 << 20

# What a run folder holds. Frames and lines are compressed; weights do not shrink, and zeros in a checkpoint would look
# like a bomb.
_ALONE = (
    r"(config|status|manifest|facts|checks|about|objectives)\.json|(events|rows|objectives)\.jsonl|log\.txt"
    r"|(synthetic|start|outcomes|test|basis|map)\.safetensors"
)
_LARGE = (
    r"checkpoint\.safetensors|networks/(seed|outcomes)\d{1,6}\.safetensors|pool/\d{1,6}\.safetensors"
    r"|parts/[a-z0-9-]{1,60}\.safetensors"
)
EXPECTED = re.compile(
    rf"(evaluations/[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}/)?({_ALONE}|{_LARGE})|frames/\d{{6,9}}\.safetensors"
)
STORED = re.compile(rf"(.*/)?({_LARGE})")
BELONGINGS = re.compile(
    r"(.*/)?(lock|control|\.control\.taken|\.reserve|\..*\.tmp|\.logs/[^/]*)|sample\.txt"
)  # of processes that write a run, and what says that this folder stays as it is


def archive(path: Path, file: Path) -> Path:
    """Write the run in `path` as one zip: complete or not at all. Returns the file; `left_out` says what is not in it.

    :raises InputError: no run or a damaged one, one that lives, a name that does not end with .zip or is taken, a place
        that cannot be written
    """
    path, file = Path(path).absolute(), Path(file)
    run = ended(path, "archived")
    if run.problem:
        raise InputError(run.problem)
    if file.suffix.lower() != ".zip":
        raise InputError(
            f"An archive is a zip file, found '{file.name}': expected a name such as {path.name}.zip; choose one."
        )
    if file.exists():
        raise InputError(f"{file} exists already: expected a new file, so that nothing is lost; choose another name.")
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as into:
                for name in _names(path):
                    _add(into, path, name)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except OSError as error:
        raise InputError(
            f"{file} cannot be written ({error.strerror}): expected a place of yours with free space; choose another."
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    return file


def left_out(path: Path) -> str:
    """One sentence about the files of a run folder that its archive does not hold, '' when there are none."""
    names = sorted({name for name in _files(path) if not BELONGINGS.fullmatch(name)} - {*_names(path)})
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (
        f"Left out, because a run does not write them: {', '.join(map(printable, names[:8]))}{more}." if names else ""
    )


def _names(path: Path) -> list[str]:
    """The files of a run folder that belong to it, as names with slashes, sorted; links are left out."""
    return [name for name in _files(path) if EXPECTED.fullmatch(name) and stat.S_ISREG((path / name).lstat().st_mode)]


def _files(path: Path) -> list[str]:
    """Everything below a folder that is no folder, or a link to one, as names with slashes, sorted."""
    below = [Path(place, name) for place, folders, names in os.walk(path) for name in (*folders, *names)]
    return sorted(file.relative_to(path).as_posix() for file in below if file.is_symlink() or not file.is_dir())


def _add(into: zipfile.ZipFile, path: Path, name: str) -> None:
    """Add one file of the run; a member that is made by its name alone is compressed, quickly, and has no time
    either."""
    stored = zipfile.ZipInfo(f"{path.name}/{name}")
    stored.external_attr, stored.file_size = (stat.S_IFREG | 0o600) << 16, (path / name).stat().st_size
    member = stored if STORED.fullmatch(name) else stored.filename
    with open(path / name, "rb") as source, into.open(member, "w") as target:
        shutil.copyfileobj(source, target, CHUNK)
