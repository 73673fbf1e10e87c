"""Small shared pieces: a linear classifier whose margins are known in closed form, and a tiny data set."""

import pytest
import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """z = W x + b on flattened images; its L∞ robust margin has a closed form while the pixel box does not bind."""

    def __init__(self, classes: int, shape: tuple[int, int, int], seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        size = shape[0] * shape[1] * shape[2]
        self.weight = nn.Parameter(torch.randn(classes, size, generator=generator), requires_grad=False)
        self.bias = nn.Parameter(torch.randn(classes, generator=generator), requires_grad=False)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.T + self.bias

    def robust_margin(self, x: Tensor, y: Tensor, eps: float) -> Tensor:
        """min_{k≠y} (z_y − z_k) − ε‖w_y − w_k‖₁, [B]: a slow loop over samples and classes."""
        logits = self(x)
        found = []
        for i, own in enumerate(y.tolist()):
            gaps = [
                logits[i, own] - logits[i, k] - eps * (self.weight[own] - self.weight[k]).abs().sum()
                for k in range(len(self.bias))
                if k != own
            ]
            found.append(torch.stack(gaps).min())
        return torch.stack(found)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def linear_case(classes: int, count: int = 40) -> tuple[Linear, Tensor, Tensor]:
    """A linear model, images well inside the box and labels."""
    model = Linear(classes, (1, 4, 4))
    generator = torch.Generator().manual_seed(1)
    x = 0.3 + 0.4 * torch.rand(count, 1, 4, 4, generator=generator)
    return model, x, torch.randint(classes, (count,), generator=generator)
