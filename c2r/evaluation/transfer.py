"""Transfer attacks between evaluated sets: crafted on a surrogate's networks, scored on a target's. M networks each, n
images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, pstdev
from typing import Any, NamedTuple

import torch
from torch import Tensor

from c2r.attacks.figurekey import radius
from c2r.attacks.run import attack
from c2r.config import RunConfig
from c2r.data.real import load_on_device
from c2r.errors import InputError
from c2r.evaluation.judging import load_networks
from c2r.fields import format_radius
from c2r.formats.sets import check_same
from c2r.networks.models import Network
from c2r.store.results import headline_folder
from c2r.store.runs import Run, open_run, read_arrays


class Judged(NamedTuple):
    """One evaluation that is crossed with others: its folder and the settings it was made with."""

    folder: Path
    run: Run
    config: RunConfig


def matrix(paths: list[Path], name: str, told: Callable[[str], None] = lambda _line: None) -> dict[str, Any]:
    """Accuracy of target networks on images crafted on surrogate networks, network i on network i, mean over networks.

    The surrogate is attacked to the last step (an image that leaves at the first success hardly crosses the boundary
    and does not transfer); the diagonal is the white-box case. Targets are scored on all images, their own mistakes
    count as wrong.

    :param paths: evaluated runs on the same data; :param name: a gradient attack of the catalog; :param told: progress,
        in words
    :returns: attack, eps, n, networks, runs (names), accuracy and std [surrogate][target], clean [target]
    :raises InputError: a run without networks, or data that differ
    """
    sets = [_opened(path) for path in paths]
    first = sets[0]
    data = load_on_device(first.config)
    _agree(sets, data.hash)
    networks = [load_networks(judged.folder, judged.config, data) for judged in sets]
    index = torch.from_numpy(read_arrays(first.folder, "test")["index"])
    x, y = data.test_images[index].float() / 255, data.test_labels[index]
    count = min(map(len, networks))
    table = []
    for number, surrogates in enumerate(networks):
        told(f"surrogate {number + 1} of {len(networks)}: {paths[number].name}")
        crafted = [
            attack(name, network, x, y, eps=first.config.eps, last=True).images for network in surrogates[:count]
        ]
        table.append([_scores(targets, crafted, y) for targets in networks])
    return {
        "attack": name,
        "eps": radius(first.config.eps),
        "n": len(y),
        "networks": count,
        "runs": [path.name for path in paths],
        "accuracy": [[mean(cell) for cell in line] for line in table],
        "std": [[pstdev(cell) for cell in line] for line in table],
        "clean": [mean(_accuracy(network, x, y) for network in own[:count]) for own in networks],
    }


def _opened(path: Path) -> Judged:
    folder = headline_folder(path)
    run = open_run(folder)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    return Judged(folder, run, run.config)


def _agree(sets: Sequence[Judged], data_hash: str) -> None:
    """Raises InputError unless all were evaluated on the data of this hash, and trained for one radius."""
    hashes = {judged.run.manifest.get("data", {}).get("hash") for judged in sets}
    if len(hashes) > 1:
        raise InputError(
            f"The runs were evaluated on {len(hashes)} different data sets: expected one data hash; choose other runs."
        )
    check_same(data_hash, sets[0].run, "bring them back or evaluate the sets again")
    radii = sorted({format_radius(judged.config.eps) for judged in sets})
    if len(radii) > 1:
        raise InputError(
            f"The runs were trained for different radii ({', '.join(radii)}): expected one ε; choose runs with the same"
            " eps."
        )


def _scores(targets: Sequence[Network], crafted: Sequence[Tensor], y: Tensor) -> list[float]:
    """The accuracy of target i on the images crafted on surrogate i."""
    return [_accuracy(target, images, y) for target, images in zip(targets, crafted, strict=False)]


def _accuracy(network: Network, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((torch.cat([network(part) for part in x.split(256)]).argmax(1) == y).float().mean())
