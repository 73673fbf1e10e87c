"""Commands are answered at once, whatever the work does, and done when it comes by. Run: pytest
tests/test_control.py"""

import itertools
import json
import threading
import time

import pytest
from fake_run import make_run

from c2r.__main__ import main
from c2r.base.errors import InputError
from c2r.config import load
from c2r.store import control, runs, writing
from c2r.store.control import Listener
from c2r.store.lifecycle import COMMANDS, STATES, takes


@pytest.fixture
def writer(tmp_path):
    found = writing.RunWriter(tmp_path / "run", load("demo"))
    found.status(state="running", phase="evaluate", step=410, total=1000)
    return found


def stored(writer):
    status = json.loads((writer.path / "status.json").read_text())
    return status["state"], status["asked"]


@pytest.mark.parametrize(
    ("word", "answer"), [("pause", ("running", "pause")), ("step", ("running", "step")), ("stop", ("stopping", ""))]
)
def test_a_command_is_answered_in_a_fraction_of_a_second_while_the_work_is_busy(writer, word, answer):
    with Listener(writer):
        began = time.monotonic()
        runs.send(writer.path, word)
        run = control.wait(writer.path, word, 2)
        assert time.monotonic() - began < 1
        assert stored(writer) == answer and control.heard(run, word)
        assert control.said(run, word).endswith("(now in the evaluation, 41 %).")
    assert not list(writer.path.glob("*control*"))


def test_a_command_is_done_once_the_last_one_counts_and_a_stop_is_final(writer):
    listener = Listener(writer)
    for words, expected in (
        (("pause",), "pause"),
        (("pause", "step"), "step"),
        (("step", "pause"), "pause"),
        (("pause", "resume"), "resume"),
    ):
        for word in words:
            runs.send(writer.path, word)
            listener.hear()
        assert [listener.take(), listener.take()] == [expected, ""]
    for word in ("stop", "pause", "resume"):
        runs.send(writer.path, word)
        listener.hear()
    assert [listener.take(), listener.take()] == ["stop", "stop"] and listener.stopping
    assert stored(writer)[0] == "stopping"


def test_what_is_no_command_is_taken_away_and_changes_nothing(writer):
    (writer.path / "control").write_text("dance \x00")
    assert Listener(writer).take() == "" and stored(writer) == ("running", "")
    assert not list(writer.path.glob("*control*"))


def test_a_command_of_before_a_resume_does_not_act_and_one_of_after_does(writer):
    writer.status(state="stopping")
    writer.status(state="stopped")
    runs.send(writer.path, "stop")
    config = load("demo")
    writer._lock.close()
    again = writing.RunWriter(writer.path, config, reopen=True)
    with Listener(again) as listener:
        assert not listener.stopping
        runs.send(writer.path, "stop")
        control.wait(writer.path, "stop", 2)
        assert listener.stopping and stored(again) == ("stopping", "")


def test_a_run_that_came_to_its_end_before_it_could_stop_is_done(writer):
    with Listener(writer):
        runs.send(writer.path, "stop")
        control.wait(writer.path, "stop", 2)
        writer.status(state="done", phase="finished")
    assert runs.open_run(writer.path).state == "done"
    assert control.said(runs.open_run(writer.path), "stop") == "Run run is done."


def test_the_heartbeat_goes_on_while_the_work_is_busy_and_ends_with_it(writer, monkeypatch):
    monkeypatch.setattr(control, "BEAT", 0.2)
    before = json.loads((writer.path / "status.json").read_text())["seq"]
    with Listener(writer):
        time.sleep(1.2)
        beaten = json.loads((writer.path / "status.json").read_text())["seq"] - before
        writer.status(state="done")
        ended = json.loads((writer.path / "status.json").read_text())["seq"]
        time.sleep(0.5)
    assert beaten >= 1
    assert json.loads((writer.path / "status.json").read_text())["seq"] == ended


def test_two_threads_that_write_status_lose_nothing_and_tear_nothing(writer):
    count = 60

    def beat():
        for _ in range(count):
            writer.status(force=True)

    threads = [threading.Thread(target=beat) for _ in range(3)]
    before = json.loads((writer.path / "status.json").read_text())["seq"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert runs.open_run(writer.path).problem == ""
    assert json.loads((writer.path / "status.json").read_text())["seq"] == before + 3 * count


def test_what_became_of_a_stop_before_the_work_began_is_a_whole_sentence(writer):
    writer.status(state="running", phase="starting", force=True)
    writer.status(state="stopping", force=True)
    assert control.said(runs.open_run(writer.path), "stop").endswith(
        "what is recorded stays (now before its work began)."
    )
    writer.status(state="stopped", force=True)
    assert control.said(runs.open_run(writer.path), "stop") == "Stopped before its work began."


@pytest.mark.parametrize(("state", "asked"), list(itertools.product(STATES, ("", "pause", "step"))))
def test_every_state_takes_what_makes_sense_in_it(state, asked):
    expected = {
        "queued": {"pause", "step", "stop"},
        "running": {"pause", "step", "stop"},
        "paused": {"resume", "step", "stop"},
    }
    wanted = set(expected.get(state, ())) - {asked} | (
        {"resume"} if asked and state in ("queued", "running") else set()
    )
    assert set(takes(state, asked)) == wanted and wanted <= set(COMMANDS)


@pytest.mark.parametrize(
    ("state", "word", "sentence"),
    [
        ("paused", "pause", "Run run is paused and does not take 'pause': expected one of resume, step, stop."),
        (
            "stopping",
            "stop",
            "Run run was asked to stop already: expected some patience; it does so at the next chance.",
        ),
        ("done", "step", "Run run is done: expected a living run for 'step'; start a new one."),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_with_what_would(tmp_path, capsys, state, word, sentence):
    run = make_run(tmp_path / "run", state=state, steps=1)
    assert main([word, str(run)]) == 2
    assert capsys.readouterr().err.strip() == sentence
    assert not (run / "control").exists()


def test_the_command_line_pauses_steps_resumes_and_stops_a_run_and_says_so_in_one_line(writer, capsys):
    over = threading.Event()

    def work():
        step, until = 40, None
        with Listener(writer) as listener:
            while not over.is_set():
                with writer.mutex:
                    word = listener.take()
                    if word == "stop":
                        writer.status(state="stopped")
                        return
                    until = {"pause": step, "step": step + 10, "resume": None}.get(word, until)
                    step = step + 10 if until is None or step < until else step
                    state = "paused" if until == step else "running"
                    writer.status(state=state, phase="distill", step=step, total=9999, asked="", force=True)
                time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert [main([word, str(writer.path)]) for word in ("pause", "step", "resume", "stop")] == [0, 0, 0, 0]
        lines = capsys.readouterr().out.splitlines()
        assert [line.rpartition(" ")[0] for line in lines] == [
            "Paused at step",
            "Paused at step",
            "Goes on at step",
            "Stopped at step",
        ]
        steps = [int(line.rpartition(" ")[2].rstrip(".")) for line in lines]
        assert steps[1] == steps[0] + 10 and steps[2] > steps[1]
    finally:
        over.set()
        thread.join()


def test_a_run_that_does_not_answer_is_told_with_its_process(tmp_path, monkeypatch):
    from c2r.cli import control

    monkeypatch.setattr(control, "ANSWER", 0.1)
    run = make_run(tmp_path / "run", state="running", steps=1)
    with pytest.raises(
        InputError, match=r"Run run gave no answer to 'pause' within 0 s: expected one within 2 s; .* process \d+\."
    ):
        control.tell(run, "pause")
    assert (run / "control").read_text() == "pause"
