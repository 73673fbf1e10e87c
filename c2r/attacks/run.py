"""The evaluation attacks (facts about them: `c2r.attacks.catalog`). Model in (frozen, logits out), images in [0, 1], x
stays as it is.

`hunting` prepares an attack and returns its state and its generator; `attack` runs one to its end.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from c2r.attacks.apgd import apgd_ce, apgd_t
from c2r.attacks.autoattack import autoattack
from c2r.attacks.catalog import facts, options
from c2r.attacks.fab import fab_t
from c2r.attacks.gradient import cw, fgsm, pgd
from c2r.attacks.jitter import jitter
from c2r.attacks.momentum import mi_fgsm, vmi_fgsm
from c2r.attacks.nearest import cw_l2, deepfool
from c2r.attacks.spsa import spsa
from c2r.attacks.square import square
from c2r.attacks.state import Attacked, Hunt, Model
from c2r.core.threat import Threat

ATTACKS: dict[str, Callable[..., Iterator[float]]] = {
    "fgsm": fgsm,
    "pgd": pgd,
    "pgd-l2": pgd,
    "cw": cw,
    "cw-l2": cw_l2,
    "mi-fgsm": mi_fgsm,
    "vmi-fgsm": vmi_fgsm,
    "jitter": jitter,
    "deepfool": deepfool,
    "square": square,
    "spsa": spsa,
    "apgd-ce": apgd_ce,
    "apgd-t": apgd_t,
    "fab-t": fab_t,
    "autoattack": autoattack,
}


def hunting(
    name: str,
    model: Model,
    x: Tensor,
    y: Tensor,
    *,
    eps: float,
    seed: int = 0,
    targeted: bool = False,
    changes: Mapping[str, Any] | None = None,
    last: bool = False,
    anywhere: bool = False,
) -> tuple[Hunt, Iterator[float]]:
    """The state of an attack and the generator that drives it, which yields the share of its work done.

    :param eps: radius in pixel units of the attack's norm
    :param targeted: aim at the class (y + 1) mod K instead of away from y
    :param changes: options that differ from the catalog's
    :param last, anywhere: for the legacy protocol only, see `Hunt`
    :raises InputError: unknown attack or option, images outside [0, 1], a network in training mode
    """
    known = facts(name)
    chosen = options(name, changes)
    threat = Threat(eps, known.norm)
    with torch.no_grad():
        classes = model(x[:1]).shape[1]
    target = (y + 1) % classes if targeted and known.targeted else None
    hunt = Hunt(
        model, x, y, threat=threat, seed=seed, target=target, nearest=known.nearest, last=last, anywhere=anywhere
    )
    return hunt, ATTACKS[name](hunt, **chosen)


def attack(name: str, model: Model, x: Tensor, y: Tensor, **how: Any) -> Attacked:
    """Run an attack to its end; arguments as for `hunting`. Same seed, same images: same result, in any batch."""
    hunt, work = hunting(name, model, x, y, **how)
    for _ in work:
        pass
    return hunt.result()


__all__ = ["ATTACKS", "Attacked", "Hunt", "Model", "attack", "hunting"]
