"""One distillation step of the toy as five phases, each a function of world and state that gives the next state and a
small record of what it did.

attack → score → order → loss → update, as C2R names them; what differs from the method's loop: the mini-batch is the
hardest half of an order that is made anew at every step.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from c2r.core.curriculum import hardest_first, shuffled
from c2r.core.linesearch import Start
from c2r.core.margins import logit_margin, perturbation_score, robust_margin
from c2r.core.randomness import generator_for
from c2r.learn import losses
from c2r.learn.networks import World
from c2r.learn.points import Points
from c2r.learn.state import Learner, Scores, State, network_of
from c2r.networks.models import frozen
from c2r.networks.training import descend

RATE, DECAYS = 0.01, (0.9, 0.999)  # Adam on the points, as C2R's default on pixels
NET_RATE = 0.05  # of the network of the paper's own loop

Record = dict[str, object]


def attack(here: World, state: State) -> tuple[State, Record]:
    """Attack every distilled point under the network on screen, from where the last attack ended if it may."""
    warm = None if state.loss is None else Start(state.delta, state.loss)
    draws = generator_for(here.toy.seed, "look", 10 + state.step)
    trace = losses.attacked(here, network_of(here, state), state.points, warm, draws)
    reused, improved = int(trace.reused.sum()), int(trace.improved.sum())
    record: Record = {"reused": reused, "improved": improved, "kept": len(trace.loss) - reused - improved}
    record |= {"forwards": trace.forwards, "backwards": trace.backwards, "loss": float(trace.loss.mean())}
    spent = (state.spent[0] + trace.forwards, state.spent[1] + trace.backwards)
    return replace(state, trace=trace, delta=trace.delta, loss=trace.loss, spent=spent), record


def score(here: World, state: State) -> tuple[State, Record]:
    """Margins before and under the attack, and the hinge [1 − m̂]₊ of each point."""
    assert state.trace is not None, "the attack comes before"
    y = state.points.y
    with torch.no_grad():
        clean = logit_margin(network_of(here, state)(state.points.x), y)
    robust = robust_margin(state.trace.logits, y)
    scores = Scores(clean, robust, perturbation_score(state.trace.logits, y))
    record: Record = {"forwards": len(y), "backwards": 0} | check(scores)
    return replace(state, scores=scores, spent=(state.spent[0] + len(y), state.spent[1])), record


def check(scores: Scores) -> Record:
    """The live check: the largest hinge is the hinge of the smallest margin; `says` nothing when every hinge is 0."""
    largest, smallest = float(scores.score.max()), float(scores.robust.min())
    of_smallest = max(0.0, 1.0 - smallest)
    return {
        "largest": largest,
        "smallest": smallest,
        "holds": abs(largest - of_smallest) < 1e-5 * max(1.0, abs(smallest)),
        "says": largest > 0,
    }


def order(here: World, state: State) -> tuple[State, Record]:
    """Rank the points, hardest first, or at random where AAC is off, and cut the mini-batch."""
    assert state.scores is not None, "the scores come before"
    draws = generator_for(here.toy.seed, "order", state.step)
    ranked = hardest_first(state.scores.robust) if here.toy.aac else shuffled(state.scores.robust, draws)
    moved = 0 if state.order is None else int((state.order != ranked).sum())
    after = replace(state, order=ranked)
    return after, {"hardest": int(ranked[0]), "moved": moved, "batch": len(after.batch), "forwards": 0, "backwards": 0}


def loss(here: World, state: State) -> tuple[State, Record]:
    """The terms of the loss and their pull on the points."""
    found, spent = losses.pull(here, state)
    after = replace(state, pull=found, spent=(state.spent[0] + spent[0], state.spent[1] + spent[1]))
    record: Record = {"terms": dict(found.terms), "shares": dict(found.shares)}
    return after, record | {"forwards": spent[0], "backwards": spent[1]}


def update(here: World, state: State) -> tuple[State, Record]:
    """One step of Adam on the points, which stay in the unit square; queue and learner follow."""
    assert state.pull is not None, "the loss comes before"
    gradient, number = state.pull.gradient, state.step + 1
    first, second = state.moments or (torch.zeros_like(gradient), torch.zeros_like(gradient))
    first = DECAYS[0] * first + (1 - DECAYS[0]) * gradient
    second = DECAYS[1] * second + (1 - DECAYS[1]) * gradient.square()
    size = (first / (1 - DECAYS[0] ** number)) / ((second / (1 - DECAYS[1] ** number)).sqrt() + 1e-8)
    x = (state.points.x - RATE * size).clamp(0, 1)
    moved = (x - state.points.x).flatten(1).norm(dim=1)
    after = replace(
        state,
        points=Points(x, state.points.y),
        moments=(first, second),
        step=number,
        queues=_enqueued(here, state),
        learner=_learned(state),
    )
    return after, {"moved": float(moved.mean()), "furthest": float(moved.max()), "forwards": 0, "backwards": 0}


def _enqueued(here: World, state: State) -> dict:
    """The queues with what this step met: those of other stages stay as they are."""
    if not (here.toy.queue and here.toy.crl and here.toy.method == "c2r") or not state.pull or not state.pull.seen:
        return dict(state.queues)
    embeddings, labels, stage = state.pull.seen
    queue = copy.deepcopy(state.queues.get(stage)) or losses.new_queue(here, stage)
    queue.enqueue(embeddings, labels)
    return dict(state.queues) | {stage: queue}


def _learned(state: State) -> Learner | None:
    if state.learner is None or state.pull is None:
        return None
    network = copy.deepcopy(state.learner.network)
    velocities = tuple(v.clone() for v in state.learner.velocities)
    descend(list(network.parameters()), state.pull.learner, velocities, NET_RATE)
    return Learner(frozen(network), velocities)


@dataclass(frozen=True)
class Phase:
    """A phase as it is shown: name, label, and what it does in one sentence."""

    name: str
    label: str
    does: str
    run: Callable[[World, State], tuple[State, Record]]


PHASES = (
    Phase("attack", "Attack", "each point is pushed inside its square to where the loss is largest", attack),
    Phase("score", "Score", "margins at the attacked points, and the hinge [1 − m̂]₊ of each", score),
    Phase("order", "Order", "points are ranked, and the first half is the mini-batch", order),
    Phase("loss", "Loss", "the terms of the loss and where they pull each point", loss),
    Phase("update", "Update", "the points move one step along the pull", update),
)


def advance(here: World, state: State) -> tuple[State, Record]:
    """Run the next phase."""
    after, record = PHASES[state.phase].run(here, state)
    return replace(after, phase=(state.phase + 1) % len(PHASES)), record | {"phase": PHASES[state.phase].name}


def step(here: World, state: State) -> tuple[State, list[Record]]:
    """Run phases to the end of this step; a whole step from where a step begins."""
    records: list[Record] = []
    while not records or state.phase:
        state, record = advance(here, state)
        records.append(record)
    return state, records
