"""Where a run can go on from, bit for bit: the `State` that its method kept, in its folder. It knows no method.

The newest state replaces the one before; parts, which never change again, are stored once each.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from c2r.base.errors import InputError
from c2r.events import State
from c2r.store.files import write_atomic

VERSION = 3
PARTS = "parts"  # folder of what never changes again
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
BEFORE = 2  # runs of this version kept the networks of a pool as ``pool/NUMBER.safetensors``


def save_state(path: Path, state: State) -> None:
    """Store a state in the run folder `path`; the old one stays until the new one is complete."""
    for name, tensors in state.parts.items():
        if not _part(path, name).exists():
            (path / PARTS).mkdir(exist_ok=True)
            write_atomic(_part(path, name), _bytes(tensors))
    facts = {"version": VERSION, "step": state.step, "parts": list(state.parts), "facts": dict(state.facts)}
    write_atomic(path / "checkpoint.safetensors", _bytes(state.tensors, {"state": json.dumps(facts)}))


def read_state(path: Path) -> State | None:
    """The state of a run folder, None when it has none yet. Raises InputError when it is damaged, or of a version that
    draws its random numbers in another order."""
    file = path / "checkpoint.safetensors"
    if not file.exists():
        return None
    with _undamaged(path):
        with safe_open(file, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            metadata = stored.metadata()
        told = json.loads(metadata.get("state") or metadata["loop"])
        version = told.get("version", 1)
    if version not in (BEFORE, VERSION):
        raise InputError(
            f"The checkpoint of run {path.name} has version {version}, expected {VERSION}: another version of C2R wrote"
            " it, whose updates cannot be continued exactly; fork the run from its last recorded step instead."
        )
    with _undamaged(path):
        files = (
            _files_of_before(path, told) if version == BEFORE else {name: _part(path, name) for name in told["parts"]}
        )
        step, facts = int(told["step"]), dict(told["facts"])
    return State(step, tensors, facts, {name: _read_part(path, name, place) for name, place in files.items()})


def forget_parts(path: Path, state: State | None) -> None:
    """Remove the parts that no state names: a process that was killed before it stored its state left them, and the one
    that goes on makes them again."""
    for file in (path / PARTS).glob("*.safetensors"):
        if state is None or file.stem not in state.parts:
            file.unlink()


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """Within it whatever is wrong with the checkpoint of the run folder `path` becomes one sentence."""
    try:
        yield
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"The checkpoint of run {path.name} is damaged: expected what the run wrote; start the run again."
        ) from None


def _part(path: Path, name: str) -> Path:
    """The file of a part. Raises ValueError for what is no plain name: a file says it."""
    if not NAME.fullmatch(name):
        raise ValueError(f"no name of a part: {name!r}")
    return path / PARTS / f"{name}.safetensors"


def _files_of_before(path: Path, told: Mapping[str, Any]) -> dict[str, Path]:
    return {f"network-{number}": path / "pool" / f"{number}.safetensors" for number in range(int(told["networks"]))}


def _read_part(path: Path, name: str, file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError):
        raise InputError(
            f"Part {name} of the checkpoint of run {path.name} is missing or damaged: start the run again."
        ) from None


def _bytes(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    return save(plain, metadata=metadata)
