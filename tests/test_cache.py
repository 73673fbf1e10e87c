"""What pages read is read once, kept within a budget of bytes, and never out of date. Run: pytest
tests/test_cache.py"""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fake_run import make_run

from app import ahead, cache, frames, state
from c2r.base.errors import InputError
from c2r.look.project import apply_basis
from c2r.store import runs
from c2r.store.files import save_arrays
from c2r.store.writing import RunWriter


@pytest.fixture
def run(tmp_path):
    cache.clear()
    return make_run(tmp_path / "run", steps=5, n=24, classes=3, state="stopped")


@pytest.fixture
def starts(monkeypatch):
    """From which byte on events.jsonl was read, look by look."""
    found, read = [], runs.read_events_from
    monkeypatch.setattr(runs, "read_events_from", lambda path, start: found.append(start) or read(path, start))
    return found


def _append(run, step):
    last = json.loads((run / "events.jsonl").read_text().splitlines()[-1])
    with open(run / "events.jsonl", "a") as file:
        file.write(json.dumps(last | {"step": step}) + "\n")


def test_only_what_was_added_to_the_events_is_read_and_nothing_when_nothing_was(run, starts):
    assert [event["step"] for event in cache.events(run)] == [0, 10, 20, 30, 40]
    size = (run / "events.jsonl").stat().st_size
    _append(run, 50)
    assert [event["step"] for event in cache.events(run)] == [0, 10, 20, 30, 40, 50]
    assert cache.events(run) is cache.events(run) and starts == [0, size]


def test_a_torn_line_is_left_out_and_read_when_it_is_whole(run):
    whole = (run / "events.jsonl").read_bytes()
    (run / "events.jsonl").write_bytes(whole[:-40])
    assert len(cache.events(run)) == 4
    with open(run / "events.jsonl", "ab") as file:
        file.write(whole[-40:])
    assert [event["step"] for event in cache.events(run)] == [0, 10, 20, 30, 40]


def test_a_run_that_goes_back_to_a_checkpoint_is_read_anew(run):
    before = cache.course(run)
    (run / "lock").unlink()
    RunWriter(run, runs.open_run(run).config, reopen=True).rewind(20)
    assert [event["step"] for event in cache.events(run)] == [0, 10, 20]
    assert cache.course(run).total.sum() == before.total.sum() * 3 // 5


def test_a_step_recorded_again_replaces_what_was_read(run):
    cache.events(run)
    _append(run, 30)
    assert [event["step"] for event in cache.events(run)] == [0, 10, 20, 30, 40]


def test_the_axes_of_all_histograms_come_from_all_steps_however_they_were_read(run):
    cache.course(run)
    _append(run, 50)
    counts = np.array(
        [event[side]["counts"] for event in runs.read_events(run) for side in ("margin_clean", "margin_adv")]
    )
    assert np.array_equal(cache.course(run).total, counts.sum(0)) and np.array_equal(
        cache.course(run).most, counts.max(0)
    )


def test_everything_kept_stays_within_the_budget_and_what_was_asked_for_longest_ago_goes_first():
    cache.clear()
    made = []

    @cache.kept
    def large(number):
        made.append(number)
        return np.empty(cache.BUDGET // 10, np.uint8)

    for number in (*range(20), 19, 0):
        large(number)
    assert cache._KEPT.currsize <= cache.BUDGET
    assert made == [*range(20), 0], "the newest is kept, the oldest made again"
    cache.clear()


def test_a_value_beyond_the_whole_budget_is_returned_all_the_same():
    assert len(cache.kept(lambda: np.empty(cache.BUDGET + 1, np.uint8))()) == cache.BUDGET + 1


def test_a_shared_figure_is_made_once_for_everybody_who_asks_for_the_same():
    cache.clear()
    made = []
    first = cache.shared(("bands", 1), lambda: made.append(1) or np.zeros(3))
    assert cache.shared(("bands", 1), lambda: made.append(2)) is first and made == [1]
    for number in range(2, cache.FIGURES + 2):
        cache.shared(("bands", number), lambda: np.zeros(3))
    cache.shared(("bands", 1), lambda: made.append(3) or np.zeros(3))
    assert made == [1, 3], "only the last figures are kept"


def test_the_history_keeps_orders_and_margins_by_rank(run):
    past = cache.history(run, [0, 40])
    frame = runs.read_frame(run, 40)
    assert past.steps == [0, 40] and np.array_equal(past.orders[1], frame["order"])
    np.testing.assert_allclose(past.by_rank[1], frame["margin_adv"][frame["order"]], rtol=1e-6)
    assert past.ranks([int(frame["order"][0]), int(frame["order"][5])])[1].tolist() == [0, 5]


def test_what_live_will_ask_is_read_ahead_and_then_nothing_is_read_again(run, starts, monkeypatch):
    steps = state.recorded_steps(run)
    ahead.read(run, steps).result(10)
    monkeypatch.setattr(runs, "read_frame", lambda *_: pytest.fail("a frame was read again"))
    assert [event["step"] for event in cache.events(run)] == list(steps) and starts == [0]
    assert cache.history(run, list(steps)).orders.shape == (5, 24)


@pytest.mark.parametrize("harm", ["frame", "events", "folder"])
def test_what_cannot_be_read_ahead_is_left_to_the_page(run, harm):
    steps = state.recorded_steps(run)
    if harm == "frame":
        for frame in (run / "frames").iterdir():
            frame.write_bytes(b"torn")
    elif harm == "events":
        (run / "events.jsonl").write_text("{")
    else:
        shutil.rmtree(run)
    assert ahead.read(run, steps).result(10) is None


def test_many_who_ask_for_a_course_at_once_have_it_read_once(run, starts):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.course(run), range(32)))
    assert starts == [0] and all(one is found[0] for one in found)


def test_large_arrays_are_read_by_rows(run):
    frame = runs.read_frame(run, 20)
    for name in ("images", "delta", "embedding_clean"):
        assert np.array_equal(frames.rows(run, 20, name, [7, 0, 7]), frame[name][[7, 0, 7]])
        assert np.array_equal(frames.rows(run, 20, name, range(3, 9)), frame[name][3:9])
    with pytest.raises(InputError, match="'images' in frames/000020.safetensors of run run is missing or damaged"):
        frames.rows(run, 20, "images", [99])


def test_what_needs_all_rows_is_worked_out_in_parts(run, monkeypatch):
    monkeypatch.setattr(frames, "PART", 7)
    first, frame = runs.read_frame(run, 0), runs.read_frame(run, 40)
    basis = runs.read_arrays(run, "basis")
    np.testing.assert_allclose(
        frames.projected(run, 40)["adv"], apply_basis(frame["embedding_adv"], basis), rtol=1e-5, atol=1e-5
    )
    change = np.abs(first["images"].astype(float) - frame["images"]).mean((1, 2, 3)) / 255
    np.testing.assert_allclose(frames.change_since(run, 0, 40), change, rtol=1e-6)
    assert frames.largest_delta(run, 40) == pytest.approx(float(np.abs(frame["delta"]).max()))
    distance = (
        (frame["embedding_clean"].astype(np.float32) - frame["embedding_clean"][5].astype(np.float32)) ** 2
    ).sum(1)
    distance[frame["labels"] == frame["labels"][5]] = np.inf
    assert frames.nearest_other(run, 40, 5) == distance.argmin()


def test_ranks_are_by_robust_margin_whatever_order_a_frame_stores(run):
    file = run / "frames" / "000010.safetensors"
    arrays = runs.read_frame(run, 10)
    save_arrays(
        file.parent,
        file.stem,
        {name: array.copy() for name, array in arrays.items()} | {"order": arrays["order"][::-1].copy()},
    )
    cache.clear()
    found = cache.margins(run, 10)
    assert (np.diff(found["margin_adv"][found["order"]]) >= 0).all()
    assert (cache.history(run, [10]).orders[0] == found["order"]).all()


def test_a_figure_that_reads_events_while_they_are_read_elsewhere_blocks_nobody(tmp_path, monkeypatch):
    """Drawing and reading each need a lock of their own and the one of the cache, in one order."""
    run, reading = make_run(tmp_path / "one", n=24, classes=3, steps=2), threading.Event()
    stamp = cache.stamp

    def told(file):
        reading.set()
        return stamp(file)

    def draw():
        assert reading.wait(5)
        return len(cache.course(run).events)

    monkeypatch.setattr(cache, "stamp", told)
    figures = []
    drawer = threading.Thread(target=lambda: figures.append(cache.shared("key", draw)), daemon=True)
    drawer.start()
    reader = threading.Thread(target=cache.course, args=(run,), daemon=True)
    reader.start()
    drawer.join(10)
    reader.join(10)
    assert figures == [2] and not reader.is_alive()
