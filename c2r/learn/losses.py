"""The loss of one step of the toy, term by term, from the blocks of the core. A term that a switch leaves out is not
there.

Letters: N distilled points, M of the mini-batch, B real points, D embedding, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.core.contrastive import Keys, class_means, crl, itself
from c2r.core.linesearch import Search, Start, Trace, ls_pgd
from c2r.core.memory import ClassQueue
from c2r.core.pgd import pgd
from c2r.core.randomness import generator_for
from c2r.core.threat import Threat
from c2r.learn.networks import World
from c2r.learn.points import Points
from c2r.learn.state import Pull, State
from c2r.networks.models import Network
from c2r.settings import AttackSettings

SEARCH = AttackSettings()
ETA, TAU, RATIO, MATCH = 0.17, 0.1, 0.3, 0.05  # C2R's share and temperature of CRL, its pull, and matching's weight
REAL, QUEUED, RANK, NEGATIVES = 32, 64, 16, 16  # real points per class, queue length and dimensions, hard negatives


@dataclass(frozen=True)
class Seen:
    """Both kinds of features of some points, one [B, D] per block, and their labels [B]."""

    clean: list[Tensor]
    adversarial: list[Tensor]
    labels: Tensor


def attacked(here: World, model: Network, points: Points, start: Start | None, draws: torch.Generator) -> Trace:
    """Attack points under a network, as the toy's setting says; a cold search gets as many rounds as a first one."""
    threat, name = Threat(here.reach), here.toy.attack
    if name == "pgd":
        return pgd(model, points.x, points.y, threat=threat, generator=draws)
    cold = start is None or name == "ls-pgd-cold"
    rounds = SEARCH.cold_rounds if cold else SEARCH.ls_rounds
    return ls_pgd(model, points.x, points.y, Search(threat, SEARCH, rounds), None if cold else start)


def pull(here: World, state: State) -> tuple[Pull, tuple[int, int]]:
    """What moves the points at this step, and the forwards and backwards that finding it took."""
    return (_own_loop if state.learner else _carried)(here, state)


def _carried(here: World, state: State) -> tuple[Pull, tuple[int, int]]:
    """Real points carry the loss: class means of features are matched under one stage of the pool, drawn for this
    step."""
    toy, step = here.toy, state.step + 1
    draws = generator_for(toy.seed, "update", step)
    stage = int(torch.randint(len(here.stages), (1,), generator=draws))
    network = here.stages[stage]
    real = _drawn(here.real, draws)
    hit = attacked(here, network, real, None, draws)
    with torch.no_grad():
        there = Seen(network.features(real.x), network.features(real.x + hit.delta), real.y)
    own = attacked(here, network, state.points, Start(state.delta), draws)
    x = state.points.x.clone().requires_grad_(True)
    made = Seen(network.features(x), network.features(x + own.delta), state.points.y)
    terms = {"match": _matching(there, made, toy.method == "class-means"), "ce": _cross_entropy(network, made, state)}
    if toy.crl and toy.method == "c2r":
        terms["crl"] = _contrast(made, there, state.batch, _queue(here, state, stage))
    forwards = hit.forwards + own.forwards + 2 * len(real.y) + 2 * len(x)
    cost = forwards, hit.backwards + own.backwards + 2 * len(x)
    return _weighed(terms, x, (there.adversarial[-1], there.labels, stage)), cost


def _own_loop(here: World, state: State) -> tuple[Pull, tuple[int, int]]:
    """The paper's own loop: (1 − η)·CE + η·CRL of the mini-batch moves points and network alike; no real points."""
    assert state.learner is not None and state.trace is not None
    network = state.learner.network.train().requires_grad_(True)
    x = state.points.x.clone().requires_grad_(True)
    made = Seen(network.features(x), network.features(x + state.trace.delta), state.points.y)
    terms = {"ce": (1 - ETA) * _cross_entropy(network, made, state)}
    if here.toy.crl:
        terms["crl"] = ETA * _contrast(made, None, state.batch, None)
    wanted = [x, *network.parameters()]
    gradient, *rest = torch.autograd.grad(torch.stack(list(terms.values())).sum(), wanted, retain_graph=True)
    found = _weighed(terms, x, None, weights=dict.fromkeys(terms, 1.0))
    network.eval().requires_grad_(False)
    seen = (made.adversarial[-1].detach(), made.labels, 0)
    return Pull(found.terms, found.shares, gradient, tuple(rest), seen), (2 * len(x), 2 * len(x))


def _weighed(
    terms: Mapping[str, Tensor], x: Tensor, seen: tuple[Tensor, Tensor, int] | None, weights: dict | None = None
) -> Pull:
    """Weigh the terms: CRL so that it pulls `RATIO` as hard as matching, as C2R's default does; and measure shares."""
    gradients = {name: torch.autograd.grad(term, x, retain_graph=True)[0] for name, term in terms.items()}
    sizes = {name: float(gradient.norm()) for name, gradient in gradients.items()}
    if weights is None:
        weights = {"match": MATCH, "ce": 1 - ETA}
        if "crl" in terms:
            weights["crl"] = RATIO * MATCH * sizes["match"] / max(sizes["crl"], 1e-12)
    whole = sum(weights[name] * size for name, size in sizes.items()) or 1.0
    shares = {name: 100 * weights[name] * size / whole for name, size in sizes.items()}
    values = {name: weights[name] * float(term.detach()) for name, term in terms.items()}
    gradient = torch.stack([weights[name] * gradient for name, gradient in gradients.items()]).sum(0)
    return Pull(values, shares, gradient, seen=seen)


def _drawn(real: Points, draws: torch.Generator) -> Points:
    """As many real points of every class."""
    chosen = []
    for k in range(real.classes):
        own = real.of(k)
        chosen.append(own[torch.randint(len(own), (REAL,), generator=draws)])
    return Points(torch.cat(chosen), torch.arange(real.classes).repeat_interleave(REAL))


def _matching(real: Seen, made: Seen, embeddings_only: bool) -> Tensor:
    """Squared distances of class means, clean to clean and adversarial to adversarial, averaged over blocks; or of the
    adversarial real embeddings to the clean ones of the points alone, which is ROME's idea."""
    pairs = [(real.adversarial[-1], made.clean[-1])] if embeddings_only else []
    both = [*real.clean, *real.adversarial], [*made.clean, *made.adversarial]
    pairs = pairs or [*zip(*both, strict=True)]
    classes = int(real.labels.max()) + 1
    apart = [
        (class_means(a, real.labels, classes) - class_means(b, made.labels, classes)).square().sum() for a, b in pairs
    ]
    return torch.stack(apart).sum() / len(real.clean if not embeddings_only else pairs)


def _cross_entropy(network: Network, made: Seen, state: State) -> Tensor:
    """Cross-entropy of the mini-batch's clean points."""
    return F.cross_entropy(network.head(made.clean[-1][state.batch]), made.labels[state.batch])


def _contrast(made: Seen, real: Seen | None, batch: Tensor, queue: ClassQueue | None) -> Tensor:
    """CRL of the mini-batch: clean anchors; keys are the mini-batch, its adversaries and attacked real points."""
    anchors, labels = made.clean[-1][batch], made.labels[batch]
    keys, named = torch.cat([anchors, made.adversarial[-1][batch]]), torch.cat([labels, labels])
    if real is not None:
        keys, named = torch.cat([keys, real.adversarial[-1]]), torch.cat([named, real.labels])
    compared = Keys(keys, named, excluded=itself(len(anchors), len(keys), anchors.device))
    negatives = queue.hard_negatives(anchors, labels, NEGATIVES) if queue else None
    return crl(anchors, labels, compared, tau=TAU, negatives=negatives).mean()


def _queue(here: World, state: State, stage: int) -> ClassQueue | None:
    return (state.queues.get(stage) or new_queue(here, stage)) if here.toy.queue else None


def new_queue(here: World, stage: int) -> ClassQueue:
    """An empty queue of embeddings under one stage."""
    projection = generator_for(here.toy.seed, "projection", stage)
    return ClassQueue(here.real.classes, QUEUED, here.stages[stage].embedding, RANK, projection)
