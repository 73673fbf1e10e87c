"""Where a run is written and what its folder says of itself: numbers, known words, the kind of work. Run: pytest
tests/test_claiming.py"""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import within
from fake_run import make_evaluation, make_run

from app import jobs
from c2r.__main__ import main
from c2r.cli import claimed, work
from c2r.config import load
from c2r.errors import InputError
from c2r.formats import archives, opening
from c2r.store import claiming, deleting, describing, kinds, locks, runs, sizes, writing
from c2r.store.results import own_rows
from c2r.work import forking

EVIL = "/../../x/y"


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "home" / "runs"))
    return tmp_path / "home" / "runs"


def everything(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*"))


@pytest.fixture(params=["npz", "safetensors"])
def hostile(tmp_path, request):
    """A set that fits the digits and names a method that is a path."""
    images, labels = np.zeros((10, 1, 8, 8), np.uint8), np.arange(10)
    file = tmp_path / f"set.{request.param}"
    if request.param == "npz":
        np.savez(file, images=images, labels=labels, metadata=np.array(json.dumps({"method": EVIL})))
    else:
        from safetensors.numpy import save_file

        save_file({"images": images, "labels": labels}, file, metadata={"method": EVIL})
    return file


def test_words_from_a_file_never_choose_where_its_run_is_written(store, hostile, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(work, "start", lambda _config, _preset, out, *_, **__: asked.append(out) or 0)
    assert main(["import", str(hostile), "--data", "digits"]) == 0
    assert asked[0].parent == store and re.fullmatch("[a-z0-9-]+", asked[0].name), asked
    assert not [name for name in everything(tmp_path) if "x/y" in name or name.startswith("x")]


@pytest.mark.parametrize(
    "refusal", [["--data", "fashion"], ["--data", "digits", "--set", "ipc=0"], ["--data", "digits", "--set", "depth=4"]]
)
def test_a_refused_import_leaves_nothing(store, hostile, tmp_path, refusal):
    before = everything(tmp_path)
    assert main(["import", str(hostile), *refusal]) == 2
    assert [name for name in everything(tmp_path) if name not in before and not (tmp_path / name).is_dir()] == []
    assert not store.exists() or everything(store) == [".imports"] or everything(store) == []


def test_a_refused_import_leaves_a_set_that_another_run_brought(store, tmp_path):
    file = tmp_path / "set.npz"
    np.savez(file, images=np.zeros((10, 1, 8, 8), np.uint8), labels=np.arange(10))
    taken = store / "taken"
    make_run(taken, steps=1)
    words = ["import", str(file), "--data", "digits", "--out", str(taken)]
    assert main(words) == 2
    assert not list((store / ".imports").glob("*"))


def test_a_refused_fork_leaves_nothing(store):
    run = make_run(store / "one", steps=2)
    for changes in ({"ipc": 3}, {"eps": "9"}, {"method": "full-data"}):
        with pytest.raises(InputError):
            forking.prepare(run, 0, store, changes)
    assert not list(store.glob(".imports/*"))


@pytest.mark.parametrize("data", ["/d/../../evil/…/Ünïcode.npz", "a" * 400 + ".npz", "~nouser/x"])
def test_the_name_of_a_run_is_short_and_of_plain_letters(data):
    name = runs.new_id(load("demo", {"data": data}))
    assert re.fullmatch("[a-z0-9-]+", name) and len(name) < 100


def test_twenty_claims_of_one_name_at_once_all_get_a_folder_of_their_own(tmp_path):
    with ThreadPoolExecutor(20) as pool:
        writers = list(
            pool.map(lambda _: writing.RunWriter(tmp_path / "store" / "run", load("demo"), numbered=True), range(20))
        )
    names = {writer.path.name for writer in writers}
    assert names == {"run", *(f"run-{number}" for number in range(2, 21))}
    assert all(runs.open_run(writer.path).state == "queued" for writer in writers)
    assert not [name for name in everything(tmp_path) if name.endswith(".tmp")]


def test_processes_that_claim_one_name_at_once_all_get_a_folder_of_their_own(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from c2r.store import"
        " claiming\nsys.stdin.readline()\nprint(*[claiming.claim(Path(sys.argv[1]), {'config.json': '{}'}, 'frames',"
        " numbered=True).name for _ in range(5)])"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "store" / "run")]
    children = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    names = [name for child in children for name in child.communicate(timeout=30)[0].split()]
    assert len(names) == len(set(names)) == 20 and all(
        (tmp_path / "store" / name / "config.json").exists() for name in names
    )


def test_of_two_that_claim_one_folder_without_a_number_one_is_told_so(tmp_path, monkeypatch):
    rename = claiming.os.rename

    def late(source, target):
        (
            writing.RunWriter(target, load("demo"))
            if not (target / "config.json").exists() and monkeypatch.undo() is None
            else None
        )
        rename(source, target)

    monkeypatch.setattr(claiming.os, "rename", late)
    with pytest.raises(InputError, match="is not empty: expected a new or empty folder; choose another --out"):
        writing.RunWriter(tmp_path / "run", load("demo"))
    assert runs.open_run(tmp_path / "run").state == "queued"


def test_a_folder_that_a_killed_claim_left_empty_is_no_run_and_in_nobodys_way(tmp_path):
    (tmp_path / "run").mkdir()
    assert runs.list_runs(tmp_path) == []
    assert writing.RunWriter(tmp_path / "run", load("demo"), numbered=True).path.name == "run-2"
    assert claiming.settle(make_run(tmp_path / "other", steps=1), tmp_path, "run").name == "run-3"


def test_the_commands_claim_by_number_and_an_out_that_is_taken_is_refused(store, monkeypatch):
    numbers = []

    def claim(out, _config, *_, numbered=False, **__):
        numbers.append((out, numbered))
        raise InputError("That is enough.")

    monkeypatch.setattr(claimed.writing, "RunWriter", claim)
    run = make_run(store / "one", steps=2)
    for words in (["distill"], ["evaluate", str(run)], ["fork", str(run), "--step", "0"]):
        for extra, expected in (([], True), (["--out", str(store / "mine")], False)):
            assert main([*words, *extra]) == 2
            assert numbers[-1][1] is expected


def evaluation_of(run: Path, out: Path, **status: object) -> Path:
    """An evaluation of `run` that was cut off before anything was recorded."""
    writer = writing.RunWriter(out, load("demo"), of=run)
    writer.status(force=True, state="stopped", **status)
    writer._lock.close()
    return out


@pytest.mark.parametrize("place", ["elsewhere/mine", "home/runs/one/evaluations/mine"])
def test_a_resumed_evaluation_evaluates_the_run_that_it_began_with_wherever_it_lies(
    store, tmp_path, monkeypatch, place
):
    run = make_run(store / "one", steps=2)
    out = evaluation_of(run, tmp_path / place)
    seen = []
    tasks = type(
        "",
        (),
        {
            "evaluate_set": lambda _w, _c, source: seen.append(source) or [],
            "distil": lambda *_, **__: pytest.fail("distilled"),
        },
    )
    monkeypatch.setattr(work, "_tasks", lambda: tasks)
    assert main(["resume", str(out)]) == 0
    assert seen == [run]


def test_an_evaluation_in_its_run_moves_with_it(store):
    run = make_run(store / "one", steps=2)
    evaluation_of(run, run / "evaluations" / "mine")
    moved = run.rename(store / "two")
    assert kinds.evaluated(runs.open_run(moved / "evaluations" / "mine")) == moved


def test_an_evaluation_whose_run_is_gone_is_not_resumed(store, tmp_path, capsys):
    run = make_run(store / "one", steps=2)
    out = evaluation_of(run, tmp_path / "mine")
    deleting.delete(run, store)
    assert main(["resume", str(out)]) == 2
    said = capsys.readouterr().err.strip()
    assert (
        said.startswith(f"Evaluation mine is of the run in {run}, which is not there any more")
        and said.endswith(".")
        and "\n" not in said
    )


def test_folders_of_before_that_do_not_say_what_they_hold_are_told_apart(store, tmp_path):
    run = make_run(store / "one", steps=2)
    for out in (tmp_path / "mine", run / "evaluations" / "mine"):
        status = json.loads((evaluation_of(run, out) / "status.json").read_text())
        (out / "status.json").write_text(json.dumps({key: value for key, value in status.items() if key != "of"}))
    assert kinds.evaluated(runs.open_run(run / "evaluations" / "mine")) == run
    assert kinds.evaluated(runs.open_run(tmp_path / "mine")) is None
    (tmp_path / "mine" / "manifest.json").write_text('{"step": null}')
    with pytest.raises(InputError, match="Evaluation mine does not say which run it is of: .* start a new evaluation"):
        kinds.evaluated(runs.open_run(tmp_path / "mine"))


def test_a_run_that_lies_in_a_folder_called_evaluations_is_a_run(store):
    run = make_run(store / "one", steps=2)
    assert kinds.evaluated(runs.open_run(make_run(run / "evaluations" / "no evaluation", steps=1))) is None


def test_a_run_whose_lock_is_held_lives_whatever_its_process_number_says(tmp_path):
    writer = writing.RunWriter(tmp_path / "run", load("demo"))
    writer.status(force=True, state="running", pid=2**30, pid_started=1.0, boot="another machine")
    assert runs.open_run(writer.path).state == "running"
    writer._lock.close()
    assert runs.open_run(writer.path).state == "lost"


def test_a_look_at_a_lock_never_keeps_the_one_who_may_have_it_from_it(tmp_path):
    writer = writing.RunWriter(tmp_path / "run", load("demo"))
    writer._lock.close()
    looking = open(writer.path / "lock")  # noqa: SIM115 - held by a reader for a moment
    assert locks.lock(looking)
    threading.Timer(0.1, looking.close).start()
    claiming.hold(writer.path).close()


def test_a_process_of_another_namespace_is_never_ended_from_here(tmp_path):
    writer = writing.RunWriter(tmp_path / "run", load("demo"))
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    writer.status(force=True, state="running", pid=bystander.pid, pid_started=1.0, boot="another machine")
    with pytest.raises(
        InputError, match="works in another container or machine: expected a process of this one; end it there"
    ):
        jobs.force_stop(runs.open_run(writer.path))
    assert bystander.poll() is None
    bystander.communicate(b"\n")


@pytest.mark.parametrize("state", ["stopped", "lost", "running"])
@pytest.mark.parametrize("name", ["lock", "control"])
def test_a_folder_where_lock_or_control_belong_gets_one_sentence(store, capsys, name, state):
    run = make_run(store / "one", steps=1, state=state)
    (run / name).unlink(missing_ok=True)
    (run / name).mkdir()
    (run / name / "file").write_text("x")
    assert runs.open_run(run).problem == ""
    words = {"running": "stop", "stopped": "resume", "lost": "resume"}[state]
    if (name, state) != ("lock", "running"):
        assert main([words, str(run)]) == 2
        said = capsys.readouterr().err.strip()
        assert f"{name} of run one is a folder: expected a file; remove that folder." in said and "\n" not in said
    if name == "lock" and state != "running":
        with pytest.raises(InputError, match="lock of run one is a folder"):
            deleting.delete(run, store)


@pytest.mark.parametrize("kind", ["fifo", "endless"])
def test_what_is_no_regular_file_is_not_read(store, kind):
    run, other = make_run(store / "one", steps=1), make_run(store / "two", steps=1)
    for name in ("status.json", "events.jsonl", "frames/000000.safetensors", "rows.jsonl"):
        (run / name).unlink()
        os.mkfifo(run / name) if kind == "fifo" else (run / name).symlink_to("/dev/zero")
    with within(5):
        found = {one.id: one.problem for one in runs.list_runs(store)}
        assert found == {"one": found["one"], other.name: ""} and "status.json is missing or unreadable" in found["one"]
        assert runs.read_events(run) == own_rows(run) == []
        with pytest.raises(InputError, match="is damaged|has no"):
            runs.read_frame(run, 0)
        assert {one["id"] for one in sizes.storage(store)["runs"]} == {"one", "two"}


def test_one_run_without_permission_hides_no_other(store, monkeypatch):
    make_run(store / "open", steps=1)
    locked = make_run(store / "locked", steps=1)
    stat, listed = os.stat, os.listdir

    def refusing(do):
        def act(path=".", *words, **named):
            if not isinstance(path, int) and str(path).startswith(f"{locked}{os.sep}"):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return do(path, *words, **named)

        return act

    monkeypatch.setattr(os, "stat", refusing(stat))
    monkeypatch.setattr(os, "open", refusing(os.open))
    monkeypatch.setattr(
        os,
        "listdir",
        lambda path=".": (_ for _ in ()).throw(PermissionError()) if str(path) == str(locked) else listed(path),
    )
    found = {run.id: run.problem for run in runs.list_runs(store)}
    assert found["open"] == "" and "locked" in found and "No permission to read" in found["locked"]
    assert "open" in {run["id"] for run in sizes.storage(store)["runs"]}
    assert main(["list", "--store", str(store)]) == main(["storage", "--store", str(store)]) == 0


def test_an_opened_archive_says_nothing_of_places_of_this_machine(store, tmp_path):
    run = make_run(store / "one", steps=1)
    out = evaluation_of(run, tmp_path / "mine")
    opened = opening.open_archive(archives.archive(out, tmp_path / "mine.zip"), tmp_path / "elsewhere")
    with pytest.raises(InputError, match="does not say which run it is of"):
        kinds.evaluated(runs.open_run(opened))


def test_the_same_archive_opened_twice_is_one_run_and_the_second_time_says_where(store, tmp_path, capsys):
    run = make_run(store / "one", steps=2)
    file = archives.archive(run, tmp_path / "one.zip")
    first = opening.open_archive(file, tmp_path / "elsewhere")
    describing.describe(first, "mine")
    for there, place in ((store, run), (first.parent, first)):
        with pytest.raises(
            opening.AlreadyThere, match=f"one.zip holds run one, which is in this store already: {place}"
        ) as told:
            opening.open_archive(file, there)
        assert told.value.path == place and len(runs.list_runs(there)) == 1
    assert main(["open", str(file)]) == 2 and "--again" in capsys.readouterr().err
    assert main(["open", str(file), "--again"]) == 0 and "one-2" in capsys.readouterr().out


def test_an_archive_of_the_same_run_with_another_evaluation_is_opened(store, tmp_path):
    run = make_run(store / "one", steps=2)
    make_evaluation(run, "e1")
    file = archives.archive(run, tmp_path / "one.zip")
    shutil.rmtree(run / "evaluations")
    assert opening.open_archive(file, store).name == "one-2"


def test_archive_says_what_it_left_out(store, tmp_path, capsys):
    run = make_run(store / "one", steps=2)
    assert main(["archive", str(run), str(tmp_path / "whole.zip")]) == 0
    assert "Left out" not in capsys.readouterr().out
    (run / "my notes.txt").write_text("x")
    (run / "plots").mkdir()
    (run / "plots" / "a\nb.png").write_text("x")
    (run / "link.json").symlink_to("config.json")
    assert main(["archive", str(run), str(tmp_path / "one.zip")]) == 0
    said = capsys.readouterr().out.strip().splitlines()
    assert (
        said[-1] == "Left out, because a run does not write them: link.json, my notes.txt, plots/a?b.png."
        and len(said) == 2
    )


@pytest.mark.parametrize(("said", "meant"), [("~/runs", "home/runs"), ("~nobody-at-all/x", None)])
def test_a_home_in_the_name_of_the_store_is_followed(tmp_path, monkeypatch, said, meant):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("C2R_RUNS", said)
    assert runs.default_store() == (tmp_path / meant if meant else Path(said))


@pytest.mark.parametrize(
    ("out", "said"), [("x" * 300, "File name too long"), ("loop/run", "taken or not a folder|symbolic links")]
)
def test_a_name_that_no_disk_holds_is_not_a_matter_of_space(tmp_path, out, said):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for numbered in (False, True):
        with pytest.raises(InputError, match=said) as told:
            writing.RunWriter(tmp_path / out, load("demo"), numbered=numbered)
        assert "space" not in str(told.value) and "expected" in str(told.value)


@pytest.mark.parametrize("how", ["before", "after"])
def test_a_claim_that_is_killed_half_way_leaves_a_run_that_goes_on_or_none(tmp_path, how):
    code = (
        "import os, signal, sys; from pathlib import Path; from c2r import config; from c2r.store import claiming,"
        " writing\ndef die(folder, place, fill=claiming.fill):\n    sys.argv[2] == 'after' and fill(folder, place)\n   "
        " os.kill(os.getpid(), signal.SIGKILL)\nclaiming.fill = die\nwriting.RunWriter(Path(sys.argv[1]),"
        " config.load('demo'), numbered=True)"
    )
    make_run(tmp_path / "run", steps=1)
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "run"), how]).returncode == -signal.SIGKILL
    found = {run.id: (run.state, run.problem) for run in runs.list_runs(tmp_path)}
    assert found == {"run": ("done", "")} | ({"run-2": ("lost", "")} if how == "after" else {})
    if how == "after":
        assert writing.RunWriter(tmp_path / "run-2", load("demo"), reopen=True).state == "queued"
    assert writing.RunWriter(tmp_path / "run", load("demo"), numbered=True).path.name == "run-3"
