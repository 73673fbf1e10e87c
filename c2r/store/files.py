"""The files of a run folder: written complete or not at all, read with one sentence for damage. numpy, no torch."""

import errno
import json
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from c2r.errors import InputError
from c2r.store import shapes
from c2r.untrusted import parse_json

RowNumbers = Sequence[int] | np.ndarray


def write_atomic(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write `content` beside `path`, flush it to disk and rename it over `path`.

    `durable` flushes the name, too. Without it a power cut may bring back the file that was there before, whole: right
    for what is written often and soon again.
    """
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what processes that were killed while they wrote left in a run folder. Only for the process that holds
    it."""
    for place in (folder, folder / "frames", folder / "parts", folder / "networks"):
        for left in place.glob(".*.tmp"):
            left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk: a rename survives a power cut only then.

    Where folders cannot be opened, nothing is done.
    """
    try:
        place = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(place)
    except OSError:  # a file system that flushes no folders
        pass
    finally:
        os.close(place)


def opened(file: Path, access: int = os.O_RDONLY) -> IO[bytes]:
    """Open a regular file for reading; pipes and devices, which would never end, are refused. Raises OSError."""
    place = os.open(file, access | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _regular(file, os.fstat(place))
        return open(place, "rb")
    except BaseException:
        os.close(place)
        raise


def _regular(file: Path, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(errno.EINVAL, "no regular file", str(file))


def free_for_a_file(file: Path) -> None:
    """Raise InputError when something else than a file stands where a run's process keeps one."""
    if file.is_dir():
        raise InputError(f"{file.name} of run {file.parent.name} is a folder: expected a file; remove that folder.")
    if file.exists() and not file.is_file():
        raise InputError(f"{file.name} of run {file.parent.name} is a pipe or a device: expected a file; remove it.")


def save_arrays(path: Path, name: str, arrays: dict[str, np.ndarray], about: Mapping[str, Any] | None = None) -> None:
    """Store named arrays as ``<name>.safetensors`` of the run folder `path`, and in its header what is
    `about` them, as plain values."""
    file = path / f"{name}.safetensors"
    if file.parent != path:  # a run folder that is gone is not made again
        file.parent.mkdir(exist_ok=True)
    metadata = {key: json.dumps(value) for key, value in about.items()} if about else None
    write_atomic(file, save({key: np.ascontiguousarray(value) for key, value in arrays.items()}, metadata=metadata))


def read_arrays(path: Path, name: str, only: tuple[str, ...] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of ``<name>.safetensors``, or those of them named in `only`.

    Raises InputError when they are missing or unreadable.
    """
    file = Path(path) / f"{name}.safetensors"
    try:
        _regular(file, os.stat(file))
        with safe_open(file, framework="numpy") as stored:
            arrays = {key: stored.get_tensor(key) for key in stored.keys() if only is None or key in only}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(
            f"Run {Path(path).name} has no {name}.safetensors: it is written when the run gets that far; choose another"
            " step or run, or wait."
        ) from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{name}.safetensors of run {Path(path).name} is damaged: expected a safetensors file; choose another step"
            " or run."
        ) from None
    if wrong := shapes.mismatch(name, arrays, whole=only is None):
        raise InputError(
            f"{name}.safetensors of run {Path(path).name} is damaged ({wrong}): expected what a run writes; choose"
            " another step or run."
        )
    return arrays


def outlines(path: Path, name: str) -> dict[str, np.ndarray]:
    """Arrays of zeros of the shapes and kinds of those of ``<name>.safetensors``, without memory and without reading
    these; {} when the file is missing or unreadable."""
    file = Path(path) / f"{name}.safetensors"
    try:
        _regular(file, os.stat(file))
        with safe_open(file, framework="numpy") as stored:
            slices = {key: stored.get_slice(key) for key in stored.keys()}  # noqa: SIM118
            return {
                key: np.broadcast_to(np.zeros((), part[:0].dtype), part.get_shape()) for key, part in slices.items()
            }
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}


def read_text(file: Path) -> str:
    """Read the text of a file every run folder has. Raises InputError."""
    try:
        with opened(file) as source:
            return source.read().decode("utf-8")
    except PermissionError:
        raise InputError(f"No permission to read {file}: expected a file of yours; change its permissions.") from None
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{file.name} is missing or unreadable: expected it in every run folder; delete the folder or restore the"
            " file."
        ) from None


def read_json(file: Path) -> dict[str, Any]:
    """Read the JSON object of a file every run folder has. Raises InputError."""
    text = read_text(file)
    try:
        value = parse_json(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InputError(
            f"{file.name} is not a JSON object: expected what the run wrote; delete the folder or restore the file."
        )
    return value


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Read the JSON objects of a file, one per line; torn and damaged lines are left out, a missing file is empty."""
    return read_lines_from(file, 0)[0]


def read_lines_from(file: Path, start: int) -> tuple[list[dict[str, Any]], int]:
    """Read as `read_lines` does what stands behind the first `start` bytes.

    Returns the objects and where the next look starts: before a torn last line.
    """
    try:
        with opened(file) as source:
            source.seek(start)
            content = source.read()
    except OSError:
        return [], start
    values, end = [], start + len(content)
    for line in (lines := content.split(b"\n")):
        try:
            value = parse_json(line)
        except ValueError:
            end -= len(line) if line is lines[-1] else 0
            continue
        if isinstance(value, dict):
            values.append(value)
    return values, end


def read_array_rows(path: Path, name: str, array: str, rows: RowNumbers) -> np.ndarray:
    """Read of one array of ``<name>.safetensors`` only the `rows`, in their order.

    Raises InputError when they are missing or unreadable.
    """
    file = Path(path) / f"{name}.safetensors"
    try:
        _regular(file, os.stat(file))
        with safe_open(file, framework="numpy") as stored:
            part = stored.get_slice(array)
            ends = [(rows.start, rows.stop)] if isinstance(rows, range) else [(int(row), int(row) + 1) for row in rows]
            picked = np.concatenate([part[start:end] for start, end in ends] or [part[:0]])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        picked = np.empty(0)
    wrong = shapes.mismatch(name, {array: picked}, whole=False) if len(picked) or not len(rows) else ""
    if len(picked) != len(rows) or (len(rows) and wrong):
        raise InputError(
            f"'{array}' in {name}.safetensors of run {Path(path).name} is missing or damaged: expected what a run"
            " writes; choose another step or run."
        )
    return picked
