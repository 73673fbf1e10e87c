"""Checks 4, 8 and 9: is the network under attack always the same one, in full precision, whatever else is in the
batch?"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from c2r.core.margins import decided, logit_margin
from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import Subject, networks, percent, probe, slopes

TOUCHED = 16  # images of the short attack between the two hashes of a network: any batch updates running statistics
PROBE = 128  # images whose logits and gradients are looked at in lower precision
AGREE = 0.95  # signs may differ where a gradient is all but zero; one in twenty wrong signs weakens every step
# share of images without gradient: such an image counts as robust untried, and 5 % outweigh any interval at n = 1,000
SILENT = 0.05
HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
ALONE, CROWD = 16, 48  # images attacked alone and in company, and how many others join them
APART = 1e-3  # logits of one image, relative to the largest: rounding of other batch sizes stays below 1e-4
# pixel values that end elsewhere in another batch: rounding flips the sign of a few all but zero gradients
STRAYED = 0.05
ONE = 1  # a verdict on the border may flip by rounding; two of sixteen do not
EVAL = "Call .eval() and freeze the parameters of the networks before attacking them."
BROKEN = "Train the network again with a lower rate, or load an earlier file: what is no number decides nothing."
FULL = "Run attacks in float32, with TF32 off."
SUMS = "Sum losses over the images, normalise per image, and keep batch statistics out of the network."


def train_mode(subject: Subject) -> Badge:
    """Check 4: training flags, and a hash of all parameters and buffers before and after an attack."""
    training = sum(any(part.training for part in network.modules()) for network in networks(subject))
    total = len(subject.networks)
    thawed = sum(any(p.requires_grad for p in net.parameters()) for net in subject.networks)
    changed = sum(_changes(subject, network) for network in subject.networks if not network.training)
    figures = {"networks": total, "training": training, "changed": changed, "thawed": thawed}
    told = (
        f"{training} of {total} networks have a part in training mode; an attack on {min(TOUCHED, len(subject.x))}"
        f" images changed {changed}."
    )
    findings = [Finding("red" if training or changed else "green", told, EVAL)]
    if thawed:
        findings.append(
            Finding("amber", f"{thawed} of {total} networks have parameters that still ask for gradients.", EVAL)
        )
    return settle(4, findings, figures)


def _changes(subject: Subject, network: nn.Module) -> bool:
    before, flags = _state(network), [part.training for part in network.modules()]
    x, y = probe(subject, TOUCHED)
    subject.attack("pgd", network, x, y, eps=subject.eps, seed=0, changes={"steps": 2})
    same = all(torch.isclose(a, b, 0, 0, equal_nan=True).all() for a, b in zip(before, _state(network), strict=True))
    return not same or flags != [part.training for part in network.modules()]


def _state(network: nn.Module) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in (*network.parameters(), *network.buffers())]


def precision(subject: Subject) -> Badge:
    """Check 8 from the record, the networks' own types, and logits: which gradients would be exactly zero in half
    precision."""
    figures: dict[str, Any] = {}
    return settle(
        8, [*_recorded(subject), *_types(subject), *_numbers(subject, figures), *_vanishing(subject, figures)], figures
    )


def agreement(subject: Subject) -> Badge:
    """The same, and how many gradient signs of the first network survive bfloat16 and float16."""
    figures: dict[str, Any] = {}
    findings = [*_recorded(subject), *_types(subject), *_numbers(subject, figures), *_vanishing(subject, figures)]
    (x, y), used = probe(subject, PROBE), subject.facts.get("precision")
    full, _ = slopes(networks(subject)[0], x, y)
    for name, dtype in HALVES.items():
        with rounded(subject.networks[0], dtype) as low:
            reduced, _ = slopes(low, x, y)
        counted = full != 0
        share = float((full.sign() == reduced.sign())[counted].float().mean()) if counted.any() else 0.0
        figures[f"agree_{name}"] = share
        told = f"{percent(share)} of the gradient signs are the same in {name} (n = {len(x)})."
        findings.append(Finding("red" if name == used and share < AGREE else "green", told, FULL))
    return settle(8, findings, figures, cheap=False)


def _recorded(subject: Subject) -> Iterator[Finding]:
    used, tf32 = subject.facts.get("precision"), subject.facts.get("tf32")
    if used is None or tf32 is None:
        yield Finding(
            "amber",
            "Precision or TF32 of the attacks is not recorded.",
            "Record precision and the TF32 flag with the evaluation.",
        )
    if used is not None:
        yield Finding("green" if used == "float32" else "amber", f"Attacks ran in {used}.", FULL)
    if tf32 is not None:
        yield Finding("amber" if tf32 else "green", f"TF32 was {'on' if tf32 else 'off'}.", FULL)


def _types(subject: Subject) -> Iterator[Finding]:
    low = sum(
        getattr(network, "reduced", False) or any(tensor.dtype != torch.float32 for tensor in network.parameters())
        for network in networks(subject)
    )
    if low:
        yield Finding("red", f"{low} of {len(subject.networks)} networks compute in less than float32.", FULL)


def _numbers(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """Networks with weights that are NaN or infinite, and images whose logits decide nothing."""
    x, y = probe(subject, PROBE)
    broken = sum(not all(tensor.isfinite().all() for tensor in _state(network)) for network in networks(subject))
    with torch.no_grad():
        logits = torch.cat([network(part).float() for network in subject.networks for part in x.split(128)])
    share = float((~decided(logits, logit_margin(logits, y.repeat(len(subject.networks))))).float().mean())
    figures |= {"broken": broken, "undecided": share}
    if broken or share:
        told = (
            f"{broken} of {len(subject.networks)} networks hold weights that are NaN or infinite; the logits of"
            f" {percent(share)} of the images"
        )
        yield Finding("red", f"{told} are no numbers and count as not robust (n = {len(x)} per network).", BROKEN)


def _vanishing(subject: Subject, figures: dict[str, Any]) -> Iterator[Finding]:
    """Correctly classified images whose cross-entropy has no gradient to any logit when the softmax is taken in each
    precision."""
    x, y = probe(subject, PROBE)
    used = subject.facts.get("precision") or "float32"
    for name, dtype in {"float32": torch.float32, **HALVES}.items():
        share = sum(_silent(network, x, y, dtype) for network in networks(subject)) / len(subject.networks)
        figures[f"zero_{name}"] = share
        told = (
            f"In {name} {percent(share)} of the correctly classified images have a cross-entropy gradient of zero (n ="
            f" {len(x)} per network)."
        )
        if name != "bfloat16" or name == used:
            yield Finding("green" if name != used or share == 0 else "red" if share > SILENT else "amber", told, FULL)


def _silent(network: nn.Module, x: Tensor, y: Tensor, dtype: torch.dtype) -> float:
    """Share of the correctly classified images whose gradient is zero or, where logits overflow, no number."""
    with torch.no_grad():
        logits = torch.cat([network(part).float() for part in x.split(128)])
    before = (logits.argmax(1) == y) & decided(logits, logit_margin(logits, y))
    gradient = logits.to(dtype).softmax(1) - F.one_hot(y, logits.shape[1]).to(dtype)
    silent = ((gradient == 0) | ~gradient.isfinite()).all(1)
    return float((silent & before).sum() / before.sum().clamp(min=1))


@contextmanager
def rounded(network: nn.Module, dtype: torch.dtype) -> Iterator[nn.Module]:
    """A copy whose weights, layer outputs and their gradients are rounded to `dtype`; on every device, inside any
    autocast.

    Within a layer sums are exact, as on hardware that accumulates in float32.
    """
    low = copy.deepcopy(network)
    for tensor in low.parameters():
        tensor.data = tensor.data.to(dtype).to(torch.float32)
    leaves = [part for part in low.modules() if not list(part.children())]
    hooks = [part.register_forward_hook(lambda _part, _given, out: out.to(dtype).to(out.dtype)) for part in leaves]
    yield low
    for hook in hooks:
        hook.remove()


def batch_coupling(subject: Subject) -> Badge:
    """Check 9: the same images alone, together, and shuffled among others; on the first network."""
    network, (x, y), figures = networks(subject)[0], probe(subject, ALONE + CROWD), dict[str, Any]()
    count = min(ALONE, len(x))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).to(x.device)
    place = order.argsort()[:count]
    findings = list(_same_logits(network, x, order, place, figures))
    run = _runner(subject, network)
    parts = [run(x[i : i + 1], y[i : i + 1]) for i in range(count)]
    alone = tuple(torch.cat([part[j] for part in parts]) for j in range(2))
    mixed = run(x[order], y[order])
    crowds = {"together": run(x[:count], y[:count]), "among others": tuple(tensor[place] for tensor in mixed)}
    for name, (images, fooled) in crowds.items():
        strayed = float(((images - alone[0]).abs() > subject.eps / 10).float().mean())
        flipped = int((fooled != alone[1]).sum())
        figures[name] = {"strayed": strayed, "flipped": flipped}
        told = (
            f"{name.capitalize()} instead of alone, {percent(strayed)} of the pixel values end elsewhere and {flipped}"
            f" of {count} verdicts flip."
        )
        bad = strayed > STRAYED or flipped > ONE
        findings.append(Finding("red" if bad else "amber" if flipped else "green", told, SUMS))
    return settle(9, findings, figures | {"n": count}, cheap=False)


def _runner(subject: Subject, network: nn.Module) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    def run(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        attacked = subject.attack("pgd", network, x, y, eps=subject.eps, seed=0, changes={"steps": 5})
        return attacked.images, attacked.fooled

    return run


def _same_logits(
    network: nn.Module, x: Tensor, order: Tensor, place: Tensor, figures: dict[str, Any]
) -> Iterator[Finding]:
    """Logits of each image by itself against those in a shuffled batch."""
    with torch.no_grad():
        single = torch.cat([network(x[i : i + 1]) for i in range(len(place))])
        gap = float((network(x[order])[place] - single).abs().max() / single.abs().max().clamp(min=1e-12))
    figures["logits_apart"] = gap
    told = f"Logits of an image alone and in a batch differ by {gap:.1g} of the largest."
    yield Finding("red" if gap > APART else "green", told, SUMS)
