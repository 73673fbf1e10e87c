"""What a person may set of the toy: two-dimensional points, a radius, and the switches between which two panels differ.
No torch.

One class, as for a run (`c2r.settings`): the page, the address bar, the lessons and the worker derive from it.
"""

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from c2r.base.errors import InputError
from c2r.base.fields import setting
from c2r.settings import Settings

Given = tuple[
    Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)], Annotated[int, Field(ge=0, le=2)]
]
MOST = 60  # points that a person may place


class Toy(Settings):
    """The same core in two dimensions"""

    data: Literal["moons", "spirals", "circles", "blobs", "given"] = setting(
        "moons", "Points", "Which real points are distilled; all lie in the unit square"
    )
    per_class: int = setting(5, "Points per class", "Distilled points of each class", ge=3, le=10)
    eps: float = setting(
        0.06,
        "Attack strength ε",
        "Half the side of the square an attack may move a point in; the points lie in the unit square",
        ge=0.01,
        le=0.15,
    )
    seed: int = setting(0, "Seed", "Seed of every draw: points, networks, updates", ge=0, le=999)
    method: Literal["c2r", "class-means", "literal"] = setting(
        "c2r", "Method", "What moves the points: C2R, class means alone (ROME's idea), or the paper's own loop"
    )
    attack: Literal["ls-pgd", "ls-pgd-cold", "pgd"] = setting(
        "ls-pgd", "Attack", "LS-PGD from the last attack (warm), from nothing (cold), or ten steps of PGD"
    )
    space: Literal["input", "normalised"] = setting(
        "input", "ε counts in", "Units of ε: those of the points, or those of the network's normalised input"
    )
    aac: bool = setting(True, "AAC", "The mini-batch is the hardest half; off: a random half")
    crl: bool = setting(True, "CRL", "The contrastive loss shapes the embedding; off: its term is gone")
    queue: bool = setting(True, "Queue", "CRL takes hard negatives from a queue of attacked real points")
    given: tuple[Given, ...] = setting((), "Placed points", "Points x₁, x₂, class for 'given'", max_length=MOST)


# What a value of a choice is called where it is chosen.
NAMES: dict[str, dict[str, str]] = {
    "data": {
        "moons": "Moons",
        "spirals": "Spirals",
        "circles": "Circles",
        "blobs": "Blobs",
        "given": "Points placed by clicking",
    },
    "method": {"c2r": "C2R", "class-means": "Class means", "literal": "Paper's own loop"},
    "attack": {"ls-pgd": "LS-PGD, warm", "ls-pgd-cold": "LS-PGD, cold", "pgd": "PGD, 10 steps"},
    "space": {"input": "the points' units", "normalised": "normalised units"},
}
# What a second panel may differ in, usually the first of these, and its value there for each value in the first panel.
OTHERS: dict[str, dict[object, object]] = {
    "crl": {True: False, False: True},
    "aac": {True: False, False: True},
    "attack": {"ls-pgd": "pgd", "ls-pgd-cold": "ls-pgd", "pgd": "ls-pgd"},
    "queue": {True: False, False: True},
    "method": {"c2r": "literal", "class-means": "c2r", "literal": "c2r"},
    "space": {"input": "normalised", "normalised": "input"},
}
BEST = Toy()  # what the button "Best known setting" takes up


def toy(values: dict[str, object]) -> Toy:
    """Settings from plain values; raises InputError with a sentence about the first value that is wrong."""
    try:
        return Toy.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"The toy's setting '{place}' is wrong: {first['msg']}; choose another value.") from None


def beside(one: Toy, switch: str) -> Toy:
    """The settings of the second panel: the same, one switch apart; InputError for what is no switch."""
    if switch not in OTHERS:
        raise InputError(
            f"Expected one of {', '.join(OTHERS)} between the panels, found '{switch}': choose one of them."
        )
    return toy(one.model_dump() | {switch: OTHERS[switch][getattr(one, switch)]})


def spoken(one: Toy, name: str) -> str:
    """The value of a setting as a person reads it."""
    value = getattr(one, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    return NAMES.get(name, {}).get(value, str(value))
