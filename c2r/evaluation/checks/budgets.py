"""Checks 3 and 6: was AutoAttack given its official budget, and do more steps or restarts break more?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from c2r.attacks.catalog import CATALOG, label, options, passes
from c2r.evaluation.badges import Badge, Finding, settle
from c2r.evaluation.checks.subject import Row, Subject, accuracy, attempts, networks, percent, probe, radius

HALF = 0.5  # below half of an official budget the attack is another one
# the passes an image costs that withstands everything are an upper bound; half of them must have been spent
SPENT = 0.5
SWEEP_IMAGES, SWEEP_STEPS, SWEEP_RESTARTS = 256, (10, 50, 100), 5  # the methods spec's mini sweep
WARN, BAD = 0.01, 0.05  # more effort may not find more than 1 point; beyond 5 the row's attack is no measurement
BEARD_STEP = 2 / 225  # BEARD's step size, a misprint of 2/255
CLIMBING = ("pgd", "pgd-l2", "cw", "mi-fgsm", "vmi-fgsm", "jitter")  # attacks with `step` in units of ε
STEPS_ADVICE = "Use at least 50 steps of about 2.5·ε/steps and 5 restarts, or quote the sweep's figure."
WORDS = {"steps": "iterations", "targets": "targets", "queries": "queries"}


def autoattack(subject: Subject) -> Badge:
    """Check 3: iterations, targets and queries of every AutoAttack row against the official ones, and what it really
    spent."""
    official = dict(CATALOG["autoattack"].options)
    official["targets"] = min(official["targets"], max(subject.classes - 1, 1))
    tried = {key: rows for key, rows in attempts(subject).items() if rows[0]["attack"] == "autoattack"}
    if not tried:
        return settle(
            3,
            [Finding("amber", "No AutoAttack was run.", "Run AutoAttack with its official budget at the same radius.")],
            {},
        )
    figures: dict[str, Any] = {
        "official": official,
        "options": {key: rows[0].get("options") for key, rows in tried.items()},
    }
    findings = [finding for key, rows in tried.items() for finding in _budget(subject, key, rows[0], official)]
    findings += [finding for key, rows in tried.items() for finding in _spent(subject, key, rows)]
    versions = subject.facts.get("versions")
    told = ", ".join(f"{name} {value}" for name, value in dict(versions or {}).items())
    findings.append(
        Finding("green", f"Versions: {told}.")
        if told
        else Finding("amber", "No versions are recorded.", "Record package versions.")
    )
    return settle(3, findings, figures)


def _budget(subject: Subject, key: str, row: Row, official: dict[str, int]) -> Iterator[Finding]:
    given = row.get("options")
    if given is None or (subject.facts.get("origin") == "imported" and not given):
        yield Finding(
            "amber", f"{key} does not say its iterations.", "Ask for, or record, iterations, targets and queries."
        )
        return
    used = options("autoattack", given)
    share = min(used[name] / official[name] for name in official)
    listed = ", ".join(f"{used[name]:,} {WORDS[name]} (official {official[name]:,})" for name in official)
    colour = "green" if share >= 1 else "amber" if share >= HALF else "red"
    name = "AutoAttack" if share >= 1 else "AA-lite"
    yield Finding(
        colour,
        f"{key} is {name}: {listed}.",
        "Run it with the official budget, or call it AA-lite wherever it is shown.",
    )


def _spent(subject: Subject, key: str, rows: list[Row]) -> Iterator[Finding]:
    """Images that withstand must have cost the whole budget; otherwise a part of the attack did not run."""
    known = [
        row["forwards"] + row["backwards"]
        for row in rows
        if row.get("forwards") is not None and row.get("backwards") is not None
    ]
    if not known:
        yield Finding("amber", f"{key} does not say what it spent.", "Record forwards and backwards per image.")
        return
    used = options("autoattack", rows[0].get("options"))
    used["targets"] = min(used["targets"], max(subject.classes - 1, 1))
    spent, due = sum(known) / len(known), accuracy(rows) * passes("autoattack", used, subject.classes)
    told = (
        f"It spent {spent:,.0f} passes per image; {percent(accuracy(rows))} withstood, for which about {due:,.0f} are"
        " due."
    )
    yield Finding("red" if spent < SPENT * due else "green", told, "Check that all four attacks ran.")


def settings(subject: Subject) -> Badge:
    """Check 6 from the rows: step sizes and starts that are known to be weak."""
    usual = "Steps, sizes and starts look usual; whether more of them break more was not tried."
    return settle(6, list(_odd(subject)) or [Finding("grey", usual, "Run the sweep on demand.")], {})


def _odd(subject: Subject) -> Iterator[Finding]:
    """One finding per kind of oddity, with the attempts that have it."""
    tried = {key: rows[0] for key, rows in attempts(subject).items() if rows[0]["attack"] in CLIMBING}
    used = {key: options(row["attack"], row.get("options")) for key, row in tried.items()}
    kinds = (
        (
            "Ten or more steps as large as ε jump from border to border",
            STEPS_ADVICE,
            lambda key: used[key]["step"] >= 1 and used[key]["steps"] >= 10,
        ),
        ("All steps together do not reach ε", STEPS_ADVICE, lambda key: used[key]["step"] * used[key]["steps"] < 1),
        (
            "Steps of 2/225, BEARD's misprint of 2/255",
            "Use 2/255 outside the legacy protocol.",
            lambda key: _misprint(tried[key], used[key]),
        ),
        ("No random start", STEPS_ADVICE, lambda key: not used[key].get("start", True)),
    )
    for told, advice, has in kinds:
        if keys := [key for key in tried if has(key)]:
            yield Finding("amber", f"{told}: {', '.join(keys)}.", advice)


def _misprint(row: Row, used: dict[str, Any]) -> bool:
    return abs((radius(row) or 0.0) * used["step"] - BEARD_STEP) < 1e-6


@dataclass(frozen=True)
class _Target:
    """What the sweep attacks: images x [n, C, H, W] with labels y [n] of one network, at one radius."""

    subject: Subject
    network: nn.Module
    x: Tensor
    y: Tensor
    eps: float


def sweep(subject: Subject) -> Badge:
    """Check 6: PGD with 10, 50 and 100 steps and 1 and 5 restarts against the evaluation's own PGD, on the first
    network."""
    network, (x, y) = networks(subject)[0], probe(subject, SWEEP_IMAGES)
    row = next(
        (rows[0] for rows in attempts(subject).values() if rows[0]["attack"] == "pgd" and not rows[0].get("targeted")),
        {},
    )
    own = options("pgd", row.get("options"))
    eps = radius(row) or subject.eps
    target, everyone = _Target(subject, network, x, y, eps), torch.ones(len(x), dtype=torch.bool, device=x.device)
    base = _left(target, own, everyone)
    table = []
    for steps in SWEEP_STEPS:
        changes = {"steps": steps, "step": 2.5 / steps, "restarts": 1, "start": True}
        once = _left(target, changes, everyone)
        more = _left(target, changes | {"restarts": SWEEP_RESTARTS - 1}, once, seed=1)
        table.append([float(once.float().mean()), float(more.float().mean())])
    mine, best = float(base.float().mean()), min(min(cells) for cells in table)
    figures = {
        "eps": 255 * eps,
        "n": len(x),
        "own": own,
        "own_accuracy": mine,
        "steps": list(SWEEP_STEPS),
        "restarts": [1, SWEEP_RESTARTS],
        "accuracy": table,
    }
    told = (
        f"The evaluation's {label('pgd', own)} (step {own['step']:g} ε, {own['restarts']} start) leaves"
        f" {percent(mine)}, the best of the sweep {percent(best)}: {abs(100 * (mine - best)):.1f} points"
        f" {'more' if best > mine else 'less'} (n = {len(x)}, one network)."
    )
    drop = mine - best
    verdict = Finding("red" if drop > BAD else "amber" if drop > WARN else "green", told, STEPS_ADVICE)
    noted = [Finding("green", odd.evidence) for odd in _odd(subject)]
    return settle(6, [verdict, *noted], figures, cheap=False)


def _left(target: _Target, changes: dict[str, Any], standing: Tensor, seed: int = 0) -> Tensor:
    """Who of those `standing`, bool [n], still stands after PGD."""
    left = standing.clone()
    if standing.any():
        x, y = target.x[standing], target.y[standing]
        left[standing] = ~target.subject.attack(
            "pgd", target.network, x, y, eps=target.eps, seed=seed, changes=changes
        ).fooled
    return left
