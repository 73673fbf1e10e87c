"""One sentence for what the machine does to a run: a full disk, too little memory, a folder that is gone. No torch."""

import errno
import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from c2r.base.errors import InputError, one_line

LETTERS = 160  # of a message of somebody else's that a sentence repeats

# errno → what happened; {file} is the file, where the system names it. Names that a platform lacks are left out.
_FILES = {
    "ENOSPC": "The disk is full: expected room for what is written; free some space, then resume or start again.",
    "EDQUOT": (
        "Your disk quota is used up: expected room for what is written; free some space, then resume or start again."
    ),
    "EFBIG": (
        "A file would be larger than the disk or a limit of yours allows: expected room for it; raise the limit or use"
        " another run store."
    ),
    "EROFS": "The disk is read-only: expected one that can be written; mount it writable or choose another run store.",
    "EIO": (
        "The disk reports an error of its own ({file}): expected one that works; check it or choose another run store."
    ),
    "EACCES": (
        "No permission for {file}: expected files of yours; give the permission back, then resume or start again."
    ),
    "EPERM": "No permission for {file}: expected files of yours; give the permission back, then resume or start again.",
    "ENOENT": "{file} is not there any more: expected it to stay while it is in use; bring it back, or start again.",
    "ENOTDIR": (
        "A folder on the way to {file} is not there any more: expected it to stay while it is in use; bring it back, or"
        " start again."
    ),
    "EISDIR": "{file} is a folder: expected a file or a new name; choose another.",
    "ENAMETOOLONG": (
        "The name {file} is too long: expected at most 255 bytes between two slashes; choose a shorter one."
    ),
    "ELOOP": "{file} is a circle of links: expected a path that leads somewhere; remove them or choose another.",
    "ESTALE": (
        "The network disk of {file} is gone: expected it to stay while it is in use; mount it again, then resume."
    ),
    "EMFILE": (
        "Too many files are open: expected room for one more; close other programs or raise the limit, then resume."
    ),
    "ENFILE": (
        "Too many files are open: expected room for one more; close other programs or raise the limit, then resume."
    ),
}
FILES = {getattr(errno, name): text for name, text in _FILES.items() if hasattr(errno, name)}

_GPU_MEMORY = (
    "The GPU ran out of memory: expected what the Start page estimates; end other work on it or lower ipc, width or"
    " real_batch, then start again."
)
_MEMORY = (
    "The memory is used up: expected what the Start page estimates; close other programs and resume, "
    "or lower ipc, width or real_batch and start again."
)
_GPU = (
    "The GPU stopped working ({said}): expected one that stays; check it with nvidia-smi, then resume, or start again"
    " with device cpu."
)
# What messages of torch, CUDA and C++ say, the first that fits: torch raises most of it as a plain RuntimeError.
TEXTS = (
    ("cuda out of memory", _GPU_MEMORY),
    ("hip out of memory", _GPU_MEMORY),
    ("cuda error: out of memory", _GPU_MEMORY),
    ("cublas_status_alloc_failed", _GPU_MEMORY),
    ("cudnn_status_alloc_failed", _GPU_MEMORY),
    ("can't allocate memory", _MEMORY),
    ("cannot allocate memory", _MEMORY),
    ("not enough memory", _MEMORY),
    ("std::bad_alloc", _MEMORY),
    ("can't start new thread", _MEMORY),
    ("cuda error", _GPU),
    ("cuda driver error", _GPU),
    ("cublas_status", _GPU),
    ("cudnn_status", _GPU),
    ("cudnn error", _GPU),
    ("no space left on device", FILES[errno.ENOSPC]),  # as safetensors and zipfile say it
)


def sentence(error: BaseException) -> str:
    """What the machine did, in one sentence: what was expected, what came, what to do. '' for every other error."""
    if isinstance(error, OSError) and error.errno in FILES:
        return one_line(FILES[error.errno].format(file=error.filename or "a file"))
    if isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return _MEMORY
    if not isinstance(error, RuntimeError | OSError) and type(error).__module__.partition(".")[0] != "safetensors":
        return ""
    said = str(error).lower()
    sentence = next((text for words, text in TEXTS if words in said), "")
    return one_line(sentence.format(said=first_line(error)))


def broken(what: str, error: BaseException, expected: str = "it to end by itself") -> str:
    """What broke, in one sentence, for an error that nobody foresaw; its traceback is in the log that the sentence
    names."""
    said = first_line(error).rstrip(".")
    kind = type(error).__name__
    return f"{what} broke ({kind if said in ('', kind) else f'{kind}: {said}'}): expected {expected}; {_logged(error)}."


def _logged(error: BaseException) -> str:
    """Write the traceback of an error into a new file; returns what a person does with it, as the end of a sentence."""
    try:
        handle, name = tempfile.mkstemp(prefix="c2r-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(error, file=file)
    except OSError as why:
        return f"its traceback could not be written ({why.strerror}), make room and try again"
    return f"read its traceback in {name}"


def first_line(error: BaseException) -> str:
    """The start of an error's own message, short enough for a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = one_line(lines[0]) if lines else type(error).__name__
    return text if len(text) <= LETTERS else f"{text[:LETTERS]}…"


@contextmanager
def spoken() -> Iterator[None]:
    """Within it, or within a function it decorates, what the machine does is raised as an InputError with its
    sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if said := sentence(error):
            raise InputError(said) from error
        raise
