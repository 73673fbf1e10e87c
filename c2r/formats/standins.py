"""What a pickle's tensors and arrays become: descriptions, turned into numpy arrays on request and with checks. numpy,
no torch."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from c2r.base.errors import InputError
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
    """A strided view of a storage, as torch writes it, with its negative bit; nothing is checked until `as_array`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    kind: str
    negative: bool = False


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
                f"A numpy array of the file has type '{str(self.text)[:20]}': expected plain numbers; store it as"
                " float32 or int64."
            )
        return np.dtype(self.text).newbyteorder(">" if self.big else "<")


def as_array(value: Any, budget: Budget) -> np.ndarray:
    """What a pickle held as a numpy array of plain numbers.

    :param value: a Tensor, an Array, a number, or a list or tuple of such things of equal shape
    :raises InputError: it lies outside its bytes, repeats them more than a set does, is larger than the limit, or is no
        array
    """
    if isinstance(value, Tensor | Array):
        return _stored([value], budget)[0]
    if isinstance(value, list | tuple) and value and len(value) <= MOST_ENTRIES:
        if all(isinstance(item, int | float) for item in value):
            return np.array(value)
        if all(isinstance(item, Tensor | Array) for item in value):
            return np.stack(_stored(value, budget))
    raise InputError(
        f"{budget.name} holds a {type(value).__name__} where images or labels stand: expected tensors; write the file"
        " again."
    )


def _stored(items: Sequence[Tensor | Array], budget: Budget) -> list[np.ndarray]:
    """Their numbers. Raises InputError when views of a few stored numbers claim to be many: 400 bytes must not become
    gigabytes."""
    shown, held = 0, {}
    for item in items:
        content = item.storage.content if isinstance(item, Tensor) else item.state[4]
        held[id(content)] = len(content)
        shown += math.prod(_sizes(item.shape)) if isinstance(item, Tensor) else len(content)
    if shown > sum(held.values()) + MOST_ENTRIES:
        raise InputError(
            f"The tensors of {budget.name} claim {shown} numbers and the file holds {size(sum(held.values()))} of them:"
            " expected every number to be stored; save a copy of the tensor (clone)."
        )
    return [_from_tensor(item, budget) if isinstance(item, Tensor) else _from_numpy(item, budget) for item in items]


def _sizes(numbers: Any) -> tuple[int, ...]:
    """Sides, strides or an offset from a file as whole numbers from 0."""
    if (
        not isinstance(numbers, tuple)
        or len(numbers) > MOST_DIMENSIONS
        or not all(type(n) is int and 0 <= n < 2**62 for n in numbers)
    ):
        raise ValueError("a tensor has an impossible shape")
    return numbers


def _from_tensor(value: Tensor, budget: Budget) -> np.ndarray:
    shape, stride, (offset,) = _sizes(value.shape), _sizes(value.stride), _sizes((value.offset,))
    if len(shape) != len(stride):
        raise ValueError("a tensor has an impossible shape")
    kind = np.dtype("u2" if value.kind == "bf16" else value.kind).newbyteorder("<")
    flat = np.frombuffer(value.storage.content, kind, len(value.storage.content) // kind.itemsize)
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if math.prod(shape) and last >= len(flat):
        raise InputError(
            f"A tensor of {budget.name} needs {size((last + 1) * kind.itemsize)} and the file holds {size(flat.nbytes)}"
            " of it: expected the complete file; download or copy it again."
        )
    budget.spend(math.prod(shape) * kind.itemsize)
    if not math.prod(shape):
        return np.zeros(shape, kind)
    view = np.lib.stride_tricks.as_strided(
        flat[offset:], shape, [step * kind.itemsize for step in stride], writeable=False
    )
    if value.kind == "bf16":
        view = (view.astype(np.uint32) << 16).view(np.float32)
    return -view if value.negative else np.array(view)


def _from_numpy(value: Array, budget: Budget) -> np.ndarray:
    _, shape, kind, fortran, content = value.state
    plain = kind.plain
    if len(content) != math.prod(_sizes(shape)) * plain.itemsize:
        raise ValueError("a numpy array has more or fewer bytes than its shape needs")
    budget.spend(len(content))
    array = np.frombuffer(content, plain)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
