"""Checks 1 and 7: are attacks made on pixels in [0, 1], and do set, networks and test data agree on the constants?"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import (
    Subject,
    attempts,
    bytewise,
    clean,
    networks,
    percent,
    probe,
    radius,
    right,
    rise,
)

PROBE = 128  # images per network: three forwards each, a fraction of a per cent of an evaluation
ATTACKED = 32  # images of a short PGD per network: enough to see its largest step
SAME = 0.002  # two accuracies of the same images are one figure within .2 points (2 images in 1,000)
SLACK = 1.01  # a perturbation may be 1 % over its radius: rounding of float32 and of the recorded figure
FAINT = 0.5  # an attack whose largest change is under half its radius most likely works in other units
UNDRESSED = (
    0.05  # beyond noise, a network gains this much from normalised images only when it lacks its own normalisation
)
CONSTANT = 0.01  # constants differ visibly: the two CIFAR-10 standard deviations in use are .04 apart
DRIFT = 0.05  # channel means and deviations of two draws from the same data stay well within this
# synthetic images with this many times more or less contrast than the test images were most likely decoded wrongly
CONTRAST = 1.5
PIXELS = "Put the normalisation inside the network and attack images in [0, 1]."


def input_space(subject: Subject) -> Badge:
    """Check 1: value range, what a clamp alone does, and how far attacks really move a pixel."""
    figures: dict[str, Any] = {"eps": 255 * subject.eps, "n": min(PROBE, len(subject.x))}
    findings = [*_moved(subject, figures), *_legacy(subject, figures)]
    if subject.networks and len(subject.x):
        findings += _range(subject, figures)
    else:
        findings.append(
            Finding("grey", "The networks are not at hand, so the clamp was not tried.", "Evaluate again to check it.")
        )
    return settle(1, findings, figures)


def _range(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """Images outside [0, 1], what the clamp changes, networks without normalisation, and a short attack of our own."""
    x, y = probe(subject, PROBE)
    low, high = float(subject.x.min()), float(subject.x.max())
    figures |= {"low": low, "high": high}
    before = [float(right(net, x, y).float().mean()) for net in subject.networks]
    after = [float(right(net, x.clamp(0, 1), y).float().mean()) for net in subject.networks]
    figures |= {"clean": sum(before) / len(before), "clamped": sum(after) / len(after)}
    changed = max(abs(a - b) for a, b in zip(before, after, strict=True))
    told = (
        f"In pixel space, clamping to [0, 1] without attack leaves {percent(figures['clamped'])}, clean is"
        f" {percent(figures['clean'])} (n = {len(x)})."
    )
    yield Finding("red" if changed > SAME else "green", told, PIXELS)
    if low < -1e-6 or high > 1 + 1e-6:
        yield Finding("red", f"The images have values from {low:.2f} to {high:.2f}, outside [0, 1].", PIXELS)
        return
    yield from _undressed(subject, x, y, figures)
    yield from _short_attack(subject, figures)


def _undressed(subject: Subject, x: Tensor, y: Tensor, figures: dict[str, Any]) -> Iterator[Finding]:
    """A network that does better on normalised images was trained on them and has no normalisation inside."""
    mean, std = _constants(subject, x)
    gains = [rise(right(net, x, y).cpu(), right(net, (x - mean) / std, y).cpu()) for net in subject.networks]
    gain, noise = max(gains)
    figures["gain_normalised"] = gain
    if gain > max(UNDRESSED, noise):
        told = (
            f"A network gains {100 * gain:.1f} points when images are normalised first: it expects normalised images,"
            " not [0, 1]."
        )
        yield Finding("red", told, PIXELS)


def _constants(subject: Subject, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation [1, C, 1, 1] of the training data, else of the images themselves."""
    stored = [subject.facts.get(name) for name in ("train_mean", "train_std")]
    if None not in stored:
        mean, std = (torch.tensor(values, dtype=x.dtype, device=x.device).view(1, -1, 1, 1) for values in stored)
        return mean, std.clamp(min=1e-6)
    return x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True).clamp(min=1e-6)


def _short_attack(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    x, y = probe(subject, ATTACKED)
    moved, outside = 0.0, 0.0
    for network in subject.networks:
        if network.training:
            yield Finding(
                "grey", "A network is in training mode, so no attack was tried on it.", "Call .eval() on the networks."
            )
            return
        found = subject.attack("pgd", network, x, y, eps=subject.eps, seed=0, changes={"steps": 3}).images
        moved = max(moved, float((found - x).abs().max()))
        outside = max(outside, float((found - found.clamp(0, 1)).abs().max()))
    figures["probe_moved"] = 255 * moved
    told = (
        f"A short PGD changes pixels by at most {bytewise(moved)} at ε = {bytewise(subject.eps)} ({len(x)} images per"
        " network)."
    )
    far = moved > SLACK * subject.eps + 1e-6 or outside > 1e-6
    yield Finding("red" if far else "green", told, "Project every step onto the ball of radius ε and onto [0, 1].")


def _moved(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """Largest change of a pixel in the L∞ rows against their radius."""
    ratios = {}
    for key, rows in attempts(subject).items():
        found = [255 * eps for eps in map(radius, rows) if eps]
        if rows[0].get("norm") == "Linf" and found and all(row.get("moved") is not None for row in rows):
            ratios[key] = (max(row["moved"] for row in rows), found[0])
    if not ratios:
        yield Finding(
            "amber", "No L∞ row says how far it moved a pixel.", "Record the largest |x' − x| with every row."
        )
        return
    figures["moved"] = {key: moved for key, (moved, _) in ratios.items()}
    far = max(ratios, key=lambda key: ratios[key][0] / ratios[key][1])
    near = min(ratios, key=lambda key: ratios[key][0] / ratios[key][1])
    moved, eps = ratios[far]
    told = f"Largest |x' − x| of the rows is {moved:.4g}/255 at ε = {eps:.3g}/255 ({far})."
    yield Finding("red" if moved > SLACK * eps + 0.01 else "green", told, PIXELS)
    moved, eps = ratios[near]
    if moved < FAINT * eps and (clean(subject) or 0) > 0:
        told = f"{near} moves no pixel by more than {moved:.3g}/255 although ε is {eps:.3g}/255."
        yield Finding("amber", told, "Check that the attack runs and that its radius is in pixel units.")


def _legacy(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """The protocol that attacks normalised images says itself what its clamp costs."""
    clamped, base = clean(subject, "clamp"), clean(subject)
    if clamped is None or base is None:
        return
    figures |= {"legacy_clamp": clamped, "legacy_clean": base}
    told = f"The legacy clamp alone, without attack, takes accuracy from {percent(base)} to {percent(clamped)}."
    yield Finding(
        "red" if abs(clamped - base) > SAME else "green",
        told,
        "Read these rows only beside 'clamp only', or use a pixel protocol.",
    )


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


def _apart(one: Any, other: Any) -> float | None:
    """Largest difference of two lists of constants; None when one is missing."""
    if one is None or other is None:
        return None
    return (
        float("inf")
        if len(one) != len(other)
        else max(abs(float(a) - float(b)) for a, b in zip(one, other, strict=True))
    )


def _pair(subject: Subject, one: str, other: str) -> float | None:
    """Largest difference between the means and deviations of two of: set, train, test, assumed."""
    gaps = [
        _apart(subject.facts.get(f"{one}_{name}"), subject.facts.get(f"{other}_{name}")) for name in ("mean", "std")
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
    found = getattr(network, name, None)
    return found.flatten().tolist() if isinstance(found, Tensor) else None
