"""Threat models: the L∞ or L2 ball of radius ε around an image, cut with the pixel box [0, 1]. B images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.base.errors import unknown


@dataclass(frozen=True)
class Threat:
    """All perturbations δ with |δ| ≤ ε in `norm` and x + δ in [0, 1]; ε in pixel units, infinite for unbounded
    attacks."""

    eps: float
    norm: str = "Linf"

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise unknown("norm", self.norm, list(NORMS))

    def project(self, delta: Tensor, x: Tensor) -> Tensor:
        """An allowed perturbation close to `delta` for images `x`, both [B, C, H, W]; the nearest one for L∞."""
        inside = (
            delta.clamp(-self.eps, self.eps)
            if self.norm == "Linf"
            else delta * (self.eps / self.size(delta)).clamp(max=1)
        )
        return (x + inside).clamp(0, 1) - x

    def random(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A uniform random start in the L∞ ball, [B, C, H, W]; for training. Attacks draw from `attacks.noise`."""
        noise = torch.rand(x.shape, generator=generator, device=generator.device).to(x.device)
        return self.project((2 * noise - 1) * self.eps, x)

    def size(self, delta: Tensor) -> Tensor:
        """The norm of each perturbation, [B, 1, 1, 1], at least 1e-12."""
        return NORMS[self.norm](delta.flatten(1)).clamp(min=1e-12)[:, None, None, None]

    def distance(self, delta: Tensor) -> Tensor:
        """The norm of each perturbation, [B]."""
        return NORMS[self.norm](delta.flatten(1))

    def steepest(self, gradient: Tensor) -> Tensor:
        """The direction of size 1 in this norm that climbs fastest: sign ∇ for L∞, ∇/|∇|₂ for L2; zero where ∇ is."""
        return gradient.sign() if self.norm == "Linf" else gradient / (self.size(gradient) + 1e-10)

    def within(self, delta: Tensor, x: Tensor, slack: float = 1e-6) -> Tensor:
        """Which perturbations are allowed, up to rounding: bool [B]. For L∞: those that `project` leaves where they
        are."""
        if self.norm == "Linf":
            return (self.project(delta, x) - delta).flatten(1).abs().amax(1) <= slack
        point = (x + delta).flatten(1)
        return (
            (self.distance(delta) <= self.eps * (1 + slack) + slack)
            & (point.amin(1) >= -slack)
            & (point.amax(1) <= 1 + slack)
        )

    def contains(self, delta: Tensor, x: Tensor, slack: float = 1e-6) -> bool:
        """Whether every perturbation is allowed, up to rounding."""
        return bool(self.within(delta, x, slack).all())


NORMS = {
    "Linf": lambda flat: flat.abs().amax(1),
    "L2": lambda flat: flat.square().sum(1).sqrt(),
}
