"""One network trained on a ready set as an evaluation trains it, in fewer steps, and what PGD-10 leaves of it."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.config import RunConfig
from c2r.core.margins import logit_margin
from c2r.core.pgd import pgd
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.data.real import RealData, fixed_test_subset, flips
from c2r.methods.pool import fresh
from c2r.methods.students import learn, recipe
from c2r.networks.models import Network, frozen

TESTED = 1000  # test images at most
CHUNK = 250  # of them in one pass


class Robustness(NamedTuple):
    """Mean cross-entropy at the worst point that PGD-10 found, share that is right there, share that is right on clean
    images."""

    loss: float
    accuracy: float
    clean: float


def tested(data: RealData, seed: int) -> tuple[Tensor, Tensor]:
    """The test images [n, C, H, W] in [0, 1] and their labels [n], fixed by the seed."""
    index = fixed_test_subset(data, TESTED, seed).to(data.images.device)
    return data.test_images[index].float() / 255, data.test_labels[index]


def trained(images: Tensor, labels: Tensor, config: RunConfig, data: RealData) -> Network:
    """A network trained on effective images with labels; the weights it begins with are those of the first evaluation
    network, for every set, so that sets differ and not their starts."""
    generator = torch.Generator().manual_seed(1_000_003 + config.seed)
    network = fresh(config, data, generator).to(images.device)
    for _ in learn(network, (images, labels), recipe(config), config.eval_batch, flips(data), generator):
        pass
    frozen(network).reduced = False
    return network


def robustness(network: Network, x: Tensor, y: Tensor, threat: Threat, seed: int) -> Robustness:
    """Attack a frozen network by PGD-10 on test images x [n, C, H, W] with labels y [n]."""
    generator, sums = generator_for(seed, "predict", 0), torch.zeros(3, dtype=torch.float64)
    for images, labels in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
        found = pgd(network, images, labels, threat=threat, generator=generator)
        with torch.no_grad():
            clean = network(images)
        loss = F.cross_entropy(found.logits, labels, reduction="sum")
        right = [(logit_margin(logits, labels) > 0).sum() for logits in (found.logits, clean)]
        sums += torch.tensor([float(loss), *map(float, right)], dtype=torch.float64)
    return Robustness(*(sums / len(y)).tolist())
