"""The evaluation attacks (facts about them: `c2r.attacks.catalog`). Model in (frozen, logits out), images in [0, 1], x
stays as it is.

`prepared` gives an attack's state and its generator; `attack` runs one to its end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from c2r.attacks.catalog import facts, function, options
from c2r.attacks.losses import Aim
from c2r.attacks.network import Model
from c2r.attacks.state import Attacked, AttackState, Rules
from c2r.core.threat import Threat


@dataclass(frozen=True)
class How:
    """How an attack is run.

    :param eps: radius in pixel units of the attack's norm
    :param targeted: aim at the class (y + 1) mod K instead of away from y
    :param changes: options that differ from the catalog's
    :param last, anywhere: for the legacy protocol only, see `Rules`
    """

    eps: float
    seed: int = 0
    targeted: bool = False
    changes: Mapping[str, Any] | None = None
    last: bool = False
    anywhere: bool = False


def prepared(name: str, model: Model, x: Tensor, y: Tensor, how: How) -> tuple[AttackState, Iterator[float]]:
    """The state of an attack and the generator that drives it, which yields the share of its work done.

    :raises InputError: unknown attack or option, images outside [0, 1], a network in training mode
    """
    known, chosen = facts(name), options(name, how.changes)
    rules = Rules(Threat(how.eps, known.norm), how.seed, known.nearest, how.last, how.anywhere)
    with torch.no_grad():
        classes = model(x[:1]).shape[1]
    target = (y + 1) % classes if how.targeted and known.targeted else None
    state = AttackState(model, x, Aim(y, target), rules)
    return state, function(name)(state, **chosen)


def attack(name: str, model: Model, x: Tensor, y: Tensor, **how: Any) -> Attacked:
    """Run an attack to its end, `how` as the fields of `How`. Same seed, same images: same result, in any batch."""
    state, work = prepared(name, model, x, y, How(**how))
    for _ in work:
        pass
    return state.result()


__all__ = ["AttackState", "Attacked", "How", "Model", "attack", "prepared"]
