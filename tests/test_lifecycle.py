"""Every pair of states is either a way or refused. Run: pytest tests/test_lifecycle.py"""

import itertools

import pytest

from c2r.config import load
from c2r.store.lifecycle import ALIVE, RESUMABLE, STATES, TRANSITIONS, allowed
from c2r.store.writing import RunWriter

WAYS = {
    ("queued", "running"),
    ("queued", "stopping"),
    ("queued", "stopped"),
    ("queued", "failed"),
    ("running", "paused"),
    ("running", "stopping"),
    ("running", "stopped"),
    ("running", "done"),
    ("running", "failed"),
    ("paused", "running"),
    ("paused", "stopping"),
    ("paused", "stopped"),
    ("paused", "failed"),
    ("stopping", "stopped"),
    ("stopping", "done"),
    ("stopping", "failed"),
    ("stopped", "queued"),
    ("failed", "queued"),
    ("lost", "queued"),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATES, STATES)))
def test_a_run_goes_only_the_ways_of_the_table(before, after):
    assert allowed(before, after) == ((before, after) in WAYS or before == after)


def test_every_state_is_in_the_table_and_is_alive_resumable_or_done():
    assert set(TRANSITIONS) == set(STATES)
    assert {*ALIVE, *RESUMABLE, "done"} == set(STATES)
    assert not set(ALIVE) & set(RESUMABLE)


@pytest.mark.parametrize("state", ["paused", "done", "lost"])
def test_a_writer_refuses_a_way_that_is_not_there(tmp_path, state):
    writer = RunWriter(tmp_path / "run", load())
    with pytest.raises(RuntimeError, match=f"cannot go from queued to {state}"):
        writer.status(state=state)
    assert writer.state == "queued"
