"""Runs and evaluations as child processes of ``python -m c2r``: start, pause, resume, step, stop; and short questions.
No Streamlit.

A child is the leader of its own session and writes to a log file, so closing the tab or the server does not touch it.
What a run does is read from its folder; this module only remembers which children this server started. Longer than
other files,
because everything that starts or ends a child shares that memory (`_JOBS`, `_STOP_ASKED`) and one way to launch.
"""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from app import guard, places
from c2r import config
from c2r.base import disasters, fields
from c2r.base.errors import InputError
from c2r.settings import EvaluationSettings
from c2r.store import claiming, control, kinds, processes, runs, writing

PATIENCE = 2.0  # seconds that `start` waits for a sign of life
ANSWER = 2.0  # seconds that `command` waits for the run's answer, which takes a fifth of one
REOPENING = (
    20.0  # seconds that `resume` waits until the folder is being written again: a page drawn before shows the old state
)
QUICK = 180.0  # seconds that a short question to a child may take
GRACE = 10.0  # seconds a process may take to answer 'stop' before the app offers to end it
ROOM = 1_000_000  # bytes that must be free before a child is started, which could not even say why it ends
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Job:
    """One child process: what it does (distill, map, evaluate), for which run or evaluation folder, and where its
    output goes."""

    kind: str
    path: Path
    log: Path
    process: subprocess.Popen

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def failed(self) -> bool:
        return self.process.poll() not in (None, 0)


PROGRAM = ("-m", "c2r")  # what Python is told to run
RUN = "distill"  # the kind of the child that makes a run, as the command line calls it
_JOBS: dict[tuple[str, Path], Job] = {}
_STOP_ASKED: dict[Path, float] = {}


def log_file(path: Path, kind: str = RUN) -> Path:
    """Where a child's output goes: beside the run folders, because the run folder may not exist yet."""
    return path.parent / ".logs" / f"{path.name}{'' if kind == RUN else f'.{kind}'}.log"


def start(settings: config.RunConfig, preset: str, path: Path) -> Path:
    """Start a run into the new folder `path`, or one of its name with a number when that is taken, and return it.

    Waits up to `PATIENCE` for the folder or an early exit; raises InputError with the child's own sentence if it gave
    up.
    """
    places.check(settings)
    path = _claimed(path)
    job = _launch(RUN, path, config.command(settings, preset, path)[1:])
    return _begun(job)


def resume(path: Path, kind: str = RUN) -> None:
    """Start the child that goes on with a run, or (kind ``evaluate``) an evaluation, that was stopped, failed or lost.

    Waits until the folder is being written again; raises InputError with the child's own sentence if it gave up.
    """
    _check_data(path)
    if (leaving := find(kind, path)) and leaving.alive and not runs.open_run(path).alive:
        with contextlib.suppress(
            subprocess.TimeoutExpired
        ):  # it has written its last word and takes a moment to be gone
            leaving.process.wait(writing.LEAVING)
    before = runs.open_run(path).status.get("pid")
    job = _launch(kind, path, [*PROGRAM, "resume", str(path)])
    deadline = time.monotonic() + REOPENING
    while job.alive and runs.open_run(path).status.get("pid") == before and time.monotonic() < deadline:
        time.sleep(0.05)
    if job.failed:
        raise InputError(complaint(job))
    _STOP_ASKED.pop(Path(path), None)


def compute_map(path: Path) -> Job:
    """Start the child that lays out the joint UMAP of a recorded run."""
    _check_data(path)
    return _launch("map", path, [*PROGRAM, "map", str(path)])


def check(folder: Path) -> Job:
    """Start the child that runs all checks, the slow ones too, on the evaluation in `folder`; the badges are stored
    with it."""
    _check_data(folder)
    return _launch("check", folder, [*PROGRAM, "check", str(folder)])


@disasters.spoken()
def transfer(folders: list[Path], out: Path) -> Job:
    """Start the child that tries PGD images of each of the evaluations `folders` on the networks of all, into the file
    `out`."""
    for folder in folders:
        _check_data(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    return _launch("transfer", out, [*PROGRAM, "transfer", *map(str, folders), "--attack", "pgd", "--out", str(out)])


def evaluate(path: Path, settings: config.RunConfig) -> Path:
    """Start an evaluation of the run folder `path` with the evaluation settings of `settings`; returns its own new
    folder.

    Waits like `start`. Raises InputError when one is at work already, or with the child's own sentence if it gave up.
    """
    places.check(settings)
    if any(evaluation.alive for evaluation in evaluations(path)):
        raise InputError(
            f"Run {path.name} is being evaluated: expected one evaluation at a time; wait for it or stop it."
        )
    _check_data(path)
    out = _claimed(path / "evaluations" / runs.evaluation_id(settings))
    job = _launch("evaluate", out, evaluate_words(path, settings, out))
    return _begun(job)


def evaluate_words(path: Path, settings: config.RunConfig, out: Path) -> list[str]:
    """The words after ``python`` that evaluate the run folder `path` into the folder `out`: every evaluation setting is
    named."""
    words = [*PROGRAM, "evaluate", str(path), "--protocol", settings.protocol]
    for name, field in EvaluationSettings.model_fields.items():
        if name != "protocol":
            words += ["--set", f"{name}={fields.shown(field, getattr(settings, name))}"]
    return [*words, "--out", str(out)]


def evaluations(path: Path) -> list[runs.Run]:
    """The evaluations of a run that have folders of their own, newest first, with those that are just starting or died
    unseen."""
    stored = [look(run.path, "evaluate") if run.problem else run for run in runs.evaluations(path)]
    listed = {run.path for run in stored}
    unseen = [
        job.path for job in list(_JOBS.values()) if job.kind == "evaluate" and job.path.parent.parent == Path(path)
    ]
    fresh = [look(folder, "evaluate") for folder in unseen if folder not in listed]
    return [*sorted((run for run in fresh if run.alive or run.problem), key=lambda run: run.id, reverse=True), *stored]


@dataclass(frozen=True)
class Answer:
    """What a short child printed, and '' or the sentence it gave up with."""

    text: str
    problem: str = ""


def ask(words: list[str]) -> Answer:
    """Run ``python -m c2r WORDS`` to its end. Raises InputError only when it cannot be started or takes too long."""
    guard.refuse_changes()
    try:
        done = subprocess.run(
            [sys.executable, *PROGRAM, *words],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=QUICK,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"'{words[0]}' took longer than {QUICK:.0f} s and was ended: try a smaller file, or the command line."
        ) from None
    except OSError as error:
        raise InputError(
            f"No process could be started for '{words[0]}' ({error.strerror}): close other programs and try again."
        ) from None
    said = [line for line in done.stderr.splitlines() if line.strip()]
    silent = f"'{words[0]}' ended with code {done.returncode} and said nothing: try the command line."
    return Answer(done.stdout, (said[-1] if said else silent) if done.returncode else "")


def import_set(words: list[str], path: Path) -> Path:
    """Start the run that scores and evaluates an imported set, into the new folder `path`; `words` follow ``import``.

    Returns when the set has been read, so that the uploaded file may go. Raises InputError as `start`.
    """
    asked = dict(zip(words, words[1:], strict=False))
    if problem := places.problem(asked.get("--data", "")):
        raise InputError(problem)
    path = _claimed(path)
    job = _launch(RUN, path, [*PROGRAM, "import", *words, "--out", str(path)])
    return _begun(job, QUICK)


def find(kind: str, path: Path) -> Job | None:
    """The child of that kind that this server started for `path`, alive or ended; None when there was none."""
    return _JOBS.get((kind, Path(path)))


def busy(path: Path) -> bool:
    """Whether a child that this server started works in the run folder `path` or below it."""
    return any(job.alive and Path(path) in (job.path, *job.path.parents) for job in list(_JOBS.values()))


def starting() -> list[Path]:
    """Runs whose child lives but has not written a readable folder yet."""
    return [
        job.path
        for job in list(_JOBS.values())
        if job.kind == RUN and job.alive and not (job.path / "status.json").exists()
    ]


def look(path: Path, kind: str = RUN) -> runs.Run:
    """Like `runs.open_run`, but a run whose child of that kind is just starting is 'queued', and one that died unseen
    says why."""
    run, job = runs.open_run(path), find(kind, path)
    if not run.problem or job is None:
        return run
    if job.alive:
        return runs.Run(Path(path), "queued", status={"phase": "starting", "step": 0, "total": 0})
    return run if runs.is_run(run.path) else runs.Run(Path(path), "failed", problem=complaint(job))


def complaint(job: Job) -> str:
    """The last line a failed child printed: by contract one sentence."""
    lines = tail(job.log, 1)
    return (
        lines[-1]
        if lines
        else f"The {job.kind} process ended with code {job.process.poll()} and said nothing: see {job.log}."
    )


def tail(file: Path, count: int = 20) -> list[str]:
    """The last `count` non-empty lines of a text file; [] when it cannot be read. Carriage returns of progress bars end
    a line."""
    try:
        with open(file, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - 65536))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.replace("\r", "\n").split("\n") if line.strip()][-count:]


def last_words(path: Path, count: int = 20) -> list[str]:
    """The last lines of a run's own log, or of its child's output when the run wrote none."""
    return tail(Path(path) / "log.txt", count) or tail(log_file(Path(path)), count)


def command(run: runs.Run, word: str) -> str:
    """Give pause, resume, step or stop to a living run, as it is now; returns a sentence about what became of it so
    far.

    Waits up to `ANSWER` for it. Raises InputError when nothing would read it or the run is in no state for it.
    """
    guard.refuse_changes()
    deadline = time.monotonic() + PATIENCE
    while run.alive and not runs.is_run(run.path) and time.monotonic() < deadline:
        time.sleep(0.05)
    if run.alive and not runs.is_run(run.path):
        raise InputError(
            f"Run {run.id} is only just starting and cannot hear '{word}' yet: expected a few seconds; try again."
        )
    control.ask(runs.open_run(run.path), word)
    if word == "stop":
        _STOP_ASKED.setdefault(run.path, time.monotonic())
    return control.said(control.wait(run.path, word, ANSWER), word)


def standing(run: runs.Run) -> tuple[str, str, bool]:
    """What the buttons of a run depend on: its state, what it was asked for and has not done yet, whether it may be
    ended by force."""
    return run.state, control.asked(run), may_force(run)


def may_force(run: runs.Run) -> bool:
    """Whether 'stop' was asked more than `GRACE` seconds ago and the process still lives."""
    asked = _STOP_ASKED.get(run.path)
    return run.alive and asked is not None and time.monotonic() - asked > GRACE


def force_stop(run: runs.Run) -> None:
    """SIGTERM to the run's process group, or to the process alone when it leads no group of its own."""
    guard.refuse_changes()
    if not run.alive:
        return
    if not processes.alive(run.status):
        raise InputError(
            f"Run {run.id} works in another container or machine: expected a process of this one; end it there."
        )
    pid = int(run.status["pid"])
    if pid == os.getpid():
        raise InputError(
            f"Run {run.id} lives in this very process: expected a child process; stop it where it was started."
        )
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGTERM)
        else:
            psutil.Process(pid).terminate()
    except (ProcessLookupError, psutil.NoSuchProcess):
        return
    except (PermissionError, psutil.AccessDenied):
        raise InputError(
            f"No permission to end process {pid}: expected one of yours; stop it where it was started."
        ) from None


def _check_data(folder: Path) -> None:
    """Raise InputError when a run or evaluation folder is gone, or its settings name files that the app may not
    read."""
    run = runs.open_run(folder)
    if not run.path.is_dir():
        raise InputError(run.problem)
    if run.config is not None:
        places.check(run.config)
    if (source := kinds.evaluated(run)) and (problem := places.problem(str(source), "of")):
        raise InputError(problem)


def _claimed(path: Path) -> Path:
    """The new, empty folder `path`, or the first of ``-2``, ``-3`` … behind it that is free: ids are times, and two may
    be equal."""
    guard.refuse_changes()
    try:
        return claiming.reserve(path)
    except OSError as error:
        raise InputError(
            disasters.sentence(error)
            or f"{path} cannot be made ({error.strerror}): expected a folder of yours; choose another run store."
        ) from None


def _begun(job: Job, patience: float | None = None) -> Path:
    """The folder of a child, waiting up to `patience` seconds for it or an early exit; InputError with the child's own
    sentence."""
    sign = job.path / "status.json"
    deadline = time.monotonic() + (PATIENCE if patience is None else patience)
    while job.alive and not sign.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    if job.failed and not sign.exists():
        _reap(job)
        raise InputError(complaint(job))
    return job.path


def _launch(kind: str, path: Path, arguments: list[str]) -> Job:
    guard.refuse_changes()
    path = Path(path)
    if (running := find(kind, path)) and running.alive:
        return running
    log = log_file(path, kind)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(log.parent).free < ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=_environment(),
            )
    except OSError as error:
        _unclaim(kind, path)
        raise InputError(
            f"No process could be started for {path} ({error.strerror}): free some space or choose another run store."
        ) from None
    job = _JOBS[kind, path] = Job(kind, path, log, process)
    threading.Thread(target=_reap, args=(job,), daemon=True).start()
    return job


def _reap(job: Job) -> None:
    """Wait for a child, so that it never stays a zombie."""
    job.process.wait()
    _unclaim(job.kind, job.path)


def _unclaim(kind: str, path: Path) -> None:
    """Take away the folder that was claimed for a child, if it stayed empty."""
    if kind in (RUN, "evaluate"):
        with contextlib.suppress(OSError):
            path.rmdir()


def _environment() -> dict[str, str]:
    """The server's environment, with the checkout first on the import path: it works from any folder, installed or
    not."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
