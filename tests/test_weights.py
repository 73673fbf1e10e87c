"""Networks from elsewhere: layouts, assumed normalisation, refusals. Run: pytest tests/test_weights.py"""

import pickle
import time

import pytest
import torch
from safetensors.torch import save_file
from test_contracts import QUICK, tiny_data
from torch import nn

from c2r import config
from c2r.distilled import DistilledSet
from c2r.errors import InputError
from c2r.evaluation import weights
from c2r.evaluation.evaluate import Row, Trained, evaluate
from c2r.evaluation.facts import set_facts
from c2r.evaluation.judging import load_networks
from c2r.formats.normalisation import NORMALISATIONS
from c2r.networks.models import MODELS, build, frozen
from c2r.work.evaluations import save_network


def network(side=16, width=8, depth=3, model="convnet", norm="own"):
    settings = config.load("demo", {"width": width, "depth": depth, "model": model, "norm": norm})
    statistics = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
    return frozen(build(settings, (3, side, side), 10, statistics, torch.Generator().manual_seed(3)))


def beard_state(own):
    """The state dict that BEARD's ConvNet of the same weights has."""
    names = {f"blocks.{d}.{k}.": f"features.{4 * d + k}." for d in range(3) for k in (0, 1)} | {"head.": "classifier."}
    state = {name: value for name, value in own.state_dict().items() if name not in ("mean", "std")}
    return {
        next(new + name[len(old) :] for old, new in names.items() if name.startswith(old)): value
        for name, value in state.items()
    }


@pytest.mark.parametrize("prefix", ["", "module."])
def test_beard_weights_give_the_same_logits_and_the_assumed_normalisation_is_told(tmp_path, generator, prefix):
    own = network()
    torch.save({prefix + name: value for name, value in beard_state(own).items()}, tmp_path / "DC_ConvNet.pth")
    loaded = weights.load(tmp_path / "DC_ConvNet.pth", "convnet", "", 3, 32)
    x = torch.rand(5, 3, 16, 16, generator=generator)
    torch.testing.assert_close(loaded.network(x), own(x))
    assert (loaded.layout, loaded.side) == ("BEARD", 16)
    assert "cifar10-dc is assumed" in loaded.told
    assert "0.2023" in loaded.told
    assert not loaded.network.training


@pytest.mark.parametrize("model", ["convnet", "resnet18", "mlp"])
def test_weights_of_this_app_need_no_assumption(tmp_path, generator, model):
    own = network(model=model)
    save_file({name: value.contiguous() for name, value in own.state_dict().items()}, tmp_path / "seed0.safetensors")
    loaded = weights.load(tmp_path / "seed0.safetensors", model, "", 3, 16)
    x = torch.rand(5, 3, 16, 16, generator=generator)
    torch.testing.assert_close(loaded.network(x), own(x))
    assert loaded.told.startswith("Normalisation stored in the file.")
    assert ("norm is assumed: see --set norm." in loaded.told) == (model != "mlp")


def test_a_named_normalisation_is_used_and_none_is_none(tmp_path):
    torch.save(beard_state(network()), tmp_path / "a.pth")
    named = weights.load(tmp_path / "a.pth", "convnet", "cifar10", 3, 16).network
    assert named.std.flatten().tolist() == pytest.approx(NORMALISATIONS["cifar10"][1])
    plain = weights.load(tmp_path / "a.pth", "convnet", "none", 3, 16).network
    assert (plain.mean.unique().tolist(), plain.std.unique().tolist()) == ([0.0], [1.0])


def shaken(own):
    """The network with running statistics as training leaves them behind."""
    for name, value in own.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return own


def test_batch_norm_of_a_convnet_is_loaded_with_its_statistics(tmp_path, generator):
    own = shaken(network(norm="batch"))
    state = beard_state(own)
    assert "features.1.running_mean" in state
    torch.save(state, tmp_path / "bn.pth")
    x, loaded = torch.rand(5, 3, 16, 16, generator=generator), weights.load(tmp_path / "bn.pth", "convnet", "", 3, 16)
    torch.testing.assert_close(loaded.network(x), own(x))
    assert "norm is assumed" not in loaded.told


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("norm", "asked"), [("batch", "own"), ("batch", "batch"), ("group", "group")])
def test_every_norm_is_read_back_and_batch_norm_without_being_asked(tmp_path, generator, model, norm, asked):
    own = shaken(network(model=model, norm=norm))
    save_file({name: value.contiguous() for name, value in own.state_dict().items()}, tmp_path / "seed0.safetensors")
    loaded = weights.load(tmp_path / "seed0.safetensors", model, "", 3, 16, asked)
    x = torch.rand(5, 3, 16, 16, generator=generator)
    assert torch.equal(loaded.network(x), own(x))
    assert loaded.told == "Normalisation stored in the file." and not loaded.network.training


@pytest.mark.parametrize(("norm", "asked"), [("batch", "group"), ("own", "batch")])
def test_weights_of_another_norm_than_asked_are_one_sentence(tmp_path, norm, asked):
    save_file(network(norm=norm).state_dict(), tmp_path / "seed0.safetensors")
    with pytest.raises(InputError, match="do not fit a convnet: .*; choose another --model or --set norm."):
        weights.load(tmp_path / "seed0.safetensors", "convnet", "", 3, 16, asked)


@pytest.mark.parametrize("model", MODELS)
def test_an_evaluation_network_with_batch_norm_comes_back_as_it_was(tmp_path, model):
    data = tiny_data()
    settings = config.load(
        "demo",
        QUICK | {"model": model, "norm": "batch", "eval_seeds": 1, "eval_steps": 6, "eval_attacks": "fgsm"},
    )
    source = DistilledSet(data.images[:12].numpy(), data.labels[:12].numpy())
    found = list(evaluate(source, settings, data))
    trained = next(event.network for event in found if isinstance(event, Trained))
    assert {event.values["network"] for event in found if isinstance(event, Row)} == {f"{model}-8-batch"}
    assert set_facts(source, settings, data)["network"] == f"{model}-8-d2-batch"
    save_network(tmp_path / "networks" / "seed0.safetensors", trained)
    x = data.test_images.float() / 255
    again = load_networks(tmp_path, settings, data)[0]
    outside = weights.load(tmp_path / "networks" / "seed0.safetensors", model, "", 1, 8).network
    assert torch.equal(again(x), trained(x)) and torch.equal(outside(x), trained(x))
    torch.testing.assert_close(torch.cat([again(one[None]) for one in x]), trained(x), atol=1e-5, rtol=1e-5)


def mine() -> nn.Module:
    """A module as a person would bring it."""
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 10))


def test_a_module_of_ones_own_is_imported_by_name(generator):
    loaded = weights.load(None, "test_weights:mine", "", 3, 4)
    assert loaded.network(torch.rand(2, 3, 4, 4, generator=generator)).shape == (2, 10)
    assert "[0, 1]" in loaded.told


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_what_cannot_be_a_network_is_one_sentence_and_nothing_runs(tmp_path, capsys):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"features.0.weight": Evil()}))
    (tmp_path / "short.pth").write_bytes(b"PK\x03\x04")
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
    torch.save(beard_state(network()), tmp_path / "beard.pth")
    cases = [
        ("evil.pth", "convnet", ""),
        ("short.pth", "convnet", ""),
        ("other.pth", "convnet", ""),
        ("gone.pth", "convnet", ""),
        ("beard.pth", "resnet18", ""),
        ("beard.pth", "mlp", ""),
        ("beard.pth", "convnet", "cifar11"),
        ("beard.pth", "no_module:f", ""),
    ]
    for name, model, normalisation in cases:
        with pytest.raises(InputError) as caught:
            weights.load(tmp_path / name, model, normalisation, 3, 16)
        assert "\n" not in str(caught.value), name
    assert "executed" not in capsys.readouterr().out


FILES = {
    "of zero width": (
        lambda state: {name: value[:0] for name, value in state.items()},
        "convnet",
        "has shape .* and so no values",
    ),
    "of a zero head": (
        lambda state: state | {"head.weight": torch.zeros(10, 0)},
        "convnet",
        "'head.weight' .* has shape .10, 0. and so no values",
    ),
    "with a far block": (
        lambda state: state | {"blocks.100000000.0.weight": torch.zeros(1)},
        "convnet",
        "The weights do not fit a convnet",
    ),
    "with a block of thousands of digits": (
        lambda state: state | {f"blocks.{'9' * 5000}.0.weight": torch.zeros(1)},
        "mlp",
        "do not fit a mlp",
    ),
    "with a block without a number": (
        lambda state: state | {"blocks.x.0.weight": torch.zeros(1)},
        "resnet18",
        "do not fit a resnet18",
    ),
    "with a far layer of BEARD": (
        lambda state: beard_like(state) | {"features.400000000.weight": torch.zeros(1)},
        "convnet",
        "do not fit a convnet",
    ),
    "with NaN": (
        lambda state: state | {"head.bias": torch.full((10,), float("nan"))},
        "convnet",
        "10 of 10 values of 'head.bias' .* are NaN or infinite",
    ),
    "with infinity": (
        lambda state: state | {"head.bias": torch.full((10,), float("inf"))},
        "convnet",
        "are NaN or infinite",
    ),
    "with deviation 0": (
        lambda state: state | {"std": torch.zeros(3)},
        "convnet",
        "Normalisation stored in the file cannot be read: expected means and positive",
    ),
    "with deviation below 0": (
        lambda state: state | {"std": -torch.ones(3)},
        "convnet",
        "Normalisation stored in the file cannot be read: expected means and positive",
    ),
    "with two deviations": (
        lambda state: state | {"std": torch.ones(2)},
        "convnet",
        "Normalisation stored in the file cannot be read: expected means and positive",
    ),
    "for no known model": (
        lambda state: state,
        "vgg",
        "Unknown model 'vgg': expected one of convnet, resnet18, mlp, module:function",
    ),
    "without a head": (
        lambda state: {name: value for name, value in state.items() if "head" not in name},
        "convnet",
        "do not fit a convnet",
    ),
    "with one huge layer": (
        lambda state: state | {"blocks.0.0.weight": torch.zeros(100_000, 3, 1, 1)},
        "convnet",
        "do not fit a convnet",
    ),
}


def beard_like(state):
    return {
        name.replace("blocks.0.", "features.").replace("head.", "classifier."): value for name, value in state.items()
    }


@pytest.mark.parametrize("name", FILES)
def test_weights_that_no_network_can_have_are_one_sentence_at_once(tmp_path, name):
    change, model, sentence = FILES[name]
    torch.save(change(network().state_dict()), tmp_path / "a.pth")
    began = time.process_time()
    with pytest.raises(InputError, match=sentence) as caught:
        weights.load(tmp_path / "a.pth", model, "", 3, 16)
    assert time.process_time() - began < 2 and str(caught.value).endswith(".") and len(str(caught.value)) < 500
