"""The transfer matrix as plain values: checked when it is read from its file, and as a table. No torch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from c2r.errors import InputError
from c2r.evaluation.tables import Columns
from c2r.evaluation.wording import number


class Transfer(NamedTuple):
    """Accuracy [surrogate, target], its standard deviation over networks or None, and clean accuracies or none."""

    accuracy: np.ndarray
    std: np.ndarray | None
    clean: list[float]


def transfer_of(stored: dict[str, Any], names: Sequence[str]) -> Transfer:
    """The matrix that a transfer file holds, checked against the `names` asked for.

    :raises InputError: the file does not hold a square matrix over as many sets
    """
    try:
        accuracy = np.asarray(stored["accuracy"], dtype=float)
        std = np.asarray(stored["std"], dtype=float) if stored.get("std") is not None else None
        clean = [float(value) for value in stored.get("clean", ())]
    except (KeyError, TypeError, ValueError):
        accuracy, std, clean = np.zeros(0), None, []
    if accuracy.shape != (len(names), len(names)) or (std is not None and std.shape != accuracy.shape):
        raise InputError(f"The transfer file does not hold a {len(names)} × {len(names)} matrix: compute it again.")
    return Transfer(accuracy, std, clean)


def transfer_table(transfer: Transfer, names: Sequence[str]) -> Columns:
    """The figures in percent, with the spread over networks where there is one; last the clean accuracies."""
    accuracy, std, clean = transfer
    whole = len(clean) == len(names)
    table: Columns = {"Made on": [*names, *(["(clean)"] if whole else [])]}
    for k, name in enumerate(names):
        spread = [""] * len(names) if std is None else [f" ± {number(value)}" for value in std[:, k]]
        cells = [f"{number(value)}{more}" for value, more in zip(accuracy[:, k], spread, strict=True)]
        table[f"Tried on {name}"] = [*cells, *([number(clean[k])] if whole else [])]
    return table
