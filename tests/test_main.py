"""The command line and the worker, end to end on a tiny run. Run: pytest tests/test_main.py"""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import arguments
from fake_run import make_evaluation, make_run

from c2r import config
from c2r.__main__ import main
from c2r.base.errors import InputError
from c2r.registry import METHODS
from c2r.store import runs, writing
from c2r.store.results import headline_folder, own_rows, read_rows
from c2r.work import machine, tasks


def test_a_run_folder_holds_everything_the_app_reads(finished):
    run = runs.open_run(finished)
    assert (run.state, run.problem, run.status["phase"]) == ("done", "", "finished")
    assert runs.frame_steps(finished) == [event["step"] for event in runs.read_events(finished)] == [0, 2, 4, 5]
    assert set(runs.read_arrays(finished, "outcomes")) == {"clean", "fgsm", "pgd"}
    assert runs.read_arrays(finished, "outcomes")["pgd"].shape == (2, 30)
    layout = runs.read_arrays(finished, "map")
    assert layout["umap_adv"].shape == (4, len(layout["index"]), 2)
    assert runs.read_arrays(finished, "basis")["axes"].shape[1] == 2
    assert run.manifest["data"]["hash"]
    assert run.manifest["classes"] == [str(k) for k in range(10)]
    np.testing.assert_array_equal(
        runs.read_arrays(finished, "synthetic")["images"], runs.read_frame(finished, 5)["images"]
    )


def test_rows_say_what_they_measured(finished):
    rows = read_rows(finished)
    assert [(row["seed"], row["label"]) for row in rows] == [
        (s, a) for s in (0, 1) for a in ("clean", "FGSM", "PGD-10")
    ]
    for row in rows:
        assert row["interval"][0] <= row["accuracy"] <= row["interval"][1]
        assert (row["n"], row["eps"], row["split"]) == (40, "" if row["attack"] == "clean" else "32/255", "test")
    by = {(row["seed"], row["attack"]): row["accuracy"] for row in rows}
    assert all(by[s, "pgd"] <= by[s, "clean"] for s in (0, 1))


def without_seconds(rows):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_evaluating_again_gives_the_same_rows_in_a_folder_of_its_own_and_prints_json(finished, capsys):
    before = read_rows(finished)
    assert main(["evaluate", str(finished), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    (evaluation,) = runs.evaluations(finished)
    assert (evaluation.state, headline_folder(finished)) == ("done", finished), "the headline stays the run's own"
    assert evaluation.manifest["step"] == runs.frame_steps(finished)[-1]
    assert without_seconds(printed) == without_seconds(before) == without_seconds(read_rows(evaluation.path))
    assert without_seconds(own_rows(finished)) == without_seconds(before)


def test_a_sweep_with_targets_has_a_row_for_each_attempt_and_says_whether_the_target_was_reached(
    finished, tmp_path, capsys
):
    changes = {
        "eval_attacks": "pgd,deepfool",
        "eval_eps": "16/255,32/255",
        "eval_targeted": "true",
        "eval_seeds": 1,
        "eval_images": 20,
    }
    words = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    assert main(["evaluate", str(finished), *words, "--out", str(tmp_path / "sweep")]) == 0
    rows = read_rows(tmp_path / "sweep")
    keys = ["clean", "pgd@16/255", "pgd-targeted@16/255", "pgd", "pgd-targeted", "deepfool"]
    assert [row["key"] for row in rows] == keys
    assert [row["eps"] for row in rows] == ["", "16/255", "16/255", "32/255", "32/255", "128/255"]
    assert all((row["success"] is not None) == row["targeted"] for row in rows)
    assert "PGD-10 targeted" in capsys.readouterr().out


def test_an_evaluation_keeps_networks_outcomes_facts_and_checks(finished):
    assert sorted(file.name for file in (finished / "networks").iterdir()) == ["seed0.safetensors", "seed1.safetensors"]
    stored = runs.read_arrays(finished, "test")
    assert {"labels", "index", "correct/pgd", "margin/pgd"} <= set(stored)
    assert stored["correct/pgd"].shape == stored["margin/pgd"].shape == (2, 40)
    shares = {(row["seed"], row["key"]): row["accuracy"] for row in own_rows(finished)}
    assert stored["correct/pgd"].mean(1).tolist() == pytest.approx([shares[0, "pgd"], shares[1, "pgd"]])
    assert json.loads((finished / "facts.json").read_text())["effective"] == 30
    assert len(json.loads((finished / "checks.json").read_text())) >= 6


def test_only_evaluation_settings_can_be_changed_when_evaluating(finished, capsys):
    assert main(["evaluate", str(finished), "--set", "tau=0.5"]) == 2
    assert "Setting 'tau' belongs to the distillation" in capsys.readouterr().err


def test_the_map_can_be_drawn_again_and_repeats_itself(finished):
    before = runs.read_arrays(finished, "map")
    assert main(["map", str(finished)]) == 0
    np.testing.assert_array_equal(runs.read_arrays(finished, "map")["umap_clean"], before["umap_clean"])


def test_list_prints_every_run_with_its_name_and_says_when_there_is_none(finished, tmp_path, capsys):
    assert main(["list", "--store", str(finished.parent), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["id"], found["state"], found["method"], found["name"]) == ("run", "done", "c2r", "")
    shutil.copytree(finished, tmp_path / "named" / "run")
    assert main(["about", str(tmp_path / "named" / "run"), "--name", "First try", "--tags", "good, slow"]) == 0
    capsys.readouterr()
    main(["list", "--store", str(tmp_path / "named")])
    assert capsys.readouterr().out.rstrip().endswith("First try, #good #slow")
    make_run(tmp_path / "more" / "waits", state="queued", steps=0, evaluated=False, mapped=False)
    working = make_run(tmp_path / "more" / "works", state="running", steps=3)
    make_evaluation(make_run(tmp_path / "more" / "evaluated", steps=2, state="stopped"), "e", state="running")
    main(["list", "--store", str(working.parent)])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(lines)[0] == "run" and "20/20" in lines["works"] and lines["works"].endswith("at step 20")
    assert lines["waits"].split()[1:] == ["queued", "c2r", "-", "-", "waiting"]
    assert "10/10" in lines["evaluated"] and lines["evaluated"].endswith("its evaluation e is running")
    main(["list", "--store", str(tmp_path)])
    assert "start one with: python -m c2r distill --preset demo" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["distill", "--preset", "dmo"], "Unknown preset 'dmo'"),
        (["distill", "--method", "c3r"], "Unknown method 'c3r'"),
        (["distill", "--set", "ipc"], "--set expects name=value"),
        (["distill", "--set", "ipc=0"], "Setting 'ipc' expects"),
        (["evaluate", "/nowhere/run"], "There is no run folder 'run'"),
        (["map", "/nowhere/run"], "There is no run folder 'run'"),
    ],
)
def test_bad_input_is_one_sentence_and_code_two(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", str(tmp_path))
    assert main(words) == 2
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert "\n" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": "/nowhere/images"}, "/nowhere/images"),
        ({"ipc": 900}, "ipc"),
        ({"device": "cuda"}, "found no GPU"),
        ({"depth": 5}, "ConvNet of depth 5 expects images of at least 32 px, found 8"),
    ],
)
def test_a_run_that_cannot_work_says_so_before_it_claims_its_folder(changes, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(machine, "gpu", lambda: ("", 0.0))
    assert main(arguments(tmp_path / "run", **changes)) == 2
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert "\n" not in said
    assert not (tmp_path / "run").exists()


def test_what_preflight_could_not_see_fails_with_its_sentence_in_terminal_and_folder(tmp_path, capsys, monkeypatch):
    def missing(*_):
        raise InputError("The data left: expected it to stay; bring it back.")

    monkeypatch.setattr(tasks, "load_on_device", missing)
    assert main(arguments(tmp_path / "run")) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == "The data left: expected it to stay; bring it back."
    run = runs.open_run(tmp_path / "run")
    assert (run.state, run.status["message"]) == ("failed", "The data left: expected it to stay; bring it back.")


def test_two_runs_into_one_folder_are_refused_and_the_first_is_left_alone(finished, capsys):
    before = read_rows(finished)
    assert main(arguments(finished)) == 2
    assert "is not empty" in capsys.readouterr().err
    assert runs.open_run(finished).state == "done"
    assert read_rows(finished) == before


def test_a_full_disk_fails_the_run_with_a_sentence(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.RunWriter, "frame", full)
    assert main(arguments(tmp_path / "run")) == 2
    assert "The disk is full: expected room for what is written" in capsys.readouterr().err
    assert runs.open_run(tmp_path / "run").state == "failed"


def test_anything_unexpected_becomes_one_sentence_and_its_traceback_goes_to_the_log(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tasks, "_map", lambda *_: 1 / 0)
    assert main(arguments(tmp_path / "run")) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("The run broke with ZeroDivisionError")
    assert "Traceback" in (tmp_path / "run" / "log.txt").read_text()


def wait_for(path, test, seconds=120):
    deadline = time.time() + seconds
    while time.time() < deadline:
        run = runs.open_run(path) if path.exists() else None
        if run and not run.problem and test(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s; last: {runs.open_run(path)}")


def launch(out, **changes):
    environment = os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "c2r", *arguments(out, **changes)], env=environment, stderr=subprocess.DEVNULL
    )


def test_a_run_pauses_goes_on_to_the_next_recorded_step_resumes_and_stops_and_keeps_its_last_images(tmp_path):
    out = tmp_path / "run"
    child = launch(out, steps=100_000, record_every=50)
    try:
        wait_for(out, lambda run: run.status["phase"] == "distill" and run.status["step"] > 60)
        runs.send(out, "pause")
        paused = wait_for(out, lambda run: run.state == "paused").status["step"]
        time.sleep(0.5)
        assert runs.open_run(out).status["step"] == paused
        runs.send(out, "step")
        frames = runs.frame_steps(out)
        wait_for(out, lambda run: run.state == "paused" and run.status["step"] > paused)
        assert runs.frame_steps(out) == [*frames, frames[-1] + 50]
        assert runs.open_run(out).status["step"] - runs.frame_steps(out)[-1] in (0, 1)
        runs.send(out, "resume")
        wait_for(out, lambda run: run.state == "running" and run.status["step"] > paused + 20)
        runs.send(out, "stop")
        assert child.wait(90) == 130
        assert runs.open_run(out).state == "stopped"
        last = runs.read_frame(out, runs.frame_steps(out)[-1])
        np.testing.assert_array_equal(runs.read_arrays(out, "synthetic")["images"], last["images"])
    finally:
        child.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_the_libraries_load_is_a_stop_and_no_traceback(tmp_path, how):
    out = tmp_path / "run"
    words = [sys.executable, "-m", "c2r", *arguments(out)]
    heard = lambda: signal.signal(how, signal.SIG_DFL)  # noqa: E731 - a shell's background job ignores SIGINT, and so would its children
    child = subprocess.Popen(
        words, env=os.environ | {"PYTHONPATH": os.getcwd()}, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    )
    wait_for(out, lambda run: run.status["phase"] == "starting")
    child.send_signal(how)
    assert child.wait(90) == 130
    assert "Traceback" not in child.stderr.read()
    assert runs.open_run(out).state == "stopped"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_the_folder_is_claimed_is_written_into_it(tmp_path, monkeypatch, how):
    claim = writing.RunWriter

    def claimed(*words, **named):
        os.kill(os.getpid(), how)
        return claim(*words, **named)

    before = {
        signal.SIGTERM: signal.getsignal(signal.SIGTERM),
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
    }
    monkeypatch.setattr(writing, "RunWriter", claimed)
    try:
        assert main(arguments(tmp_path / "run")) == 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert runs.open_run(tmp_path / "run").state == "stopped"


@pytest.mark.parametrize(("how", "state"), [(signal.SIGTERM, "stopped"), (signal.SIGKILL, "lost")])
def test_a_killed_run_tells_the_truth_and_still_opens(tmp_path, how, state):
    out = tmp_path / "run"
    child = launch(out, steps=100_000, record_every=10)
    try:
        wait_for(out, lambda run: run.status["phase"] == "distill" and run.status["step"] > 15)
        child.send_signal(how)
        child.wait(90)
        assert runs.open_run(out).state == state
        assert runs.read_frame(out, runs.frame_steps(out)[-1])["images"].shape == (30, 1, 8, 8)
        assert {event["step"] for event in runs.read_events(out)} <= set(runs.frame_steps(out))
    finally:
        child.kill()


@pytest.mark.parametrize("method", METHODS)
def test_the_settings_of_every_method_are_listed_and_no_others(method, capsys):
    assert main(["distill", "--preset", "demo", "--method", method, "--settings"]) == 0
    listed = set(re.findall(r"^  (\w+) = ", capsys.readouterr().out, re.MULTILINE))
    assert listed == set(config.kind_of(method).model_fields)
