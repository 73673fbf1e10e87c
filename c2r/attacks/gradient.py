"""FGSM, PGD in L∞ and L2, and PGD on the logit margin; methods spec §1.2.

Sizes named `step` are in units of ε. Each function is a generator over a `Hunt` that yields the share of its work done.
"""

from collections.abc import Iterator

from c2r.attacks.state import Hunt


def fgsm(hunt: Hunt) -> Iterator[float]:
    """One step of size ε along the sign of the gradient, no random start (Goodfellow et al. 2015)."""
    for _ in hunt.steps(1):
        delta = hunt.start(random=False)
        gradient, _, keep = hunt.gradient(delta)
        hunt.look(hunt.threat.project(delta[keep] + hunt.threat.eps * hunt.threat.steepest(gradient), hunt.x))
    yield 1.0


def pgd(hunt: Hunt, *, steps: int, step: float, restarts: int, start: bool, loss: str = "ce") -> Iterator[float]:
    """Projected gradient ascent (Madry et al. 2018), in the norm of the hunt's threat model; `loss` names one of
    `LOSSES`."""
    threat = hunt.threat
    for restart in hunt.steps(restarts):
        delta = hunt.start(random=start)
        for number in hunt.steps(steps):
            gradient, _, keep = hunt.gradient(delta, loss)
            delta = threat.project(delta[keep] + step * threat.eps * threat.steepest(gradient), hunt.x)
            yield (restart + (number + 1) / steps) / restarts
        hunt.look(delta)
    yield 1.0


def cw(hunt: Hunt, *, steps: int, step: float, restarts: int, start: bool) -> Iterator[float]:
    """PGD on the logit margin: "CW" of DD-RobustBench, whose cap of 50 logits is hardly ever reached and left out
    here."""
    yield from pgd(hunt, steps=steps, step=step, restarts=restarts, start=start, loss="margin")
