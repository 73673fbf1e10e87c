"""What the machine does to runs: one sentence, a truthful state, nothing half-written, other runs untouched. Run:
pytest tests/test_disasters.py"""

import builtins
import errno
import json
import os
import re
import shutil
import sys
import threading
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from conftest import TINY, arguments
from fake_run import make_run
from safetensors import SafetensorError
from test_pages import open_page, text
from test_runs import FRAME
from torch import nn

from app import jobs, words
from app.components import housekeeping as housekeeping
from app.components import importing
from c2r.__main__ import main
from c2r.base import disasters
from c2r.base.errors import InputError
from c2r.cli import claimed
from c2r.config import load
from c2r.data.real import load_on_device
from c2r.distilled import DistilledSet
from c2r.evaluation.evaluate import Judged
from c2r.evaluation.judging import judge_again
from c2r.events import Finished, Progress, State
from c2r.formats import archives
from c2r.methods.observer import Basis, Recorded
from c2r.store import deleting, describing, files, processes, runs, slots, writing
from c2r.store.control import Listener
from c2r.store.results import headline_folder
from c2r.work import cost, evaluations, machine, preflight, tasks
from c2r.work.worker import Worker, explain

FULL = "The disk is full: expected room for what is written; free some space, then resume or start again."


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small finished run; look, but do not change it."""
    return make_run(tmp_path_factory.mktemp("small") / "run", steps=2, n=8)


@pytest.fixture
def store(small, tmp_path, monkeypatch):
    """A run store with one finished run, ``other``; the app looks there."""
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample_run"))
    shutil.copytree(small, tmp_path / "runs" / "other")
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A tiny finished run without a map, which would take longest; look, but do not change it."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tasks, "_draw", lambda *_: None)
        assert main(arguments(out)) == 0
    return out


def contents(folder):
    """Every file below a folder with its bytes."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def litter(folder):
    """What a write that was cut off might leave behind."""
    return [file.name for file in folder.rglob("*") if file.name.endswith(".tmp") or file.name == writing.RESERVE]


def worker_of(path):
    writer = writing.RunWriter(path, load("demo"))
    return Worker(writer, lambda *_: None, Listener(writer))


def stop_writing(monkeypatch, pattern, number=errno.ENOSPC):
    """From now on files named like `pattern` cannot be written; a last status can, once the reserve of its run is given
    back."""
    replace, real = os.replace, builtins.open

    def refused(file):
        file = Path(file)
        return fnmatch(file.name, pattern) and not (
            file.name == "status.json" and not (file.parent / writing.RESERVE).exists()
        )

    def replacing(source, target, **options):
        if refused(target):
            raise OSError(number, os.strerror(number))
        replace(source, target, **options)

    def opening(file, mode="r", *rest, **options):
        if "a" in mode and refused(file):
            raise OSError(number, os.strerror(number))
        return real(file, mode, *rest, **options)

    monkeypatch.setattr(os, "replace", replacing)
    monkeypatch.setattr(builtins, "open", opening)


def everything(worker):
    """Writes each kind of file that a run writes, through the functions that write it."""
    path = worker.writer.path
    worker.log("begun")
    worker.writer.manifest(commit="0")
    worker.progress(Progress("pool", 1, 2))
    frame = FRAME | {"embedding_clean": np.zeros((3, 2), np.float16), "embedding_adv": np.zeros((3, 2), np.float16)}
    made = DistilledSet(FRAME["images"], FRAME["labels"])
    events = [
        Basis({"mean": np.zeros(2)}),
        Recorded(0, {"n": 3}, frame, made),
        State(0, {"images": torch.zeros(2)}, {}, {"network-0": {"0.weight": torch.zeros(2)}}),
        Finished(made),
    ]
    for event in events:
        tasks._take(worker, event)
    files.save_arrays(path, "map", {"steps": np.zeros(1)})
    evaluations.save_network(path / "networks" / "seed0.safetensors", nn.Linear(2, 2))
    evaluations._save_judged(path, Judged(0, [], {"set/pgd": np.zeros(3, np.uint8)}))
    files.write_atomic(path / "checks.json", "[]")
    writing.save_rows(path, [{"accuracy": 0.5}])
    return []


KINDS = (
    "status.json",
    "log.txt",
    "manifest.json",
    "network-0.safetensors",
    "basis.safetensors",
    "000000.safetensors",
    "events.jsonl",
    "checkpoint.safetensors",
    "synthetic.safetensors",
    "map.safetensors",
    "seed0.safetensors",
    "outcomes0.safetensors",
    "checks.json",
    "rows.jsonl",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fills_up_at_any_file_fails_the_run_with_one_sentence(store, monkeypatch, kind):
    worker, before = worker_of(store / "one"), contents(store / "other")
    worker.writer.status(state="running")
    with monkeypatch.context() as patched:
        stop_writing(patched, kind)
        with pytest.raises(InputError, match=FULL):
            worker.run(everything)
    found = runs.open_run(store / "one")
    assert (found.state, found.status["message"], found.problem) == ("failed", FULL, "")
    assert litter(store) == [] and contents(store / "other") == before
    assert not list((store / "one").rglob(kind)) or kind in ("status.json", "log.txt")


def test_the_same_work_on_a_disk_with_room_is_done_and_gives_its_reserve_back(store):
    worker = worker_of(store / "one")
    worker.writer.status(state="running")
    assert (store / "one" / writing.RESERVE).stat().st_size == writing.RESERVED
    assert worker.run(everything) == []
    assert runs.open_run(store / "one").state == "done" and litter(store) == []


def test_a_stop_on_a_full_disk_ends_stopped(store, monkeypatch):
    worker = worker_of(store / "one")
    worker.writer.status(state="running")
    stop_writing(monkeypatch, "*")
    monkeypatch.setattr(worker, "log", lambda *_: None)

    def stopped(_):
        raise KeyboardInterrupt

    assert worker.run(stopped) == []
    assert runs.open_run(store / "one").state == "stopped"


def test_a_last_status_that_cannot_be_written_at_all_leaves_the_old_one_whole_and_the_run_lost(store, monkeypatch):
    worker = worker_of(store / "one")
    worker.writer.status(state="running")
    with monkeypatch.context() as patched:
        patched.setattr(
            writing,
            "write_atomic",
            lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EROFS, "Read-only file system")),
        )
        with pytest.raises(InputError, match="The disk is read-only"):
            worker.run(everything)
    status = json.loads((store / "one" / "status.json").read_text())
    assert status["state"] == "running" and worker.writer.state == "running"
    monkeypatch.setattr(psutil.Process, "status", lambda _: psutil.STATUS_ZOMBIE)
    worker.writer._lock.close()
    assert runs.open_run(store / "one").state == "lost"


def test_a_run_folder_that_cannot_be_made_leaves_nothing(store, monkeypatch, capsys):
    before = contents(store)
    stop_writing(monkeypatch, "config.json")
    assert main(arguments(store / "one")) == 2
    assert "cannot be made (No space left on device): free some space" in capsys.readouterr().err
    assert contents(store) == before and sorted(os.listdir(store)) == ["other"]


def test_a_full_disk_in_the_queue_is_no_reason_to_lose_the_place(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with slots.ticket(tmp_path / "queue", "one"), slots.ticket(tmp_path / "queue", "two") as second:
        assert len(slots.ahead(second)) == 1


def test_what_fails_between_the_folder_and_the_work_is_a_failed_run(store, monkeypatch, capsys):
    monkeypatch.setattr(slots, "ticket", lambda *_: (_ for _ in ()).throw(OSError(errno.EMFILE, "Too many open files")))
    assert main(arguments(store / "one")) == 2
    assert "Too many files are open" in capsys.readouterr().err
    assert runs.open_run(store / "one").state == "failed"


def test_a_run_that_failed_on_a_full_disk_ends_after_a_resume_as_if_there_had_been_room(
    whole, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tasks, "_draw", lambda *_: None)
    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        stop_writing(patched, "000004.safetensors")
        assert main(arguments(out)) == 2
    assert FULL in capsys.readouterr().err
    assert runs.open_run(out).state == "failed" and runs.frame_steps(out) == [0, 2] and litter(out) == []
    assert main(["resume", str(out)]) == 0
    for name in ("synthetic", "outcomes"):
        one, two = runs.read_arrays(whole, name), runs.read_arrays(out, name)
        assert all((one[key] == two[key]).all() for key in one)


def test_a_full_disk_while_data_are_read_is_no_fault_of_the_data(store, monkeypatch):
    worker = worker_of(store / "one")
    worker.writer.status(state="running", phase="starting")
    stop_writing(monkeypatch, "status.json")
    worker.loading("reading", 0.5)  # said by what is written next


def test_a_command_without_a_run_folder_of_its_own_says_the_same(whole, tmp_path, monkeypatch, capsys):
    shutil.copytree(whole, tmp_path / "run")
    stop_writing(monkeypatch, "*.json")
    assert main(["check", str(tmp_path / "run"), "--only", "threat-models"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1] == FULL


ERRORS = {
    "The disk is full": OSError(errno.ENOSPC, "No space left on device"),
    "Your disk quota is used up": OSError(errno.EDQUOT, "Disk quota exceeded"),
    "A file would be larger": OSError(errno.EFBIG, "File too large"),
    "The disk is read-only": OSError(errno.EROFS, "Read-only file system"),
    "The disk reports an error of its own": OSError(errno.EIO, "Input/output error", "frames/000010.safetensors"),
    "No permission for frames: expected files of yours": PermissionError(errno.EACCES, "Permission denied", "frames"),
    "status.json is not there any more": FileNotFoundError(errno.ENOENT, "No such file", "status.json"),
    "The disk is full: ": SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    "The memory is used up": MemoryError(),
    "The memory is used up: ": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "The memory is used up: expected": RuntimeError("can't start new thread"),
    "The GPU ran out of memory": torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of ..."
    ),
    "The GPU ran out of memory: ": RuntimeError(
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"
    ),
    "The GPU ran out of memory: expected": RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "The GPU stopped working (CUDA error: device-side assert": torch.AcceleratorError(
        "CUDA error: device-side assert triggered\nCompile"
    ),
    "The GPU stopped working (cuDNN error: CUDNN_STATUS_EX": RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    "The GPU stopped working (CUDA error: unspecified": RuntimeError("CUDA error: unspecified launch failure"),
}


@pytest.mark.parametrize("sentence", ERRORS)
def test_whatever_the_machine_does_has_a_sentence_on_one_line_that_says_what_to_do(store, sentence):
    worker = worker_of(store / "one")
    worker.writer.status(state="running")

    def broken(_):
        raise ERRORS[sentence]

    with pytest.raises(InputError) as found:
        worker.run(broken)
    said, run = str(found.value), runs.open_run(store / "one")
    assert (
        said.startswith(sentence.rstrip(" :").removesuffix(": expected"))
        and "expected" in said
        and "\n" not in said
        and said.endswith(".")
    )
    assert re.search("start|resume", said) or "choose another run store" in said or "use another run store" in said
    assert (run.state, run.status["message"]) == ("failed", said)


def test_the_errors_that_numpy_and_torch_really_raise_are_known_for_what_they_are():
    with pytest.raises(MemoryError) as numpys:
        np.empty(1 << 60, np.uint8)
    with pytest.raises(RuntimeError) as torchs:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert not isinstance(torchs.value, MemoryError)
    for error in (numpys.value, torchs.value):
        assert explain(error).startswith("The memory is used up: expected what the Start page estimates")


def test_a_fault_of_the_program_is_no_disaster_and_points_at_the_log():
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied\nby far")
    assert disasters.sentence(error) == "" and disasters.sentence(ValueError("no space left on device")) == ""
    assert explain(error).startswith(
        "The run broke with RuntimeError (mat1 and mat2 shapes cannot be multiplied): the details"
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory as Linux knows them")
def test_a_limit_of_memory_in_earnest_fails_the_run_with_the_sentence(store):
    import resource

    worker = worker_of(store / "one")
    worker.writer.status(state="running")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)

    def hungry(_):
        resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + (64 << 20), hard))
        return [torch.ones(64 << 20)]

    try:
        with pytest.raises(InputError, match="The memory is used up"):
            worker.run(hungry)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert runs.open_run(store / "one").state == "failed"


# Clock


def set_clock(monkeypatch, hours):
    real = writing.time.time
    monkeypatch.setattr(writing.time, "time", lambda: real() + 3600 * hours)


@pytest.mark.parametrize("hours", [-24, 24])
def test_progress_goes_on_and_time_left_is_never_negative_when_the_clock_is_set(store, monkeypatch, hours):
    worker = worker_of(store / "one")
    worker.writer.status(state="running")
    worker.forecast({"pool": 0.5, "distill": 0.5}, 100.0)
    worker.progress(Progress("pool", 1, 10))
    set_clock(monkeypatch, hours)
    worker.writer._written -= 1  # a second later by a clock that only goes forward
    worker.progress(Progress("distill", 3, 10))
    status = runs.open_run(store / "one").status
    assert status["step"] == 3 and 0 < status["eta_s"] < 100
    worker.progress(Progress("distill", 15, 10))
    assert worker._eta(Progress("distill", 15, 10)) == 0.0


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_living_run_stays_alive_whatever_the_clock_says(store, monkeypatch, hours):
    worker_of(store / "one").writer.status(state="running")
    real = psutil.Process.create_time
    monkeypatch.setattr(
        psutil.Process, "create_time", lambda process: real(process) + 3600 * hours
    )  # it follows the clock on Linux
    assert runs.open_run(store / "one").state == "running" or not processes.own()["boot"]


def test_the_same_process_number_after_a_restart_of_the_machine_is_another_process():
    mine = processes.own()
    assert processes.alive(mine) and not processes.alive(mine | {"pid_started": mine["pid_started"] + 1})
    assert not mine["boot"] or not processes.alive(mine | {"boot": "another start"})
    assert processes.alive(
        {"pid": os.getpid(), "pid_started": psutil.Process().create_time()}
    )  # as runs of older versions say it


def test_ages_are_never_negative_and_a_span_over_a_set_clock_is_left_out(store):
    worker_of(store / "one").writer.status(state="running")
    run = runs.open_run(store / "one")
    assert "heartbeat 0 s ago" in words.strip_text(run, run.status["heartbeat"] - 3600)
    assert words.age(-3.0) == "0 s"
    ended = lambda seconds: runs.Run(run.path, "stopped", run.config, run.status | {"worked_s": seconds})  # noqa: E731
    assert "worked for 9 s" in words.strip_text(ended(9.4), 0.0) and "worked" not in words.strip_text(ended(0.0), 0.0)


def test_only_work_counts_as_work_whatever_the_clock_says_and_however_long_a_run_waits_or_pauses(store, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(writing, "time", SimpleNamespace(monotonic=lambda: now[0], time=lambda: 1e9))
    writer = writing.RunWriter(store / "one", load("demo"))
    for state, seconds in (("queued", 50), ("running", 5), ("paused", 600), ("running", 2), ("stopped", 0)):
        writer.status(state=state)
        now[0] += seconds
    assert runs.open_run(store / "one").status["worked_s"] == 7


def test_evaluations_stand_in_the_order_they_came_even_when_the_clock_was_set_back(store, monkeypatch):
    for name, hours in (("first", 0), ("second", -24)):
        set_clock(monkeypatch, hours)
        writer = writing.RunWriter(store / "other" / "evaluations" / name, load("demo"))
        writer.status(state="running")
        writer.status(state="done")
    assert headline_folder(store / "other") == store / "other", "no later one replaces the headline"
    assert [run.id for run in runs.evaluations(store / "other")] == ["second", "first"]


def test_two_runs_of_one_second_get_folders_of_their_own(store, monkeypatch):
    child = SimpleNamespace(poll=lambda: None, wait=threading.Event().wait, pid=0)
    monkeypatch.setattr(jobs, "_JOBS", {})
    monkeypatch.setattr(jobs, "PATIENCE", 0.0)
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda *_, **__: child)
    settings = load("demo")
    names = [jobs.start(settings, "demo", store / name).name for name in ("new", "new", "other")]
    assert names == ["new", "new-2", "other-2"]


def test_emptying_the_trash_empties_it_even_of_what_was_deleted_later_by_the_clock(store):
    make_run(store / "gone", steps=1)
    place = deleting.delete(store / "gone", store)
    later = datetime.now(UTC) + timedelta(days=3)
    place.rename(place.with_name(f"gone-{later:{deleting.MOMENT}}"))
    assert deleting.empty_trash(store, 1) == 0
    assert deleting.empty_trash(store) == 1 and deleting.deleted(store) == []


# Folders that go


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
def test_a_run_whose_folder_is_deleted_or_replaced_ends_with_one_sentence_and_makes_nothing_anew(store, replaced):
    path, before = store / "one", contents(store / "other")
    worker, after = worker_of(path), {}
    worker.writer.status(state="running")

    def work_on(worker):
        shutil.rmtree(path)
        if replaced:
            make_run(path, steps=1)
            after.update(contents(path))
        worker.progress(Progress("distill", 1, 2))

    with pytest.raises(
        InputError, match="was deleted or replaced while its process worked: expected it to stay; bring it back"
    ):
        worker.run(work_on)
    assert contents(path) == after if replaced else not path.exists()
    assert contents(store / "other") == before and sorted(os.listdir(store)) == sorted(["other"] + ["one"] * replaced)


@pytest.mark.parametrize(
    "write",
    [
        lambda w: files.save_arrays(w.path, "synthetic", {"a": np.zeros(1)}),
        lambda w: files.save_arrays(w.path, "frames/000000", {"a": np.zeros(1)}),
        lambda w: w.line("events", {}),
        lambda w: w.manifest(),
        lambda w: writing.save_rows(w.path, []),
        lambda w: runs.send(w.path, "stop"),
        lambda w: evaluations.save_network(w.path / "networks" / "seed0.safetensors", nn.Linear(1, 1)),
        lambda w: tasks.save_state(w.path, State(0, parts={"network-0": {"0.a": torch.zeros(1)}})),
    ],
)
def test_no_kind_of_write_makes_a_deleted_run_folder_again(store, write):
    writer = worker_of(store / "one").writer
    shutil.rmtree(writer.path)
    with pytest.raises((OSError, InputError)) as found:
        write(writer)
    assert explain(found.value).endswith("bring it back, or start again.") and not writer.path.exists()


def test_a_paused_and_a_waiting_run_notice_that_their_folder_is_gone(store, monkeypatch):
    worker = worker_of(store / "one")
    worker.writer.status(state="running")
    worker.paused = True
    monkeypatch.setattr("c2r.work.worker.time.sleep", lambda _: shutil.rmtree(store / "one"))
    with pytest.raises(InputError, match="was deleted or replaced"):
        worker.progress(Progress("distill", 1, 2))
    waiting = worker_of(store / "two")
    monkeypatch.setattr(slots, "ahead", lambda _: ["other"])
    monkeypatch.setattr(claimed.time, "sleep", lambda _: shutil.rmtree(store / "two"))
    with pytest.raises(InputError, match="was deleted or replaced"):
        claimed._wait(waiting.writer, waiting.listener, None)


def test_nothing_is_started_for_a_run_that_is_gone_and_no_folder_is_made(store):
    settings = load("demo")
    for start in (
        lambda: jobs.evaluate(store / "gone", settings),
        lambda: jobs.compute_map(store / "gone"),
        lambda: jobs.resume(store / "gone"),
    ):
        with pytest.raises(InputError, match="There is no run folder 'gone'"):
            start()
    assert not (store / "gone").exists()


@pytest.mark.parametrize("page", ["live", "gallery"])
def test_a_page_says_that_the_run_it_showed_is_gone(store, page):
    make_run(store / "one", steps=2, n=8)
    app = open_page(page, run="one")
    assert app.selectbox(key="run").value == "one"
    shutil.rmtree(store / "one")
    app.run()
    assert not app.exception and app.selectbox(key="run").value == "other"
    assert "The run shown before is not in the store any more, deleted or moved: showing C2R · digits" in text(app)


def test_a_page_whose_frames_are_gone_says_so(store):
    app = open_page("live", run="other")
    shutil.rmtree(store / "other" / "frames")
    app.run()
    assert not app.exception and "has no frames/" in text(app)


# Data that change


@pytest.fixture
def changed(whole, tmp_path):
    """A copy of the finished run, made from images that are no longer those of its data."""
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["data"]["hash"] = "0" * 16
    files.write_atomic(out / "manifest.json", json.dumps(manifest))
    return out


def test_an_old_run_is_not_evaluated_on_data_that_changed_since(changed, capsys):
    before = contents(changed)
    assert main(["evaluate", str(changed)]) == 2
    assert "The data of run run changed (hash 0000000000000000, now" in capsys.readouterr().err
    (made,) = runs.evaluations(changed)
    assert made.state == "failed" and "or name other data with --set data=PATH" in made.status["message"]
    assert {name: data for name, data in contents(changed).items() if not name.startswith("evaluations")} == before


def test_a_reference_of_all_real_images_is_not_evaluated_on_data_that_changed_either(changed, capsys):
    settings = json.loads((changed / "config.json").read_text()) | {"method": "full-data"}
    files.write_atomic(changed / "config.json", json.dumps(settings))
    assert main(["evaluate", str(changed)]) == 2
    assert "The data of run run changed (hash 0000000000000000, now" in capsys.readouterr().err


def test_neither_checks_nor_transfer_attacks_take_other_data_for_those_of_the_evaluation(changed, tmp_path, capsys):
    badges = (changed / "checks.json").read_bytes()
    assert main(["check", str(changed), "--only", "threat-models"]) == 2
    assert "bring them back or evaluate the set again" in capsys.readouterr().err
    assert main(["transfer", str(changed), str(changed), "--out", str(tmp_path / "matrix.json")]) == 2
    assert "bring them back or evaluate the sets again" in capsys.readouterr().err
    assert (changed / "checks.json").read_bytes() == badges and not (tmp_path / "matrix.json").exists()


def test_data_that_did_not_change_are_let_through(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    assert list(judge_again(tmp_path / "run", load_on_device(load("demo", TINY)), ["threat-models"]))


# Before the start


@pytest.fixture
def little(monkeypatch):
    """How much is free on the disk, to be set in ``little.mb``, and 64 GB of memory."""
    found = SimpleNamespace(mb=1e6)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e6 * found.mb))
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: SimpleNamespace(available=64e9, total=64e9))
    return found


def test_the_disk_estimate_covers_all_that_a_run_writes(whole):
    settings = load("demo", TINY)
    written = sum(len(data) for data in contents(whole).values()) / 1e6
    assert written < cost.disk_mb(settings, preflight.peek("digits", 0)) < 20 * written
    wide = load("demo", TINY | {"model": "resnet18", "width": 64})
    assert (
        cost.disk_mb(wide, preflight.peek("digits", 0)) > 6 * 44
    )  # four stages of the pool and two evaluation networks


def test_evaluation_and_resume_are_refused_where_they_do_not_fit(whole, little, tmp_path, capsys):
    shutil.copytree(whole, tmp_path / "run")
    status = json.loads((tmp_path / "run" / "status.json").read_text()) | {"state": "stopped"}
    before = contents(tmp_path / "run")
    files.write_atomic(tmp_path / "run" / "status.json", json.dumps(status))
    little.mb = 0.01
    for command in ("evaluate", "resume"):
        assert main([command, str(tmp_path / "run")]) == 2
        assert "0.0 MB free: delete runs and empty the trash" in capsys.readouterr().err
    assert {**contents(tmp_path / "run"), "status.json": b""} == {**before, "status.json": b""}
    assert (
        preflight.evaluation(load("demo"), tmp_path / "run").disk_mb < preflight.check(load("demo"), tmp_path).disk_mb
    )


@pytest.mark.usefixtures("little")
def test_what_a_resumed_run_has_written_is_not_asked_for_again(tmp_path):
    writer = writing.RunWriter(tmp_path / "one", load("demo"))
    whole = preflight.resumed(load("demo"), writer.path).disk_mb
    (writer.path / "frames" / "000000.safetensors").write_bytes(bytes(1_000_000))
    assert preflight.resumed(load("demo"), writer.path).disk_mb == pytest.approx(whole - 1.0)


def test_the_needs_of_runs_at_work_are_said_when_all_of_them_do_not_fit(store, little):
    settings = load("demo")
    need = preflight.check(settings, store).disk_mb
    writing.RunWriter(store / "busy", load("demo", {"seed": 5})).status(state="running")
    little.mb = 1.5 * need
    found = preflight.check(settings, store)
    assert found.problems == () and any(
        note.startswith("1 run at work or waiting here may still write") for note in found.notes
    )
    little.mb = 3 * need
    assert not any("may still write" in note for note in preflight.check(settings, store).notes)


def test_more_memory_than_the_machine_has_forbids_a_run_on_the_cpu(store, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "gpu", lambda: ("", 0.0))
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: SimpleNamespace(available=1e8, total=64e9))
    monkeypatch.setattr(machine, "LIMIT", tmp_path / "none")
    assert preflight.check(load("demo"), store).problems == ()
    (tmp_path / "none").write_text("200000000\n")  # a container with less than its machine
    (problem,) = preflight.check(load("demo"), store).problems
    assert "this machine has 0.2 GB: lower ipc, width or the batches" in problem


# The app on a full disk


def refuse_all(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_commands_names_deletion_archives_forks_and_starts_on_a_full_disk_are_sentences(store, monkeypatch, tmp_path):
    before = contents(store)
    run = runs.open_run(store / "other")
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse_all)
        patched.setattr(os, "rename", refuse_all)
        patched.setattr(jobs.subprocess, "Popen", refuse_all)
        tried = {
            "stop": lambda: runs.send(run.path, "stop"),
            "name": lambda: describing.describe(run.path, "new"),
            "delete": lambda: deleting.delete(run.path, store),
            "archive": lambda: archives.archive(run.path, tmp_path / "run.zip"),
            "fork": lambda: jobs.start(load("demo"), "demo", store / "new"),
            "evaluate": lambda: jobs.evaluate(run.path, load("demo")),
        }
        for name, action in tried.items():
            with pytest.raises(InputError, match="room|space|check it"):
                action()
            assert litter(store) == [], name
    shutil.rmtree(store / ".trash")  # an empty folder
    changed = {
        name: data for name, data in contents(store).items() if ".logs" not in name and not name.endswith("lock")
    }
    assert (
        changed == {name: data for name, data in before.items() if not name.endswith("lock")}
        and not (tmp_path / "run.zip").exists()
    )


def test_no_child_is_started_that_could_not_even_say_why_it_ends(store, monkeypatch):
    started = []
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda *words, **_: started.append(words))
    monkeypatch.setattr(jobs.shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(
        InputError, match="No process could be started for .*new .No space left on device.: free some space"
    ):
        jobs.start(load("demo"), "demo", store / "new")
    assert started == [] and not (store / "new").exists()


def test_an_upload_and_a_download_on_a_full_disk_are_sentences_on_the_page(store, monkeypatch):
    upload = SimpleNamespace(file_id="1", name="set.npz", getvalue=lambda: b"x", getbuffer=lambda: b"x")
    monkeypatch.setattr(Path, "write_bytes", refuse_all)
    with pytest.raises(InputError, match="The disk is full"):
        importing._look([upload], "auto", "ask")
    state = {}
    monkeypatch.setattr(housekeeping.st, "session_state", state)
    monkeypatch.setattr(housekeeping.st, "toast", lambda *_, **__: None)
    housekeeping._change(lambda: housekeeping._opened(upload))
    assert state["kept"][2] == FULL
    monkeypatch.setattr(housekeeping.tempfile, "TemporaryDirectory", refuse_all)
    with pytest.raises(InputError, match="The disk is full"):
        housekeeping._archive(runs.open_run(store / "other"))
