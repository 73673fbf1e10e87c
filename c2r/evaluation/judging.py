"""Applies the checks to an evaluation: what they need to know, from a finished evaluation or from its folder;
checks.json."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from c2r.attacks.protocols import main_radius
from c2r.config import RunConfig
from c2r.data.real import RealData, statistics
from c2r.errors import InputError
from c2r.evaluation import checks
from c2r.evaluation.badges import Badge, read, to_json
from c2r.formats.sets import check_same
from c2r.networks.models import Network, build, frozen
from c2r.store.files import read_json, write_atomic
from c2r.store.results import read_rows
from c2r.store.runs import open_run, read_arrays

Arrays = dict[str, np.ndarray]


def judge(
    path: Path, config: RunConfig, data: RealData, rows: list[dict[str, Any]], test: Arrays, facts: dict[str, Any]
) -> list[Badge]:
    """Run the cheap checks on a finished evaluation, whose networks lie in its folder, and store badges and facts
    there."""
    write_atomic(path / "facts.json", json.dumps(facts) + "\n")
    badges = list(checks.run(_subject(config, data, rows, load_networks(path, config, data), test, facts)))
    write_atomic(path / "checks.json", json.dumps(to_json(badges)) + "\n")
    return badges


def judge_again(
    path: Path, data: RealData, names: list[str] | None, on: Callable[[str, float], None] | None = None
) -> Iterator[Badge]:
    """Run checks (None: all of them) on the evaluation in `path`; yields each badge and merges it into checks.json.

    :raises InputError: the folder holds no finished evaluation with its networks
    """
    run = open_run(path)
    if run.config is None or run.problem:
        raise InputError(run.problem)
    check_same(data.hash, run, "bring them back or evaluate the set again")
    subject = _subject(
        run.config,
        data,
        read_rows(path),
        load_networks(path, run.config, data),
        read_arrays(path, "test"),
        read_json(path / "facts.json"),
    )
    kept = {badge.number: badge for badge in read(path)}
    for badge in checks.run(subject, names or checks.THOROUGH, on):
        kept[badge.number] = badge
        write_atomic(path / "checks.json", json.dumps(to_json([kept[number] for number in sorted(kept)])) + "\n")
        yield badge


def load_networks(path: Path, config: RunConfig, data: RealData) -> list[Network]:
    """The evaluation networks of a folder, frozen, on the device of the data. Raises InputError."""
    found = []
    for file in sorted((path / "networks").glob("seed*.safetensors"), key=lambda f: int(f.stem[4:])):
        network = build(config, data.images.shape[1:], len(data.classes), statistics(data), torch.Generator())
        try:
            network.load_state_dict(load_file(file))
        except (SafetensorError, OSError, RuntimeError):
            raise InputError(
                f"{file.name} of {path.name} is damaged: expected the weights of an evaluation network; evaluate the"
                " set again."
            ) from None
        found.append(frozen(network.to(data.images.device)))
    if not found:
        raise InputError(
            f"{path.name} keeps no evaluation networks: it was evaluated before they were stored; evaluate the set"
            " again."
        )
    return found


def _subject(
    config: RunConfig,
    data: RealData,
    rows: list[dict[str, Any]],
    networks: list[Network],
    test: Arrays,
    facts: dict[str, Any],
) -> checks.Subject:
    index = torch.from_numpy(test["index"]).to(data.images.device)
    kinds = {
        kind: {name.partition("/")[2]: value for name, value in test.items() if name.startswith(kind)}
        for kind in ("margin", "correct")
    }
    return checks.Subject(
        rows=rows,
        networks=networks,
        x=data.test_images[index].float() / 255,
        y=data.test_labels[index],
        eps=main_radius(config),
        classes=len(data.classes),
        protocol=config.protocol,
        facts=facts,
        config=config,
        margins=kinds["margin"],
        correct=kinds["correct"],
    )
