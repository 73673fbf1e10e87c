"""The evaluation attacks as facts: name on screen, norm, options with their defaults, what they can do. No torch.

A new attack is one file and one row, which names the file's function as text. Steps and sizes are in units of ε where
the option's name is `step`; counts are per image.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from c2r.errors import unknown
from c2r.named import named


@dataclass(frozen=True)
class Facts:
    """One attack.

    :param label: name on screen, options in braces
    :param function: what runs it, as ``module:name``: a generator over an `AttackState` that takes the options by name
        and yields the share of its work done
    :param norm: of its ball
    :param options: name → default
    :param targeted: it can aim at a class
    :param nearest: it looks for the smallest perturbation instead of staying in a ball from the start
    :param random: it draws random numbers
    :param passes: forwards + backwards it spends on an image that withstands it, from its options and the number of
        classes
    """

    label: str
    function: str
    norm: str
    help: str
    options: Mapping[str, Any] = field(default_factory=dict)
    targeted: bool = True
    nearest: bool = False
    random: bool = True
    passes: Callable[[dict[str, Any]], float] = lambda o: 2 * o["steps"] + 2


def _runs(o: dict[str, Any]) -> int:
    """Runs of an attack that takes one other class at a time."""
    return int(min(o["targets"], o["classes"] - 1))


CATALOG: dict[str, Facts] = {
    "fgsm": Facts(
        "FGSM",
        "c2r.attacks.gradient:fgsm",
        "Linf",
        "One step of size ε along the sign of the gradient (Goodfellow et al. 2015)",
        random=False,
        passes=lambda _o: 4,
    ),
    "pgd": Facts(
        "PGD-{steps}",
        "c2r.attacks.gradient:pgd",
        "Linf",
        "Projected gradient ascent on the cross-entropy from a random start (Madry et al. 2018)",
        {"steps": 10, "step": 0.25, "restarts": 1, "start": True},
        passes=lambda o: (2 * o["steps"] + 1) * o["restarts"] + 1,
    ),
    "pgd-l2": Facts(
        "PGD-{steps} L2",
        "c2r.attacks.gradient:pgd",
        "L2",
        "The same in an L2 ball, steps along ∇/|∇|₂",
        {"steps": 10, "step": 0.25, "restarts": 1, "start": True},
        passes=lambda o: (2 * o["steps"] + 1) * o["restarts"] + 1,
    ),
    "cw": Facts(
        "CW-{steps} L∞",
        "c2r.attacks.gradient:cw",
        "Linf",
        "PGD on the logit margin, DD-RobustBench's 'CW' (after Carlini and Wagner 2017)",
        {"steps": 10, "step": 0.25, "restarts": 1, "start": True},
        passes=lambda o: (2 * o["steps"] + 1) * o["restarts"] + 1,
    ),
    "cw-l2": Facts(
        "CW-{steps} L2",
        "c2r.attacks.nearest:cw_l2",
        "L2",
        "Smallest L2 perturbation by Adam on |δ|² + c·margin (Carlini and Wagner 2017); counts within ε",
        {"steps": 100, "rate": 0.01, "c": 1.0, "kappa": 0.0, "searches": 1, "leave": False},
        nearest=True,
        random=False,
        passes=lambda o: 2 * o["steps"] * o["searches"] + 1,
    ),
    "mi-fgsm": Facts(
        "MI-FGSM-{steps}",
        "c2r.attacks.momentum:mi_fgsm",
        "Linf",
        "PGD with momentum on the L1-normalised gradient (Dong et al. 2018)",
        {"steps": 10, "step": 0.25, "decay": 1.0},
        random=False,
    ),
    "vmi-fgsm": Facts(
        "VMI-FGSM-{steps}",
        "c2r.attacks.momentum:vmi_fgsm",
        "Linf",
        "MI-FGSM whose gradient is corrected by its variance nearby (Wang and He 2021)",
        {"steps": 10, "step": 0.25, "decay": 1.0, "samples": 5, "reach": 1.5},
        passes=lambda o: 2 * (o["steps"] * (o["samples"] + 1) - o["samples"]) + 2,
    ),
    "jitter": Facts(
        "Jitter-{steps}",
        "c2r.attacks.jitter:jitter",
        "Linf",
        "PGD on the squared error of scaled, noisy softmax outputs (Schwinn et al. 2023)",
        {"steps": 10, "step": 0.25, "scale": 10.0, "noise": 0.1},
    ),
    "deepfool": Facts(
        "DeepFool-{steps}",
        "c2r.attacks.nearest:deepfool",
        "L2",
        "Smallest L2 step across the nearest linearised boundary (Moosavi-Dezfooli et al. 2016); counts within ε",
        {"steps": 50, "overshoot": 0.02},
        targeted=False,
        nearest=True,
        random=False,
        passes=lambda o: (1 + o["classes"]) * o["steps"] + 1,
    ),
    "square": Facts(
        "Square-{queries}",
        "c2r.attacks.square:square",
        "Linf",
        "Random search with squares, logits only (Andriushchenko et al. 2020)",
        {"queries": 5000, "share": 0.8},
        passes=lambda o: o["queries"] + 2,
    ),
    "spsa": Facts(
        "SPSA-{steps}",
        "c2r.attacks.spsa:spsa",
        "Linf",
        "Gradient estimated from random differences, logits only (Uesato et al. 2018)",
        {"steps": 100, "samples": 128, "delta": 0.01, "rate": 0.01},
        passes=lambda o: (2 * o["samples"] + 1) * o["steps"] + 1,
    ),
    "apgd-ce": Facts(
        "APGD-CE-{steps}",
        "c2r.attacks.apgd:apgd_ce",
        "Linf",
        "Auto-PGD on the cross-entropy: the step size halves where progress stalls (Croce and Hein 2020)",
        {"steps": 100, "restarts": 1},
        targeted=False,
        passes=lambda o: (2 * o["steps"] + 1) * o["restarts"] + 1,
    ),
    "apgd-t": Facts(
        "APGD-T-{steps}",
        "c2r.attacks.apgd:apgd_t",
        "Linf",
        "Auto-PGD on the targeted DLR loss, one run for each of the most likely other classes",
        {"steps": 100, "targets": 9},
        targeted=False,
        passes=lambda o: (2 * o["steps"] + 1) * _runs(o) + 1,
    ),
    "fab-t": Facts(
        "FAB-T-{steps}",
        "c2r.attacks.fab:fab_t",
        "Linf",
        "Fast adaptive boundary attack, targeted: the smallest perturbation across each linearised boundary (Croce and"
        " Hein 2020)",
        {"steps": 100, "targets": 9},
        targeted=False,
        random=False,
        passes=lambda o: 3 * o["steps"] * _runs(o) + 1,
    ),
    "autoattack": Facts(
        "AutoAttack",
        "c2r.attacks.autoattack:autoattack",
        "Linf",
        "Standard AutoAttack: APGD-CE, APGD-T, FAB-T and Square on what is still correct, official budgets",
        {"steps": 100, "targets": 9, "queries": 5000},
        targeted=False,
        passes=lambda o: (2 * o["steps"] + 1) * (1 + _runs(o)) + 3 * o["steps"] * _runs(o) + o["queries"] + 2,
    ),
}


def facts(name: str) -> Facts:
    """The facts of an attack. Raises InputError for an unknown name."""
    if name not in CATALOG:
        raise unknown("attack", name, list(CATALOG))
    return CATALOG[name]


def function(name: str) -> Callable[..., Iterator[float]]:
    """What runs an attack. Loads torch. Raises InputError for an unknown name."""
    made: Callable[..., Iterator[float]] = named(facts(name).function)
    return made


def options(name: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All options of an attack with `changes` applied. Raises InputError for an option it does not have."""
    known = facts(name).options
    for option in changes or {}:
        if option not in known:
            raise unknown(f"option of {name}", option, list(known))
    return dict(known) | dict(changes or {})


def label(name: str, changes: Mapping[str, Any] | None = None) -> str:
    """The attack's name on screen, with what defines it: ``PGD-10``; an AutoAttack below its official budget says
    so."""
    if name == "clean":
        return "clean"
    chosen = options(name, changes)
    lite = name == "autoattack" and any(chosen[key] < value for key, value in CATALOG[name].options.items())
    return facts(name).label.format(**chosen) + ("-lite" if lite else "")


def passes(name: str, changes: Mapping[str, Any] | None = None, classes: int = 10) -> float:
    """Forwards + backwards that an image costs which withstands the attack; an upper bound for the others."""
    return float(facts(name).passes(options(name, changes) | {"classes": classes}))
