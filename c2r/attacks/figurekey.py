"""What a figure is of: the key by which results of unlike evaluations meet. No torch.

The key of a result row (``pgd``) names an attempt within one evaluation only: under another protocol it is another
radius and other steps. Whoever lays two evaluations side by side, or says what a figure is of, asks here.
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any, NamedTuple

from c2r.attacks import catalog
from c2r.errors import InputError
from c2r.fields import parse_radius

NORMS = {"Linf": "L∞", "L2": "L2"}
LEGACY = "beard-legacy"  # the one protocol whose radii are those of normalised images
TRAININGS = {"pgd-at": "adversarial training", "standard": "standard training"}


class Conditions(NamedTuple):
    """Under what a network was trained and judged: its training, the split of its images, the space its radii are
    in."""

    training: str = ""
    split: str = ""
    space: str = "pixel"

    @property
    def text(self) -> str:
        """``adversarial training``, with what is unusual beside it."""
        parts = [
            TRAININGS.get(self.training, self.training),
            "" if self.split in ("", "test") else f"{self.split} images",
        ]
        return ", ".join(filter(None, [*parts, "" if self.space == "pixel" else "normalised space"]))


class FigureKey(NamedTuple):
    """Attack, norm, ε, options (steps and all others, defaults filled in), goal and conditions of a figure. Equal keys,
    same figure."""

    attack: str
    norm: str
    eps: str
    targeted: bool
    options: tuple[tuple[str, Any], ...]
    under: Conditions

    @property
    def threat(self) -> str:
        """Its `ball`."""
        return ball(self.norm, self.eps)


def ball(norm: str, eps: str) -> str:
    """The images an attack may choose from: ``L∞ 32/255``, ``L2 unbounded``; '' where nothing is attacked."""
    return f"{NORMS.get(norm, norm)} {eps}" if norm else ""


def key_of(row: Mapping[str, Any]) -> FigureKey:
    """The key of a result row; rows recorded before rows said all of it get what was the only way then."""
    attack = str(row.get("attack", ""))
    under = Conditions(
        str(row.get("training", "")), str(row.get("split", "")), "legacy" if row.get("protocol") == LEGACY else "pixel"
    )
    return FigureKey(
        attack,
        str(row.get("norm", "")),
        radius(row.get("eps", "")),
        bool(row.get("targeted")),
        _options(attack, row),
        under,
    )


def _options(attack: str, row: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    given = row.get("options")
    given = given if isinstance(given, Mapping) else {}
    with suppress(InputError):
        given = catalog.options(attack, given)
    return tuple(
        sorted((name, value if isinstance(value, int | float) else str(value)) for name, value in given.items())
    )


def radius(eps: Any) -> str:
    """A radius as people write it, ``32/255`` also for 0.125490196; what is no radius stays as it is."""
    try:
        value = parse_radius(eps)
    except (TypeError, ValueError):
        return str(eps)
    if not math.isfinite(value) or value <= 0:
        return str(eps)
    text = f"{float(Fraction(value * 255).limit_denominator(1000)):g}/255"
    return text if abs(parse_radius(text) - value) < 1e-7 else f"{value:g}"


def names(labels: Mapping[FigureKey, str]) -> dict[FigureKey, str]:
    """What figures are called in one list: their labels, and where two would be called the same, what tells them
    apart."""
    alike = {label: [key for key in labels if labels[key] == label] for label in labels.values()}
    return {key: _apart(label, key, alike[label]) for key, label in labels.items()}


def _apart(label: str, key: FigureKey, alike: Iterable[FigureKey]) -> str:
    others = [other for other in alike if other != key]
    said = [key.threat] if any(other.threat != key.threat for other in others) else []
    own = dict(key.options)
    said += [
        f"{name} {value}"
        for name, value in own.items()
        if any(dict(other.options).get(name) != value for other in others)
    ]
    said += [key.under.text] if any(other.under != key.under for other in others) else []
    return f"{label} ({', '.join(filter(None, said))})" if any(said) else label
