"""Transfer attacks between evaluated sets: crafted on a surrogate's networks, scored on a target's. M networks each, n
images."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import torch
from torch import Tensor

from c2r.attacks.figurekey import radius
from c2r.attacks.run import attack
from c2r.data.real import load_on_device
from c2r.errors import InputError
from c2r.evaluation.judging import load_networks
from c2r.fields import format_radius
from c2r.formats.sets import check_same
from c2r.networks.models import Network
from c2r.store.results import headline_folder
from c2r.store.runs import open_run, read_arrays


def matrix(paths: list[Path], name: str, told: Callable[[str], None] = lambda _line: None) -> dict[str, Any]:
    """Accuracy of target networks on images crafted on surrogate networks, network i on network i, mean over networks.

    The surrogate is attacked to the last step (an image that leaves at the first success hardly crosses the boundary
    and does
    not transfer); the diagonal is the white-box case. Targets are scored on all images, their own mistakes count as
    wrong.

    :param paths: evaluated runs on the same data; :param name: a gradient attack of the catalog; :param told: progress,
        in words
    :returns: attack, eps, n, networks, runs (names), accuracy and std [surrogate][target], clean [target]
    :raises InputError: a run without networks, or data that differ
    """
    folders = [headline_folder(path) for path in paths]
    found = [open_run(folder) for folder in folders]
    configs = [run.config for run in found]
    if any(config is None or run.problem for config, run in zip(configs, found, strict=True)):
        raise InputError(next(run.problem for run in found if run.problem))
    first = configs[0]
    assert first is not None, "checked above"
    data = load_on_device(first)
    hashes = {run.manifest.get("data", {}).get("hash") for run in found}
    if len(hashes) > 1:
        raise InputError(
            f"The runs were evaluated on {len(hashes)} different data sets: expected one data hash; choose other runs."
        )
    check_same(data.hash, found[0], "bring them back or evaluate the sets again")
    radii = sorted({format_radius(config.eps) for config in configs if config})
    if len(radii) > 1:
        raise InputError(
            f"The runs were trained for different radii ({', '.join(radii)}): expected one ε; choose runs with the same"
            " eps."
        )
    networks = [load_networks(folder, config, data) for folder, config in zip(folders, configs, strict=True) if config]
    index = torch.from_numpy(read_arrays(folders[0], "test")["index"])
    x, y = data.test_images[index].float() / 255, data.test_labels[index]
    count = min(map(len, networks))
    table = []
    for number, one in enumerate(networks):
        told(f"surrogate {number + 1} of {len(networks)}: {paths[number].name}")
        crafted = [attack(name, surrogate, x, y, eps=first.eps, last=True).images for surrogate in one[:count]]
        table.append(
            [
                [_accuracy(target, images, y) for target, images in zip(other, crafted, strict=False)]
                for other in networks
            ]
        )
    return {
        "attack": name,
        "eps": radius(first.eps),
        "n": len(y),
        "networks": count,
        "runs": [path.name for path in paths],
        "accuracy": [[mean(cell) for cell in line] for line in table],
        "std": [[pstdev(cell) for cell in line] for line in table],
        "clean": [mean(_accuracy(network, x, y) for network in own[:count]) for own in networks],
    }


def _accuracy(network: Network, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((torch.cat([network(part) for part in x.split(256)]).argmax(1) == y).float().mean())
