"""Check 2: does robustness come from gradients that lead nowhere? One part from the rows, one that attacks some
images."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from c2r.attacks.catalog import facts
from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import (
    Row,
    Subject,
    accuracy,
    attempts,
    networks,
    percent,
    probe,
    radius,
    rise,
    slopes,
    threat,
)

TOLERANCE = 0.002  # a stronger attack may leave .2 points more: the methods spec's tolerance, 2 images in 1,000
# images of the gradient probe (one forward and backward per network) and of the on-demand attacks (first network)
PROBE = 256
# an attack cannot move an image without slope; 5 % of them outweigh any interval at n = 1,000
NO_SLOPE, NO_SLOPE_BAD = 0.0, 0.05
# a quarter of the pixel range, or 8 ε, turns every image into another; at 0.5 all can be one grey
LARGE, TIMES, MOST = 64 / 255, 8, 0.5
# accuracy that may be left there: an image or two; 5 % is a part that gradients cannot reach
LEFT, LEFT_BAD = 0.01, 0.05
# CE against margin loss: up to 5 points on sound networks (measured); 10 is a saturated CE
LOSS_GAP, LOSS_GAP_BAD = 0.05, 0.10
RADII = tuple(n / 255 for n in (0, 0.5, 1, 2, 4, 8, 16, 32, 64))  # of the loss curves
STEPS = 20  # of the on-demand attacks, step ε/10: twice across the ball
BLACK_BOX = ("square", "spsa")
STRONGER = (
    "Do not believe the gradient attacks here: score the network with AutoAttack and Square, and look for what hides"
    " its gradients."
)


def masking(subject: Subject) -> Badge:
    """The part from the rows, and one gradient for some images of every network."""
    figures: dict[str, Any] = {}
    findings = [*_order(subject, figures), *_black_box(subject)]
    if subject.networks and len(subject.x):
        findings += _slopes(subject, figures)
    else:
        findings.append(
            Finding(
                "grey", "The networks are not at hand, so gradients were not looked at.", "Evaluate again to check it."
            )
        )
    return settle(2, findings, figures)


def curves(subject: Subject) -> Badge:
    """The same, and on up to 256 images of the first network: a large radius, cross-entropy against margin loss, loss
    curves."""
    network = networks(subject)[0]
    cheap = masking(subject)
    figures, x, y = dict(cheap.figures), *probe(subject, PROBE)
    findings = [Finding(cheap.colour, cheap.evidence, cheap.advice)]
    for rule in (_large, _losses, _along):
        findings += rule(subject, network, x, y, figures)
    return settle(2, findings, figures, cheap=False)


def _rank(rows: list[Row]) -> float | None:
    """Place of an attack among those that must be of growing strength; None for one that is not compared."""
    options = rows[0].get("options") or {}
    ranks = {"fgsm": 0.0, "pgd": float(options.get("steps", 10)), "autoattack": float("inf")}
    return None if rows[0].get("targeted") else ranks.get(rows[0]["attack"])


def _order(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """FGSM → PGD with more and more steps → AutoAttack: accuracy must not rise."""
    tried = attempts(subject)
    chains: dict[tuple[str, float | None, bool], list[str]] = {}
    for key, rows in tried.items():
        if _rank(rows) is not None and radius(rows[0]):
            chains.setdefault(threat(rows[0]), []).append(key)
    pairs = []
    for keys in chains.values():
        ordered = sorted(keys, key=lambda key: _rank(tried[key]) or 0.0)
        pairs += [(a, b) for a, b in zip(ordered, ordered[1:], strict=False) if _rank(tried[a]) != _rank(tried[b])]
        figures.setdefault("order", []).append(
            [[tried[key][0].get("label", key), accuracy(tried[key])] for key in ordered]
        )
    if not pairs:
        yield Finding(
            "amber",
            "Fewer than two of FGSM, PGD and AutoAttack were run at one radius.",
            "Run FGSM, PGD and AutoAttack at one radius.",
        )
    worse = [told for a, b in pairs if (told := _rises(subject, a, b))]
    if worse:
        yield Finding("red", f"A stronger attack leaves more accuracy: {'; '.join(worse)}.", STRONGER)
    elif pairs:
        longest = max(chains.values(), key=len)
        listed = ", ".join(
            f"{tried[key][0].get('label', key)} {percent(accuracy(tried[key]))}"
            for key in sorted(longest, key=lambda k: _rank(tried[k]) or 0.0)
        )
        yield Finding("green", f"Accuracy does not rise with the strength of the attack: {listed}.")


def _rises(subject: Subject, weak: str, strong: str) -> str:
    """A sentence part when the accuracy under `strong` is above that under `weak` by more than tolerance and noise;
    else ''."""
    tried = attempts(subject)
    gain = accuracy(tried[strong]) - accuracy(tried[weak])
    noise = 1.96 / tried[weak][0]["n"]
    if (
        weak in subject.correct
        and strong in subject.correct
        and subject.correct[weak].shape == subject.correct[strong].shape
    ):
        gain, noise = rise(subject.correct[weak], subject.correct[strong])
    if gain <= max(TOLERANCE, noise):
        return ""
    return f"{strong} {percent(accuracy(tried[strong]))} after {weak} {percent(accuracy(tried[weak]))}"


def _black_box(subject: Subject) -> Iterator[Finding]:
    """An attack without gradients must not beat those with them, and AutoAttack must not leave more than the Square it
    contains."""
    tried = attempts(subject)
    for key, rows in tried.items():
        alike = [
            k
            for k, other in tried.items()
            if threat(other[0]) == threat(rows[0]) and k != key and not facts(other[0]["attack"]).nearest
        ]
        white = [k for k in alike if tried[k][0]["attack"] not in (*BLACK_BOX, "autoattack")]
        if rows[0]["attack"] not in BLACK_BOX or not white:
            continue
        best = min(white, key=lambda k: accuracy(tried[k]))
        told = [
            part
            for k in (best, *(k for k in alike if tried[k][0]["attack"] == "autoattack"))
            if (part := _rises(subject, key, k))
        ]
        good = (
            f"{key} leaves {percent(accuracy(rows))}, the strongest gradient attack ({best})"
            f" {percent(accuracy(tried[best]))}."
        )
        yield (
            Finding("red", f"An attack without gradients is stronger: {'; '.join(told)}.", STRONGER)
            if told
            else Finding("green", good)
        )


def _slopes(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """Share of correctly classified images whose cross-entropy has a gradient of exactly zero in float32."""
    x, y = probe(subject, PROBE)
    zero = total = 0
    for network in subject.networks:
        gradient, before = slopes(network, x, y)
        flat = gradient.flatten(1).abs().amax(1) == 0
        zero, total = zero + int((flat & before).sum()), total + int(before.sum())
    share = zero / max(total, 1)
    figures |= {"zero_gradient": share, "n_gradient": len(x)}
    told = (
        f"{percent(share)} of the correctly classified images have a gradient of exactly zero (n = {len(x)} per"
        " network)."
    )
    yield Finding("red" if share > NO_SLOPE_BAD else "amber" if share > NO_SLOPE else "green", told, STRONGER)


def _graded(value: float, amber: float, red: float) -> str:
    return "red" if value > red else "amber" if value > amber else "green"


def _large(subject: Subject, network: nn.Module, x: Tensor, y: Tensor, figures: dict[str, Any]) -> Iterator[Finding]:
    """With a quarter of the pixel range to spend, or eight times the radius, PGD must fool nearly every image."""
    eps = max(LARGE, min(TIMES * subject.eps, MOST))
    attacked = subject.attack("pgd", network, x, y, eps=eps, seed=0, changes={"steps": STEPS, "step": 0.1})
    left = float((~attacked.fooled).float().mean())
    figures |= {"large_eps": 255 * eps, "large_accuracy": left}
    told = f"PGD-{STEPS} at ε = {255 * eps:.0f}/255 leaves {percent(left)} (n = {len(x)})."
    yield Finding(_graded(left, LEFT, LEFT_BAD), told, STRONGER)


def _losses(subject: Subject, network: nn.Module, x: Tensor, y: Tensor, figures: dict[str, Any]) -> Iterator[Finding]:
    """The same attack on cross-entropy and on the logit margin: a large gap means the cross-entropy is saturated."""
    left = {}
    for name in ("pgd", "cw"):
        attacked = subject.attack(name, network, x, y, eps=subject.eps, seed=0, changes={"steps": STEPS, "step": 0.1})
        left[name] = (~attacked.fooled).cpu()
    gap, noise = rise(left["cw"], left["pgd"])
    shares = {name: float(values.float().mean()) for name, values in left.items()}
    figures |= {"ce_accuracy": shares["pgd"], "margin_accuracy": shares["cw"]}
    told = (
        f"PGD-{STEPS} leaves {percent(shares['pgd'])} on the cross-entropy and {percent(shares['cw'])} on the logit"
        f" margin (n = {len(x)})."
    )
    yield Finding(
        _graded(gap, max(LOSS_GAP, noise), max(LOSS_GAP_BAD, noise)),
        told,
        "Attack the logit margin or DLR too: cross-entropy alone misses images.",
    )


def _along(subject: Subject, network: nn.Module, x: Tensor, y: Tensor, figures: dict[str, Any]) -> Iterator[Finding]:
    """Mean loss along the sign of the gradient and along random signs; at ε the gradient must lead further up."""
    gradient, _ = slopes(network, x, y)
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, x.shape, generator=generator).to(x) * 2 - 1
    ways = {"gradient": gradient.sign(), "random": signs}
    curve = {name: [_loss(network, x + r * way, y) for r in RADII] for name, way in ways.items()}
    figures["curves"] = {"radii": [255 * r for r in RADII], **curve}
    up, side = (_loss(network, x + subject.eps * way, y) for way in ways.values())
    told = (
        f"Mean loss at ε = {255 * subject.eps:.3g}/255 is {up:.3g} along the gradient and {side:.3g} along a random"
        " direction."
    )
    yield Finding("red" if up <= side else "green", told, STRONGER)


def _loss(network: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        losses = [
            F.cross_entropy(network(a), b, reduction="sum")
            for a, b in zip(x.clamp(0, 1).split(128), y.split(128), strict=True)
        ]
    return float(torch.stack(losses).sum() / len(x))
