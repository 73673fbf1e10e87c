"""What a pickle's tensors and arrays become: descriptions, turned into numpy arrays on request and with checks. numpy, no torch."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from c2r.errors import InputError
from c2r.formats.safe import Budget, size

MOST_DIMENSIONS = 8
MOST_ENTRIES = 1_000_000  # of a list of numbers or tensors


@dataclass
class Storage:
    """The bytes a tensor looks into. `kind` is a numpy type, or ``bf16``, which numpy lacks."""

    kind: str
    content: bytes | memoryview = b""


@dataclass(frozen=True)
class Tensor:
    """A strided view of a storage, as torch writes it; nothing is checked until `as_array`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class Word:
    """A name without effect, such as a tensor class."""

    name: str


class Array:
    """A numpy array as numpy writes it; `__setstate__` only keeps what it is given."""

    def __init__(self) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Kind:
    """A numpy type as numpy writes it, such as ``f4``; the byte order comes later."""

    def __init__(self, text: Any = ""):
        self.text, self.big = str(text), False

    def __setstate__(self, state: Any) -> None:
        self.big = state[1] == ">"

    @property
    def plain(self) -> np.dtype:
        if not isinstance(self.text, str) or not re.fullmatch(r"[fiub?]\d{0,2}", self.text):
            raise InputError(
                f"A numpy array of the file has type '{str(self.text)[:20]}': expected plain numbers; store it as float32 or int64."
            )
        return np.dtype(self.text).newbyteorder(">" if self.big else "<")


def as_array(value: Any, budget: Budget) -> np.ndarray:
    """What a pickle held as a numpy array of plain numbers.

    :param value: a Tensor, an Array, a number, or a list or tuple of such things of equal shape
    :raises InputError: it lies outside its bytes, is larger than the limit, or is no array
    """
    if isinstance(value, Tensor):
        return _from_tensor(value, budget)
    if isinstance(value, Array):
        return _from_numpy(value, budget)
    if isinstance(value, list | tuple) and value and len(value) <= MOST_ENTRIES:
        if all(isinstance(item, int | float) for item in value):
            return np.array(value)
        return np.stack([as_array(item, budget) for item in value if isinstance(item, Tensor | Array)])
    raise InputError(f"{budget.name} holds a {type(value).__name__} where images or labels stand: expected tensors; write the file again.")


def _from_tensor(value: Tensor, budget: Budget) -> np.ndarray:
    shape, stride, offset = value.shape, value.stride, value.offset
    numbers = (*shape, *stride, offset)
    if len(shape) != len(stride) or len(shape) > MOST_DIMENSIONS or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("a tensor has an impossible shape")
    kind = np.dtype("u2" if value.kind == "bf16" else value.kind).newbyteorder("<")
    flat = np.frombuffer(value.storage.content, kind, len(value.storage.content) // kind.itemsize)
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if math.prod(shape) and last >= len(flat):
        raise InputError(
            f"A tensor of {budget.name} needs {size((last + 1) * kind.itemsize)} and the file holds {size(flat.nbytes)} of it: "
            "expected the complete file; download or copy it again."
        )
    budget.spend(math.prod(shape) * kind.itemsize)
    if not math.prod(shape):
        return np.zeros(shape, kind)
    view = np.lib.stride_tricks.as_strided(flat[offset:], shape, [step * kind.itemsize for step in stride], writeable=False)
    if value.kind == "bf16":
        return (view.astype(np.uint32) << 16).view(np.float32)
    return np.array(view)


def _from_numpy(value: Array, budget: Budget) -> np.ndarray:
    _, shape, kind, fortran, content = value.state
    plain = kind.plain
    if len(content) != math.prod(shape) * plain.itemsize:
        raise ValueError("a numpy array has more or fewer bytes than its shape needs")
    budget.spend(len(content))
    array = np.frombuffer(content, plain)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
