"""The ConvNet's block: convolution 3×3 → instance norm → ReLU → average pool 2; on the CPU the last three in one
kernel.

Outputs and gradients equal those of torch's modules up to rounding. Letters: B batch, C channels, N = H·W places.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

INNER = torch.channels_last


class ConvBlock(nn.Sequential):
    """By torch's modules, or on the CPU in float32 by `c2r.networks.kernels`, which has no second derivative (set
    `plain` for that)."""

    plain = False

    def __init__(self, channels: int, width: int):
        super().__init__(
            nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(width, width), nn.ReLU(inplace=True), nn.AvgPool2d(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, width, H/2, W/2]."""
        conv, norm = self[0], self[1]
        fused = (
            x.device.type == "cpu"
            and x.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and not self.plain
        )
        if not (fused and isinstance(norm, nn.GroupNorm)):
            return super().forward(x)
        return _Fused.apply(x, conv.weight, conv.bias, norm.weight, norm.bias, norm.eps)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        from c2r.networks import kernels

        x = x.contiguous(memory_format=INNER)
        y = F.conv2d(x, weight, bias, padding=1).contiguous(memory_format=INNER)
        images, channels, height, width = y.shape
        mean, inverse = y.new_empty(images, channels), y.new_empty(images, channels)
        out = torch.empty((images, channels, height // 2, width // 2), memory_format=INNER)
        kernels.forward(
            _inner(y),
            scale.detach().numpy(),
            shift.detach().numpy(),
            np.float32(eps),
            mean.numpy(),
            inverse.numpy(),
            _inner(out),
        )
        ctx.save_for_backward(x, weight, scale, shift, y, mean, inverse)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from c2r.networks import kernels

        x, weight, scale, shift, y, mean, inverse = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=INNER)
        total, along, back = torch.empty_like(mean), torch.empty_like(mean), torch.empty_like(y)
        about = (scale.detach().numpy(), shift.detach().numpy(), mean.numpy(), inverse.numpy())
        kernels.backward(_inner(gradient), _inner(y), *about, total.numpy(), along.numpy(), _inner(back))
        return *_through_conv(back, x, weight, ctx.needs_input_grad[:3]), along.sum(0), total.sum(0), None


def _inner(image: Tensor) -> np.ndarray:
    """The memory of a channels-last tensor [B, C, H, W] as an array [B, H, W, C]."""
    return image.detach().permute(0, 2, 3, 1).numpy()


def _through_conv(gradient: Tensor, x: Tensor, weight: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """Gradients to image, weight and bias where they are needed."""
    if not any(needed[1:]) and weight.shape[1] <= 4 and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0:
        return _to_few_channels(gradient, weight), None, None
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, [len(weight)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, list(needed)
    )


def _to_few_channels(gradient: Tensor, weight: Tensor) -> Tensor:
    """Gradient to an image of few channels, four pixels at a time: kernels fill their vectors with 4·C channels, not
    with C."""
    turned = weight.flip(2, 3).transpose(0, 1)
    shifted = torch.stack([F.pad(turned, (j, 1 - j, i, 1 - i)) for i in (0, 1) for j in (0, 1)], 1).flatten(0, 1)
    found = F.pixel_shuffle(F.conv2d(gradient, shifted.contiguous(memory_format=INNER), stride=2, padding=1), 2)
    return found.contiguous()  # the images' own layout, which attacks of other libraries take for granted
