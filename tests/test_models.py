"""Networks: normalisation inside, repeatable weights, sentences for images too small. Run: pytest
tests/test_models.py"""

import pytest
import torch
from torch import nn

from c2r.config import load
from c2r.errors import InputError
from c2r.networks.convblock import ConvBlock
from c2r.networks.models import MODELS, build

STATISTICS = torch.tensor([0.3]), torch.tensor([0.2])


def make(seed=0, shape=(1, 8, 8), **changes):
    return build(
        load("demo", {"width": 16, "depth": 2} | changes), shape, 10, STATISTICS, torch.Generator().manual_seed(seed)
    )


def test_normalisation_is_the_first_layer():
    network = make()
    x = torch.rand(3, 1, 8, 8)
    plain = (x - 0.3) / 0.2
    for block in network.blocks:
        plain = block(plain)
    torch.testing.assert_close(network(x), network.head(plain.flatten(1)))


def test_convnet_3_of_the_literature_has_320010_parameters():
    network = build(
        load("demo", {"width": 128, "depth": 3}), (3, 32, 32), 10, (torch.zeros(3), torch.ones(3)), torch.Generator()
    )
    assert sum(p.numel() for p in network.parameters()) == 320_010
    assert network.embedding == 2048


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_repeatable_and_treats_each_image_alone(model):
    one, two, other = make(1, model=model), make(1, model=model), make(2, model=model)
    x = torch.rand(4, 1, 8, 8)
    assert torch.equal(one(x), two(x))
    assert not torch.allclose(one(x), other(x))
    torch.testing.assert_close(one(x)[2:3], one(x[2:3]), atol=1e-5, rtol=1e-5)
    assert one.embed(x).shape == (4, one.embedding)
    assert one.train()(x).shape == (4, 10)


def test_building_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    make()
    assert torch.equal(before, torch.random.get_rng_state())


def test_images_too_small_for_the_depth_get_a_sentence():
    with pytest.raises(
        InputError, match="depth 4 expects images of at least 16 px, found 8×8: lower depth or raise image_size"
    ):
        make(depth=4)


@pytest.mark.parametrize(("channels", "shape"), [(3, (16, 16)), (1, (8, 8)), (6, (8, 8)), (3, (9, 7)), (1, (28, 28))])
@pytest.mark.parametrize("trained", [False, True])
def test_the_block_in_one_piece_equals_torchs_modules_forwards_and_backwards(channels, shape, trained):
    torch.manual_seed(0)
    block = ConvBlock(channels, 12).requires_grad_(trained)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x = torch.randn(4, channels, *shape, requires_grad=True)
    mine, plain = block(x), nn.Sequential.forward(block, x)
    wanted = [x, *block.parameters()] if trained else [x]
    direction = torch.randn_like(plain)
    torch.testing.assert_close(mine, plain, atol=1e-5, rtol=1e-5)
    for own, theirs in zip(
        torch.autograd.grad(mine, wanted, direction), torch.autograd.grad(plain, wanted, direction), strict=True
    ):
        torch.testing.assert_close(own, theirs, atol=2e-4, rtol=1e-4)


def second(out, first, then):
    """Gradient with respect to `then` of the squared length of the gradient of `out`² with respect to `first`."""
    gradients = torch.autograd.grad(out.square().sum(), first, create_graph=True)
    return torch.autograd.grad(sum(one.square().sum() for one in gradients), then)


@pytest.mark.parametrize(("channels", "shape"), [(3, (16, 16)), (1, (8, 8)), (6, (8, 8)), (3, (9, 7))])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_block_is_differentiated_twice_by_torch_and_nobody_has_to_ask(channels, shape, layout):
    torch.manual_seed(0)
    block = ConvBlock(channels, 12)
    x = torch.randn(4, channels, *shape).contiguous(memory_format=layout).requires_grad_(True)
    wanted = [x, block[0].weight, block[1].weight, block[1].bias]
    for first in (wanted, [x], wanted[1:]):
        mine, plain = (second(out, first, wanted) for out in (block(x), nn.Sequential.forward(block, x)))
        for own, theirs in zip(mine, plain, strict=True):
            torch.testing.assert_close(own, theirs, atol=1e-4 * float(theirs.abs().max()), rtol=1e-4)


def test_a_scale_that_the_image_was_computed_from_gets_each_part_of_its_gradient_once():
    torch.manual_seed(0)
    block, x = ConvBlock(3, 6), torch.randn(4, 3, 8, 8, requires_grad=True)
    scale = block[1].weight
    mine, theirs = (
        second(one(x + scale.mean() * x.square()), [scale], [scale, x]) for one in (block, nn.Sequential(*block))
    )
    for own, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(own, other, atol=1e-4 * float(other.abs().max()), rtol=1e-4)


def test_a_frozen_block_takes_a_second_derivative_of_the_image_alone():
    torch.manual_seed(0)
    block, x = ConvBlock(3, 6).requires_grad_(False), torch.randn(4, 3, 8, 8, requires_grad=True)
    mine, theirs = (second(one(x), [x], [x])[0] for one in (block, nn.Sequential(*block)))
    torch.testing.assert_close(mine, theirs, atol=1e-4 * float(theirs.abs().max()), rtol=1e-4)


def test_a_flat_image_stays_finite_in_the_block():
    x = torch.full((2, 3, 8, 8), 0.5, requires_grad=True)
    found = ConvBlock(3, 4)(x)
    assert found.isfinite().all() and torch.autograd.grad(found.sum(), x)[0].isfinite().all()


def test_a_block_with_batch_norm_runs_torchs_modules():
    block = ConvBlock(3, 4)
    block[1] = nn.BatchNorm2d(4)
    x = torch.rand(5, 3, 8, 8)
    assert torch.equal(block.eval()(x), nn.Sequential.forward(block, x))
