"""FGSM, PGD in L∞ and L2, and PGD on the logit margin; methods spec §1.2.

Sizes named `step` are in units of ε. Each function is a generator over an `AttackState` that yields the share of its
work done.
"""

from collections.abc import Iterator

from c2r.attacks.state import AttackState


def fgsm(state: AttackState) -> Iterator[float]:
    """One step of size ε along the sign of the gradient, no random start (Goodfellow et al. 2015)."""
    for _ in state.steps(1):
        delta = state.start(random=False)
        gradient, _, keep = state.gradient(delta)
        state.look(state.threat.project(delta[keep] + state.threat.eps * state.threat.steepest(gradient), state.x))
    yield 1.0


def pgd(
    state: AttackState, *, steps: int, step: float, restarts: int, start: bool, loss: str = "ce"
) -> Iterator[float]:
    """Projected gradient ascent (Madry et al. 2018), in the norm of the state's threat model; `loss` names one of
    `LOSSES`."""
    threat = state.threat
    for restart in state.steps(restarts):
        delta = state.start(random=start)
        for number in state.steps(steps):
            gradient, _, keep = state.gradient(delta, loss)
            delta = threat.project(delta[keep] + step * threat.eps * threat.steepest(gradient), state.x)
            yield (restart + (number + 1) / steps) / restarts
        state.look(delta)
    yield 1.0


def cw(state: AttackState, *, steps: int, step: float, restarts: int, start: bool) -> Iterator[float]:
    """PGD on the logit margin: "CW" of DD-RobustBench, whose cap of 50 logits is hardly ever reached and left out
    here."""
    yield from pgd(state, steps=steps, step=step, restarts=restarts, start=start, loss="margin")
