"""The weights of C2R's terms, and what moves the images: the share of each term in the size of their gradients.

A term whose gradient is a hundredth of another's does nothing, whatever its value. So gradients are measured every few
updates, at fixed steps, whether anybody looks or not.
"""

import torch
from torch import Tensor

from c2r.methods.c2r.cost import MEASURED, TERMS
from c2r.methods.c2r.loop import SERIES, Loop


def weighted(loop: Loop, terms: dict[str, Tensor], step: int) -> dict[str, Tensor]:
    """The terms times their weights: λ of matching, 1 − η of cross-entropy, and of CRL η, or what its ratio ρ asks for.

    At every tenth update the gradients of the terms are measured first, which sets that weight and the shares.
    """
    if step % MEASURED == 1 or not loop.shares:
        _measure(loop, terms)
    weights = _weights(loop)
    return {name: weights[name] * term for name, term in terms.items()}


def series(loop: Loop, terms: dict[str, Tensor]) -> dict[str, float | None]:
    """The figures of an update: its weighted terms, their sum, and the shares as they were last measured."""
    values = {name: float(term.detach()) for name, term in terms.items()}
    shares = {f"share_{name}": loop.shares.get(name) for name in TERMS}
    return dict.fromkeys(SERIES) | {"total": sum(values.values())} | values | shares


def _weights(loop: Loop) -> dict[str, float]:
    config = loop.config
    return {"match": config.match_weight, "ce": 1 - config.eta, "crl": loop.pull if config.crl_ratio else config.eta}


def _measure(loop: Loop, terms: dict[str, Tensor]) -> None:
    """Measure the norm of each term's gradient on the images; set the weight of CRL and the shares in percent."""
    images = loop.images
    norms = {
        name: float(torch.autograd.grad(term, images, retain_graph=True)[0].norm()) for name, term in terms.items()
    }
    if "crl" in norms and norms["crl"] > 0:
        loop.pull = loop.config.crl_ratio * loop.config.match_weight * norms["match"] / norms["crl"]
    weights = _weights(loop)
    whole = sum(weights[name] * norm for name, norm in norms.items()) or 1.0
    loop.shares = {name: 100 * weights[name] * norm / whole for name, norm in norms.items()}
