"""The scorers of a run by name: networks under which its set is recorded, and where their figures stand. No torch.

In a frame, a basis and a map the first scorer's arrays have their plain names, those of another one ``NAME@SCORER``.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

SCORERS = {
    "ce": "trained with cross-entropy",
    "ce-crl": "trained with cross-entropy and the contrastive loss",
    "on-set": "trained on the set itself, anew every so many updates",
}
FOLLOWER = "on-set"
# Settings that one scorer alone reads.
READS = {"ce-crl": ("scorer_eta",), "on-set": ("scorer_refresh", "scorer_set_steps")}

Value = TypeVar("Value")


def stored(name: str, scorer: str) -> str:
    """The name under which an array of a scorer is stored; '' for the first scorer of a run."""
    return f"{name}@{scorer}" if scorer else name


def under(arrays: Mapping[str, Value], scorer: str) -> dict[str, Value]:
    """Arrays of a scorer by the names under which they are stored; '' for the first scorer of a run."""
    return {stored(name, scorer): value for name, value in arrays.items()}


def plain(name: str) -> str:
    """The name of a stored array without its scorer."""
    return name.partition("@")[0]


def deciding(scorers: Sequence[str]) -> tuple[str, ...]:
    """Those that a run's images depend on: the first, which decides the order, and the one trained with cross-entropy,
    which is the first network of a pool; the others only look."""
    return tuple(name for place, name in enumerate(scorers) if not place or name == "ce")


def order_problem(scorers: Sequence[str]) -> str:
    """'' when these scorers may stand in this order, else the sentence that says why not."""
    if scorers and scorers[0] == FOLLOWER:
        return (
            f"Setting 'scorers' expects a network trained on real data first, which decides the order, found"
            f" '{FOLLOWER}': write for example scorers=ce,{FOLLOWER}."
        )
    return ""
