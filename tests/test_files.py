"""What is written survives a power cut where a resume needs it. Run: pytest tests/test_files.py"""

import os
import stat
import threading

import numpy as np
import pytest

from c2r.config import load
from c2r.errors import InputError
from c2r.store import runs, writing
from c2r.store.claiming import claim, hold
from c2r.store.files import save_arrays, sync_folder, write_atomic


@pytest.fixture
def order(monkeypatch):
    """What was flushed and renamed, in order: ``flush NAME``, ``rename NAME``."""
    found, fsync = [], os.fsync

    def flush(place):
        path = os.readlink(f"/proc/self/fd/{place}")
        kind = "folder " if stat.S_ISDIR(os.fstat(place).st_mode) else ""
        found.append(f"flush {kind}{os.path.basename(path).strip('.').split('.')[0]}")
        fsync(place)

    def rename(source, target, do=os.replace):
        do(source, target)
        found.append(f"rename {os.path.basename(target)}")

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", rename)
    monkeypatch.setattr(os, "rename", rename)
    return found


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="names of open files are read from /proc")


@needs_proc
def test_a_file_is_flushed_before_its_rename_and_its_folder_after_it(tmp_path, order):
    write_atomic(tmp_path / "rows.jsonl", "x")
    assert order == ["flush rows", "rename rows.jsonl", f"flush folder {tmp_path.name}"]


@needs_proc
def test_what_is_written_again_soon_leaves_its_folder_alone(tmp_path, order):
    write_atomic(tmp_path / "status.json", "x", durable=False)
    assert order == ["flush status", "rename status.json"]
    writer = writing.RunWriter(tmp_path / "run", load("demo"))
    order.clear()
    writer.status(state="running")
    runs.send(writer.path, "pause")
    assert order == ["flush status", "rename status.json", "flush control", "rename control"]


@needs_proc
def test_a_recorded_step_is_on_the_disk_frame_first_before_its_checkpoint_can_be(tmp_path, order):
    writer = writing.RunWriter(tmp_path / "run", load("demo"))
    order.clear()
    writer.frame(0, {"n": 1}, {"labels": np.zeros(1, np.int64)})
    assert order == ["flush 000000", "rename 000000.safetensors", "flush folder frames", "flush events"]


@needs_proc
def test_a_new_run_folder_is_in_its_store_for_good(tmp_path, order):
    claim(tmp_path / "run", {"config.json": "{}"}, "frames")
    assert order[-2:] == ["rename run", f"flush folder {tmp_path.name}"]
    save_arrays(tmp_path / "run", "synthetic", {"labels": np.zeros(1, np.int64)})
    assert order[-1] == "flush folder run"


def test_a_folder_that_cannot_be_opened_or_flushed_is_left_alone(tmp_path, monkeypatch):
    sync_folder(tmp_path / "nowhere")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(22, "Invalid argument")))
    sync_folder(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_held_as_soon_as_a_process_that_is_leaving_is_gone(tmp_path):
    leaving = hold(tmp_path)
    with pytest.raises(InputError, match="is being written by another process"):
        hold(tmp_path, 0.1)
    threading.Timer(0.2, leaving.close).start()
    hold(tmp_path, 5).close()


def test_what_killed_processes_left_half_written_is_swept_away_by_the_one_that_goes_on(tmp_path):
    writer = writing.RunWriter(tmp_path / "run", load("demo"))
    writer.frame(0, {"n": 1}, {"labels": np.zeros(1, np.int64)})
    left = [writer.path / ".checkpoint.safetensors.77.tmp", writer.path / "frames" / ".000010.safetensors.77.tmp"]
    for file in left:
        file.write_bytes(b"half")
    writer.status(state="failed")
    writer._lock.close()
    writing.RunWriter(writer.path, load("demo"), reopen=True)
    assert not any(file.exists() for file in left)
    assert runs.frame_steps(writer.path) == [0]
