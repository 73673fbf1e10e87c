"""Old frames go, recent ones stay, figures are never lost. Run: pytest tests/test_thinning.py"""

import numpy as np
import pytest
from fake_run import add_frame, make_run

from c2r import config
from c2r.store import runs
from c2r.store.thinning import expected_frames, kept, stride
from c2r.store.writing import RunWriter


def test_recent_steps_are_dense_and_every_doubling_of_age_halves_the_rest():
    found = kept(1000, 16)
    assert found[0] == 0 and found[-16:] == list(range(984, 1000))
    assert [position for position in found if 968 <= position < 984] == list(range(968, 984, 2))
    assert [position for position in found if 936 <= position < 968] == list(range(936, 968, 4))
    assert stride(0, 16) == stride(15, 16) == 1 and stride(16, 16) == 2 and stride(32, 16) == stride(63, 16) == 4


def test_a_short_run_keeps_everything_and_a_long_one_grows_with_the_logarithm_of_its_length():
    assert kept(64, 64) == list(range(64))
    assert len(kept(5000, 64)) < 300 and len(kept(100_000, 64)) - len(kept(50_000, 64)) <= 33


@pytest.mark.parametrize("recent", [2, 3, 8, 64])
def test_what_is_thinned_once_is_never_wanted_again(recent):
    before = {0}
    for count in range(2, 600):
        now = set(kept(count, recent))
        assert now <= before | {count - 1}
        before = now


def test_a_run_keeps_every_event_and_the_frames_of_the_rule(tmp_path):
    path = make_run(tmp_path / "run", steps=40, n=8, evaluated=False, mapped=False, frames_recent=4)
    assert [event["step"] for event in runs.read_events(path)] == list(range(0, 400, 10))
    assert runs.frame_steps(path) == [10 * position for position in kept(40, 4)]
    assert expected_frames(config.load("demo", {"steps": 390, "record_every": 10, "frames_recent": 4})) == len(
        kept(40, 4)
    )


def test_a_run_that_is_cut_off_and_goes_on_ends_with_the_same_frames(tmp_path):
    whole = make_run(tmp_path / "whole", steps=40, n=8, evaluated=False, mapped=False, frames_recent=4)
    cut = make_run(tmp_path / "cut", steps=23, n=8, evaluated=False, mapped=False, frames_recent=4, state="stopped")
    _end_lock(cut)
    writer = RunWriter(cut, runs.open_run(whole).config, reopen=True)
    writer.rewind(210)
    assert runs.frame_steps(cut)[-1] == 210 and runs.read_events(cut)[-1]["step"] == 210
    world = _world(whole)
    for index in range(22, 40):
        add_frame(writer, world, index, 40)
    assert runs.frame_steps(cut) == runs.frame_steps(whole)


def _world(path):
    """What `add_frame` needs, from a frame: only the steps are compared."""
    frame = runs.read_frame(path, 0)
    n = len(frame["labels"])
    flat = {name: np.zeros((n, 12)) for name in ("spread", "push")}
    return flat | {
        "labels": frame["labels"],
        "images": frame["images"],
        "start": frame["images"],
        "pattern": frame["delta"].astype(float),
        "ease": np.arange(n, dtype=float),
        "gap": np.ones(n),
        "centres": np.zeros((4, 12)),
    }


def _end_lock(path):
    """The process that wrote the run is this one: its lock ends with the file it holds."""
    (path / "lock").unlink()
