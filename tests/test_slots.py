"""The queue of a device: order, death, and runs that wait. Run: pytest tests/test_slots.py"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import arguments

from c2r.store import runs, slots

HOLD = (
    "import sys, time; from pathlib import Path; from c2r.store import slots\nwith slots.ticket(Path(sys.argv[1]),"
    " sys.argv[2]): print('held', flush=True); time.sleep(60)"
)


def holder(folder, name):
    """Another process that holds a ticket."""
    words = [sys.executable, "-c", HOLD, str(folder), name]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()})
    assert child.stdout.readline() == "held\n"
    return child


def test_who_came_first_works_and_a_dead_process_is_out_of_the_queue(tmp_path):
    one, two = holder(tmp_path, "one"), holder(tmp_path, "two")
    try:
        with slots.ticket(tmp_path, "mine") as mine:
            assert slots.ahead(mine) == ["one", "two"]
            one.send_signal(signal.SIGKILL)
            one.wait()
            assert slots.ahead(mine) == ["two"]
            two.send_signal(signal.SIGKILL)
            two.wait()
            assert slots.ahead(mine) == []
        assert not list(tmp_path.glob("*.ticket"))
    finally:
        one.kill()
        two.kill()


WORK = """
import os, sys, time
from pathlib import Path
from c2r.store import slots
folder = Path(sys.argv[1])
for _ in range(8):
    with slots.ticket(folder, "one") as mine:
        while slots.ahead(mine):
            time.sleep(0.001)
        os.close(os.open(folder / "working", os.O_CREAT | os.O_EXCL))
        time.sleep(0.002)
        os.unlink(folder / "working")
"""


def test_of_many_who_come_and_go_one_works_at_a_time(tmp_path):
    words = [sys.executable, "-c", WORK, str(tmp_path)]
    children = [subprocess.Popen(words, env=os.environ | {"PYTHONPATH": os.getcwd()}) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    assert [file.name for file in tmp_path.iterdir()] == ["door"]


def test_a_new_ticket_that_somebody_takes_for_that_of_a_dead_process_is_drawn_again(tmp_path, monkeypatch):
    leads_to, removed = slots.leads_to, []

    def too_early(path, file):
        if not removed:
            removed.append(path.unlink())
        return leads_to(path, file)

    monkeypatch.setattr(slots, "leads_to", too_early)
    with slots.ticket(tmp_path, "mine"):
        assert removed and len(list(tmp_path.glob("*.ticket"))) == 1
        with slots.ticket(tmp_path, "next") as after:
            assert slots.ahead(after) == ["mine"]


def test_the_name_on_a_ticket_stands_behind_the_byte_that_is_locked(tmp_path):
    with slots.ticket(tmp_path, "größer") as mine:
        assert mine.path.read_bytes() == " größer".encode()


@pytest.mark.parametrize(
    ("run", "queue"),
    [("store/run", "store/.slots/cpu"), ("store/run/evaluations/one", "store/.slots/cpu")],
    ids=["run", "evaluation"],
)
def test_runs_and_their_evaluations_share_the_queue_of_their_store(tmp_path, run, queue):
    a_run(tmp_path / "store" / "run")
    assert slots.place(tmp_path / run, "cpu") == tmp_path / queue


def a_run(path):
    """As much of a run folder as says that it is one."""
    path.mkdir(parents=True)
    (path / "status.json").write_text("{}")


def test_a_store_may_be_called_evaluations_and_keeps_its_queue(tmp_path):
    assert slots.place(tmp_path / "evaluations" / "run", "cpu") == tmp_path / "evaluations" / ".slots" / "cpu"
    assert slots.store_of(Path("/evaluations/run")) == Path("/evaluations")


def test_the_holders_of_a_store_are_folders_of_it_on_any_device(tmp_path):
    a_run(tmp_path / "a")
    assert slots.holders(tmp_path) == []
    with (
        slots.ticket(slots.place(tmp_path / "a", "cpu"), "a"),
        slots.ticket(slots.place(tmp_path / "a/evaluations/b", "cuda"), "a/evaluations/b"),
    ):
        assert sorted(slots.holders(tmp_path)) == ["a", "a/evaluations/b"]
    assert slots.holders(tmp_path) == []
    assert [slots.spoken(name) for name in ("a", "a/evaluations/b")] == ["a", "the evaluation of a"]


def test_a_run_waits_for_the_slot_says_so_can_be_stopped_and_else_starts_by_itself(tmp_path):
    first = holder(slots.place(tmp_path / "x", "cpu"), "somebody")
    environment = os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    names = ("stopped", "started")
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "c2r", *arguments(tmp_path / n)], env=environment, stderr=subprocess.DEVNULL
        )
        for n in names
    ]
    try:
        deadline = time.time() + 30
        while time.time() < deadline and not all(
            "Waiting for" in runs.open_run(tmp_path / n).status.get("message", "") for n in names
        ):
            time.sleep(0.1)
        assert [runs.open_run(tmp_path / n).state for n in names] == ["queued", "queued"]
        runs.send(tmp_path / "stopped", "stop")
        assert children[0].wait(10) == 130
        assert runs.open_run(tmp_path / "stopped").state == "stopped"
        first.kill()
        while time.time() < deadline and runs.open_run(tmp_path / "started").state == "queued":
            time.sleep(0.05)
        assert runs.open_run(tmp_path / "started").state == "running"
    finally:
        for child in (first, *children):
            child.kill()
            child.wait()
