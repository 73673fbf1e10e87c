"""Check 1: are attacks made on pixels in [0, 1]?"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import (
    Subject,
    attempts,
    bytewise,
    clean,
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
# beyond noise, a network gains this much from normalised images only when it lacks its own normalisation
UNDRESSED = 0.05
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
        attacked = subject.attack("pgd", network, x, y, eps=subject.eps, seed=0, changes={"steps": 3}).images
        moved = max(moved, float((attacked - x).abs().max()))
        outside = max(outside, float((attacked - attacked.clamp(0, 1)).abs().max()))
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
        radii = [255 * eps for eps in map(radius, rows) if eps]
        if rows[0].get("norm") == "Linf" and radii and all(row.get("moved") is not None for row in rows):
            ratios[key] = (max(row["moved"] for row in rows), radii[0])
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
