"""What settings and their values are called on screen, and how two runs differ in them. No Streamlit."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from c2r import config
from c2r.attacks import catalog, protocols
from c2r.base import fields
from c2r.registry import METHODS, of_kind
from c2r.scorers import SCORERS

PLAIN = ("method", "data", "ipc", "eps", "steps", "seed")  # what a person is asked first
FILLED = ("imported", "parent")  # by an import or a fork; nobody types them
STEPPED = ("pgd", "pgd-l2")  # attacks whose number of steps is a setting of its own: their labels go without it
# What the choices of a setting are called: of tables by what their rows say when asked, of others as it stands here.
TABLES: dict[str, tuple[Mapping[str, Any], Callable[[str], str]]] = {
    "method": (METHODS, lambda key: METHODS[key].label),
    "protocol": (protocols.PROTOCOLS, lambda key: protocols.PROTOCOLS[key].label),
    "eval_attacks": (catalog.CATALOG, lambda key: _attack(key)),
    "scorers": (SCORERS, lambda key: SCORERS[key][0].upper() + SCORERS[key][1:]),
}
CALLED = {
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
    rows, say = TABLES.get(name, ({}, str))
    return say(option) if option in rows else CALLED.get(name, {}).get(option, option)


def _attack(key: str) -> str:
    """An attack's label, without its steps where they are a setting of their own."""
    return catalog.CATALOG[key].label.replace("-{steps}", "") if key in STEPPED else catalog.label(key)


def spoken(name: str, value: Any) -> str:
    """A value of a setting as the form shows it; 'none' for nothing."""
    if isinstance(value, str):
        return choice(name, value) or "none"
    if isinstance(value, tuple) and name in TABLES:
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
    families = list(dict.fromkeys(method.family for method in METHODS.values()))
    return sorted(taken, key=lambda option: families.index(METHODS[option].family))


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
