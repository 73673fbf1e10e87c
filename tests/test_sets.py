"""The set of a run folder: of which recorded step it is. Run: pytest tests/test_sets.py"""

import pytest
from fake_run import make_evaluation, make_run

from c2r.base.errors import InputError
from c2r.formats.sets import same_set, step_of
from c2r.store import runs
from c2r.store.files import save_arrays


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", steps=4)


def keep_set_of(run, step):
    """As a run does that is stopped after it recorded `step`."""
    frame = runs.read_frame(run, step, ("images", "labels"))
    save_arrays(run, "synthetic", frame)


def test_the_step_of_a_set_is_that_of_the_frame_with_its_very_images(run):
    assert step_of(run) == 30
    keep_set_of(run, 10)
    assert step_of(run) == 10
    (run / "frames" / "000010.safetensors").unlink()
    assert step_of(run) is None
    (run / "synthetic.safetensors").unlink()
    assert step_of(run) is None


def test_a_damaged_frame_does_not_hide_the_step(run):
    keep_set_of(run, 10)
    (run / "frames" / "000030.safetensors").write_bytes(b"torn")
    assert step_of(run) == 10


def test_an_evaluation_goes_on_only_with_the_images_it_began_with(run):
    evaluation = runs.open_run(make_evaluation(run, "one", state="stopped", step=30))
    same_set(evaluation, run)
    keep_set_of(run, 10)
    same_set(runs.open_run(make_evaluation(run, "before-steps-were-noted", state="stopped")), run)
    with pytest.raises(
        InputError, match="is of the images of step 30 and run run has gone on to step 10: expected the same images"
    ):
        same_set(evaluation, run)
