"""The networks that a run folder keeps, ready to be asked, without the real data they were trained on."""

from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.networks.models import Network, build, frozen
from c2r.scorers import FOLLOWER
from c2r.store.files import outlines
from c2r.store.networks import PARTS, file_of
from c2r.store.runs import frame_steps, open_run

MOST = 12  # networks in memory


def load(path: Path, name: str) -> Network:
    """A network of the run in `path`, frozen, on the CPU, by its name (`c2r.store.networks.kept`). Raises
    InputError."""
    file = file_of(path, name)
    steps = frame_steps(path)
    images = outlines(path, f"frames/{steps[-1]:06d}").get("images") if steps else None
    if images is None or images.ndim != 4:
        raise InputError(f"Run {Path(path).name} has no recorded images: expected a frame; choose another run.")
    facts = file.stat()
    return _loaded(file, name, tuple(images.shape[1:]), (facts.st_mtime_ns, facts.st_size))


@lru_cache(MOST)
def _loaded(file: Path, name: str, shape: tuple[int, ...], _when: tuple[int, int]) -> Network:
    """The network in a file; `_when` is part of the key, so that a file that was written again is read again."""
    folder = file.parent if name == FOLLOWER else file.parent.parent
    config = _config(folder)
    try:
        weights = _weights(file, name)
        statistics = (weights["mean"].flatten(), weights["std"].flatten())
        network = build(config, shape, len(weights["head.bias"]), statistics, torch.Generator())
        network.load_state_dict(weights)
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError):
        raise InputError(
            f"{file.name} of {folder.name} is damaged: expected the weights of a network of its settings; choose"
            " another network."
        ) from None
    return frozen(network)


def _weights(file: Path, name: str) -> dict[str, Tensor]:
    """The weights of a network: of a scorer's stages the last one."""
    with safe_open(file, framework="pt") as stored:
        keys = list(stored.keys())
        prefix = ""
        if name == FOLLOWER:
            prefix = "student."
        elif name in PARTS:
            prefix = f"{max(int(key.partition('.')[0]) for key in keys)}."
        return {key.removeprefix(prefix): stored.get_tensor(key) for key in keys if key.startswith(prefix)}


def _config(folder: Path) -> RunConfig:
    run = open_run(folder)
    if run.config is None:
        raise InputError(run.problem)
    return run.config
