"""Where images start when margins choose: from the easiest, or the hardest, of a random draw of real images.

A curriculum of the start, from the idea of RDED (Sun et al., CVPR 2024), which fills its sets with what a teacher is
surest of, and of AAC, which sorts by robust margin. Letters: K classes, p² parts of a stored image, M real images drawn
per class.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from c2r.core.margins import robust_margin
from c2r.core.partition import expand
from c2r.core.pgd import Inner, attack
from c2r.core.randomness import generator_for
from c2r.data.real import ClassDraws, RealData, mosaic
from c2r.events import Snapshot
from c2r.networks.models import Network
from c2r.registry import CHOSEN
from c2r.settings import RunConfig

if TYPE_CHECKING:
    from c2r.methods.context import Context

CHUNK = 512  # images of one attack


def settled(context: "Context", network: Network) -> Snapshot:
    """The start of a run: as it was drawn or given, or, for an easy or hard start, chosen under `network`.

    The draw has a generator of its own, so that all methods of a seed start from the same images.
    """
    config, data = context.config, context.data
    if not context.drawn or config.init not in CHOSEN:
        return context.start
    parts = config.partition**2
    drawn = ClassDraws(data.labels).draw(generator_for(config.seed, "start", 0), candidates(config, data))
    order = _margins(config, data, drawn, network).argsort(dim=1, descending=config.init == "easy", stable=True)
    kept = order[:, : config.ipc * parts].sort(1).values  # as they were drawn, so that parts are a random mixture
    return replace(context.start, images=mosaic(data, drawn.gather(1, kept).view(-1, parts), config.partition))


def candidates(config: RunConfig, data: RealData) -> int:
    """Real images drawn per class, M: so many that the share asked for fills the set, as far as the smallest class
    goes."""
    parts = config.partition**2
    wanted = math.ceil(config.ipc * parts / config.init_share)
    return min(wanted, int(torch.bincount(data.labels).min())) // parts * parts


def _margins(config: RunConfig, data: RealData, drawn: Tensor, network: Network) -> Tensor:
    """Robust margin [K, M] of real images [K, M], each as a part of a stored image and under a first LS-PGD attack."""
    x = expand(mosaic(data, drawn.view(-1, config.partition**2), config.partition), config.partition)
    y = data.labels[drawn.flatten()]
    inner = Inner("ls-pgd", config, generator_for(config.seed, "start", 1), rounds=config.cold_rounds)
    margins = [
        robust_margin(attack(network, images, labels, inner).logits, labels)
        for images, labels in zip(x.split(CHUNK), y.split(CHUNK), strict=True)
    ]
    return torch.cat(margins).view(drawn.shape)
