"""Whether objectives predict robustness, for one run: try ready sets one after the other, keep what is known of each.

It can be cut off anywhere: the sets that were tried are not tried again.
"""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from c2r.base.errors import InputError
from c2r.base.fields import format_radius
from c2r.config import RunConfig
from c2r.core.threat import Threat
from c2r.data.real import RealData, load_on_device
from c2r.distilled import DistilledSet
from c2r.evaluation.downstream import TESTED, robustness, tested, trained
from c2r.evaluation.objectives import OBJECTIVES, Seen, margins, values
from c2r.evaluation.readysets import Recipe, Sources, make, plan, real_pool
from c2r.evaluation.seeing import first_scorer, see
from c2r.events import Progress
from c2r.formats.sets import check_same
from c2r.networks.models import Network
from c2r.networks.naming import network_name
from c2r.store import objectives
from c2r.store.runs import ended, frame_steps, read_frame

Show = Callable[[Progress, float | None], None]
PHASES = ("scorer", "predict")


class Scorer(NamedTuple):
    """The scorer, and real images as it sees them."""

    network: Network
    real: Seen


def predict(path: Path, count: int, steps: int, show: Show) -> dict[str, Any]:
    """Try `count` ready sets of a run, with networks trained in `steps` steps (0: half of an evaluation's); returns
    settings and rows as they are stored in ``objectives.json``.

    :raises InputError: no run, one at work, one without a recorded step, data that changed
    """
    run = ended(path, "looked into for what predicts robustness")
    if run.config is None or run.problem:
        raise InputError(run.problem)
    recorded, config = frame_steps(path), run.config
    if not recorded:
        raise InputError(
            f"Run {run.id} has no recorded step: expected a run with at least one, whose images are tried; choose"
            " another run."
        )
    config = config.model_copy(update={"eval_steps": steps or max(1, config.eval_steps // 2)})
    data = load_on_device(config)
    check_same(data.hash, run)
    settings, recipes = _settings(config, data, count), plan(count, recorded, config.seed)
    rows = {row["set"]: row for row in objectives.known(path, settings) if row["values"].keys() == OBJECTIVES.keys()}
    rows = {recipe.name: rows[recipe.name] for recipe in recipes if recipe.name in rows}
    missing = [recipe for recipe in recipes if recipe.name not in rows]
    if missing:
        objectives.begin(path, settings, list(rows.values()))
        for row in _tried(path, config, data, missing, show):
            objectives.append(path, row)
            rows[row["set"]] = row
    ordered = [rows[recipe.name] for recipe in recipes]
    objectives.finish(path, settings, ordered)
    return {"settings": settings, "rows": ordered}


def _settings(config: RunConfig, data: RealData, count: int) -> dict[str, Any]:
    """What defines the rows, as plain values."""
    return {
        "sets": count,
        "scorer": config.scorers[0],
        "attack": "PGD-10",
        "eps": format_radius(config.eps),
        "norm": "Linf",
        "training": config.eval_training,
        "network": network_name(config),
        "steps": config.eval_steps,
        "labels": "hard",
        "n": min(TESTED, len(data.test_images)),
        "seed": config.seed,
        "data_hash": data.hash,
    }


def _tried(
    path: Path, config: RunConfig, data: RealData, recipes: list[Recipe], show: Show
) -> Iterator[dict[str, Any]]:
    """A row for each recipe, as soon as it is known."""
    scorer, sources = _scorer(path, config, data, show)
    threat, test, began = Threat(config.eps), tested(data, config.seed), time.monotonic()
    for number, recipe in enumerate(recipes):
        left = (time.monotonic() - began) / number * (len(recipes) - number) if number else None
        show(
            Progress(PHASES[1], number, len(recipes), doing=f"set {number + 1} of {len(recipes)}: {recipe.name}"), left
        )
        images, labels = make(recipe, sources)
        seen = see(scorer.network, images, labels, len(data.classes), threat, config.seed)
        reached = robustness(trained(images, labels, config, data), *test, threat, config.seed)
        yield {
            "set": recipe.name,
            "kind": recipe.kind,
            "values": values(seen, scorer.real),
            "robust_loss": reached.loss if math.isfinite(reached.loss) else None,
            "robust_accuracy": reached.accuracy,
            "clean_accuracy": reached.clean,
        }


def _scorer(path: Path, config: RunConfig, data: RealData, show: Show) -> tuple[Scorer, Sources]:
    """The run's first scorer, what it sees of real images, and what sets are made of."""
    arrays = read_frame(path, frame_steps(path)[0], ("images", "labels"))
    network = None
    for event in first_scorer(config, data, DistilledSet(arrays["images"], arrays["labels"])):
        if isinstance(event, Progress):
            show(event, None)
        else:
            network = event
    assert network is not None, "the scorer comes last"
    most = int(torch.bincount(torch.from_numpy(arrays["labels"])).max()) * config.partition**2
    pool = real_pool(config, data, most)
    images, labels = data.images[pool].float() / 255, data.labels[pool]
    real = see(network, images, labels, len(data.classes), Threat(config.eps), config.seed)
    return Scorer(network, real), Sources(path, config, data, pool, margins(real.adversarial, labels))
