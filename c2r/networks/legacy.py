"""The space that BEARD and ROME attack in: normalised images taken for pixels and clamped to [0, 1] (methods spec
§1.4).

Only for reproducing published figures. An ε of 8/255 there is about 1.6/255 in pixels.
"""

import torch
from torch import Tensor, nn

from c2r.networks.models import Network


class LegacySpace(nn.Module):
    """The network as such a tool sees it: it takes normalised images [B, C, H, W]."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network
        self.eval()

    def enter(self, x: Tensor) -> Tensor:
        """Images in [0, 1] as normalised tensors."""
        return (x - self.network.mean) / self.network.std

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, K] of normalised images."""
        return self.network(x * self.network.std + self.network.mean)


def clamp_only(network: Network, x: Tensor) -> Tensor:
    """Logits [B, K] of images in [0, 1] after what the legacy clamp does to them, without any attack."""
    space = LegacySpace(network)
    with torch.no_grad():
        return torch.cat([space(part) for part in space.enter(x).clamp(0, 1).split(256)])
