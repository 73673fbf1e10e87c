"""AAC, the attack-aware curriculum, after C2R: scores → order, hardest first → mini-batches. N samples."""

import torch
from torch import Tensor


def hardest_first(robust_margin: Tensor) -> Tensor:
    """Order by the score [1 − m̂]₊, largest first: indices [N].

    Sorting by margin, smallest first, gives that order and also decides between samples whose score is 0 alike.
    """
    return torch.argsort(robust_margin, stable=True)


def shuffled(robust_margin: Tensor, generator: torch.Generator) -> Tensor:
    """The ablation: a uniformly random order of as many samples, [N]."""
    return torch.randperm(len(robust_margin), generator=generator).to(robust_margin.device)


def rank_weights(order: Tensor, hardest: float) -> Tensor:
    """Weights [N] of the samples, which fall linearly over the order [N] from the hardest (first) to the easiest; 0
    gives all ones.

    Their mean over the whole set is 1, so the mini-batch of the hardest weighs more than that of the easiest.
    """
    falling = 1 + hardest * torch.linspace(1, 0, len(order), device=order.device)
    return torch.empty_like(falling).index_put((order,), falling / falling.mean())
