"""Images that a method optimises: they stay in [0, 1], and go on after a kill with any optimiser.

Run: pytest tests/test_images.py
"""

from functools import partial

import pytest
import torch
from test_contracts import settings, tiny_data

from c2r.events import Finished, Progress, Snapshot, State
from c2r.methods.context import Context, start_of
from c2r.methods.images import Optimised, begin, updates

OPTIMISERS = {
    "adam": partial(torch.optim.Adam, lr=0.02),
    "sgd": partial(torch.optim.SGD, lr=0.5),
    "momentum": partial(torch.optim.SGD, lr=0.5, momentum=0.9),
}


def held_by(optimiser, **changes):
    """Images of a tiny run before their first update."""
    made, data = settings(**changes), tiny_data()
    generator = torch.Generator().manual_seed(0)
    context = Context(made, data, start_of(made, data, None, generator), generator, score=None)
    return Optimised(context, OPTIMISERS[optimiser])


def run(optimiser, state=None, **changes):
    """A method in three lines: every image is drawn to the mean of all."""
    held = held_by(optimiser, **changes)
    yield from begin(held, state)
    yield from updates(held, lambda _: held.descend((held.images - held.images.detach().mean(0)).square().sum()))


def copied(state):
    """A state as a file would hold it, which later updates do not reach."""
    return State(state.step, {name: value.detach().clone() for name, value in state.tensors.items()}, state.facts)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_method_that_goes_on_from_a_state_ends_with_the_same_bits(optimiser):
    states, made = [], None
    for event in run(optimiser, steps=7, record_every=3):
        states += [copied(event)] if isinstance(event, State) else []
        made = event.made if isinstance(event, Finished) else None
    assert [state.step for state in states] == [0, 3, 6, 7]
    for state in states:
        *_, last = run(optimiser, state, steps=7, record_every=3)
        assert (last.made.images == made.images).all()


def test_a_run_is_seen_before_its_first_update_then_as_often_as_asked_and_at_its_end():
    kinds = [(type(event), event.step) for event in run("adam", steps=3, record_every=2) if hasattr(event, "step")]
    seen = {step: [(Snapshot, step), (State, step)] for step in (0, 2, 3)}
    updated = {step: [(Progress, step)] for step in (1, 2, 3)}
    assert kinds == [*seen[0], *updated[1], *updated[2], *seen[2], *updated[3], *seen[3]]


def test_the_step_of_an_image_goes_further_where_that_is_asked_and_no_pixel_leaves_the_box():
    plain, further = held_by("sgd"), held_by("sgd")
    start, count = plain.images.detach().clone(), len(plain.images)
    for held, factors in ((plain, None), (further, torch.linspace(0, 2, count))):
        held.descend(0.01 * held.images.sum(), factors)
    expected = start + torch.linspace(0, 2, count)[:, None, None, None] * -0.005
    torch.testing.assert_close(further.images.detach(), expected.clamp(0, 1))
    torch.testing.assert_close(plain.images.detach(), (start - 0.005).clamp(0, 1))
    plain.descend(-9.0 * plain.images.sum())
    assert plain.images.max() == 1 and plain.images.min() >= 0
