"""Which accuracies stand in one row: those of one attack, radius, options, goal and training, however evaluations call
them. No torch.

Letters: M evaluation networks, n test images.
"""

from collections.abc import Sequence, Sized
from typing import Any, NamedTuple

import numpy as np

from c2r.attacks import figurekey
from c2r.attacks.figurekey import Conditions, FigureKey
from c2r.evaluation import wording
from c2r.evaluation.contestant import Contestant
from c2r.evaluation.digest import Threat, attempt, conditions, group_of
from c2r.evaluation.metrics import wilson
from c2r.evaluation.outcomes import right_under_all

EVERY = "All attacks, per image"


class Accuracy(NamedTuple):
    """Mean over M networks and standard deviation (None for one), 95 % Wilson interval of the mean at n; shares."""

    mean: float
    std: float | None
    low: float
    high: float
    n: int

    @property
    def text(self) -> str:
        """In percent: ``67.0 ± 1.0``."""
        return wording.spread(self.mean, self.std)

    @property
    def hover(self) -> str:
        """With its interval: ``67.0 ± 1.0 % (62.0–71.7)``."""
        return f"{self.text} % ({wording.span(self.low, self.high)})"


class Line(NamedTuple):
    """One figure that is shown of every set: of one attempt, or (of is None) under every attack of the threat, image by
    image."""

    name: str
    of: FigureKey | None
    under: Conditions


def lines(contestants: Sequence[Contestant], threat: Threat | None) -> list[Line]:
    """Clean, every attempt under the threat, and the worst case per image; of each conditions that occur by
    themselves."""
    digests = [c.digest for c in contestants]
    labels = {digest["clean"]["of"]: "Clean" for digest in digests if digest["clean"]}
    for digest in digests:
        tried = [digest["attempts"][key] for key in keys_under(digest, threat)]
        labels |= {figure["of"]: figure["label"] for figure in tried}
    grouped = dict.fromkeys(conditions(digest) for digest in digests if group_of(digest, threat))
    every = [Line(told(EVERY, under, grouped), None, under) for under in grouped]
    return [*(Line(name, of, of.under) for of, name in figurekey.names(labels).items()), *every]


class Profile(NamedTuple):
    """What a chart of accuracies shows: its heads, and name of a set → its accuracy under each."""

    heads: list[str]
    of_sets: dict[str, list[Accuracy | None]]


def profile(contestants: Sequence[Contestant], threat: Threat | None) -> Profile:
    """The accuracies of all lines; without the one per image where no set has it."""
    shown = [(line, [accuracy_of(line, c, threat) for c in contestants]) for line in lines(contestants, threat)]
    kept = [(line.name, row) for line, row in shown if line.of or any(row)]
    return Profile([name for name, _ in kept], {c.name: [row[i] for _, row in kept] for i, c in enumerate(contestants)})


def told(name: str, under: Conditions, occurring: Sized) -> str:
    """The name, with its conditions where several occur."""
    return f"{name} ({under.text})" if len(occurring) > 1 else name


def keys_under(digest: dict[str, Any], threat: Threat | None) -> list[str]:
    """The keys of the attempts of one evaluation under the threat."""
    return list((group_of(digest, threat) or {"keys": ()})["keys"])


def accuracy(figure: dict[str, Any] | None) -> Accuracy | None:
    """The accuracy of one attempt of a digest; None where it has no value."""
    if figure is None or figure["mean"] is None:
        return None
    low, high = figure["interval"]
    return Accuracy(figure["mean"], figure["std"], low, high, figure["n"])


def accuracy_of(line: Line, contestant: Contestant, threat: Threat | None) -> Accuracy | None:
    """The accuracy of one set in a line; None where it was not measured or, per image, is not stored."""
    if line.of is not None:
        return accuracy(attempt(contestant.digest, line.of)[1])
    return _over_networks(right_of(line, contestant, threat))


def worst_image(contestant: Contestant, threat: Threat | None) -> Accuracy | None:
    """Share of test images a network classifies right clean and under every attempt of the threat: mean over networks.

    None when the outcomes of the test images are not stored for every attempt.
    """
    return _over_networks(_right_under(contestant, threat))


def right_of(line: Line, contestant: Contestant, threat: Threat | None) -> np.ndarray | None:
    """The outcomes [M, n] behind the accuracy of one set in a line; None where there is none or they are not stored."""
    if line.of is not None:
        return contestant.correct.get(attempt(contestant.digest, line.of)[0])
    return _right_under(contestant, threat) if conditions(contestant.digest) == line.under else None


def _right_under(contestant: Contestant, threat: Threat | None) -> np.ndarray | None:
    keys = keys_under(contestant.digest, threat)
    return right_under_all(contestant.correct, keys) if keys else None


def _over_networks(right: np.ndarray | None) -> Accuracy | None:
    """The accuracy of outcomes [M, n]."""
    if right is None:
        return None
    shares, n = right.mean(1), right.shape[1]
    mean, std = float(shares.mean()), float(shares.std(ddof=1)) if len(shares) > 1 else None
    return Accuracy(mean, std, *wilson(round(mean * n), n), n)


def statement(contestants: Sequence[Contestant], threat: Threat | None, *, ranked: bool) -> str:
    """What the chart of accuracies says: the range under the strongest attack, without an order unless the sets are
    `ranked`."""
    known = {c.name: strongest for c in contestants if (strongest := _strongest(c, threat)) is not None}
    if not known or threat is None:
        return "Clean accuracy; no bounded attack was tried"
    low, high = min(known.values()), max(known.values())
    if len(known) == 1:
        return f"{next(iter(known))} keeps {wording.percent(low)} under its strongest attack at {threat.label}"
    word = "" if ranked else ", not to be ranked"
    ends = list(dict.fromkeys(wording.number(end) for end in (low, high)))
    return f"Under the strongest attack at {threat.label}, {' to '.join(ends)} % stay correct{word}"


def _strongest(contestant: Contestant, threat: Threat | None) -> float | None:
    return (group_of(contestant.digest, threat) or {"worst": None})["worst"]
