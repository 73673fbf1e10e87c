"""Networks: normalisation inside, repeatable weights, sentences for images too small. Run: pytest
tests/test_models.py"""

import copy
import hashlib

import pytest
import torch
from torch import nn

from c2r.config import RunConfig, load
from c2r.errors import InputError
from c2r.fields import choices
from c2r.look.scorer import scorer
from c2r.networks.convblock import ConvBlock
from c2r.networks.models import MODELS, PLANES, UNITS, build, frozen
from c2r.networks.naming import OWN, network_name

STATISTICS = torch.tensor([0.3]), torch.tensor([0.2])
NORMS = choices(RunConfig.model_fields["norm"])
PAIRS = [(model, norm) for model in MODELS for norm in NORMS if (model, norm) != ("mlp", "instance")]
# SHA-256 of the names and values of a state dict, written down before the norm was a setting
WEIGHTS = {
    "convnet": "ab58ad3063678c9b",
    "resnet18": "28e98bb8a739d9b0",
    "mlp": "3954bf72d10a3869",
}


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


@pytest.mark.parametrize(("model", "norm"), PAIRS)
def test_every_model_is_repeatable_and_treats_each_image_alone(model, norm):
    shape = (1, 16, 16)
    one, two, other = (make(seed, shape, model=model, norm=norm) for seed in (1, 1, 2))
    x = torch.rand(4, *shape)
    assert torch.equal(one(x), two(x))
    assert not torch.allclose(one(x), other(x))
    assert one.embed(x).shape == (4, one.embedding)
    frozen(one)
    torch.testing.assert_close(one(x)[2:3], one(x[2:3]), atol=1e-5, rtol=1e-5)
    assert one.train()(x).shape == (4, 10)


@pytest.mark.parametrize("model", MODELS)
def test_a_network_with_its_own_norm_has_the_weights_it_always_had(model):
    state = make(7, (3, 16, 16), model=model, norm="own").state_dict()
    digest = hashlib.sha256()
    for name, value in state.items():
        digest.update(name.encode() + value.numpy().tobytes())
    assert digest.hexdigest()[:16] == WEIGHTS[model]


@pytest.mark.parametrize("model", MODELS)
def test_norms_share_the_first_weights_and_own_is_the_one_that_is_named(model):
    x = torch.rand(4, 1, 16, 16)
    own = make(3, (1, 16, 16), model=model)
    for norm in NORMS[1:]:
        if (model, norm) == ("mlp", "instance"):
            continue
        network = make(3, (1, 16, 16), model=model, norm=norm)
        state = dict(network.named_parameters())
        assert all(torch.equal(value, state[name]) for name, value in own.named_parameters())
        assert torch.equal(network(x), own(x)) == (norm == OWN[model])
    assert list(OWN) == list(MODELS) and {*PLANES, *UNITS} - {"none"} == {*NORMS} - {"own"}


@pytest.mark.parametrize("width", range(4, 33))
def test_no_group_of_a_group_norm_is_so_small_that_it_wipes_out_its_input(width):
    network, x = make(model="mlp", norm="group", width=width), torch.rand(8, 1, 8, 8)
    groups = network.blocks[0][2].num_groups
    assert width % groups == 0 and width // groups >= min(8, width)
    assert network.embed(x).std(0).max() > 0.1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "mlp"}, "An MLP has no planes for instance norm: expected norm own, group or batch; choose"),
        ({"model": "resnet18"}, "with instance norm expects images of at least 9 px, found 8 px: choose another norm"),
    ],
)
def test_a_norm_that_would_wipe_out_its_input_gets_a_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        make(norm="instance", **changes)


@pytest.mark.parametrize("model", MODELS)
def test_batch_norm_judges_an_image_by_itself_once_the_network_is_frozen(model):
    network, x = make(model=model, norm="batch"), torch.rand(12, 1, 8, 8)
    before = copy.deepcopy(network.state_dict())
    coupled = network(x)
    assert not torch.allclose(coupled[:6], network(x[:6]), atol=1e-3)
    assert any(not torch.equal(before[name], value) for name, value in network.state_dict().items())
    frozen(network)
    kept, alone = copy.deepcopy(network.state_dict()), torch.cat([network(x[i : i + 1]) for i in range(12)])
    torch.testing.assert_close(network(x), alone, atol=1e-5, rtol=1e-5)
    assert all(torch.equal(kept[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize(("model", "norm"), PAIRS)
def test_in_lower_precision_every_norm_stays_near_the_full_one(model, norm):
    settings, x = load("demo", {"width": 16, "depth": 2, "model": model, "norm": norm}), torch.rand(6, 1, 16, 16)
    full, low = (
        build(settings, (1, 16, 16), 10, STATISTICS, torch.Generator().manual_seed(0), precision)
        for precision in ("float32", "bfloat16")
    )
    assert low(x).dtype == torch.float32
    torch.testing.assert_close(low(x), full(x), atol=0.1, rtol=0.1)


def test_a_norm_that_is_not_the_models_own_is_part_of_the_name():
    names = {
        ("convnet", "own"): "convnet-32-d2",
        ("convnet", "instance"): "convnet-32-d2",
        ("convnet", "batch"): "convnet-32-d2-batch",
        ("resnet18", "group"): "resnet18-32-d2",
        ("resnet18", "instance"): "resnet18-32-d2-instance",
        ("mlp", "group"): "mlp-32-d2-group",
    }
    for (model, norm), name in names.items():
        settings = load("demo", {"model": model, "norm": norm, "width": 32, "depth": 2})
        assert network_name(settings) == name
        assert network_name(settings, with_depth=False) == name.replace("-d2", "")
        assert f": {name}, adversarially trained" in scorer(settings, {})


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
    block = ConvBlock(channels, 12, nn.GroupNorm(12, 12)).requires_grad_(trained)
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
    block = ConvBlock(channels, 12, nn.GroupNorm(12, 12))
    x = torch.randn(4, channels, *shape).contiguous(memory_format=layout).requires_grad_(True)
    wanted = [x, block[0].weight, block[1].weight, block[1].bias]
    for first in (wanted, [x], wanted[1:]):
        mine, plain = (second(out, first, wanted) for out in (block(x), nn.Sequential.forward(block, x)))
        for own, theirs in zip(mine, plain, strict=True):
            torch.testing.assert_close(own, theirs, atol=1e-4 * float(theirs.abs().max()), rtol=1e-4)


def test_a_scale_that_the_image_was_computed_from_gets_each_part_of_its_gradient_once():
    torch.manual_seed(0)
    block, x = ConvBlock(3, 6, nn.GroupNorm(6, 6)), torch.randn(4, 3, 8, 8, requires_grad=True)
    scale = block[1].weight
    mine, theirs = (
        second(one(x + scale.mean() * x.square()), [scale], [scale, x]) for one in (block, nn.Sequential(*block))
    )
    for own, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(own, other, atol=1e-4 * float(other.abs().max()), rtol=1e-4)


def test_a_frozen_block_takes_a_second_derivative_of_the_image_alone():
    torch.manual_seed(0)
    block, x = ConvBlock(3, 6, nn.GroupNorm(6, 6)).requires_grad_(False), torch.randn(4, 3, 8, 8, requires_grad=True)
    mine, theirs = (second(one(x), [x], [x])[0] for one in (block, nn.Sequential(*block)))
    torch.testing.assert_close(mine, theirs, atol=1e-4 * float(theirs.abs().max()), rtol=1e-4)


def test_a_flat_image_stays_finite_in_the_block():
    x = torch.full((2, 3, 8, 8), 0.5, requires_grad=True)
    found = ConvBlock(3, 4, nn.GroupNorm(4, 4))(x)
    assert found.isfinite().all() and torch.autograd.grad(found.sum(), x)[0].isfinite().all()


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.BatchNorm2d(4)])
def test_a_block_with_another_norm_runs_torchs_modules(norm):
    block, x = ConvBlock(3, 4, norm), torch.rand(5, 3, 8, 8)
    assert torch.equal(block.eval()(x), nn.Sequential.forward(block, x))


def by_torch(network):
    """The same network of torch's modules alone."""
    twin = copy.deepcopy(network)
    twin.blocks = nn.ModuleList(nn.Sequential(*one) if isinstance(one, ConvBlock) else one for one in twin.blocks)
    return twin


@pytest.mark.parametrize(("model", "norm"), PAIRS)
@pytest.mark.parametrize("trained", [True, False], ids=["training", "frozen"])
def test_second_derivatives_of_every_network_equal_those_of_torchs_modules(model, norm, trained):
    torch.manual_seed(0)
    mine = make(5, (3, 16, 16), model=model, norm=norm, width=8).train(trained)
    with torch.no_grad():
        for parameter in mine.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x = torch.rand(4, 3, 16, 16, requires_grad=True)
    for first in ("images", "weights"):
        found = []
        for network in (mine, by_torch(mine)):
            weights = list(network.parameters())
            found.append(second(network(x), [x] if first == "images" else weights, [x, *weights]))
        largest = max(float(one.abs().max()) for one in found[1])
        for own, theirs in zip(*found, strict=True):
            torch.testing.assert_close(own, theirs, atol=1e-5 * largest, rtol=1e-3)


@pytest.mark.parametrize(("model", "norm"), PAIRS)
@pytest.mark.parametrize("wanted", ["images", "weights"])
def test_second_derivatives_of_every_network_equal_finite_differences(model, norm, wanted):
    torch.manual_seed(0)
    network = make(5, (1, 16, 16), model=model, norm=norm, width=4)
    blocks = nn.Sequential(*network.blocks, nn.Flatten()).double()
    with torch.no_grad():
        for parameter in blocks.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x = torch.randn(3, 1, 16, 16, dtype=torch.float64)
    names, weights = zip(*((f"0.{name}", one.detach()) for name, one in blocks[0].named_parameters()), strict=True)

    def out(*given):
        if wanted == "images":
            return blocks(*given)
        return torch.func.functional_call(blocks, dict(zip(names, given, strict=True)), (x,))

    given = (x,) if wanted == "images" else weights
    assert torch.autograd.gradgradcheck(out, tuple(one.clone().requires_grad_(True) for one in given), fast_mode=True)
