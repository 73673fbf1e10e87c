"""Paths that a person gives: ``~`` is expanded here and nowhere else, and what cannot be meant is refused before
anything is made.

Every refusal begins with 'expects', behind the name of the option or variable that the path was given for.
"""

import errno
import os
import stat
from pathlib import Path

from c2r.base.errors import UNSPEAKABLE, InputError, quoted

# errno of a look at the path → what was expected, what it is instead, what to do
_UNFIT = {
    errno.ENAMETOOLONG: ("names of at most 255 bytes", "a longer one in", "shorten it"),
    errno.ELOOP: ("a path that leads somewhere", "links in a circle at", "remove them or choose another"),
    errno.EACCES: ("a path of yours", "no permission for", "change its permissions or choose another"),
}


def at_home(path: str | Path) -> Path:
    """The path with a leading ``~`` replaced; one of a user that this machine does not know stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def given(text: str) -> Path:
    """A path, of something that is there or not; ``.`` and ``..`` by their whole name. Raises InputError when no file
    can have it, or for a device."""
    if not text.strip() or UNSPEAKABLE.search(text):
        raise InputError(f"expects a path of letters that can be shown, found '{quoted(text)}': name another.")
    path = at_home(text)
    if str(path).startswith("~"):
        raise InputError(f"expects a path, found '{quoted(text)}' and no user of that name here: write the whole path.")
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno in _UNFIT:
            wanted, found, advice = _UNFIT[error.errno]
            raise InputError(f"expects {wanted}, found {found} '{quoted(text)}': {advice}.") from None
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"expects a plain file or folder, found the device or pipe '{quoted(text)}': choose another.")
    return path if path.name not in ("", "..") else path.absolute().resolve()


def folder(text: str) -> Path:
    """A path of a folder, or of nothing yet. Raises InputError."""
    if (path := given(text)).is_file():
        raise InputError(f"expects a folder, found the file '{quoted(text)}': choose another.")
    return path


def file(text: str) -> Path:
    """A path of a file, or of nothing yet. Raises InputError."""
    if (path := given(text)).is_dir():
        raise InputError(f"expects a file, found the folder '{quoted(text)}': choose another.")
    return path


def store(text: str) -> Path:
    """A folder of run folders. Raises InputError."""
    if (path := folder(text)) == Path(path.anchor):
        raise InputError(
            f"expects a folder that holds run folders, found the root of the disk '{quoted(text)}': choose another."
        )
    return path


def store_problem() -> str:
    """Why there can be no run store where ``C2R_RUNS`` says, '' when there can: asked before anything is read or
    made."""
    try:
        store(os.environ.get("C2R_RUNS") or str(Path(__file__).parent))
    except InputError as error:
        return f"C2R_RUNS {error}"
    return ""


def new(text: str) -> Path:
    """A path of a file or folder that is to be made, and so has a name of its own. Raises InputError."""
    if Path(text).name in ("", "..") and text.strip():
        raise InputError(f"expects the name of a new file or folder, found '{quoted(text)}': add a name of its own.")
    return given(text)


def untaken(path: Path) -> Path:
    """The path, when nothing is there that could be lost. Raises InputError."""
    if os.path.lexists(path):
        raise InputError(
            f"{path} exists already: expected a new name, so that nothing is lost; choose another or remove what is"
            " there."
        )
    return path
