"""AAC, the attack-aware curriculum (C2R §3): scores → order, hardest first → mini-batches. N samples."""

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


def batches(order: Tensor, size: int) -> tuple[Tensor, ...]:
    """Mini-batches cut from the order, the hardest first; the last may be smaller."""
    return order.split(size)


def rank_weights(count: int, hardest: float, device: torch.device | str = "cpu") -> Tensor:
    """Weights [count] with mean 1 that fall linearly from the hardest (first) to the easiest; 0 gives all ones."""
    weight = 1 + hardest * torch.linspace(1, 0, count, device=device)
    return weight / weight.mean()
