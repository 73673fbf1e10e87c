"""Networks whose first layer is the normalisation, so that images stay in [0, 1] everywhere outside.

ConvNet-D of the distillation literature (Zhao et al. 2021; methods spec §3.0): D × [conv 3×3 → norm → ReLU → average
pool 2], then one linear layer. Letters: B batch, C channels, H W sides, K classes, D embedding.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from c2r.errors import InputError, unknown
from c2r.networks.convblock import ConvBlock
from c2r.networks.naming import norm_of, norm_problem
from c2r.settings import NetworkSettings

Norm = Callable[[int], nn.Module]


class Network(nn.Module):
    """Normalise → blocks → linear head. `embed` and `features` give what matching and contrast look at.

    :param mean, std: per-channel statistics of the real training images, [C]
    :param blocks: modules applied one after the other
    :param embedding: D, length of the flattened output of the last block
    :param precision: ``float32`` or ``bfloat16`` (autocast inside; outputs are float32 either way)
    """

    mean: Tensor
    std: Tensor
    reduced: bool

    def __init__(
        self,
        mean: Tensor,
        std: Tensor,
        blocks: list[nn.Module],
        embedding: int,
        classes: int,
        precision: str = "float32",
    ):
        super().__init__()
        self.register_buffer("mean", mean.view(1, -1, 1, 1).clone())
        self.register_buffer("std", std.view(1, -1, 1, 1).clone())
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(embedding, classes)
        self.embedding = embedding
        self.reduced = precision == "bfloat16"

    def features(self, x: Tensor) -> list[Tensor]:
        """Flattened output of every block for images x [B, C, H, W] in [0, 1]; the last one is the embedding [B, D]."""
        return [found.flatten(1).float() for found in self._outputs(x)]

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings [B, D] of images x [B, C, H, W] in [0, 1]."""
        return self._outputs(x)[-1].flatten(1).float()

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, K] of images x [B, C, H, W] in [0, 1]."""
        return self.head(self.embed(x))

    def _outputs(self, x: Tensor) -> list[Tensor]:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.reduced):
            found = [(x - self.mean) / self.std]
            for block in self.blocks:
                found.append(block(found[-1]))
        return found[1:]


def _groups(width: int, least: int = 1) -> int:
    """How many groups of at least `least` of the `width` channels, at most 8."""
    return next(g for g in (8, 4, 2, 1) if width % g == 0 and width // g >= min(least, width))


# What stands between two layers that hand on planes [B, C, H, W], and between two that hand on units [B, C]. None of
# them draws random numbers, so networks that differ in their norm alone begin with the same weights. Two or three units
# make no group to speak of.
PLANES: dict[str, Norm] = {
    "instance": lambda width: nn.GroupNorm(width, width),
    "group": lambda width: nn.GroupNorm(_groups(width), width),
    "batch": nn.BatchNorm2d,
}
UNITS: dict[str, Norm] = {
    "none": nn.Identity,
    "group": lambda width: nn.GroupNorm(_groups(width, least=8), width),
    "batch": nn.BatchNorm1d,
}


def _convnet(settings: NetworkSettings, shape: tuple[int, ...]) -> tuple[list[nn.Module], int]:
    channels, side = shape[0], min(shape[1:])
    if side >> (settings.depth - 1) < 2:
        raise InputError(
            f"A ConvNet of depth {settings.depth} expects images of at least {2**settings.depth} px, "
            f"found {shape[1]}×{shape[2]}: lower depth or raise image_size."
        )
    widths, norm = [channels] + [settings.width] * settings.depth, PLANES[norm_of(settings)]
    blocks: list[nn.Module] = [ConvBlock(a, b, norm(b)) for a, b in zip(widths, widths[1:], strict=False)]
    return blocks, settings.width * (shape[1] >> settings.depth) * (shape[2] >> settings.depth)


def _mlp(settings: NetworkSettings, shape: tuple[int, ...]) -> tuple[list[nn.Module], int]:
    sizes, norm = [shape[0] * shape[1] * shape[2]] + [settings.width] * settings.depth, UNITS[norm_of(settings)]
    layers: list[nn.Module] = [
        nn.Sequential(nn.Flatten(), nn.Linear(a, b), norm(b), nn.ReLU()) for a, b in zip(sizes, sizes[1:], strict=False)
    ]
    return layers, settings.width


class _Residual(nn.Module):
    """Basic block of ResNet-18 (He et al. 2016)."""

    def __init__(self, inside: int, width: int, stride: int, norm: Norm):
        super().__init__()
        self.one, self.two = (
            nn.Conv2d(inside, width, 3, stride, 1, bias=False),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
        )
        self.norm_one, self.norm_two = norm(width), norm(width)
        self.short = nn.Conv2d(inside, width, 1, stride, bias=False) if stride > 1 or inside != width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm_two(self.two(F.relu(self.norm_one(self.one(x)))))
        return F.relu(y + self.short(x))


def _resnet18(settings: NetworkSettings, shape: tuple[int, ...]) -> tuple[list[nn.Module], int]:
    width, norm = settings.width, PLANES[norm_of(settings)]
    stem = nn.Sequential(nn.Conv2d(shape[0], width, 3, 1, 1, bias=False), norm(width), nn.ReLU())
    widths = [width, width, 2 * width, 4 * width, 8 * width]
    stages = [
        nn.Sequential(
            _Residual(widths[i], widths[i + 1], 1 if i == 0 else 2, norm),
            _Residual(widths[i + 1], widths[i + 1], 1, norm),
        )
        for i in range(4)
    ]
    stages[-1].append(nn.AdaptiveAvgPool2d(1))
    return [nn.Sequential(stem, stages[0]), *stages[1:]], widths[-1]


MODELS = {"convnet": _convnet, "resnet18": _resnet18, "mlp": _mlp}


def build(
    settings: NetworkSettings,
    shape: tuple[int, ...],
    classes: int,
    statistics: tuple[Tensor, Tensor],
    generator: torch.Generator,
    precision: str = "float32",
) -> Network:
    """A freshly initialised network for images of `shape` (C, H, W).

    :param statistics: mean and std per channel, each [C], of the real training images
    :param generator: CPU generator; one draw from it seeds the weights, the global random state is left as it was
    :raises InputError: unknown model, or images too small for the depth or the norm
    """
    if settings.model not in MODELS:
        raise unknown("model", settings.model, list(MODELS))
    if problem := norm_problem(settings, max(shape[1:])):
        raise InputError(problem)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        blocks, embedding = MODELS[settings.model](settings, shape)
        return Network(*statistics, blocks, embedding, classes, precision)


def frozen(model: Network) -> Network:
    """The model in eval mode (batch norm by its running statistics, so that each image is judged by itself) with
    parameters that ask for no gradient: what attacks and matching need."""
    model.eval().requires_grad_(False)
    return model
