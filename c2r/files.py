"""Files of a run folder: written complete or not at all, read with one sentence for damage. numpy, no torch."""

import os
import shutil
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from c2r import schema
from c2r.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: the process id in status.json alone decides there
    fcntl = None  # type: ignore[assignment]


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` beside `path`, flush it to disk, rename it over `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def lock(file: IO[str], wait: bool = False) -> bool:
    """Lock an open file for this process, until it is closed or the process ends, however it ends. False: another process has it."""
    if not fcntl:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def unlock(file: IO[str]) -> None:
    """Give a lock back."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_UN)


def hold(folder: Path) -> IO[str]:
    """Hold a run folder for this process. Raises InputError when another process holds it."""
    file = open(folder / "lock", "w", encoding="utf-8")  # noqa: SIM115 - it stays open as long as the lock is held
    if fcntl and not lock(file):
        file.close()
        raise InputError(f"Run {folder.name} is being written by another process: expected one writer; wait for it or stop it.")
    return file


def claim(folder: Path, files: dict[str, str], inside: str) -> None:
    """Make a new run folder with `files` (name → text) and an empty folder `inside`: all of it at once, or nothing. Raises InputError."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                f"The run folder {folder} is not empty: expected a new or empty folder; choose another --out or delete that one."
            )
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError
        (temporary / inside).mkdir(parents=True)
        for name, text in files.items():
            write_atomic(temporary / name, text)
        if folder.exists():
            folder.rmdir()
        os.rename(temporary, folder)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"The run folder {folder} is taken or not a folder: expected a new or empty folder; choose another --out."
        ) from None
    except PermissionError:
        raise InputError(f"No permission to write {folder}: expected a folder of yours; choose another --out.") from None
    except OSError as error:
        raise InputError(f"The run folder {folder} cannot be made ({error.strerror}): free some space or choose another --out.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def save_arrays(path: Path, name: str, arrays: dict[str, np.ndarray]) -> None:
    """Store named arrays as ``<name>.safetensors`` of the run folder `path`."""
    file = path / f"{name}.safetensors"
    file.parent.mkdir(exist_ok=True)
    write_atomic(file, save({key: np.ascontiguousarray(value) for key, value in arrays.items()}))


def read_arrays(path: Path, name: str, only: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    """The arrays of ``<name>.safetensors``, or those of them named in `only`. Raises InputError when missing or unreadable."""
    file = Path(path) / f"{name}.safetensors"
    try:
        with safe_open(file, framework="numpy") as stored:
            found = {key: stored.get_tensor(key) for key in stored.keys() if only is None or key in only}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(
            f"Run {Path(path).name} has no {name}.safetensors: it is written when the run gets that far; choose another step or run, or wait."
        ) from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{name}.safetensors of run {Path(path).name} is damaged: expected a safetensors file; choose another step or run."
        ) from None
    if wrong := schema.mismatch(name, found, whole=only is None):
        raise InputError(
            f"{name}.safetensors of run {Path(path).name} is damaged ({wrong}): expected what a run writes; choose another step or run."
        )
    return found


def read_text(file: Path) -> str:
    """The text of a file every run folder has. Raises InputError."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{file.name} is missing or unreadable: expected it in every run folder; delete the folder or restore the file."
        ) from None


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object of a file every run folder has. Raises InputError."""
    try:
        value = schema.parse(read_text(file))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{file.name} is not a JSON object: expected what the run wrote; delete the folder or restore the file.")
    return value


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one per line; torn and damaged lines are left out, a missing file is empty."""
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            value = schema.parse(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
