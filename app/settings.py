"""What settings and their values are called on screen, and how two runs differ in them. No Streamlit."""

from collections.abc import Iterable
from typing import Any

from c2r import config, fields
from c2r.attacks import catalog, protocols
from c2r.registry import METHODS, of_kind
from c2r.scorers import SCORERS

PLAIN = ("method", "data", "ipc", "eps", "steps", "seed")  # what a person is asked first
FILLED = ("imported", "parent")  # by an import or a fork; nobody types them
FAMILIES = list(dict.fromkeys(method.family for method in METHODS.values()))
STEPPED = ("pgd", "pgd-l2")  # attacks whose number of steps is a setting of its own: their labels go without it
CALLED = {
    "method": {key: method.label for key, method in METHODS.items()},
    "protocol": {key: protocol.label for key, protocol in protocols.PROTOCOLS.items()},
    "eval_attacks": {
        key: facts.label.replace("-{steps}", "") if key in STEPPED else catalog.label(key)
        for key, facts in catalog.CATALOG.items()
    },
    "scorers": {name: label[0].upper() + label[1:] for name, label in SCORERS.items()},
    "model": {"convnet": "ConvNet", "resnet18": "ResNet-18", "mlp": "MLP"},
    "norm": {"own": "The network's own", "instance": "Instance norm", "group": "Group norm", "batch": "Batch norm"},
    "eval_training": {"pgd-at": "PGD adversarial training", "standard": "Standard"},
}


def called(name: str) -> str:
    """What a setting is called on screen."""
    return fields.label(config.declared(name))


def label(name: str) -> str:
    """The same with its unit, where the words do not say it."""
    unit = fields.unit(config.declared(name))
    return f"{called(name)} ({unit})" if unit and unit not in called(name).lower() else called(name)


def choice(name: str, option: str) -> str:
    """What one choice of a setting is called on screen."""
    return CALLED.get(name, {}).get(option, option)


def spoken(name: str, value: Any) -> str:
    """A value of a setting as the form shows it; 'none' for nothing."""
    if isinstance(value, str):
        return choice(name, value) or "none"
    if isinstance(value, tuple) and name in CALLED:
        return ", ".join(choice(name, option) for option in value) or "none"
    return fields.shown(config.declared(name), value) or "none"


def can_choose(name: str) -> bool:
    """Whether a person chooses this setting: not what an import or a fork fills in, nor what has one choice only."""
    return name not in FILLED and len(fields.choices(config.declared(name))) != 1


def offered(name: str, value: Any) -> list[str]:
    """The choices of a setting, [] when it has none; methods by family, one that takes its set from a file only where
    `value` says so already."""
    options = list(fields.choices(config.declared(name)))
    if name != "method":
        return options
    taken = [option for option in options if option == value or option not in of_kind("imported")]
    return sorted(taken, key=lambda option: FAMILIES.index(METHODS[option].family))


def of_family(method: str) -> str:
    """A method as the form offers it: with its family, where its label does not say it."""
    row = METHODS[method]
    return row.label if row.label.startswith(row.family) else f"{row.label} · {row.family}"


def sentence(method: str) -> str:
    """What a method is, or what is left out in it; '' for a word that is no method."""
    return f"{METHODS[method].sentence}." if method in METHODS else ""


def differences(before: config.RunConfig, after: config.RunConfig, leave_out: Iterable[str] = ()) -> list[str]:
    """The settings in which two runs differ, each as ``Contrastive share: 0.17 → 0.3``."""
    every = (name for group in config.groups_of(after.method) for name in group.model_fields)
    names = [name for name in every if name not in {*FILLED, *leave_out} and hasattr(before, name)]
    pairs = [(name, getattr(before, name), getattr(after, name)) for name in names]
    return [f"{called(name)}: {spoken(name, old)} → {spoken(name, new)}" for name, old, new in pairs if old != new]
