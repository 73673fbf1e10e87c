"""Pickles read without running them: every name a pickle may call is a row of `ALLOWED`, and none of them is the real
one.

Tensors and arrays become `Tensor` and `Array`, descriptions that are turned into numpy arrays later and with checks;
so nothing of torch is loaded, and storages of a GPU are plain bytes like all others. numpy, no torch.
"""

import io
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from c2r.errors import InputError
from c2r.formats.safe import Budget, printable
from c2r.formats.standins import Array, Kind, Storage, Tensor, Word

DTYPES = {
    "Float": "f4",
    "Double": "f8",
    "Half": "f2",
    "BFloat16": "bf16",
    "Long": "i8",
    "Int": "i4",
    "Short": "i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
    "Untyped": "u1",
}
WORDS = {
    "float32": "f4",
    "float64": "f8",
    "float16": "f2",
    "bfloat16": "bf16",
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint8": "u1",
    "bool": "?",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
}
LARGEST_KEY = 2**31


@dataclass(frozen=True)
class Call:
    """A harmless function under a foreign name; it is no class."""

    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def _tensor(
    storage: Any, offset: int, shape: Any, stride: Any, _grad: Any = None, _hooks: Any = None, bits: Any = None
) -> Tensor:
    """More than six parameters, because torch calls it with as many."""
    if not isinstance(storage, Storage):
        raise ValueError("a tensor looks into something that is no storage")
    negative = isinstance(bits, dict) and bits.get("neg") is True
    return Tensor(storage, offset, tuple(shape), tuple(stride), storage.kind, negative)


def _tensor_v3(
    storage: Any, offset: int, shape: Any, stride: Any, grad: Any, hooks: Any, kind: Word, bits: Any = None
) -> Tensor:
    """More than six parameters, because torch calls it with as many."""
    return replace(_tensor(storage, offset, shape, stride, grad, hooks, bits), kind=WORDS[kind.name])


def _from_type(function: Any, _type: Any, arguments: tuple[Any, ...], _state: Any) -> Any:
    if not isinstance(function, Call):
        raise ValueError("a tensor is rebuilt by something that is no function")
    return function(*arguments)


def _frombuffer(content: Any, kind: Kind, shape: Any, order: str = "C") -> Array:
    array = Array()
    array.state = (1, shape, kind, order == "F", content)
    return array


def _scalar(kind: Kind, content: Any) -> Any:
    return np.frombuffer(memoryview(content), kind.plain)[0].item()


def _ordered(pairs: Any = ()) -> OrderedDict[Any, Any]:
    return OrderedDict((_key(key), value) for key, value in pairs)


def _key(key: Any) -> Any:
    """The key itself. Nested tuples exhaust the stack when they are hashed, and of other numbers thousands can have one
    hash."""
    if isinstance(key, str | bytes | bool | None) or (type(key) is int and abs(key) <= LARGEST_KEY):
        return key
    raise ValueError(f"a {type(key).__name__} is the key of an entry")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1" if encoding in ("latin1", "latin-1") else "ascii")


def _first(value: Any, *_rest: Any) -> Any:
    return value


ALLOWED: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_device_tensor_from_numpy": _first,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _first,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch.Size": tuple,
    "torch.device": lambda *_: None,
    "collections.OrderedDict": _ordered,
    "_codecs.encode": _encode,
    "numpy.dtype": lambda text, *_: Kind(text),
}
NUMPY: dict[str, Callable[..., Any]] = {
    f"numpy.{core}.{name}": function
    for core in ("core", "_core")
    for name, function in (
        ("multiarray._reconstruct", lambda *_: Array()),
        ("multiarray.scalar", _scalar),
        ("numeric._frombuffer", _frombuffer),
    )
}
TOKENS = {"numpy.ndarray", "torch.Tensor", "torch.nn.parameter.Parameter", *(f"torch.{word}" for word in WORDS)}
STORAGES = {f"torch.{word}Storage": kind for word, kind in DTYPES.items()} | {"torch.storage.UntypedStorage": "u1"}
STORAGES |= {f"torch.cuda.{word}Storage": kind for word, kind in DTYPES.items()}


OPCODES: dict[int, Callable[[Any], None]] = pickle._Unpickler.dispatch


def _with_keys(code: bytes, keys: Callable[[list[Any]], list[Any]]) -> Callable[[Any], None]:
    """The instruction `code` once the keys that it would hash, found on the stack, were looked at."""

    def step(reader: Any) -> None:
        for key in keys(reader.stack):
            _key(key)
        OPCODES[code[0]](reader)

    return step


def _state(reader: Any) -> None:
    """BUILD: numpy's arrays and types keep what they are given, an ordered dictionary ignores it, nothing else has a
    state."""
    state = reader.stack.pop()
    if isinstance(reader.stack[-1], Array | Kind):
        reader.stack[-1].__setstate__(state)
    elif not isinstance(reader.stack[-1], OrderedDict):
        raise ValueError("a state is given to something that has none")


class Reader(pickle._Unpickler):
    """An unpickler that knows the names of `ALLOWED` only. The one that is written in Python, since it lets us see
    every key and state.

    :param find_storage: gives the Storage of a persistent id; None where a file has none
    :param nested: reads what ``torch.storage._load_from_bytes`` gets; None inside such bytes
    """

    dispatch = OPCODES | {
        pickle.SETITEM[0]: _with_keys(pickle.SETITEM, lambda stack: stack[-2:-1]),
        pickle.SETITEMS[0]: _with_keys(pickle.SETITEMS, lambda stack: stack[::2]),
        pickle.DICT[0]: _with_keys(pickle.DICT, lambda stack: stack[::2]),
        pickle.ADDITEMS[0]: _with_keys(pickle.ADDITEMS, list),
        pickle.FROZENSET[0]: _with_keys(pickle.FROZENSET, list),
        pickle.BUILD[0]: _state,
    }

    def __init__(
        self,
        file: io.BytesIO,
        name: str,
        find_storage: Callable[[tuple[Any, ...]], Storage] | None = None,
        nested: Callable[[bytes], Any] | None = None,
    ):
        super().__init__(file, encoding="latin1")
        self._name, self._storage, self._nested = name, find_storage, nested

    def find_class(self, module: str, name: str) -> Any:
        path = f"{module}.{name}"
        if path in ALLOWED | NUMPY:
            return Call((ALLOWED | NUMPY)[path])
        if path == "torch.storage._load_from_bytes" and self._nested:
            return Call(self._nested)
        if path in STORAGES:
            return Word(STORAGES[path])
        if path in TOKENS:
            return Word(name)
        shown = printable(path).replace(" ", "?")[:80]
        raise InputError(
            f"{self._name} wants to use {shown}: expected tensors, arrays and plain containers only, so nothing of it"
            " was run; do not trust this file, ask for the set as npz or safetensors."
        )

    def persistent_load(self, key: Any) -> Storage:
        if (
            not self._storage
            or not isinstance(key, tuple)
            or len(key) < 5
            or key[0] != "storage"
            or not isinstance(key[1], Word)
        ):
            raise ValueError("a storage is referred to in an unknown way")
        return self._storage(key)


def read_pickle(file: io.BytesIO, budget: Budget, **options: Any) -> Any:
    """The object of one pickle, after its instructions were looked over; the file then stands behind it.

    :raises InputError: it names anything outside `ALLOWED`
    :raises Exception: damage of any kind; call inside `guarded`
    """
    start = file.tell()
    _look_over(file, budget)
    file.seek(start)
    return Reader(file, budget.name, **options).load()


def _look_over(file: io.BytesIO, budget: Budget) -> None:
    """Refuse what could exhaust memory or time: lengths beyond the file, far memo places, extension codes, too many
    instructions."""
    start = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(start)
    for count, (opcode, argument, place) in enumerate(pickletools.genops(file)):
        budget.step()
        if opcode.name.startswith("EXT"):
            raise ValueError("it uses extension codes")
        if opcode.name.endswith("PUT") and (argument or 0) > count + 1:
            raise ValueError("it keeps a value at an impossible place")
        if opcode.name == "FRAME" and (argument or 0) + (place or 0) > end:
            raise ValueError("a part of it ends beyond the file")
