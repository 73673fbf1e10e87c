"""The ConvNet's block: convolution 3×3 → norm → ReLU → average pool 2; on the CPU the last three in one kernel.

Outputs and gradients equal those of torch's modules up to rounding. The kernel has no second derivative: gradients that
are to be differentiated again (``create_graph=True``) are computed by torch instead. Letters: B batch, C channels.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

INNER = torch.channels_last


class ConvBlock(nn.Sequential):
    """By torch's modules, or by `c2r.networks.kernels` where they compute the same: instance norm on the CPU in
    float32."""

    def __init__(self, channels: int, width: int, norm: nn.Module):
        super().__init__(nn.Conv2d(channels, width, 3, padding=1), norm, nn.ReLU(inplace=True), nn.AvgPool2d(2))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, width, H/2, W/2]."""
        conv, norm = self[0], self[1]
        fused = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        if not (fused and isinstance(norm, nn.GroupNorm) and norm.num_groups == norm.num_channels):
            return super().forward(x)
        return _NormReluPool.apply(_Convolution.apply(x, conv.weight, conv.bias), norm.weight, norm.bias, norm.eps)


class _Convolution(torch.autograd.Function):
    """3×3 with a margin of 1, channels innermost; what its backward calls is differentiable itself."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x.contiguous(memory_format=INNER), weight, bias, padding=1).contiguous(memory_format=INNER)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        return _through_conv(gradient, x, weight, ctx.needs_input_grad)


class _NormReluPool(torch.autograd.Function):
    """The kernel, whose backward steps aside when somebody will differentiate its gradients."""

    @staticmethod
    def forward(ctx, y: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        from c2r.networks import kernels

        images, channels, height, width = y.shape
        mean, inverse = y.new_empty(images, channels), y.new_empty(images, channels)
        out = torch.empty((images, channels, height // 2, width // 2), memory_format=INNER)
        about = (scale.detach().numpy(), shift.detach().numpy(), np.float32(eps), mean.numpy(), inverse.numpy())
        kernels.forward(_inner(y), *about, _inner(out))
        ctx.save_for_backward(y, scale, shift, mean, inverse)
        ctx.eps = eps
        return out

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from c2r.networks import kernels

        y, scale, shift, mean, inverse = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            return *_by_torch(gradient, (y, scale, shift), ctx.eps, ctx.needs_input_grad[:3]), None
        gradient = gradient.contiguous(memory_format=INNER)
        total, along, back = torch.empty_like(mean), torch.empty_like(mean), torch.empty_like(y)
        about = (scale.detach().numpy(), shift.detach().numpy(), mean.numpy(), inverse.numpy())
        kernels.backward(_inner(gradient), _inner(y), *about, total.numpy(), along.numpy(), _inner(back))
        return back, along.sum(0), total.sum(0), None


def _by_torch(
    gradient: Tensor, inputs: tuple[Tensor, ...], eps: float, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """Gradients to the convolution's output, scale and shift, each with a graph of its own, through torch's operations.

    The views keep apart what comes in: the image may have been computed from the very scale.
    """
    y, scale, shift = views = [one.view_as(one) for one in inputs]
    out = F.avg_pool2d(F.relu(F.group_norm(y, len(scale), scale, shift, eps)), 2)
    wanted = [view for view, asked in zip(views, needed, strict=True) if asked]
    found = iter(torch.autograd.grad(out, wanted, gradient, create_graph=True))
    return [next(found) if asked else None for asked in needed]


def _inner(image: Tensor) -> np.ndarray:
    """The memory of a channels-last tensor [B, C, H, W] as an array [B, H, W, C]."""
    return image.detach().permute(0, 2, 3, 1).numpy()


def _through_conv(gradient: Tensor, x: Tensor, weight: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """Gradients to image, weight and bias where they are needed."""
    if not any(needed[1:]) and weight.shape[1] <= 4 and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0:
        return _to_few_channels(gradient, weight), None, None
    x = x.contiguous(memory_format=INNER)
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
