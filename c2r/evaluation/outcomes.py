"""Who is right on which image: outcomes of the attempts of one evaluation, and several of them joined. No torch.

Letters: M evaluation networks, n images.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from c2r.evaluation.attempts import CLEAN
from c2r.evaluation.metrics import worst_case
from c2r.store.headline import counts_as_worst


def of_kind(arrays: Mapping[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    """Attempt key → [M, n] of one kind, ``correct`` or ``margin``, from the arrays of test.safetensors."""
    start = f"{kind}/"
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start) and array.ndim == 2
    }


def right_under_all(outcomes: Mapping[str, Any], keys: Iterable[str]) -> np.ndarray | None:
    """True where a network is right under every attempt of `keys` and, where that is stored, without an attack: [M, n].

    None when the outcomes of an attempt are not stored. :raises InputError: outcomes of unlike images
    """
    keys = list(keys)
    if not all(key in outcomes for key in keys):
        return None
    return np.atleast_2d(worst_case({key: outcomes[key] for key in (*keys, CLEAN) if key in outcomes}))


def ordered(outcomes: Mapping[str, np.ndarray], figures: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of `outcomes` in the order in which the attempts were tried; those without test figures last."""
    return {key: outcomes[key] for key in dict.fromkeys([*figures, *outcomes]) if key in outcomes}


def shares_right(outcomes: Mapping[str, np.ndarray] | None, n: int) -> dict[str, np.ndarray]:
    """Per attempt the share [n] of evaluation networks that classify each image correctly, from outcomes [M, n]; {}
    without them."""
    return {
        key: hits.mean(0)
        for key, hits in (outcomes or {}).items()
        if hits.ndim == 2 and hits.shape[1] == n and len(hits)
    }


def worst_share(shares: Mapping[str, np.ndarray], figures: Mapping[str, Mapping[str, Any]]) -> np.ndarray | None:
    """The lowest share [n] of each image over the attempts that count as worst; None when none does.

    An attempt without test figures (an old or damaged rows.jsonl) counts unless it is clean.
    """
    counted = [
        share
        for key, share in shares.items()
        if (counts_as_worst(key, figures[key]) if key in figures else key != CLEAN)
    ]
    return np.min(counted, axis=0) if counted else None
