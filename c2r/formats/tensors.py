"""The containers torch writes: zip archives (since 1.6), the older stream, and plain pickles with tensors inside.
numpy, no torch."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

from c2r.errors import InputError
from c2r.formats.pickles import read_pickle
from c2r.formats.safe import Budget, member_bytes, members
from c2r.formats.standins import Storage

MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER of the stream before 1.6
SIZES = {"f4": 4, "f8": 8, "f2": 2, "bf16": 2, "i8": 8, "i4": 4, "i2": 2, "i1": 1, "u1": 1, "?": 1}


def read_tensors(path: Path, budget: Budget) -> tuple[Any, str]:
    """The object of a ``.pt``, ``.pth``, ``.tar`` or ``.pkl`` file, and its container: ``torch zip``, ``torch stream``
    or ``pickle``.

    Tensors are `standins.Tensor`, arrays `standins.Array`; `standins.as_array` turns them into numpy arrays.

    :raises InputError: it names something a set has no use for
    :raises Exception: damage of any kind; call inside `guarded`
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _zip(archive, budget), "torch zip"
    content = path.read_bytes()
    if content[:2] == b"PK":
        raise ValueError("it starts like a zip archive and has no end")
    if content[:1] not in (b"\x80", b"(", b"]", b"}", b"c"):
        raise ValueError("it neither is a zip archive nor starts like a pickle")
    if _is_stream(content):
        return _stream(content, budget), "torch stream"
    return read_pickle(io.BytesIO(content), budget, nested=lambda inner: _stream(inner, budget)), "pickle"


def _zip(archive: zipfile.ZipFile, budget: Budget) -> Any:
    files = {info.filename: info for info in members(archive, budget)}
    heads = [name for name in files if name.rpartition("/")[2] == "data.pkl"]
    if len(heads) != 1:
        raise InputError(
            f"{budget.name} is a zip archive without torch's data.pkl: expected a file of torch.save; choose another"
            " format."
        )
    folder = heads[0].removesuffix("data.pkl")
    order = files.get(f"{folder}byteorder")
    if order and member_bytes(archive, order, budget) != b"little":
        raise InputError(
            f"{budget.name} was written on a big-endian machine: expected little-endian numbers; save it again"
            " elsewhere."
        )
    storages: dict[str, bytes] = {}

    def storage(key: tuple[Any, ...]) -> Storage:
        name = f"{folder}data/{key[2]}"
        if name not in storages:
            storages[name] = member_bytes(archive, files[name], budget)
        return Storage(key[1].name, storages[name])

    return read_pickle(io.BytesIO(member_bytes(archive, files[heads[0]], budget)), budget, find_storage=storage)


def _is_stream(content: bytes) -> bool:
    """Whether a file starts with the one number that torch's old stream starts with."""
    return content[2:3] == b"\x8a" and int.from_bytes(content[4 : 4 + content[3]], "little") == MAGIC


def _stream(content: bytes, budget: Budget) -> Any:
    """Three small pickles, the object, the names of its storages, then each storage as a length and its bytes."""
    if not isinstance(content, bytes) or not _is_stream(content):
        raise ValueError("a tensor inside it is written in an unknown way")
    file = io.BytesIO(content)
    for _ in range(3):
        read_pickle(file, budget)
    storages: dict[Any, Storage] = {}

    def storage(key: tuple[Any, ...]) -> Storage:
        if len(key) > 5 and key[5] is not None:
            raise ValueError("a storage is a view of another one, which torch stopped writing long ago")
        return storages.setdefault(str(key[2]), Storage(key[1].name))

    parsed = read_pickle(file, budget, find_storage=storage)
    whole = memoryview(content)
    for key in read_pickle(file, budget):
        (count,) = struct.unpack("<q", file.read(8))
        stored = storages[str(key)]
        length, start = count * SIZES[stored.kind], file.tell()
        if count < 0 or start + length > len(content):
            raise ValueError(f"it ends {start + length - len(content)} bytes early")
        stored.content = whole[start : start + length]
        file.seek(start + length)
    return parsed
