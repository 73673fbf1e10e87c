"""What a run will need and why it cannot start, known before it starts. No torch: the Start page shows this live."""

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from c2r.config import RunConfig
from c2r.data import sources
from c2r.data.downloads import NAMED, cache_folder
from c2r.data.splits import Shape, budget_problem, partition_problem
from c2r.errors import NO_CUDA, InputError
from c2r.networks.naming import norm_problem
from c2r.paths import at_home
from c2r.registry import METHODS
from c2r.store import slots
from c2r.store.kinds import is_evaluation
from c2r.store.runs import Run, list_runs, open_run
from c2r.work import machine, memory
from c2r.work.cost import EVALUATION, disk_mb, evaluation_mb, flops, memory_gb, minutes

__all__ = ["Preflight", "Shape", "check", "evaluation", "flops", "peek", "refuse", "resumed"]


@dataclass(frozen=True)
class Preflight:
    """The answer: `problems` block the start, `notes` do not. Figures are estimates, 0 when the data cannot be looked
    at."""

    device: str
    minutes: float
    memory_gb: float
    disk_mb: float
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def peek(data: str, image_size: int) -> Shape:
    """Shape and counts of a source without decoding it. Raises InputError as loading would, as far as a look can
    tell."""
    return sources.peek(data, image_size)


def check(config: RunConfig, store: Path) -> Preflight:
    """Look at everything a run of `config` in `store` needs. Raises nothing: what is wrong is in `problems`."""
    found, shape = _common(config, store, (), disk_mb)
    if shape is None:
        return found
    known = list_runs(store)
    problems = (_budget_problem(config, shape), _depth_problem(config, shape), norm_problem(config, shape.size))
    notes = (
        _queue_note(known, store),
        _same_run(config, known),
        _download(config),
        _others_note(known, store, found.disk_mb),
    )
    return _with(found, problems, notes)


def evaluation(config: RunConfig, folder: Path) -> Preflight:
    """What one more evaluation of the finished set in the run folder `folder` needs, in the same way."""
    return _common(config, folder, EVALUATION, evaluation_mb)[0]


def resumed(config: RunConfig, folder: Path) -> Preflight:
    """What going on with the run or evaluation in `folder` still needs, in the same way; the minutes are those of all
    of it."""
    alone = is_evaluation(open_run(folder))
    phases, size = (EVALUATION, evaluation_mb) if alone else ((), disk_mb)
    return _common(config, folder, phases, lambda config, shape: max(0.0, size(config, shape) - _written(folder)))[0]


def refuse(found: Preflight) -> None:
    """Raise InputError with the first problem, if there is one."""
    if found.problems:
        raise InputError(found.problems[0])


def _common(
    config: RunConfig, place: Path, phases: tuple[str, ...], size: Callable[[RunConfig, Shape], float]
) -> tuple[Preflight, Shape | None]:
    """Device, time, memory and disk of some work below `place`, and the shape of its data, None when they cannot be
    had."""
    name, cores = machine.gpu()[0], machine.cores()
    kind = "cuda" if name and config.device != "cpu" else "cpu"
    device = f"cuda: {name}" if kind == "cuda" else f"cpu, {cores} core{'s' if cores > 1 else ''}"
    problems = tuple(filter(None, (_device_problem(config, name), _store_problem(place))))
    try:
        shape = peek(config.data, config.image_size)
    except InputError as error:
        return Preflight(device, 0.0, 0.0, 0.0, (str(error), *problems), ()), None
    need, disk = memory_gb(config, shape), size(config, shape)
    found = Preflight(device, minutes(config, shape, kind, cores, phases), need, disk, problems, ())
    return (
        _with(
            found,
            (_space_problem(place, disk), memory.problem(need, kind, METHODS[config.method].source == "file")),
            (memory.note(need, kind),),
        ),
        shape,
    )


def _with(found: Preflight, problems: Iterable[str], notes: Iterable[str]) -> Preflight:
    """The same with more problems and notes, of which '' is none."""
    return replace(
        found, problems=(*found.problems, *filter(None, problems)), notes=(*filter(None, notes), *found.notes)
    )


def _budget_problem(config: RunConfig, shape: Shape) -> str:
    """Sets that are drawn from real images need enough of them, an imported set its file, and the parts of a set a size
    that shows something."""
    source = METHODS[config.method].source
    if (source == "file" or config.imported) and not _is_file(config.imported):
        return (
            f"The set '{config.imported}' to start from is not there: expected what python -m c2r import or fork"
            " writes; import or fork again."
        )
    drawn = source == "drawn" and not config.imported
    return (partition_problem(shape.size, config.partition) if source != "all" else "") or (
        budget_problem(shape.smallest, config.ipc, config.partition) if drawn else ""
    )


def _queue_note(known: list[Run], store: Path) -> str:
    """Whom a run started now would wait for; '' for nobody."""
    working = {run.id: run for run in known if run.alive}
    evaluations = {name: open_run(Path(store) / name) for name in slots.holders(store) if "/evaluations/" in name}
    ahead = working | evaluations
    held_up = [slots.spoken(name) for name, run in ahead.items() if run.state == "paused"]
    paused = f" Paused, to be resumed or stopped first: {', '.join(held_up)}." if held_up else ""
    kinds = ((len(working), "run"), (len(evaluations), "evaluation"))
    who = " and ".join(f"{count} {kind}{'s' if count > 1 else ''}" for count, kind in kinds if count)
    does = "is at work or waits" if len(ahead) == 1 else "are at work or wait"
    return (
        f"{who} {does} in this store: one at a time works on a device, in the order they came.{paused}" if ahead else ""
    )


def _is_file(path: str) -> bool:
    try:
        return at_home(path).is_file()
    except OSError:  # no permission, or a name that no disk can hold
        return False


def _device_problem(config: RunConfig, name: str) -> str:
    if config.device != "cuda" or name:
        return ""
    return NO_CUDA


def _existing(store: Path) -> Path:
    """The store itself, or the nearest folder above it that exists."""
    return next(path for path in (store.absolute(), *store.absolute().parents) if os.path.exists(path))


def _store_problem(store: Path) -> str:
    place = _existing(Path(store))
    if not place.is_dir():
        return (
            f"The run store {store} lies in {place}, which is a file: expected a folder; set C2R_RUNS to another one."
        )
    if not os.access(place, os.W_OK | os.X_OK):
        return f"No permission to write the run store {store}: expected a folder of yours; set C2R_RUNS to another one."
    return ""


def _space_problem(store: Path, need: float) -> str:
    free = _free(store)
    if free >= need:
        return ""
    return (
        f"It needs about {_mb(need)} and the disk of {store} has {_mb(free)} free: delete runs and empty the trash, or"
        " raise record_every."
    )


def _free(store: Path) -> float:
    return shutil.disk_usage(_existing(Path(store))).free / 1e6


def _mb(size: float) -> str:
    return f"{size:.0f} MB" if size >= 10 else f"{size:.1f} MB"


def _written(folder: Path) -> float:
    """MB of the files in a folder."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found += os.lstat(os.path.join(place, name)).st_size
    return found / 1e6


def _others_note(known: list[Run], store: Path, need: float) -> str:
    """What the runs that work or wait in this store will still write, when that and this run together would not fit."""
    living, promised = [run for run in known if run.alive and run.config], 0.0
    for run in living:
        with suppress(InputError):
            assert run.config is not None, "picked above"
            promised += max(0.0, disk_mb(run.config, peek(run.config.data, run.config.image_size)) - _written(run.path))
    free = _free(store)
    if not promised or free >= need + promised or free < need:
        return ""
    named = f"{len(living)} run{'s' if len(living) > 1 else ''} at work or waiting here may still write {_mb(promised)}"
    return (
        f"{named} and this one {_mb(need)}, with {_mb(free)} free: delete runs and empty the trash before all of them"
        " are through."
    )


def _depth_problem(config: RunConfig, shape: Shape) -> str:
    if config.model != "convnet" or shape.size >= 2**config.depth:
        return ""
    return (
        f"A ConvNet of depth {config.depth} expects images of at least {2**config.depth} px, found {shape.size} px: "
        "lower depth or raise image_size."
    )


def _same_run(config: RunConfig, known: list[Run]) -> str:
    same = sorted((run for run in known if run.config == config), key=lambda run: (run.state != "done", not run.alive))
    return (
        f"Run {same[0].id} ({same[0].state}) has these very settings: open it, or change the seed to see the spread."
        if same
        else ""
    )


def _download(config: RunConfig) -> str:
    if config.data not in NAMED or any(path.is_file() for path in (cache_folder() / config.data).rglob("*")):
        return ""
    return f"{config.data} is downloaded first: about {NAMED[config.data].megabytes} MB into {cache_folder()}."
