"""LS-PGD against PGD-10 on the same images and network: passes per sample, paired seconds, share of PGD-10's loss gain.

Run: python benchmarks/attack_cost.py [--data PATH] (digits by default). *cold*: test images, no perturbation known.
*warm*: the synthetic images of a short distillation under the scorer, each attack starting from what was found
`record_every` updates ago, which is how C2R scores them; means over these calls. *inside*: the attacks of its updates,
one line search under the network and the augmentation of that update, from the scorer's perturbation; *inside, from
zero*: the same without it. Gains are relative to the clean loss.
"""

import argparse
import json
import statistics
import time
from typing import Any
from unittest.mock import patch

import torch

from c2r.config import RunConfig
from c2r.config import load as preset
from c2r.core.linesearch import Search, Start, Trace, ls_pgd
from c2r.core.margins import sample_losses
from c2r.core.pgd import attack, pgd
from c2r.core.threat import Threat
from c2r.data.real import RealData, fixed_test_subset, load_on_device
from c2r.methods.c2r import update
from c2r.methods.distill import Recorded, distill
from c2r.methods.pool import Pool, train_network
from c2r.networks.models import Network


def warm(trace: Trace | None) -> Start | None:
    """Where an attack starts that comes after `trace`."""
    return None if trace is None else Start(trace.delta, trace.loss)


def compare(
    network: Network, x: torch.Tensor, y: torch.Tensor, config: RunConfig, start: Trace | None, repeats: int
) -> dict[str, float]:
    """One comparison on images x with labels y; `start` is the earlier trace of a warm call."""
    threat, generator = Threat(config.eps), torch.Generator().manual_seed(0)
    search = Search(threat, config, config.cold_rounds if start is None else 0)
    seconds: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        fast = ls_pgd(network, x, y, search, warm(start))
        middle = time.perf_counter()
        slow = pgd(network, x, y, threat=threat, generator=generator, steps=10)
        seconds.append((middle - began) / (time.perf_counter() - middle))
    with torch.no_grad():
        clean = sample_losses(network(x), y)
    return {
        "forwards": fast.forwards / len(x),
        "backwards": fast.backwards / len(x),
        "pgd_forwards": slow.forwards / len(x),
        "pgd_backwards": slow.backwards / len(x),
        "cost_share": (fast.forwards + fast.backwards) / (slow.forwards + slow.backwards),
        "seconds_share": statistics.median(seconds),
        "gain_share": float((fast.loss - clean).mean() / (slow.loss - clean).mean()),
    }


def scorer_of(config: RunConfig, data: RealData) -> Network:
    """The adversarially trained network of a run with this configuration."""
    pool = Pool()
    for _ in train_network(pool, config, data, torch.Generator().manual_seed(config.seed)):
        pass
    return pool.last(0)


def warm_calls(config: RunConfig, data: RealData, network: Network, repeats: int) -> dict[str, float]:
    """Mean over consecutive recorded steps of a distillation, the first (cold) call left out."""
    compared, trace = [], None
    for event in distill(config, data):
        if isinstance(event, Recorded):
            x, y = torch.from_numpy(event.arrays["images"]).float() / 255, torch.from_numpy(event.arrays["labels"])
            if trace is not None:
                compared.append(compare(network, x, y, config, trace, repeats))
            search = Search(Threat(config.eps), config, config.cold_rounds if trace is None else 0)
            trace = ls_pgd(network, x, y, search, warm(trace))
    return {name: statistics.mean(row[name] for row in compared) for name in compared[0]}


def inside_updates(config: RunConfig, data: RealData) -> dict[str, dict[str, float]]:
    """Mean over the updates of a distillation, from the warm start and from zero."""
    gains: dict[str, list[tuple[float, float]]] = {"inside": [], "inside, from zero": []}

    def measured(model: Network, x: torch.Tensor, y: torch.Tensor, *others: Any) -> Trace:
        threat, trace = Threat(config.eps), attack(model, x, y, *others)
        slow = pgd(model, x, y, threat=threat, generator=torch.Generator().manual_seed(0), steps=10)
        zero = ls_pgd(model, x, y, Search(threat, config))
        with torch.no_grad():
            clean = sample_losses(model(x), y)
        for name, fast in zip(gains, (trace, zero), strict=True):
            cost = (fast.forwards + fast.backwards) / (slow.forwards + slow.backwards)
            gains[name].append((cost, float((fast.loss - clean).mean() / (slow.loss - clean).mean())))
        return trace

    with patch.object(update, "attack", measured):
        for _ in distill(config, data):
            pass
    return {
        name: dict(zip(("cost_share", "gain_share"), map(statistics.mean, zip(*rows, strict=True)), strict=True))
        for name, rows in gains.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--set", action="append", default=[])
    chosen = parser.parse_args()
    name = "demo" if chosen.data == "digits" else "cifar10-small"
    changes = dict(pair.split("=", 1) for pair in chosen.set)
    config = preset(name, {"data": chosen.data, "partition": 1, "record_every": 5} | changes)
    data = load_on_device(config)
    network = scorer_of(config, data)
    index = fixed_test_subset(data, chosen.images, 0)
    x, y = data.test_images[index].float() / 255, data.test_labels[index]
    settings = {key: getattr(config, key) for key in ("ls_alpha", "ls_beta", "ls_tries", "ls_rounds")}
    print(json.dumps({"data": data.name, "n": len(x), "eps": config.model_dump(mode="json")["eps"]} | settings))
    print("cold", json.dumps({k: round(v, 3) for k, v in compare(network, x, y, config, None, chosen.repeats).items()}))
    short = config.model_copy(update={"steps": 60, "pool_size": 2})
    for name, row in inside_updates(short, data).items():
        print(name, json.dumps({k: round(v, 3) for k, v in row.items()}))
    print("warm", json.dumps({k: round(v, 3) for k, v in warm_calls(short, data, network, 3).items()}))


if __name__ == "__main__":
    main()
