"""Runs as child processes: started without a shell, told apart, told to stop, never left as zombies, never harmed by
the app's end."""

import os
import sys
import time

import psutil
import pytest
from fake_run import make_run

from app import jobs
from c2r import config
from c2r.base.errors import InputError
from c2r.store import lifecycle, runs

WRITES_A_RUN = """
import sys, time
from pathlib import Path
from c2r import config
from c2r.store.writing import RunWriter
writer = RunWriter(Path(sys.argv[1]), config.load("demo"))
writer.status(state="running")
time.sleep(float(sys.argv[2]))
writer.status(state="done", phase="finished")
"""
SETTINGS = config.load("demo")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No job of another test is remembered, and none of this test survives it."""
    monkeypatch.setattr(jobs, "_JOBS", {})
    monkeypatch.setattr(jobs, "_STOP_ASKED", {})
    monkeypatch.setattr(jobs, "ANSWER", 0.1)
    yield
    for job in jobs._JOBS.values():
        if job.alive:
            job.process.kill()
            job.process.wait(5)


@pytest.fixture
def child(monkeypatch):
    """Let `start` run Python code instead of a distillation."""

    def use(code: str, *arguments: object) -> None:
        monkeypatch.setattr(
            jobs.config,
            "command",
            lambda _settings, _preset, path: ["python", "-c", code, str(path), *map(str, arguments)],
        )

    return use


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_a_run_is_started_with_this_python_a_word_list_and_no_shell(monkeypatch, tmp_path):
    seen = {}

    class Popen:
        def __init__(self, words, **options):
            seen.update(options, words=words)

        def poll(self):
            return 0

        wait = poll

    monkeypatch.setattr(jobs.subprocess, "Popen", Popen)
    jobs.start(config.load("demo", {"ipc": 3}), "demo", tmp_path / "a run; rm -rf x")
    assert seen["words"][:5] == [sys.executable, "-m", "c2r", "distill", "--preset"]
    assert seen["words"][-2:] == ["--out", str(tmp_path / "a run; rm -rf x")] and "ipc=3" in seen["words"]
    assert seen["start_new_session"] is True and not seen.get("shell")


def test_start_returns_when_the_folder_is_there_and_the_child_leads_its_own_session(tmp_path, child):
    child(WRITES_A_RUN, 30)
    path = jobs.start(SETTINGS, "demo", tmp_path / "run")
    assert wait_for(lambda: runs.open_run(path).state == "running")
    pid = runs.open_run(path).status["pid"]
    assert os.getsid(pid) == pid != os.getsid(0)
    assert jobs.log_file(path) == tmp_path / ".logs" / "run.log" and jobs.log_file(path).exists()


def test_a_child_that_gives_up_at_once_is_an_input_error_with_its_own_sentence(tmp_path, child):
    child("import sys; print('loading'); sys.exit('Data set x expects images, found none: choose another.')")
    with pytest.raises(InputError, match="^Data set x expects images, found none: choose another.$"):
        jobs.start(SETTINGS, "demo", tmp_path / "run")


def test_a_child_that_dies_silently_is_reported_with_its_code(tmp_path, child):
    child("import sys; sys.exit(3)")
    with pytest.raises(InputError, match="ended with code 3 and said nothing"):
        jobs.start(SETTINGS, "demo", tmp_path / "run")


def test_a_run_whose_child_is_still_silent_is_queued_and_then_read_from_its_folder(tmp_path, child, monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE", 0.05)
    child("import time; time.sleep(0.5);" + WRITES_A_RUN, 0.1)
    path = jobs.start(SETTINGS, "demo", tmp_path / "run")
    assert jobs.look(path).state == "queued" and jobs.starting() == [path]
    assert wait_for(lambda: jobs.look(path).state == "done") and jobs.starting() == []


def test_a_child_that_dies_before_its_folder_says_why_when_it_is_looked_at(tmp_path, child, monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE", 0.05)
    child("import sys, time; time.sleep(2); sys.exit('No room on the disk.')")
    path = jobs.start(SETTINGS, "demo", tmp_path / "run")
    assert wait_for(lambda: jobs.look(path).problem == "No room on the disk.")
    assert jobs.look(path).state == "failed"


def test_ended_children_are_reaped(tmp_path, child):
    child(WRITES_A_RUN, 0)
    jobs.start(SETTINGS, "demo", tmp_path / "run")
    pid = jobs.find("distill", tmp_path / "run").process.pid
    assert wait_for(lambda: not psutil.pid_exists(pid)), "the child is still a zombie"


@pytest.mark.parametrize("word", lifecycle.COMMANDS)
def test_commands_are_left_in_the_control_file_of_a_living_run(tmp_path, word):
    run = runs.open_run(make_run(tmp_path / "run", state="paused" if word == "resume" else "running", steps=1))
    assert jobs.command(run, word) == f"Asked to {word}: run run has not answered yet."
    assert (run.path / "control").read_text() == word


def test_a_run_that_has_ended_takes_no_command(tmp_path):
    run = runs.open_run(make_run(tmp_path / "run", steps=1))
    with pytest.raises(InputError, match="Run run is done: expected a living run for 'pause'; start a new one."):
        jobs.command(run, "pause")
    assert not (run.path / "control").exists()


def test_force_stop_is_offered_only_after_the_grace_time(tmp_path, monkeypatch):
    run = runs.open_run(make_run(tmp_path / "run", state="running", steps=1))
    assert not jobs.may_force(run)
    jobs.command(run, "stop")
    assert not jobs.may_force(run)
    monkeypatch.setattr(jobs, "GRACE", -1.0)
    assert jobs.may_force(run)


def test_force_stop_ends_the_whole_group_of_a_deaf_process(tmp_path, child):
    code = (
        "import subprocess, sys; helper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        + WRITES_A_RUN
    )
    child(code, 60)
    path = jobs.start(SETTINGS, "demo", tmp_path / "run")
    family = [psutil.Process(runs.open_run(path).status["pid"])]
    assert wait_for(lambda: len(family[0].children()) == 1)
    family += family[0].children()
    jobs.force_stop(runs.open_run(path))
    assert wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    assert runs.open_run(path).state == "lost"


def test_force_stop_never_ends_the_process_that_asks(tmp_path):
    run = runs.open_run(make_run(tmp_path / "run", state="running", steps=1))
    with pytest.raises(InputError, match="lives in this very process"):
        jobs.force_stop(run)


def test_a_run_whose_process_is_just_leaving_is_resumed_when_it_is_gone(tmp_path, child, monkeypatch):
    leaves = (
        "import time; from pathlib import Path; import sys; from c2r import config; from c2r.store.writing import"
        " RunWriter;"
    )
    leaves += (
        "w = RunWriter(Path(sys.argv[1]), config.load('demo')); w.status(state='stopping'); w.status(state='stopped');"
        " time.sleep(0.6)"
    )
    child(leaves)
    path = jobs.start(SETTINGS, "demo", tmp_path / "run")
    assert wait_for(lambda: runs.open_run(path).state == "stopped") and jobs.find("distill", path).alive
    launched = []
    monkeypatch.setattr(
        jobs,
        "_launch",
        lambda kind, path, words: launched.append((words, jobs.find(kind, path).alive)) or jobs.find(kind, path),
    )
    jobs.resume(path)
    assert launched == [(["-m", "c2r", "resume", str(path)], False)]


def test_a_map_is_a_child_too_and_never_drawn_twice_at_once(tmp_path, monkeypatch):
    launched = []

    class Popen:
        pid = 0

        def __init__(self, command, **_options):
            launched.append(command)

        def poll(self):
            return None

        def wait(self):
            return 0

    monkeypatch.setattr(jobs.subprocess, "Popen", Popen)
    path = tmp_path / "run"
    path.mkdir()
    assert jobs.compute_map(path) is jobs.compute_map(path) is jobs.find("map", path)
    assert launched == [[sys.executable, "-m", "c2r", "map", str(path)]]
    monkeypatch.setattr(jobs, "_JOBS", {})


def test_an_evaluation_is_a_child_that_is_told_every_setting_and_its_own_folder(tmp_path):
    settings = config.load(
        "demo", {"protocol": "custom", "eval_eps": "2/255,4/255", "eval_targeted": True, "eval_seeds": 2}
    )
    words = jobs.evaluate_words(tmp_path / "run", settings, tmp_path / "run" / "evaluations" / "one")
    assert words[:6] == ["-m", "c2r", "evaluate", str(tmp_path / "run"), "--protocol", "custom"]
    assert words[-2:] == ["--out", str(tmp_path / "run" / "evaluations" / "one")]
    said = config.parse_assignments([word for before, word in zip(words, words[1:], strict=False) if before == "--set"])
    assert config.load("demo", said | {"protocol": "custom"}) == settings and said["eval_eps"] == "2/255,4/255"


@pytest.fixture
def evaluation(monkeypatch, tmp_path):
    """Let `evaluate` run Python code on a run; returns how to start it."""

    def start(code: str, *arguments: object):
        words = lambda _path, _settings, out: ["-c", code, str(out), *map(str, arguments)]  # noqa: E731
        monkeypatch.setattr(jobs, "evaluate_words", words)
        run = tmp_path / "run"
        if not run.exists():
            make_run(run, steps=1)
        return run, jobs.evaluate(run, SETTINGS)

    return start


def test_an_evaluation_has_a_folder_of_its_own_and_takes_its_own_commands(evaluation):
    run, out = evaluation(WRITES_A_RUN, 30)
    assert out.parent == run / "evaluations" and out.name.endswith("-custom-pgd-at")
    assert wait_for(lambda: [one.state for one in jobs.evaluations(run)] == ["running"])
    found = jobs.evaluations(run)
    assert [one.path for one in found] == [out]
    jobs.command(found[0], "stop")
    assert (out / "control").read_text() == "stop" and not (run / "control").exists()
    with pytest.raises(
        InputError, match="Run run is being evaluated: expected one evaluation at a time; wait for it or stop it."
    ):
        jobs.evaluate(run, SETTINGS)


def test_an_evaluation_that_gives_up_at_once_is_an_input_error_with_its_own_sentence(evaluation):
    with pytest.raises(InputError, match="^Unknown protocol 'x': choose another.$"):
        evaluation("import sys; sys.exit('Unknown protocol \\'x\\': choose another.')")


def test_an_evaluation_that_is_still_silent_is_queued_and_one_that_dies_unseen_says_why(evaluation, monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE", 0.05)
    run, out = evaluation("import sys, time; time.sleep(0.4); sys.exit('No room on the disk.')")
    assert [one.state for one in jobs.evaluations(run)] == ["queued"]
    assert wait_for(lambda: jobs.evaluations(run)[0].problem == "No room on the disk.")
    assert jobs.evaluations(run)[0].state == "failed" and wait_for(lambda: not out.exists())


def test_a_short_question_gives_what_was_printed_or_the_sentence_it_gave_up_with(monkeypatch):
    seen = []

    def run(words, **options):
        seen.append((words, options))
        return jobs.subprocess.CompletedProcess(
            words, len(seen) - 1, '{"shape": [1]}', "noise\nThe file is empty: choose another.\n"
        )

    monkeypatch.setattr(jobs.subprocess, "run", run)
    assert jobs.ask(["import", "a; rm -rf b", "--look"]) == jobs.Answer('{"shape": [1]}')
    assert jobs.ask(["import", "x"]).problem == "The file is empty: choose another."
    assert seen[0][0] == [sys.executable, "-m", "c2r", "import", "a; rm -rf b", "--look"] and not seen[0][1].get(
        "shell"
    )
    assert seen[0][1]["timeout"] == jobs.QUICK


def test_a_question_that_takes_too_long_is_an_input_error(monkeypatch):
    def run(words, **_options):
        raise jobs.subprocess.TimeoutExpired(words, 1)

    monkeypatch.setattr(jobs.subprocess, "run", run)
    with pytest.raises(InputError, match="'import' took longer than 180 s and was ended"):
        jobs.ask(["import", "x"])


def test_an_import_is_a_run_whose_child_may_read_for_longer_than_a_start(tmp_path, monkeypatch):
    launched = {}
    launch = jobs._launch

    def instead(kind, path, words):
        launched.update(kind=kind, words=words)
        return launch(kind, path, ["-c", "import time; time.sleep(0.5);" + WRITES_A_RUN, str(path), "0"])

    monkeypatch.setattr(jobs, "PATIENCE", 0.05)
    monkeypatch.setattr(jobs, "_launch", instead)
    path = jobs.import_set(["set.pt", "--data", "digits"], tmp_path / "run")
    assert (path / "status.json").exists() and launched["kind"] == "distill"
    assert launched["words"] == ["-m", "c2r", "import", "set.pt", "--data", "digits", "--out", str(path)]


def test_the_tail_of_a_log_reads_progress_bars_line_by_line_and_forgives_a_missing_file(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("one\n\n10 %\r20 %\r30 %\nlast\n")
    assert jobs.tail(log, 3) == ["20 %", "30 %", "last"]
    assert jobs.tail(tmp_path / "nothing") == []


def test_each_kind_of_child_has_a_log_of_its_own(tmp_path):
    logs = {jobs.log_file(tmp_path / "run", kind) for kind in ("distill", "map", "evaluate")}
    assert len(logs) == 3 and all(log.parent == tmp_path / ".logs" for log in logs)
