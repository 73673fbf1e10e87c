"""Drives one run: the loop's events go into the run folder, the control file's commands into the loop.

The only place that joins `distill`, `evaluate`, `project` and the run store; it owns the phases and their truth on disk.
"""

import errno
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from c2r import device
from c2r.config import RunConfig
from c2r.cost import flops, minutes
from c2r.data import RealData, load
from c2r.distill import Basis, Finished, Progress, Recorded, distill
from c2r.errors import InputError
from c2r.evaluate import Outcomes, Row, evaluate
from c2r.origin import command_line, origin
from c2r.project import joint_umap, sample_per_class
from c2r.runs import RunWriter, frame_steps, open_run, read_arrays, read_frame, save_arrays, save_rows
from c2r.sources.splits import Shape

Show = Callable[[Progress, float | None], None]


class Stopped(Exception):
    """The person asked the run to stop."""


class Worker:
    """One run from start to end. `show` is called with every Progress and the estimated seconds that remain."""

    def __init__(self, writer: RunWriter, config: RunConfig, show: Show):
        self.writer, self.config, self.show = writer, config, show
        self.began = time.time()
        self.shares: dict[str, float] = {}
        self.expected = 0.0
        self.paused = self.single = False
        self.last: Recorded | None = None

    def run(self, preset: str) -> list[dict[str, Any]]:
        """Distil, draw the map, evaluate. Returns the result rows; whatever happens, status.json tells the truth."""
        try:
            rows = self._phases(preset)
        except (Stopped, KeyboardInterrupt):
            self._keep_last()
            self.log("stopped on request")
            self.writer.status(state="stopped", eta_s=None, message="Stopped on request; what was recorded is kept.")
            return []
        except BaseException as error:
            sentence = explain(error)
            self._fail(sentence)
            if isinstance(error, InputError) or not isinstance(error, Exception):
                raise
            raise InputError(sentence) from error
        self.writer.status(state="done", phase="finished", eta_s=None, force=True)
        self.log("done")
        return rows

    def log(self, line: str) -> None:
        """One line into log.txt."""
        with open(self.writer.path / "log.txt", "a", encoding="utf-8") as file:
            file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")

    def _phases(self, preset: str) -> list[dict[str, Any]]:
        config = self.config
        self.log(command_line())
        data = load_on_device(config, self._loading)
        self.shares, self.expected = _forecast(config, data)
        self.began = time.time()
        self.writer.manifest(**origin(data, preset))
        self.log(f"{data.name}: {len(data.images)} training images of {tuple(data.images.shape[1:])}, hash {data.hash}")
        for event in distill(config, data):
            self._take(event)
        self._map()
        return self._evaluate(data)

    def _map(self) -> None:
        """Draw the map in a thread, so that heartbeat and commands go on meanwhile."""
        found: list[Any] = []

        def draw() -> None:
            try:
                found.append(draw_map(self.writer.path, self.config))
            except Exception as error:  # raised again below, in the thread that reports it
                found.append(error)

        thread = threading.Thread(target=draw, daemon=True)
        thread.start()
        while thread.is_alive():
            self._progress(Progress("map", 0, 1))
            thread.join(0.25)
        if isinstance(found[0], Exception):
            raise found[0]
        save_arrays(self.writer.path, "map", found[0])

    def _evaluate(self, data: RealData) -> list[dict[str, Any]]:
        def told(row: Row) -> None:
            self.log(f"seed {row.values['seed']} {row.values['label']}: {100 * row.values['accuracy']:.1f} %")

        return evaluate_into(self.writer.path, self.config, data, self._progress, told)

    def _take(self, event: Any) -> None:
        if isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Recorded):
            self.last = event
            self.writer.frame(event.step, event.event, event.arrays)
            self.paused = self.paused or self.single
        elif isinstance(event, Basis):
            save_arrays(self.writer.path, "basis", event.arrays)
        elif isinstance(event, Finished):
            save_arrays(self.writer.path, "synthetic", {"images": event.images, "labels": event.labels})

    def _loading(self, what: str, share: float) -> None:
        """Progress of reading data; it may come from another thread, so no command is obeyed here."""
        self.writer.status(phase="data", step=int(100 * share), total=100, message=what)
        self.show(Progress("data", int(100 * share), 100), None)

    def _progress(self, progress: Progress) -> None:
        eta = self._eta(progress)
        facts: dict[str, Any] = {"phase": progress.phase, "step": progress.step, "total": progress.total, "eta_s": eta, "message": ""}
        self.writer.status(**facts | ({"figures": progress.figures} if progress.figures else {}))
        self.show(progress, eta)
        self._obey()

    def _obey(self) -> None:
        """Do what the control file says; returns when the run may go on. 'step' goes on to the next recorded step."""
        waited = time.time()
        while True:
            command = self.writer.take_command()
            if command == "stop":
                raise Stopped
            if command in ("resume", "step"):
                self.paused, self.single = False, command == "step"
            elif command == "pause":
                self.paused = True
            self.writer.status(state="paused" if self.paused else "running")
            if not self.paused:
                break
            time.sleep(0.1)
        self.began += time.time() - waited

    def _eta(self, progress: Progress) -> float | None:
        names = list(self.shares)
        if progress.phase not in names:
            return None
        before = sum(self.shares[name] for name in names[: names.index(progress.phase)])
        done = before + self.shares[progress.phase] * progress.step / max(progress.total, 1)
        measured = (time.time() - self.began) / done if done else 0.0
        return (1 - done) * (done * measured + (1 - done) * self.expected)

    def _keep_last(self) -> None:
        if self.last is not None and not (self.writer.path / "synthetic.safetensors").exists():
            save_arrays(self.writer.path, "synthetic", {name: self.last.arrays[name] for name in ("images", "labels")})

    def _fail(self, sentence: str) -> None:
        try:
            self.log("".join(traceback.format_exc()))
            self.writer.status(state="failed", eta_s=None, message=sentence, force=True)
        except OSError:
            print(sentence, file=sys.stderr)


def explain(error: BaseException) -> str:
    """One sentence for a person, whatever went wrong."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full: expected room for the run folder; free some space and start the run again."
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The device ran out of memory: expected what the Start page estimates; lower ipc, width or real_batch and start again."
    return f"The run broke with {type(error).__name__} ({error}): the details are in its log.txt; please report them."


def load_on_device(config: RunConfig, progress: Callable[[str, float], None] | None = None) -> RealData:
    """The real data on the device of the run. Raises InputError."""
    place = device.resolve(config.device, config.threads)
    return load(config, progress).to(place)


def draw_map(path: Path, config: RunConfig) -> dict[str, np.ndarray]:
    """The joint UMAP over the recorded steps of a run folder, as the arrays of map.safetensors."""
    steps = frame_steps(path)
    if len(steps) < 1:
        raise InputError(f"Run {path.name} has no recorded step yet: expected at least one; wait for the first frame and ask again.")
    index = sample_per_class(read_frame(path, steps[0], only=("labels",))["labels"], config.map_points)
    frames = (read_frame(path, step, only=("embedding_clean", "embedding_adv")) for step in steps)
    clean, adversarial = zip(*((f["embedding_clean"][index], f["embedding_adv"][index]) for f in frames), strict=True)
    found = joint_umap(np.stack(clean), np.stack(adversarial), config, config.seed)
    return {"steps": np.array(steps), "index": index} | found


def evaluate_again(path: Path, show: Show) -> list[dict[str, Any]]:
    """Evaluate the set of a run folder with its own settings; replaces its rows and outcomes. Raises InputError."""
    config = _reopen(path)
    return evaluate_into(path, config, load_on_device(config), lambda progress: show(progress, None), lambda _row: None)


def evaluate_into(
    path: Path, config: RunConfig, data: RealData, progress: Callable[[Progress], None], told: Callable[[Row], None]
) -> list[dict[str, Any]]:
    """Evaluate the synthetic set of the run folder `path`, store rows and outcomes there, return the rows.

    :param progress, told: called with every Progress and with every Row as it comes
    """
    found, rows = read_arrays(path, "synthetic"), []
    for event in evaluate(found["images"], found["labels"], config, data):
        if isinstance(event, Progress):
            progress(event)
        elif isinstance(event, Row):
            rows.append(event.values)
            told(event)
        elif isinstance(event, Outcomes):
            save_arrays(path, "outcomes", event.arrays)
    save_rows(path, rows)
    return rows


def map_again(path: Path) -> dict[str, int]:
    """Draw the map of a run folder over the steps recorded so far. Returns how many images and steps it shows."""
    arrays = draw_map(path, _reopen(path))
    save_arrays(path, "map", arrays)
    return {"images": len(arrays["index"]), "steps": len(arrays["steps"])}


def _reopen(path: Path) -> RunConfig:
    run = open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    return run.config


def _forecast(config: RunConfig, data: RealData) -> tuple[dict[str, float], float]:
    """Expected share of each phase in the whole run (the map a twentieth), and the expected seconds."""
    shape = Shape(data.images.shape[1], data.images.shape[2], len(data.classes), len(data.images), len(data.test_images), 0)
    found = flops(config, shape)
    total = sum(found.values())
    evaluation = found.pop("evaluate")
    shares = {name: value / total * 0.95 for name, value in found.items()} | {"map": 0.05, "evaluate": evaluation / total * 0.95}
    return shares, 60 * minutes(config, shape, data.images.device.type, torch.get_num_threads())
