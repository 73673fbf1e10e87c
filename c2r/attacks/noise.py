"""Random numbers of one attack that belong to each image, not to its place in a batch.

Every image has a key made of the seed and of its own pixels; numbers are a hash of key, draw and position. So an image
gets the same numbers alone, in any batch, after others have left, on any device. Wide hash: SplitMix64 (Steele et al.
2014), once per image; narrow hash: multiply and shift on int32, once per number. L live images.
"""

import math

import torch
from torch import Tensor

# SplitMix64's constants as int64
_GOLDEN, _ONE, _TWO = -7046029254386353131, -4658895280553007687, -7723592293110705685
_NARROW_ONE, _NARROW_TWO = 2146121005, -2073254261  # of the 32-bit hash "lowbias32" (Wellons 2018) as int32


def _mix(z: Tensor) -> Tensor:
    """SplitMix64's finaliser, elementwise on int64; multiplication wraps around."""
    z = (z ^ ((z >> 30) & ((1 << 34) - 1))) * _ONE
    z = (z ^ ((z >> 27) & ((1 << 37) - 1))) * _TWO
    return z ^ ((z >> 31) & ((1 << 33) - 1))


def _narrow(z: Tensor) -> Tensor:
    """Hash of int32, in place: every pass over the numbers counts. Its high bits are the good ones."""
    return _fold(_fold(z, 16).mul_(_NARROW_ONE), 15).mul_(_NARROW_TWO)


def _fold(z: Tensor, bits: int) -> Tensor:
    """z ^ z >>> bits, in place; the shift of torch drags the sign along, so it is masked."""
    return z.bitwise_xor_((z >> bits).bitwise_and_((1 << (32 - bits)) - 1))


def _places(count: int, device: torch.device) -> Tensor:
    """A fixed random int32 for each of `count` positions."""
    return _mix(torch.arange(1, count + 1, device=device) * _GOLDEN).to(torch.int32)


class Noise:
    """Draws for images x [B, C, H, W]; every call is a new draw.

    :param seed: of the attack; same seed and same image give the same numbers
    """

    def __init__(self, seed: int, x: Tensor):
        pixels = x.detach().contiguous().view(torch.int32).flatten(1)
        hashed = _narrow(pixels ^ _places(pixels.shape[1], x.device))
        self.keys = _mix(hashed.sum(1) + _mix(torch.tensor(seed + 1, device=x.device) * _GOLDEN))
        self.draws = 0

    def bits(self, live: Tensor, shape: tuple[int, ...]) -> Tensor:
        """32 random bits in each int32 of [L, *shape], for the images at positions `live` [L]."""
        return _fold(self._draw(live, shape), 16)

    def uniform(self, live: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Uniform in [0, 1), float32 [L, *shape]."""
        return self._draw(live, shape).bitwise_right_shift_(8).float().mul_(2.0**-24).add_(0.5)

    def normal(self, live: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Standard normal, float32 [L, *shape] (Box and Muller 1958)."""
        radius = (1 - self.uniform(live, shape)).log_().mul_(-2).sqrt_()
        return self.uniform(live, shape).mul_(2 * math.pi).cos_().mul_(radius)

    def signs(self, live: Tensor, shape: tuple[int, ...]) -> Tensor:
        """−1 or +1 with equal chance, float32 [L, *shape]."""
        return self._draw(live, shape).bitwise_right_shift_(31).float().mul_(2).add_(1)

    def _draw(self, live: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Hashed int32 [L, *shape] whose high bits are good."""
        self.draws += 1
        keys = _mix(self.keys[live] + self.draws).to(torch.int32)
        return _narrow(keys[:, None] ^ _places(math.prod(shape), keys.device)).view(-1, *shape)
