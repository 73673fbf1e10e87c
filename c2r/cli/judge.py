"""``check``, ``attack`` and ``transfer``: what an evaluation, any network, or several sets withstand."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from c2r import config as settings
from c2r import paths
from c2r.attacks.protocols import PROTOCOLS
from c2r.cli.arguments import add_settings, one_of, several_of, whole, word
from c2r.cli.terminal import print_badges, print_rows
from c2r.errors import InputError
from c2r.fields import choices
from c2r.formats.normalisation import NORMALISATIONS
from c2r.store import runs
from c2r.store.files import write_atomic
from c2r.store.results import headline_folder, read_rows

SPLITS = ("test", "train")
SURROGATE = ("fgsm", "pgd", "mi-fgsm", "vmi-fgsm")  # attacks that transfer


def add_check(parser: argparse.ArgumentParser) -> None:
    """Options of ``check``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder or one of its evaluations")
    parser.add_argument(
        "--only", type=check_names, help="names of checks with commas (default: all twelve, the slow ones too)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")


def check_names(text: str) -> list[str]:
    """Reads names of checks. Raises InputError; loads torch."""
    from c2r.evaluation.checks import CHECKS

    return several_of("check", CHECKS)(text)


def evaluated(path: Path) -> list[dict[str, Any]]:
    """The result rows that stand for a run. Raises InputError when it is none or was never evaluated."""
    run = runs.open_run(path)
    if run.problem:
        raise InputError(run.problem)
    if not (rows := read_rows(path)):
        raise InputError(
            f"Run {run.id} was never evaluated: expected result rows; run python -m c2r evaluate {path} first."
        )
    return rows


def check(chosen: argparse.Namespace) -> int:
    """Run the twelve checks on a finished evaluation, the slow ones too; the badges are stored with it."""
    from c2r.data.real import load_on_device
    from c2r.evaluation.badges import to_json
    from c2r.evaluation.judging import judge_again

    evaluated(chosen.dir)
    path = headline_folder(chosen.dir)
    run = runs.open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    badges = []
    for badge in judge_again(
        path,
        load_on_device(run.config),
        chosen.only,
        lambda name, share: print(f"{100 * share:.0f} %: {name}", file=sys.stderr, flush=True),
    ):
        badges.append(badge)
        if not chosen.json:
            print_badges([badge])
    if chosen.json:
        print(json.dumps(to_json(badges), indent=2))
    return 0


def add_attack(parser: argparse.ArgumentParser) -> None:
    """Options of ``attack``."""
    parser.add_argument("--weights", type=paths.file, help="safetensors or state dict, of this app or BEARD's layout")
    parser.add_argument(
        "--model",
        type=model,
        default="convnet",
        help="convnet, resnet18, mlp, or module:function of yours (default convnet)",
    )
    constants = ("none", *NORMALISATIONS)
    parser.add_argument(
        "--normalisation",
        type=one_of("normalisation", constants),
        help=f"constants the network expects: {', '.join(constants)} (default: the file's)",
    )
    parser.add_argument("--data", type=word, default="cifar10", help="as for distill (default cifar10)")
    parser.add_argument(
        "--split", type=one_of("split", SPLITS), default="test", help="which images: test or train (default test)"
    )
    parser.add_argument(
        "--n",
        type=whole(0, 1_000_000),
        default=1000,
        help="images, class-balanced, fixed by the seed; 0 takes all (default 1000)",
    )
    parser.add_argument(
        "--seed", type=whole(0, 2**31 - 1), default=0, help="of the images and of every attack (default 0)"
    )
    parser.add_argument(
        "--protocol",
        type=one_of("protocol", PROTOCOLS),
        default="pixel-2/255",
        help=f"one of {', '.join(PROTOCOLS)} (default pixel-2/255)",
    )
    add_settings(parser, "settings of the custom protocol: eps, eval_attacks, ...")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def model(text: str) -> str:
    """Reads a network of the app or the name of a function. Raises InputError."""
    return text if ":" in text else one_of("model", choices(settings.RunConfig.model_fields["model"]))(text)


def attack(chosen: argparse.Namespace) -> int:
    """Attack any network by a protocol, and run the checks that need no training."""
    changes: dict[str, Any] = settings.parse_assignments(chosen.set)
    config = settings.load(
        "cifar10",
        {"device": "auto", "data": chosen.data, "seed": chosen.seed, "protocol": chosen.protocol, "eval_seeds": 1}
        | changes,
    )
    from c2r.evaluation.external_networks import Source, attack_network

    source = Source(chosen.weights, chosen.model, chosen.normalisation or "")
    result = attack_network(source, config, chosen.split, chosen.n, None if chosen.json else _show_share)
    if chosen.json:
        print(json.dumps(result, indent=2))
        return 0
    print(
        f"{result['network']} on {result['n']} {chosen.split} images of {result['data']['name']} (hash"
        f" {result['data']['hash']}). {result['normalisation']}"
    )
    print_rows(result["rows"])
    from c2r.evaluation.badges import from_json

    print_badges([badge for badge in from_json(result["checks"]) if badge.colour not in ("green", "grey")])
    return 0


def _show_share(label: str, share: float) -> None:
    """How far an attempt is, in a line that the next one replaces; nothing where that is no terminal."""
    if sys.stderr.isatty():
        print(f"\r{label}: {100 * share:.0f} %   ", end="", file=sys.stderr)


def add_transfer(parser: argparse.ArgumentParser) -> None:
    """Options of ``transfer``."""
    parser.add_argument(
        "dirs", type=paths.folder, nargs="+", metavar="DIR", help="2 to 6 evaluated runs on the same data"
    )
    parser.add_argument(
        "--attack",
        type=one_of("attack", SURROGATE),
        default="pgd",
        help=f"crafted on each surrogate: {', '.join(SURROGATE)} (default pgd)",
    )
    parser.add_argument("--out", type=paths.new, help="also write the matrix to this new JSON file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def transfer(chosen: argparse.Namespace) -> int:
    """Craft adversarial images on the networks of each run and score them on those of every other."""
    if not 2 <= len(chosen.dirs) <= 6:
        raise InputError(f"transfer expects 2 to 6 runs, found {len(chosen.dirs)}: name other folders.")
    for path in chosen.dirs:
        evaluated(path)
    if chosen.out:
        paths.untaken(chosen.out)
    from c2r.evaluation.transfer import matrix

    scored = matrix(chosen.dirs, chosen.attack, lambda line: print(line, file=sys.stderr, flush=True))
    if chosen.out:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(chosen.out, json.dumps(scored) + "\n")
    if chosen.json:
        print(json.dumps(scored, indent=2))
        return 0
    width = max(map(len, scored["runs"]))
    print(
        f"Accuracy of the target (columns) on images crafted with {scored['attack']} at ε = {scored['eps']} on the"
        f" surrogate (rows), n = {scored['n']}"
    )
    for name, line in zip(scored["runs"], scored["accuracy"], strict=True):
        print(f"  {name:{width}} " + " ".join(f"{100 * value:6.1f}" for value in line))
    return 0
