"""Locks on files: one process has a file, and nobody who only looks is in its way. Run: pytest tests/test_locks.py"""

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from c2r.errors import InputError
from c2r.store import claiming, locks

HOLD = """
import sys, time
from c2r.store import locks
file = open(sys.argv[1])
locks.lock(file)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "lock"
    file.touch()
    return file


def test_a_file_is_locked_as_long_as_its_process_lives_however_it_ends(path):
    assert not locks.locked(path)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, env=environment)
    assert child.stdout.readline() == b"held\n"
    with open(path) as file:
        assert locks.locked(path) and not locks.lock(file) and not locks.lock(file, 0.1)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert not locks.locked(path) and locks.lock(file)
        assert locks.locked(path)
        locks.unlock(file)
        assert not locks.locked(path)
    child.stdout.close()


def test_those_who_look_at_the_same_time_do_not_take_each_other_for_the_holder(path):
    with ThreadPoolExecutor(2) as pool:
        assert not any(pool.map(lambda _: locks.locked(path), range(400)))


def test_a_lock_that_may_only_be_read_can_be_looked_at(path, monkeypatch):
    opened = os.open

    def refusing(file, flags, *mode):
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return opened(file, flags, *mode)

    monkeypatch.setattr(os, "open", refusing)
    assert not locks.locked(path)
    with open(path) as file:
        locks.lock(file)
        assert locks.locked(path)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_held_by_nobody_and_stays_as_it_is(tmp_path, kind):
    {"missing": lambda _: None, "folder": Path.mkdir, "pipe": os.mkfifo}[kind](tmp_path / "lock")
    before = list(tmp_path.iterdir())
    assert not claiming.held(tmp_path) and not claiming.held(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == before


def test_only_the_locked_file_itself_is_discarded(path):
    with open(path) as file:
        locks.lock(file)
        path.unlink()
        path.write_text("another")
        assert not locks.leads_to(path, file)
        locks.discard(path, file)
        assert file.closed and path.read_text() == "another"
    locks.discard(path, path.open())
    assert not path.exists()


def test_a_system_that_removes_no_open_file_removes_it_when_it_is_closed(path, monkeypatch):
    unlink = Path.unlink

    def as_on_windows(file, missing_ok=False):
        if any(os.path.realpath(f"/proc/self/fd/{number}") == str(file) for number in os.listdir("/proc/self/fd")):
            raise PermissionError(errno.EACCES, "it is used by another process", str(file))
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", as_on_windows)
    with open(path):
        locks.discard(path, path.open())
        assert path.exists(), "somebody else has opened it"
    locks.discard(path, path.open())
    assert not path.exists()


def test_a_disk_without_locks_is_a_sentence_and_nobody_holds_a_folder_there(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    with pytest.raises(InputError, match=r"cannot be locked \(No locks available\): expected a disk that locks files;"):
        claiming.hold(tmp_path)
    assert not claiming.held(tmp_path)
