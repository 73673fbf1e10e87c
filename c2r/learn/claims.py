"""What the lessons say, computed: every claim is true of the toy it is asked of, or says that it is not.

A claim takes the settings of the two panels. Letters: N distilled points, R real points, D embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from c2r.base.errors import unknown
from c2r.core.linesearch import Trace
from c2r.core.margins import hinge, logit_margin
from c2r.core.pgd import pgd
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.learn.networks import World, accuracy, student, world
from c2r.learn.record import STEPS, course
from c2r.learn.settings import Toy, spoken
from c2r.learn.state import State


@dataclass(frozen=True)
class Claim:
    """Whether a lesson's sentence holds in a view, and the figures it rests on: what each is, and its value with n and
    unit."""

    holds: bool
    figures: tuple[tuple[str, str], ...]


def small_margins(one: Toy, other: Toy) -> Claim:
    """The attack breaks the real test points with the smallest clean margins, and none of the quarter with the
    largest; and at every step the largest hinge is that of the smallest margin."""
    del other
    here = world(one)
    trace = _pgd(here)
    with torch.no_grad():
        clean = logit_margin(here.scorer(here.test.x), here.test.y)
    broken = logit_margin(trace.logits, here.test.y) <= 0
    ranked, quarter = clean.argsort(), len(clean) // 4
    least, most = int(broken[ranked[:quarter]].sum()), int(broken[ranked[-quarter:]].sum())
    checks = [bool(done.did[1]["holds"]) for done in course(one)]
    figures = (
        (f"Broken of the quarter with the smallest margins (n = {quarter} real points)", f"{least} points"),
        (f"Broken of the quarter with the largest margins (n = {quarter} real points)", f"{most} points"),
        ("Steps at which the largest hinge is that of the smallest margin", f"{sum(checks)} of {len(checks)}"),
    )
    return Claim(least > 0 and most == 0 and all(checks), figures)


def hidden_by_averages(one: Toy, other: Toy) -> Claim:
    """The mean robust margin of the distilled points at step 0 lies above 1, where the hinge of the mean is 0, and yet
    the attack breaks some."""
    del other
    scores = course(one)[0].seen.scores
    assert scores is not None, "the score phase is done"
    mean, broken, n = scores.robust.mean(), int((scores.robust <= 0).sum()), len(scores.robust)
    figures = (
        (f"Mean robust margin (n = {n} points)", f"{float(mean):+.2f} logits"),
        ("Hinge of that mean", f"{float(hinge(mean)):.2f} logits"),
        ("Smallest robust margin", f"{float(scores.robust.min()):+.2f} logits"),
        ("Largest hinge", f"{float(scores.score.max()):.2f} logits"),
        ("Points the attack breaks", f"{broken} of {n}"),
    )
    return Claim(float(mean) > 1 and broken > 0, figures)


def moved_by_contrast(one: Toy, other: Toy) -> Claim:
    """At the last step points of one class are more alike in the embedding, against those of other classes, in the
    panel with CRL; what fresh networks withstand is told beside it and not part of the claim."""
    figures, apart = [], {}
    for toy in (one, other):
        here, last = world(toy), course(toy)[STEPS]
        apart[toy.crl] = separation(here, last.seen)
        called = f"CRL {spoken(toy, 'crl')}"
        reached = accuracy(student(here, last.before.points), here.test, here.reach)
        figures.append((f"{called}: cosine within classes − between classes, step {STEPS}", f"{apart[toy.crl]:.3f}"))
        figures.append(
            (f"{called}: fresh network, robust accuracy (n = {reached.n} real points)", f"{100 * reached.robust:.1f} %")
        )
    return Claim(len(apart) == 2 and apart[True] > apart[False], tuple(figures))


def saved_by_a_warm_start(one: Toy, other: Toy) -> Claim:
    """The warm start spends less than a third of the passes of ten steps of PGD on the same points, and the mean loss
    it finds is at least nine tenths of theirs."""
    del other
    here, made = world(one), course(one)[:STEPS]
    warm = sum(_passes(done.seen.trace) for done in made if done.seen.trace)
    found = sum(float(done.seen.trace.loss.mean()) for done in made if done.seen.trace) / STEPS
    rivals = [
        pgd(here.scorer, d.before.points.x, d.before.points.y, threat=Threat(here.reach), generator=_draws(one, step))
        for step, d in enumerate(made)
    ]
    cold, there = sum(map(_passes, rivals)), sum(float(trace.loss.mean()) for trace in rivals) / STEPS
    reused = sum(int(done.seen.trace.reused.sum()) for done in made if done.seen.trace)
    n = len(made[0].before.points.y)
    figures = (
        (f"Passes, {spoken(one, 'attack')} ({n} points, {STEPS} steps)", f"{warm:,} passes"),
        ("Passes, ten steps of PGD on the same points", f"{cold:,} passes"),
        ("Mean loss found", f"{found:.3f} against {there:.3f}"),
        ("Attacks reused as they were", f"{reused} of {n * STEPS}"),
    )
    return Claim(warm < cold / 3 and found >= 0.9 * there, figures)


def wrong_space(one: Toy, other: Toy) -> Claim:
    """The same network withstands more where ε counts in normalised units, because the same number is a smaller
    square there."""
    rows, reached = [], {}
    for toy in (one, other):
        here = world(toy)
        found = accuracy(here.scorer, here.test, here.reach)
        reached[toy.space] = found.robust
        called = f"ε = {toy.eps:g} in {spoken(toy, 'space')}"
        rows.append((f"{called}: half side of the square", f"{here.reach:.3f} of the points' units"))
        rows.append((f"{called}: robust accuracy (n = {found.n} real points)", f"{100 * found.robust:.1f} %"))
    return Claim(len(reached) == 2 and reached["normalised"] > reached["input"], tuple(rows))


CLAIMS: dict[str, Callable[[Toy, Toy], Claim]] = {
    "small-margins": small_margins,
    "hidden-by-averages": hidden_by_averages,
    "moved-by-contrast": moved_by_contrast,
    "saved-by-a-warm-start": saved_by_a_warm_start,
    "wrong-space": wrong_space,
}


def claim(name: str, one: Toy, other: Toy) -> Claim:
    """The claim of that name, of two panels; raises InputError for one that is not known."""
    if name not in CLAIMS:
        raise unknown("claim", name, list(CLAIMS))
    return CLAIMS[name](one, other)


def separation(here: World, state: State) -> float:
    """Mean cosine of the scorer's embeddings, clean and attacked alike, within classes minus between classes."""
    x, labels = state.points.x, state.points.y.repeat(2)
    with torch.no_grad():
        seen = F.normalize(torch.cat([here.scorer.embed(x), here.scorer.embed(x + state.delta)]), dim=1)
    cosines, same = seen @ seen.T, labels[:, None] == labels[None]
    itself = torch.eye(len(labels), dtype=torch.bool)
    return float(cosines[same & ~itself].mean() - cosines[~same].mean())


def _pgd(here: World) -> Trace:
    return pgd(here.scorer, here.test.x, here.test.y, threat=Threat(here.reach), generator=_draws(here.toy, 0))


def _draws(toy: Toy, number: int) -> torch.Generator:
    return generator_for(toy.seed, "predict", number)


def _passes(trace: Trace) -> int:
    return trace.forwards + trace.backwards
