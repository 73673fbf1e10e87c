"""The run store: complete or absent, truthful states, sentences for damage. Run: pytest tests/test_runs.py"""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from c2r.base.errors import InputError
from c2r.config import load
from c2r.store import files, runs, writing

FRAME = {
    "images": np.zeros((3, 1, 2, 2), np.uint8),
    "labels": np.arange(3),
    "delta": np.zeros((3, 1, 2, 2), np.float16),
    "order": np.arange(3),
    "embedding_clean": np.zeros((3, 4), np.float16),
    "embedding_adv": np.zeros((3, 4), np.float16),
    "pred_clean": np.arange(3),
    "pred_adv": np.arange(3),
    **{name: np.zeros(3, np.float32) for name in ("margin_clean", "margin_adv", "score")},
}


@pytest.fixture
def writer(tmp_path):
    return writing.RunWriter(tmp_path / "store" / "one", load("demo"))


def test_a_new_run_is_queued_and_has_its_settings(writer):
    found = runs.open_run(writer.path)
    assert (found.state, found.problem, found.config) == ("queued", "", load("demo"))
    assert [r.id for r in runs.list_runs(writer.path.parent)] == ["one"]


def test_two_runs_cannot_share_a_folder(writer):
    with pytest.raises(InputError, match="is not empty: expected a new or empty folder; choose another --out"):
        writing.RunWriter(writer.path, load("demo"))


def test_a_file_in_the_way_and_a_folder_without_permission_get_sentences(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="taken or not a folder"):
        writing.RunWriter(tmp_path / "file", load("demo"))
    monkeypatch.setattr(
        runs.Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError(errno.EACCES, "Permission denied"))
    )
    with pytest.raises(InputError, match="No permission to write .* choose another --out"):
        writing.RunWriter(tmp_path / "locked", load("demo"))


def test_a_full_disk_leaves_no_half_written_file(tmp_path, monkeypatch):
    target = tmp_path / "value"
    files.write_atomic(target, "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["value"]


def test_a_dead_writer_makes_the_run_lost(tmp_path):
    code = (
        f"from c2r import config; from c2r.store import writing; writing.RunWriter({str(tmp_path / 'dead')!r},"
        " config.load('demo'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert runs.open_run(tmp_path / "dead").state == "lost"


def test_a_recycled_process_number_does_not_count_as_alive(writer):
    writer.status(force=True, pid_started=12345.0)
    writer._lock.close()
    assert runs.open_run(writer.path).state == "lost"


def test_frames_and_events_come_back_as_written(writer):
    for step in (0, 10):
        writer.frame(step, {"n": 3}, FRAME)
    assert runs.frame_steps(writer.path) == [0, 10]
    assert [event["step"] for event in runs.read_events(writer.path)] == [0, 10]
    assert set(runs.read_frame(writer.path, 10)) == set(runs.FRAME_ARRAYS)


def test_a_torn_last_event_is_dropped(writer):
    writer.frame(0, {"n": 3}, FRAME)
    with open(writer.path / "events.jsonl", "a") as file:
        file.write('{"step": 10, "n"')
    assert [event["step"] for event in runs.read_events(writer.path)] == [0]


def test_missing_truncated_and_incomplete_frames_get_sentences(writer):
    writer.frame(0, {}, FRAME)
    with pytest.raises(InputError, match="has no frames/000010.safetensors"):
        runs.read_frame(writer.path, 10)
    file = writer.path / "frames" / "000000.safetensors"
    whole = file.read_bytes()
    for size in (0, 5, len(whole) // 2):
        file.write_bytes(whole[:size])
        with pytest.raises(InputError, match="frames/000000.safetensors of run one is damaged"):
            runs.read_frame(writer.path, 0)
    files.save_arrays(writer.path, "frames/000000", {"images": np.zeros((1, 1, 2, 2), np.uint8)})
    with pytest.raises(InputError, match="Frame 0 of run one lacks labels, delta"):
        runs.read_frame(writer.path, 0)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("config.json", None, "config.json is missing or unreadable"),
        ("config.json", "{", "damaged. Its config.json is not JSON"),
        ("config.json", '{"ipc": 0}', "Setting 'ipc' expects"),
        ("status.json", "[]", "status.json is not a JSON object"),
        ("status.json", '{"state": "dancing"}', "expects a state out of .* found 'dancing'"),
    ],
)
def test_a_damaged_folder_is_listed_with_the_reason(writer, name, content, sentence):
    file = writer.path / name
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    (found,) = runs.list_runs(writer.path.parent)
    assert found.state == "failed"
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(found.problem)


def test_a_folder_that_never_was_a_run_is_not_listed(writer):
    (writer.path.parent / "holiday pictures").mkdir()
    assert [run.id for run in runs.list_runs(writer.path.parent)] == ["one"]


def test_unknown_commands_are_refused_and_a_stop_that_waits_stays(writer):
    for word in ("pause", "stop", "resume"):
        runs.send(writer.path, word)
    assert (writer.path / "control").read_text() == "stop"
    with pytest.raises(InputError, match="Unknown command 'dance'"):
        runs.send(writer.path, "dance")


def test_status_writes_are_limited_but_state_changes_are_never_held_back(writer):
    writer.status(state="running")
    before = json.loads((writer.path / "status.json").read_text())["seq"]
    for step in range(100):
        writer.status(step=step)
    assert json.loads((writer.path / "status.json").read_text())["seq"] - before <= 2
    writer.status(state="done")
    stored = json.loads((writer.path / "status.json").read_text())
    assert (stored["state"], stored["step"]) == ("done", 99)
