"""Evaluation protocols: which attacks, at which radii, with which options (methods spec §1.1). No torch.

A protocol is a list of attempts; `clean` is always the first. Sizes named `step` are in units of ε.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from c2r.attacks import catalog
from c2r.attacks.figurekey import radius
from c2r.base.errors import unknown
from c2r.base.fields import format_radius
from c2r.config import RunConfig


@dataclass(frozen=True)
class Attempt:
    """One attack at one radius. `eps` is in pixel units of the attack's norm, infinite when only the distance matters.

    extra: whether it stands beside the protocol's own radius (a sweep), so that its key names the radius.
    """

    attack: str
    eps: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    targeted: bool = False
    extra: bool = False

    @property
    def key(self) -> str:
        """What rows and outcome arrays call it: ``pgd``, ``pgd@4/255``, ``pgd-targeted``."""
        swept = f"@{format_radius(self.eps)}" if self.extra else ""
        return f"{self.attack}{'-targeted' if self.targeted else ''}{swept}"

    @property
    def label(self) -> str:
        """Its name on screen."""
        plain = PSEUDO[self.attack] if self.attack in PSEUDO else catalog.label(self.attack, self.options)
        return plain + (" targeted" if self.targeted else "")

    @property
    def norm(self) -> str:
        """Linf, L2, or '' for what is no attack."""
        return "" if self.attack in PSEUDO else catalog.facts(self.attack).norm

    @property
    def radius(self) -> str:
        """The radius as text: ``2/255``, ``unbounded``, or '' for what is no attack."""
        return "" if self.attack in PSEUDO else "unbounded" if self.eps == float("inf") else radius(self.eps)

    def on_set(self, budget: str) -> "Attempt":
        """The attempt that synthetic images get: the same, except that a ``lite`` budget shortens AutoAttack (its label
        then says so)."""
        if self.attack != "autoattack" or budget == "official":
            return self
        return replace(self, options=dict(self.options) | LITE)


LITE = {"targets": 1, "queries": 500}
PSEUDO = {"clean": "clean", "clamp": "clamp only"}
CLEAN = Attempt("clean")


@dataclass(frozen=True)
class Protocol:
    """A named list of attempts; `label`: its name on screen. space: ``pixel``, or ``legacy`` (normalised images clamped
    to [0, 1], see `c2r.networks.legacy`)."""

    label: str
    help: str
    attempts: Callable[[RunConfig], Iterator[Attempt]]
    space: str = "pixel"
    warning: str = ""


def _custom(config: RunConfig) -> Iterator[Attempt]:
    main = config.eps if config.eps in config.eval_eps or not config.eval_eps else config.eval_eps[0]
    for name in config.eval_attacks:
        changes = {"steps": config.eval_pgd_steps} if name in ("pgd", "pgd-l2") else {}
        l2 = catalog.facts(name).norm == "L2"
        for eps in (config.eval_eps_l2,) if l2 else config.eval_eps or (main,):
            yield Attempt(name, eps, changes, extra=eps != (config.eval_eps_l2 if l2 else main))
            if config.eval_targeted and catalog.facts(name).targeted:
                yield Attempt(name, eps, changes, targeted=True, extra=eps != (config.eval_eps_l2 if l2 else main))


def _pixel(_config: RunConfig) -> Iterator[Attempt]:
    yield Attempt("fgsm", 2 / 255)
    for name in ("pgd", "cw", "vmi-fgsm", "jitter"):
        yield Attempt(name, 2 / 255, {"step": 1.0})
    yield Attempt("autoattack", 2 / 255)


def _guard(_config: RunConfig) -> Iterator[Attempt]:
    yield Attempt("pgd", 1 / 255, {"steps": 100, "step": 0.25})
    yield Attempt("square", 1 / 255)
    yield Attempt("autoattack", 1 / 255)
    yield Attempt("cw-l2", 128 / 255, {"c": 1e-4, "steps": 1000})
    yield Attempt("mi-fgsm", 1 / 255, {"steps": 20, "step": 1.0})


def _robustbench(_config: RunConfig) -> Iterator[Attempt]:
    yield Attempt("pgd", 8 / 255)
    yield Attempt("autoattack", 8 / 255)


def _legacy(_config: RunConfig) -> Iterator[Attempt]:
    eps, l2 = 8 / 255, 128 / 255
    projected = {"steps": 10, "step": (2 / 225) / eps, "start": False}
    yield Attempt("clamp")
    for targeted in (False, True):
        yield Attempt("fgsm", eps, targeted=targeted)
        yield Attempt("pgd", eps, projected, targeted)
        yield Attempt("pgd-l2", l2, projected | {"step": 15 / 128}, targeted)
        yield Attempt("cw-l2", float("inf"), {"steps": 100}, targeted)
    yield Attempt("deepfool", float("inf"))
    yield Attempt("autoattack", eps, {"steps": 10})


PROTOCOLS: dict[str, Protocol] = {
    "custom": Protocol("Custom", "The attacks and radii that the evaluation settings name.", _custom),
    "pixel-2/255": Protocol(
        "DD-RobustBench, pixel space, 2/255",
        "DD-RobustBench's attacks and step sizes (α = ε, 10 steps) at ε = 2/255 in pixel space, plus AutoAttack with"
        " the official 100 iterations.",
        _pixel,
    ),
    "guard-1/255": Protocol(
        "GUARD, pixel space, 1/255",
        "GUARD's attacks at ε = 1/255 in pixel space: PGD-100, Square, AutoAttack, CW-L2 (counted within 128/255),"
        " MI-FGSM-20.",
        _guard,
    ),
    "robustbench-8/255": Protocol(
        "RobustBench, pixel space, 8/255",
        "RobustBench's threat model, L∞ 8/255 in pixel space: AutoAttack, and PGD-10 beside it.",
        _robustbench,
    ),
    "beard-legacy": Protocol(
        "BEARD and ROME as they ran (legacy)",
        "BEARD's and ROME's protocol as it ran: attacks on normalised images that are clamped to [0, 1], to reproduce"
        " their published figures.",
        _legacy,
        "legacy",
        "Legacy: the attack works in normalised space and the clamp alone, without any attack, flattens about three"
        " quarters of the pixel values; compare every figure with 'clamp only'. It says little about robustness.",
    ),
}


def attempts(config: RunConfig) -> tuple[Attempt, ...]:
    """What an evaluation with these settings tries, clean images first. Raises InputError for an unknown protocol."""
    if config.protocol not in PROTOCOLS:
        raise unknown("protocol", config.protocol, list(PROTOCOLS))
    return (CLEAN, *PROTOCOLS[config.protocol].attempts(config))


def expected_passes(attempt: Attempt, classes: int, withstand: float = 0.4) -> float:
    """Passes per image an attempt will roughly take when the share `withstand` of the images withstands it; the others
    leave early."""
    if attempt.attack in PSEUDO:
        return 1.0
    share = 1.0 if catalog.facts(attempt.attack).nearest else withstand
    return catalog.passes(attempt.attack, attempt.options, classes) * share


def main_radius(config: RunConfig) -> float:
    """The L∞ radius of the protocol itself: that of its first L∞ attempt, else the run's ε."""
    return next(
        (attempt.eps for attempt in attempts(config) if attempt.norm == "Linf" and not attempt.extra), config.eps
    )
