"""Reading the weights of a network from a file, without executing what is in it (`c2r.formats.tensors`)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import Tensor

from c2r.errors import InputError
from c2r.formats.arrays import require_header
from c2r.formats.safe import Budget, Limits, guarded, require_file
from c2r.formats.standins import Tensor as Stored
from c2r.formats.standins import as_array
from c2r.formats.tensors import read_tensors
from c2r.paths import at_home
from c2r.untrusted import word

EXPECTED = "the weights of a network: a safetensors file or a state dict saved by torch"


def read_state(file: Path) -> dict[str, Tensor]:
    """The tensors of a state dict, from safetensors or any container torch writes; a leading ``module.`` is dropped."""
    file = at_home(file)
    if not file.exists():
        raise InputError(f"There is no file {file}: expected {EXPECTED}; check the path.")
    with guarded(file.name, EXPECTED):
        if file.is_file() and not file.stat().st_size:
            raise InputError(f"{file.name} is empty: expected {EXPECTED}; choose another file.")
        require_file(file, Limits())
        if file.suffix == ".safetensors":
            require_header(file)
        budget = Budget(Limits(), file.name)
        found: Any = load_file(file) if file.suffix == ".safetensors" else read_tensors(file, budget)[0]
        inner = next((found[key] for key in ("state_dict", "model", "net", "model_state_dict") if key in found), found)
        if not isinstance(inner, dict):
            raise ValueError(f"it holds a {type(inner).__name__.lower()}")
        arrays = {
            name: as_array(value, budget) if isinstance(value, Stored) else value for name, value in inner.items()
        }
        kept = {
            name: value for name, value in arrays.items() if isinstance(name, str) and isinstance(value, np.ndarray)
        }
        if not kept:
            raise InputError(
                f"{file.name} holds no weights: expected {EXPECTED}; a distilled set is read by 'python -m c2r import'."
            )
        _check_numbers(kept, file.name)
        return {name.removeprefix("module."): torch.from_numpy(np.array(value)) for name, value in kept.items()}


def _check_numbers(arrays: dict[str, np.ndarray], file: str) -> None:
    """Raise InputError for weights that no layer can compute with: NaN and infinite ones answer nothing, and so look
    robust."""
    for name, array in arrays.items():
        bad = int((~np.isfinite(array)).sum()) if array.dtype.kind == "f" else 0
        if bad:
            raise InputError(
                f"{bad} of {array.size} values of '{word(name)}' in {file} are NaN or infinite: expected finite"
                " weights; the training diverged, so choose an earlier file."
            )
        if not array.size:
            raise InputError(
                f"'{word(name)}' in {file} has shape {list(array.shape)} and so no values: expected weights; choose"
                " another file."
            )
