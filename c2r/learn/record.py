"""A whole toy run as one compact record of plain values, which a browser plays without asking again.

Letters: N distilled points, R real points. Bytes are base64 text.
"""

import base64
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from c2r.learn.networks import accuracy, student, world
from c2r.learn.phases import PHASES, Record, advance
from c2r.learn.settings import Toy
from c2r.learn.state import State, network_of, start
from c2r.learn.view import HIGHEST, LEVELS, SIDE, drawn, regions

STEPS = 60
STUDENTS = (0, 20, 40, 60)  # the steps at whose points fresh networks are trained, on request
REDRAWN = 2  # steps between two maps of a network that learns

Kept = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """One step: the state it begins with, the one before its points move, and what its five phases did."""

    before: State
    seen: State
    did: tuple[Record, ...]


@lru_cache(maxsize=16)
def course(toy: Toy, steps: int = STEPS) -> tuple[Done, ...]:
    """All steps of a toy, and one more for what is left at the end."""
    here = world(toy)
    state, made = start(here), []
    for _ in range(steps + 1):
        before, did = state, []
        for _phase in PHASES[:-1]:
            state, record = advance(here, state)
            did.append(record)
        seen = state
        state, record = advance(here, state)
        made.append(Done(before, seen, (*did, record)))
    return tuple(made)


@lru_cache(maxsize=16)
def recording(toy: Toy, steps: int = STEPS) -> Kept:
    """What every phase of the steps did, with the regions of the network on screen where they change.

    Flat lists of N points: at, delta, pull (the longest has length 1) as x and y in turn; margins clean and robust, and
    hinge, in logits; did: what each phase says of itself; spent: forwards and backwards so far, sums over points.
    """
    here, made = world(toy), course(toy, steps)
    learns = made[0].before.learner is not None
    drawn_at = range(0, steps + 1, REDRAWN) if learns else (0,)
    return {
        "toy": toy.model_dump(),
        "classes": here.real.classes,
        "labels": made[0].before.points.y.tolist(),
        "reach": here.reach,
        "side": SIDE,
        "levels": [LEVELS, HIGHEST],
        "phases": [{"name": phase.name, "label": phase.label, "does": phase.does} for phase in PHASES],
        "real": {"at": _rounded(here.real.x.flatten(1).numpy(), 3), "labels": here.real.y.tolist()},
        "frames": [_frame(done) for done in made],
        "regions": {step: _text(regions(network_of(here, made[step].before))) for step in drawn_at},
        "learns": learns,
        "accuracy": asdict(accuracy(here.scorer, here.test, here.reach)),
    }


def _frame(done: Done) -> Kept:
    seen = drawn(done.seen)
    return {
        "at": _rounded(seen.at, 4),
        "delta": _rounded(seen.delta, 4),
        "pull": _rounded(seen.pull / max(float(np.linalg.norm(seen.pull, axis=1).max()), 1e-12), 3),
        "clean": _rounded(seen.clean, 3),
        "robust": _rounded(seen.robust, 3),
        "hinge": _rounded(seen.hinge, 3),
        "order": seen.order.tolist(),
        "batch": seen.batch,
        "did": list(done.did),
        "spent": list(done.seen.spent),
    }


@lru_cache(maxsize=16)
def students(toy: Toy) -> Kept:
    """Fresh networks trained on the points of some steps alone: their regions, and what they get right of real test
    points, by step."""
    here, found = world(toy), {}
    for step in STUDENTS:
        model = student(here, course(toy)[step].before.points)
        found[step] = asdict(accuracy(model, here.test, here.reach)) | {"regions": _text(regions(model))}
    return {"at": found}


def _rounded(values: np.ndarray, digits: int) -> list:
    return np.round(values.astype(float), digits).ravel().tolist()


def _text(cells: np.ndarray) -> str:
    return base64.b64encode(cells.tobytes()).decode()
