"""The threat model: the L∞ ball of radius ε around an image, cut with the pixel box [0, 1]."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Threat:
    """All perturbations δ with |δ|∞ ≤ ε and x + δ in [0, 1]; ε in pixel units."""

    eps: float

    def project(self, delta: Tensor, x: Tensor) -> Tensor:
        """The nearest allowed perturbation to `delta` for images `x`, both [B, C, H, W]."""
        return (x + delta.clamp(-self.eps, self.eps)).clamp(0, 1) - x

    def random(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A uniform random start in the ball, [B, C, H, W]."""
        noise = torch.rand(x.shape, generator=generator, device=generator.device).to(x.device)
        return self.project((2 * noise - 1) * self.eps, x)

    def contains(self, delta: Tensor, x: Tensor, slack: float = 1e-6) -> bool:
        """Whether every perturbation is allowed, up to rounding."""
        adversarial = x + delta
        return bool(delta.abs().max() <= self.eps + slack and adversarial.min() >= -slack and adversarial.max() <= 1 + slack)
