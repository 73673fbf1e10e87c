"""Two measurements of class separation, told apart in one sentence: what is higher with the second, and what is not."""

from collections.abc import Mapping
from typing import NamedTuple

MEASURES = {"knn": "kNN accuracy", "silhouette": "silhouette", "between_within": "between / within"}
SIDES = {"clean": "clean", "adv": "adversarial"}
DECIMALS = 2  # a difference that these do not show is none
KINDS = ("higher", "lower", "without a difference", "not to be compared")
COUNTED = ("none", "one", "two", "three", "four", "five", "six")

Figures = Mapping[str, Mapping[str, float | None]]


class Measured(NamedTuple):
    """Class separation of `n` images at a recorded step, clean and under attack, as `c2r.look.project.separation` gives
    it; None is a figure that is undefined. called: under which network or of which run it was measured."""

    called: str
    step: int
    n: int
    figures: Figures


class Difference(NamedTuple):
    """One measure with both values, rounded as they are shown; None where one of them is undefined."""

    name: str
    first: float | None
    second: float | None

    @property
    def kind(self) -> str:
        """One of `KINDS`, of the second value."""
        if self.first is None or self.second is None:
            return "not to be compared"
        if self.first == self.second:
            return "without a difference"
        return "higher" if self.second > self.first else "lower"


def differences(first: Figures, second: Figures) -> list[Difference]:
    """The six measures, adversarial after clean."""
    return [
        Difference(f"{spoken} {measure}", *(_rounded(figures.get(side, {}).get(name)) for figures in (first, second)))
        for side, spoken in SIDES.items()
        for name, measure in MEASURES.items()
    ]


def sentence(first: Measured, second: Measured) -> str:
    """Which of the six measures are higher with the second than with the first, and which are not.

    Values are compared as they are shown: what is equal to two decimals is no difference.
    """
    found = differences(first.figures, second.figures)
    groups = {kind: [one for one in found if one.kind == kind] for kind in KINDS}
    higher = groups.pop("higher")
    most = "all six" if len(higher) == len(found) else f"{COUNTED[len(higher)]} of the six"
    said = [_begun(first, second, f"{most} measures {_are(higher)} higher") + _listed(higher)]
    said += [f"{COUNTED[len(own)]} {_are(own)} {what}{_listed(own)}" for what, own in groups.items() if own]
    return f"{'; '.join(said)}. Higher means classes farther apart. {_counted(first, second)}"


def _begun(first: Measured, second: Measured, found: str) -> str:
    """What was found, at which step, and with which of the two."""
    one, other = f"'{first.called}'", f"'{second.called}'"
    if first.step == second.step:
        return f"At step {first.step}, {found} under {other} than under {one}"
    return f"At step {first.step} of {one} and step {second.step} of {other}, {found} under the latter"


def _counted(first: Measured, second: Measured) -> str:
    counts = f"{first.n}" if first.n == second.n else f"{first.n} and {second.n}"
    return f"n = {counts} images, measured by one network each, so without a spread."


def _are(group: list[Difference]) -> str:
    return "is" if len(group) < 2 else "are"


def _listed(group: list[Difference]) -> str:
    """The measures of a group with both values: ``: clean silhouette (0.10 → 0.20), …``; '' for none."""
    told = (
        f"{one.name} ({_written(one.first)})"
        if one.first == one.second
        else f"{one.name} ({_written(one.first)} → {_written(one.second)})"
        for one in group
    )
    return f": {', '.join(told)}" if group else ""


def _rounded(value: float | None) -> float | None:
    """The value as it is shown, never a minus zero; None for one that is undefined."""
    return None if value is None or value != value else round(value, DECIMALS) + 0.0


def _written(value: float | None) -> str:
    return "–" if value is None else f"{value:.{DECIMALS}f}".replace("-", "−")
