"""Check 7: do set, networks and test data agree on the constants of the normalisation?"""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import Subject, networks

CONSTANT = 0.01  # constants differ visibly: the two CIFAR-10 standard deviations in use are .04 apart
DRIFT = 0.05  # channel means and deviations of two draws from the same data stay well within this
# synthetic images with this many times more or less contrast than the test images were most likely decoded wrongly
CONTRAST = 1.5


def normalisation_constants(subject: Subject) -> Badge:
    """Check 7: constants inside the networks, of the training and test data, and stored with the set."""
    facts = subject.facts
    names = ("set_mean", "set_std", "train_mean", "train_std", "test_mean", "test_std", "assumed_mean", "assumed_std")
    figures = {name: facts[name] for name in (*names, "set_constants", "histograms") if facts.get(name) is not None}
    alone = facts.get("origin") == "weights file"  # networks without a set
    missing = [name for name in names if facts.get(name) is None and not (alone and name.startswith("set"))]
    findings = []
    if missing:
        findings.append(
            Finding(
                "amber",
                f"Not recorded: {', '.join(missing)}.",
                "Record the channel statistics of set, train and test data.",
            )
        )
    findings += [finding for rule in (_stored, _assumed, _splits, _contrast, _inside) for finding in rule(subject)]
    return settle(7, findings, figures)


def _apart(first: Any, second: Any) -> float | None:
    """Largest difference of two lists of constants; None when one is missing."""
    if first is None or second is None:
        return None
    if len(first) != len(second):
        return float("inf")
    return max(abs(float(a) - float(b)) for a, b in zip(first, second, strict=True))


def _pair(subject: Subject, first: str, second: str) -> float | None:
    """Largest difference between the means and deviations of two of: set, train, test, assumed."""
    gaps = [
        _apart(subject.facts.get(f"{first}_{name}"), subject.facts.get(f"{second}_{name}")) for name in ("mean", "std")
    ]
    known = [gap for gap in gaps if gap is not None]
    return max(known) if len(known) == 2 else None


def _stored(subject: Subject) -> Iterator[Finding]:
    """Constants that came with the set. An import has undone them, so its pixels are right even where they differ."""
    stored, undone = subject.facts.get("set_constants") or {}, subject.facts.get("origin") == "imported"
    gaps = [_apart(stored.get(name), subject.facts.get(f"assumed_{name}")) for name in ("mean", "std")]
    known = [gap for gap in gaps if gap is not None]
    if known:
        gap, state = max(known), "were undone on import" if undone else "were not undone"
        told = f"The set's own constants, which {state}, are {gap:.3f} away from those inside the networks."
        colour = "green" if gap <= CONSTANT else "amber" if undone else "red"
        yield Finding(
            colour,
            told,
            "Compare the histograms; to repeat its paper, train the networks with the set's own constants.",
        )


def _assumed(subject: Subject) -> Iterator[Finding]:
    if (gap := _pair(subject, "assumed", "train")) is not None:
        told = f"Constants inside the networks and statistics of the training data differ by at most {gap:.3f}."
        yield Finding(
            "amber" if gap > CONSTANT else "green",
            told,
            "Say which constants the networks were trained with, and use the same ones.",
        )


def _splits(subject: Subject) -> Iterator[Finding]:
    if (gap := _pair(subject, "train", "test")) is not None:
        told = f"Train and test statistics differ by at most {gap:.3f}."
        yield Finding(
            "amber" if gap > DRIFT else "green",
            told,
            "Check that train and test images come from one copy of the data.",
        )


def _contrast(subject: Subject) -> Iterator[Finding]:
    own, real = subject.facts.get("set_std"), subject.facts.get("test_std")
    if own is not None and real is not None and len(own) == len(real) and min(*real, *own) > 0:
        ratio = max((a / b for a, b in zip(own, real, strict=True)), key=lambda r: max(r, 1 / r))
        told = f"Synthetic images have {ratio:.2f} times the contrast of the test images."
        wrong = max(ratio, 1 / ratio) > CONTRAST
        yield Finding(
            "amber" if wrong else "green",
            told,
            "Look at the histograms: the set may have been decoded with other constants.",
        )


def _inside(subject: Subject) -> Iterator[Finding]:
    """The constants that the networks really hold."""
    held = [(_values(net, "mean"), _values(net, "std")) for net in (networks(subject) if subject.networks else ())]
    for name, column in (("mean", 0), ("std", 1)):
        wanted = subject.facts.get(f"assumed_{name}")
        gaps = [_apart(values[column], wanted) for values in held]
        if any(gap is not None and gap > CONSTANT for gap in gaps):
            yield Finding(
                "red",
                f"A network holds a {name} that is not the recorded one.",
                "Train and score all networks with one pair of constants.",
            )


def _values(network: nn.Module, name: str) -> list[float] | None:
    held = getattr(network, name, None)
    return held.flatten().tolist() if isinstance(held, Tensor) else None
