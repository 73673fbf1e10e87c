"""What a run will need and why it cannot start, known before it starts. No torch: the Start page shows this live."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import psutil

from c2r import sources
from c2r.config import RunConfig
from c2r.cost import disk_mb, flops, memory_gb, minutes
from c2r.errors import NO_CUDA, InputError
from c2r.methods import METHODS
from c2r.runs import list_runs
from c2r.sources.downloads import NAMED, cache_folder
from c2r.sources.splits import Shape, budget_problem, partition_problem

__all__ = ["Preflight", "Shape", "check", "cuda_name", "evaluation_minutes", "flops", "peek"]


@dataclass(frozen=True)
class Preflight:
    """The answer: `problems` block the start, `notes` do not. Figures are estimates, 0 when the data cannot be looked at."""

    device: str
    minutes: float
    memory_gb: float
    disk_mb: float
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@lru_cache
def cuda_name() -> str:
    """Name of the first GPU that torch's build could use, '' when there is none. Asks nvidia-smi once per process."""
    if metadata.version("torch").endswith("+cpu") or os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return ""
    try:
        words = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        lines = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return ""
    return lines[0].strip() if lines else ""


def _cores() -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


def peek(data: str, image_size: int) -> Shape:
    """Shape and counts of a source without decoding it. Raises InputError as loading would, as far as a look can tell."""
    return sources.peek(data, image_size)


def check(config: RunConfig, store: Path) -> Preflight:
    """Look at everything a run of `config` in `store` needs. Raises nothing: what is wrong is in `problems`."""
    name, cores = cuda_name(), _cores()
    kind = "cuda" if name and config.device != "cpu" else "cpu"
    device = f"cuda: {name}" if kind == "cuda" else f"cpu, {cores} core{'s' if cores > 1 else ''}"
    problems = [_device_problem(config, name), _store_problem(store)]
    try:
        shape = peek(config.data, config.image_size)
    except InputError as error:
        return Preflight(device, 0.0, 0.0, 0.0, (str(error), *filter(None, problems)), ())
    memory, disk = memory_gb(config, shape), disk_mb(config, shape)
    problems += [
        _budget_problem(config, shape),
        _depth_problem(config, shape),
        _space_problem(store, disk),
    ]
    notes = [_same_run(config, store), _download(config), _memory_note(memory)]
    return Preflight(device, minutes(config, shape, kind, cores), memory, disk, tuple(filter(None, problems)), tuple(filter(None, notes)))


def evaluation_minutes(config: RunConfig) -> float:
    """Estimated minutes of one evaluation of a finished set. Raises InputError when the real data or the device cannot be had."""
    name, cores = cuda_name(), _cores()
    if problem := _device_problem(config, name):
        raise InputError(problem)
    kind = "cuda" if name and config.device != "cpu" else "cpu"
    return minutes(config, peek(config.data, config.image_size), kind, cores, ("evaluate",))


def _budget_problem(config: RunConfig, shape: Shape) -> str:
    """Only sets that are drawn from real images need enough of them; an imported set needs its file."""
    source = METHODS[config.method].source
    if (source == "file" or config.imported) and not _is_file(config.imported):
        return f"The set '{config.imported}' to start from is not there: expected what python -m c2r import or fork writes; import or fork again."
    drawn = (
        source == "drawn"
        and not config.imported
        and (partition_problem(shape.size, config.partition) or budget_problem(shape.smallest, config.ipc, config.partition))
    )
    return drawn or ""


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:  # no permission, or a name that no disk can hold
        return False


def _device_problem(config: RunConfig, name: str) -> str:
    if config.device != "cuda" or name:
        return ""
    return NO_CUDA


def _existing(store: Path) -> Path:
    """The store itself, or the nearest folder above it that exists."""
    return next(path for path in (store.absolute(), *store.absolute().parents) if path.exists())


def _store_problem(store: Path) -> str:
    place = _existing(Path(store))
    if not place.is_dir():
        return f"The run store {store} lies in {place}, which is a file: expected a folder; set C2R_RUNS to another one."
    if not os.access(place, os.W_OK | os.X_OK):
        return f"No permission to write the run store {store}: expected a folder of yours; set C2R_RUNS to another one."
    return ""


def _space_problem(store: Path, need: float) -> str:
    free = shutil.disk_usage(_existing(Path(store))).free / 1e6
    if free >= need:
        return ""
    return f"The run needs about {need:.0f} MB and the disk of {store} has {free:.0f} MB free: delete runs, or raise record_every."


def _depth_problem(config: RunConfig, shape: Shape) -> str:
    if config.model != "convnet" or shape.size >= 2**config.depth:
        return ""
    return (
        f"A ConvNet of depth {config.depth} expects images of at least {2**config.depth} px, found {shape.size} px: "
        "lower depth or raise image_size."
    )


def _same_run(config: RunConfig, store: Path) -> str:
    same = next((run for run in list_runs(store) if run.config == config), None)
    return f"Run {same.id} ({same.state}) has these very settings: open it, or change the seed to see the spread." if same else ""


def _download(config: RunConfig) -> str:
    if config.data not in NAMED or any(path.is_file() for path in (cache_folder() / config.data).rglob("*")):
        return ""
    return f"{config.data} is downloaded first: about {NAMED[config.data].megabytes} MB into {cache_folder()}."


def _memory_note(need: float) -> str:
    free = psutil.virtual_memory().available / 1e9
    return (
        f"The run may need {need:.1f} GB of memory and {free:.1f} GB are free: close other programs or lower the batches."
        if need > free
        else ""
    )
