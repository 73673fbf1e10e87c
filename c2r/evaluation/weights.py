"""Networks from elsewhere: weights in this app's layout or BEARD's, or a module that Python code of yours makes.

A state dict tells sizes and batch norm; instance and group norm have the same names and shapes. D blocks, K classes.
"""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from c2r import config as settings
from c2r import disasters
from c2r.errors import InputError, quoted, unknown
from c2r.evaluation.statedicts import read_state
from c2r.formats.normalisation import NORMALISATIONS, Constants, as_constants
from c2r.networks.models import MODELS, Network, build, frozen
from c2r.networks.naming import OWN
from c2r.untrusted import word

BEARD = re.compile(r"features\.(\d{1,3})\.(.+)")
BLOCK = re.compile(r"blocks\.([^.]*)\.")


@dataclass(frozen=True)
class Loaded:
    """A frozen network, what its file looked like, and in words which normalisation and norm it gets."""

    network: Network
    layout: str
    told: str
    side: int


class Wrapped(Network):
    """A module of somebody else's behind the normalisation."""

    def __init__(self, module: nn.Module, mean: Tensor, std: Tensor):
        super().__init__(mean, std, [], 1, 1)
        self.inner = module

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, K] of images [B, C, H, W] in [0, 1]."""
        return self.inner((x - self.mean) / self.std)


def load(weights: Path | None, model: str, normalisation: str, channels: int, side: int, norm: str = "own") -> Loaded:
    """Load a network.

    :param model: ``convnet``, ``resnet18`` or ``mlp`` (sizes are read from the file), or ``module:function`` of yours,
        which is imported and called and must return a torch module; `weights` are then loaded into it when given
    :param normalisation: a name of `NORMALISATIONS`, ``none``, or '' for what the file says or its layout suggests
    :param side: of the images in px, where the file does not tell
    :param norm: instance, group or batch; ``own`` for batch where the file has its statistics, else the model's own
    :raises InputError: unknown model, damaged or unsafe file, or weights that do not fit
    """
    if normalisation not in ("", "none", *NORMALISATIONS):
        raise InputError(
            f"--normalisation expects none or one of {', '.join(NORMALISATIONS)}, found '{normalisation}'."
        )
    if ":" in model:
        return _wrapped(weights, model, normalisation, channels, side)
    if model not in MODELS:
        raise unknown("model", model, [*MODELS, "module:function"])
    if weights is None:
        raise InputError("A model of this app expects --weights FILE: name the file, or give --model module:function.")
    state = read_state(weights)
    layout = "BEARD" if any(BEARD.match(name) for name in state) else "this app"
    state = _from_beard(state) if layout == "BEARD" else state
    own: dict[str, Tensor] = {name: state[name].flatten() for name in ("mean", "std") if name in state}
    constants, told = _constants(normalisation, own, layout, channels)
    norm, assumed = _norm(norm, state, model)
    network, side = _built(state, model, norm, constants, channels, side)
    return Loaded(network, layout, told + assumed, side)


def _from_beard(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """BEARD's ConvNet: each block is conv, norm, ReLU, pool in one list of layers; the head is called classifier."""
    found = {}
    for name, value in state.items():
        if match := BEARD.match(name):
            number = int(match[1])
            found[f"blocks.{number // 4}.{number % 4}.{match[2]}"] = value
        else:
            found[name.replace("classifier.", "head.")] = value
    return found


def _constants(wanted: str, own: dict[str, Tensor], layout: str, channels: int) -> tuple[Constants, str]:
    if wanted == "none":
        return ((0.0,), (1.0,)), "No normalisation, as asked."
    if wanted:
        return NORMALISATIONS[wanted], f"Normalisation {wanted}, as asked: {_numbers(NORMALISATIONS[wanted])}."
    if len(own) == 2:
        return (
            as_constants(tuple(own["mean"].tolist()), tuple(own["std"].tolist()), "stored in the file"),
            "Normalisation stored in the file.",
        )
    guess = "cifar10-dc" if channels == 3 else "mnist"
    return (
        NORMALISATIONS[guess],
        (
            f"Normalisation {guess} is assumed ({_numbers(NORMALISATIONS[guess])}), because the file ({layout}) states"
            " none: if clean accuracy is low, name another with --normalisation."
        ),
    )


def _norm(asked: str, state: dict[str, Tensor], model: str) -> tuple[str, str]:
    """The norm between the layers, and what is said of it where it is assumed, '' elsewhere."""
    if asked != "own" or any(name.endswith("running_mean") for name in state):
        return ("batch" if asked == "own" else asked), ""
    if model == "mlp":
        return asked, ""
    return asked, f" The file does not tell the norm of its layers, so {OWN[model]} norm is assumed: see --set norm."


def _numbers(constants: Constants) -> str:
    return "mean " + " ".join(f"{v:g}" for v in constants[0]) + ", std " + " ".join(f"{v:g}" for v in constants[1])


def _built(
    state: dict[str, Tensor], model: str, norm: str, constants: Constants, channels: int, side: int
) -> tuple[Network, int]:
    """A frozen network of these weights, and the side of its images in px. Raises InputError."""
    try:
        sizes, side = _sizes(state, model, side)
        chosen = settings.load("cifar10", {"model": model, "norm": norm, "device": "cpu"} | sizes)
        mean, std = (torch.tensor(list(values)).expand(channels) for values in constants)
        network = build(chosen, (channels, side, side), len(state["head.weight"]), (mean, std), torch.Generator())
        network.load_state_dict(
            {name: value for name, value in state.items() if name not in ("mean", "std")}, strict=False
        )
        missing = set(network.state_dict()) - set(state) - {"mean", "std"}
        extra = set(state) - set(network.state_dict())
    except (KeyError, IndexError, RuntimeError, ValueError, ArithmeticError):
        raise InputError(
            f"The weights do not fit a {model} for images of {channels} channels and {side} px: expected its state"
            " dict; choose another --model, or the --data it was trained on."
        ) from None
    if missing or extra:
        wrong = word(sorted(missing | extra)[0])
        raise InputError(
            f"The weights do not fit a {model}: '{wrong}' is {'missing' if wrong in missing else 'not part of it'};"
            " choose another --model or --set norm."
        )
    return frozen(network), side


def _sizes(state: dict[str, Tensor], model: str, side: int) -> tuple[dict[str, int], int]:
    """Width, depth and image side as the shapes in the file tell them. Raises ValueError or KeyError for none of this
    app's networks."""
    numbers = {found[1] for name in state if (found := BLOCK.match(name))}
    depth = len(numbers)
    if numbers != {str(number) for number in range(depth)}:
        raise ValueError("its blocks are not numbered from 0")
    embedding = state["head.weight"].shape[1]
    if model == "convnet":
        width = state["blocks.0.0.weight"].shape[0]
        return {"width": width, "depth": depth}, int((embedding // width) ** 0.5) << depth
    if model == "mlp":
        return {"width": state["blocks.0.1.weight"].shape[0], "depth": depth}, side
    return {"width": state["blocks.0.0.0.weight"].shape[0]}, side


def _made(model: str) -> nn.Module:
    """The torch module that ``module:function`` of a person returns. Raises InputError for whatever it raises, also
    `sys.exit`."""
    place, _, name = model.partition(":")
    if not place or not name:
        raise InputError(f"--model expects module:function, found '{quoted(model)}': write both names.")
    try:
        module = getattr(importlib.import_module(place), name)()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(
            disasters.broken(f"--model {quoted(model)}", error, "module:function that returns a torch module")
        ) from None
    if not isinstance(module, nn.Module):
        raise InputError(
            f"--model {quoted(model)} returned a {type(module).__name__}: expected a torch module that gives logits;"
            " return one from it."
        )
    return module


def _wrapped(weights: Path | None, model: str, normalisation: str, channels: int, side: int) -> Loaded:
    module = _made(model)
    if weights is not None:
        try:
            module.load_state_dict(read_state(weights))
        except RuntimeError as error:
            raise InputError(
                f"The weights do not fit {model} ({str(error).splitlines()[-1].strip()}): choose the file it was saved"
                " from."
            ) from None
    constants = NORMALISATIONS.get(normalisation, ((0.0,), (1.0,)))
    told = (
        f"Normalisation {normalisation}."
        if normalisation in NORMALISATIONS
        else "No normalisation: the module is expected to take images in [0, 1]."
    )
    mean, std = (torch.tensor(list(values)).expand(channels) for values in constants)
    return Loaded(frozen(Wrapped(module, mean, std)), "your own module", told, side)
