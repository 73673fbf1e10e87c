"""Runs cut off by SIGKILL go on and end as if nothing had happened. Run: pytest tests/test_resume.py"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import arguments

from c2r.__main__ import main
from c2r.store import files, runs
from c2r.store.results import read_rows


def launch(words):
    environment = os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "c2r", *words], env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


def same(one, two):
    """Set, last frame, rows and outcomes of two finished runs are equal, bit for bit."""
    for name in ("synthetic", "outcomes", "test", "map"):
        first, second = runs.read_arrays(one, name), runs.read_arrays(two, name)
        assert set(first) == set(second)
        for key in first:
            np.testing.assert_array_equal(first[key], second[key], err_msg=f"{name}: {key}")
    plain = [[{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(path)] for path in (one, two)]
    assert plain[0] == plain[1]
    assert runs.frame_steps(one) == runs.frame_steps(two) == [event["step"] for event in runs.read_events(two)]


def test_a_run_killed_again_and_again_ends_as_the_run_that_never_was(finished, tmp_path):
    out, chance = tmp_path / "run", random.Random(5)
    words = arguments(out)
    for _ in range(3):
        child = launch(words)
        time.sleep(chance.uniform(1.5, 6))
        child.send_signal(signal.SIGKILL)
        child.wait()
        if not (out / "status.json").exists():
            continue
        assert runs.open_run(out).problem == ""
        words = ["resume", str(out)]
    if runs.open_run(out).state != "done":
        assert main(words) == 0
    same(finished, out)


def test_a_stopped_run_is_resumed_and_a_finished_or_living_one_is_not(finished, tmp_path, capsys):
    assert main(["resume", str(finished)]) == 2
    assert "is done" in capsys.readouterr().err
    out = tmp_path / "run"
    child = launch(arguments(out, steps=100_000, record_every=20))
    try:
        deadline = time.time() + 60
        while len(runs.frame_steps(out)) < 3 and time.time() < deadline:
            time.sleep(0.05)
        assert main(["resume", str(out)]) == 2
        assert "is running" in capsys.readouterr().err
        runs.send(out, "stop")
        assert child.wait(20) == 130
    finally:
        child.kill()
    again = launch(["resume", str(out)])
    try:
        before = runs.frame_steps(out)[-1]
        deadline = time.time() + 60
        while runs.frame_steps(out)[-1] <= before and time.time() < deadline:
            time.sleep(0.05)
        assert runs.frame_steps(out)[-1] > before
        steps = [event["step"] for event in runs.read_events(out)]
        assert steps == sorted(set(steps))
    finally:
        again.kill()
        again.wait()


def test_a_resumed_evaluation_keeps_the_networks_it_had_judged(finished, tmp_path, monkeypatch):
    from c2r.work import evaluations

    whole, cut = tmp_path / "evaluations" / "whole", tmp_path / "evaluations" / "cut"
    assert main(["evaluate", str(finished), "--out", str(whole)]) == 0
    seen = []

    def keep_then_die(path, judged, write=evaluations._save_judged):
        write(path, judged)
        seen.append(judged.seed)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(evaluations, "_save_judged", keep_then_die)
        assert main(["evaluate", str(finished), "--out", str(cut)]) == 130
    assert (runs.open_run(cut).state, seen) == ("stopped", [0])
    (tmp_path / "synthetic.safetensors").write_bytes((finished / "synthetic.safetensors").read_bytes())
    assert main(["resume", str(cut)]) == 0
    for name in ("outcomes", "test"):
        one, two = runs.read_arrays(whole, name), runs.read_arrays(cut, name)
        assert all((one[key] == two[key]).all() for key in one)
    assert not list((cut / "networks").glob("outcomes*"))


def test_changed_data_are_noticed_when_a_run_is_resumed(finished, tmp_path, capsys):
    import shutil

    out = tmp_path / "run"
    shutil.copytree(finished, out)
    for file, changes in (("status.json", {"state": "stopped"}), ("manifest.json", {"data": {"hash": "0" * 16}})):
        files.write_atomic(out / file, json.dumps(json.loads((out / file).read_text()) | changes))
    assert main(["resume", str(out)]) == 2
    assert "The data of run run changed" in capsys.readouterr().err


@pytest.mark.parametrize("line", ['{"step": 4', ""])
def test_a_torn_last_event_is_dropped_and_recorded_again(finished, tmp_path, line):
    import shutil

    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / "events.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in runs.read_events(out)) + line)
    files.write_atomic(
        out / "status.json", json.dumps(json.loads((out / "status.json").read_text()) | {"state": "stopped"})
    )
    (out / "rows.jsonl").unlink()
    assert main(["resume", str(out)]) == 0
    same(finished, out)
