"""The ConvNet's block on the CPU: convolution 3×3 → instance norm → ReLU → average pool 2, with a backward of its own.

Torch's kernels for the last three are slow on one another's memory layout; here channels stay innermost throughout, so that
forward and backward together take about half the time. The sums are the same up to rounding. Letters: B batch, C channels,
N = H·W places.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

INNER = torch.channels_last


class ConvBlock(nn.Sequential):
    """Convolution, norm (one group per channel), ReLU and pooling: by torch's modules, or on the CPU in float32 in one piece."""

    def __init__(self, channels: int, width: int):
        super().__init__(nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(width, width), nn.ReLU(inplace=True), nn.AvgPool2d(2))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, width, H/2, W/2]."""
        conv, norm = self[0], self[1]
        plain = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        if not (plain and isinstance(norm, nn.GroupNorm)):
            return super().forward(x)
        return _Fused.apply(x, conv.weight, conv.bias, norm.weight, norm.bias, norm.eps)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        x = x.contiguous(memory_format=INNER)
        y = F.conv2d(x, weight, bias, padding=1).contiguous(memory_format=INNER)
        rows = _rows(y)
        rows -= rows.mean(1, keepdim=True)
        inverse = (rows.square().mean(1, keepdim=True) + eps).rsqrt()
        out = torch.empty_like(y)
        torch.addcmul(shift, rows, scale * inverse, out=_rows(out)).relu_()
        ctx.save_for_backward(x, weight, scale, y, inverse, out)
        return F.avg_pool2d(out, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale, y, inverse, out = ctx.saved_tensors
        spread = torch.ops.aten.avg_pool2d_backward(
            gradient.contiguous(memory_format=INNER), out, [2, 2], [2, 2], [0, 0], False, True, None
        )
        passed, rows = _rows(torch.ops.aten.threshold_backward(spread, out, 0)), _rows(y)
        total, along = passed.sum(1, keepdim=True), (passed * rows).sum(1, keepdim=True)
        factor = scale * inverse / rows.shape[1]
        back = torch.empty_like(y)
        torch.addcmul(-factor * total, rows, -factor * inverse.square() * along, out=_rows(back)).addcmul_(passed, scale * inverse)
        return *_through_conv(back, x, weight, ctx.needs_input_grad[:3]), (along * inverse).sum((0, 1)), total.sum((0, 1)), None


def _rows(image: Tensor) -> Tensor:
    """The same memory as [B, N, C]."""
    return image.permute(0, 2, 3, 1).flatten(1, 2)


def _through_conv(gradient: Tensor, x: Tensor, weight: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """Gradients to image, weight and bias where they are needed."""
    if not any(needed[1:]) and weight.shape[1] <= 4 and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0:
        return _to_few_channels(gradient, weight), None, None
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, [len(weight)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, list(needed)
    )  # fmt: skip


def _to_few_channels(gradient: Tensor, weight: Tensor) -> Tensor:
    """Gradient to an image of few channels, four pixels at a time: kernels fill their vectors with 4·C channels, not with C."""
    turned = weight.flip(2, 3).transpose(0, 1)
    shifted = torch.stack([F.pad(turned, (j, 1 - j, i, 1 - i)) for i in (0, 1) for j in (0, 1)], 1).flatten(0, 1)
    return F.pixel_shuffle(F.conv2d(gradient, shifted.contiguous(memory_format=INNER), stride=2, padding=1), 2)
