"""``check``, ``attack`` and ``transfer``: what an evaluation, any network, or several sets withstand."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from c2r import catalog, runs
from c2r import config as settings
from c2r.commands.terminal import print_badges, print_rows
from c2r.errors import InputError
from c2r.files import write_atomic
from c2r.protocols import PROTOCOLS


def add_check(one: argparse.ArgumentParser) -> None:
    """Options of ``check``."""
    one.add_argument("dir", type=Path, metavar="DIR", help="run folder or one of its evaluations")
    one.add_argument("--only", help="names of checks with commas (default: all twelve, the slow ones too)")
    one.add_argument("--json", action="store_true", help="print JSON instead of lines")


def check(chosen: argparse.Namespace) -> int:
    """Run the twelve checks on a finished evaluation, the slow ones too; the badges are stored with it."""
    from c2r.badges import to_json
    from c2r.judging import judge_again
    from c2r.tasks import load_on_device

    path = runs.results(chosen.dir)
    run = runs.open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    names = [name.strip() for name in chosen.only.split(",")] if chosen.only else None
    found = []
    for badge in judge_again(
        path, load_on_device(run.config), names, lambda name, share: print(f"{100 * share:.0f} %: {name}", file=sys.stderr, flush=True)
    ):
        found.append(badge)
        if not chosen.json:
            print_badges([badge])
    if chosen.json:
        print(json.dumps(to_json(found), indent=2))
    return 0


def add_attack(one: argparse.ArgumentParser) -> None:
    """Options of ``attack``."""
    one.add_argument("--weights", type=Path, help="safetensors or state dict, of this app or BEARD's layout")
    one.add_argument("--model", default="convnet", help="convnet, resnet18, mlp, or module:function of yours (default convnet)")
    one.add_argument("--normalisation", default="", help="constants the network expects; none for a network that takes [0, 1]")
    one.add_argument("--data", default="cifar10", help="as for distill (default cifar10)")
    one.add_argument("--split", choices=("test", "train"), default="test", help="which images (default test)")
    one.add_argument("--n", type=int, default=1000, help="images, class-balanced, fixed by the seed; 0 takes all (default 1000)")
    one.add_argument("--seed", type=int, default=0, help="of the images and of every attack (default 0)")
    one.add_argument("--protocol", default="pixel-2/255", help=f"one of {', '.join(PROTOCOLS)} (default pixel-2/255)")
    one.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="settings of the custom protocol: eps, eval_attacks, ..."
    )
    one.add_argument("--json", action="store_true", help="print JSON instead of a table")


def attack(chosen: argparse.Namespace) -> int:
    """Attack any network by a protocol, and run the checks that need no training."""
    changes: dict[str, Any] = settings.parse_assignments(chosen.set)
    config = settings.load(
        "cifar10", {"device": "auto", "data": chosen.data, "seed": chosen.seed, "protocol": chosen.protocol, "eval_seeds": 1} | changes
    )
    from c2r.foreign import attack_network

    found = attack_network(chosen.weights, chosen.model, chosen.normalisation, config, chosen.split, chosen.n, quiet=chosen.json)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return 0
    print(
        f"{found['network']} on {found['n']} {chosen.split} images of {found['data']['name']} (hash {found['data']['hash']}). {found['normalisation']}"
    )
    print_rows(found["rows"])
    from c2r.badges import from_json

    print_badges([badge for badge in from_json(found["checks"]) if badge.colour not in ("green", "grey")])
    return 0


def add_transfer(one: argparse.ArgumentParser) -> None:
    """Options of ``transfer``."""
    one.add_argument("dirs", type=Path, nargs="+", metavar="DIR", help="2 to 6 evaluated runs on the same data")
    one.add_argument(
        "--attack", default="pgd", choices=("fgsm", "pgd", "mi-fgsm", "vmi-fgsm"), help="crafted on each surrogate (default pgd)"
    )
    one.add_argument("--out", type=Path, help="also write the matrix to this JSON file")
    one.add_argument("--json", action="store_true", help="print JSON instead of a table")


def transfer(chosen: argparse.Namespace) -> int:
    """Craft adversarial images on the networks of each run and score them on those of every other."""
    if not 2 <= len(chosen.dirs) <= 6:
        raise InputError(f"transfer expects 2 to 6 runs, found {len(chosen.dirs)}: name other folders.")
    from c2r.transfer import matrix

    catalog.facts(chosen.attack)
    found = matrix(chosen.dirs, chosen.attack, lambda line: print(line, file=sys.stderr, flush=True))
    if chosen.out:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(chosen.out, json.dumps(found) + "\n")
    if chosen.json:
        print(json.dumps(found, indent=2))
        return 0
    width = max(map(len, found["runs"]))
    print(
        f"Accuracy of the target (columns) on images crafted with {found['attack']} at ε = {found['eps']} on the surrogate (rows), n = {found['n']}"
    )
    for name, line in zip(found["runs"], found["accuracy"], strict=True):
        print(f"  {name:{width}} " + " ".join(f"{100 * value:6.1f}" for value in line))
    return 0
