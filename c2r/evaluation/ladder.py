"""The ladder of a run: from random real images to the run itself, one part more on each rung, measured. No torch.

A rung is a run's settings; it is looked up among the evaluations of a store by all of them, see
`c2r.evaluation.groups`. Which methods stand between is read from the table of methods, and from the printed ablation.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from c2r import config as settings
from c2r.attacks.figurekey import FigureKey
from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.evaluation.ablation import FULL, PRINTED
from c2r.evaluation.groupfigures import Spread, difference, spread
from c2r.evaluation.groups import DATA, Group, values_of
from c2r.evaluation.paired import Difference
from c2r.evaluation.wording import NONE, points, size
from c2r.registry import CHOSEN, METHODS, Method, of_kind

TOLD = {  # what a part does, where its rung is not the first of its method
    "AAC": "Mini-batches are cut from the attack-aware order, hardest first.",
    "CRL": "The contrastive loss shapes the embedding, by all that the run sets of it.",
}
NO_LADDER = ("imported", "reference")  # kinds of methods that start from no real images, or from all


class Rung(NamedTuple):
    """One rung: what it is called, what it adds in a sentence, and the settings of its runs."""

    label: str
    sentence: str
    config: RunConfig


class Step(NamedTuple):
    """A rung as it was measured: its group (None: missing), its figures, and the paired difference to the last rung
    `below` that was measured (or why there is none; None where nothing lies below)."""

    rung: Rung
    group: Group | None
    clean: Spread | None
    attacked: Spread | None
    difference: Difference | str | None
    below: str = ""

    @property
    def bytes(self) -> int | None:
        """Stored bytes of a set, labels counted."""
        return self.group.bytes if self.group else None


def rungs(config: RunConfig) -> list[Rung]:
    """The rungs of a run with these settings, lowest first; the last one is the run itself.

    A rung that the run does not have is left out. All but the last are trained half as long as the run's own networks.
    :raises InputError: an imported set, or all real images
    """
    if METHODS[config.method].kind in NO_LADDER:
        raise InputError(
            f"A ladder begins with random real images and ends with a distilled set, found"
            f" '{METHODS[config.method].label}': choose another run."
        )
    half = config.eval_steps // 2
    lower = _changed(config, eval_steps=half) if half else config
    steps = [*_from_real(lower), *_methods(lower), *_labelled(lower)]
    steps[0] = steps[0]._replace(label=steps[0].label + (", half the training" if half else ""))
    if half:
        told = f"Networks are trained for {config.eval_steps} steps instead of {half}; the set is the same."
        steps.append(Rung("+ longer training", told, config))
    return steps


def _changed(config: RunConfig, **changes: Any) -> RunConfig:
    return settings.validate(config.model_dump(mode="json") | changes)


def _plain_baseline() -> str:
    """The baseline that is real images and nothing else."""
    return next(name for name in of_kind("baseline") if METHODS[name].settings == Method("", "", "").settings)


def _from_real(config: RunConfig) -> list[Rung]:
    """Random real images, and those cut into parts."""
    start = {"method": _plain_baseline(), "imported": "", "parent": "", "init": "real"}
    found = [
        Rung("Random real images", "As many real images as the set stores.", _changed(config, partition=1, **start))
    ]
    if config.partition > 1:
        p = config.partition
        told = f"Each stored image holds {p} × {p} smaller real ones, in the same bytes."
        found.append(Rung(f"+ {p} × {p} parts", told, _changed(config, **start)))
    if config.init in CHOSEN:
        told = f"Of a random draw, the real images that are {config.init} by their robust margin."
        found.append(Rung(f"+ {config.init} start", told, _changed(config, **start | {"init": config.init})))
    return found


def _methods(config: RunConfig) -> list[Rung]:
    """The rungs that optimise pixels: with neither curriculum nor contrast, with the curriculum, with all of the
    method."""
    row = METHODS[config.method]
    if row.kind == "baseline":
        adds = "soft labels" if hasattr(config, "label_stage") else row.label
        known = config.method == _plain_baseline() or _soft(config)
        return [] if known else [Rung(f"+ {adds}", f"{row.sentence}.", config)]
    found, carried = list[Rung](), list[str]()
    for method, adds in _path(config.method):
        carried.append(adds)
        if method in METHODS:
            told = TOLD.get(", ".join(carried), f"{METHODS[method].sentence}.")
            found.append(Rung(f"+ {', '.join(carried)}", told, _changed(_hard(config), method=method)))
            carried = []
    return found


def _path(method: str) -> list[tuple[str, str]]:
    """The methods on the way to `method`, lowest first, each with what it adds; the table may lack some."""
    row, pixels = METHODS[method], "optimised pixels"
    without = {_ordered(printed.method): printed.method for printed in PRINTED if not printed.contrast}
    related = any(p.method in METHODS and METHODS[p.method].run == row.run for p in PRINTED)
    if not related or method == without.get(False):
        return [(method, pixels)]
    path = [(without.get(False, ""), pixels)]
    if row.order == "hardest":
        path.append((without.get(True, ""), "AAC"))
    if path[-1][0] == method:
        return path
    return [*path, (method, "CRL" if _parts(method) == _parts(FULL) else f"the rest of {row.label}")]


def _parts(method: str) -> dict[str, Any]:
    """The switches of a method but its order."""
    return {name: part for name, part in METHODS[method].parts.items() if name != "order"}


def _ordered(method: str) -> bool:
    """Whether a method visits the hardest images first; one that is not in the table is the one without."""
    return method in METHODS and METHODS[method].order == "hardest"


def _hard(config: RunConfig) -> RunConfig:
    """The same with hard labels, where labels are a setting."""
    return _changed(config, labels="hard") if _soft(config) else config


def _soft(config: RunConfig) -> bool:
    return getattr(config, "labels", "hard") != "hard"


def _labelled(config: RunConfig) -> list[Rung]:
    told = "Labels are what networks answer to each part; their bytes are counted."
    return [Rung("+ soft labels", told, config)] if _soft(config) else []


def find(rungs: Sequence[Rung], groups: Sequence[Group], data: str) -> list[Group | None]:
    """The group of each rung, looked up by all of its settings and the hash of the real data; None where it is
    missing."""
    wanted = [values_of(rung.config, rung.config) | {DATA: data} for rung in rungs]
    return [next((group for group in groups if group.values == values), None) for values in wanted]


def measured(rungs: Sequence[Rung], found: Sequence[Group | None], clean: FigureKey, of: FigureKey) -> list[Step]:
    """The rungs with their figures, each against the last measured one below it."""
    steps, below = list[Step](), None
    for rung, group in zip(rungs, found, strict=True):
        figures = [spread(group, key) if group else None for key in (clean, of)]
        apart = difference(group, below[1], of) if group and below else None
        steps.append(Step(rung, group, figures[0], figures[1], apart, below[0].label if below else ""))
        below = (rung, group) if group and figures[1] else below
    return steps


def command(run: Path, *more: str) -> str:
    """The command that makes the missing rungs of the run in a folder."""
    return shlex.join(["python", "-m", "c2r", "ladder", str(run), *more, "--make"])


def statement(steps: Sequence[Step], attack: str) -> str:
    """Which step is the largest, and what it is."""
    known = [(step, step.difference) for step in steps if isinstance(step.difference, Difference)]
    if not known:
        there = sum(step.group is not None for step in steps)
        return f"{there} of {len(steps)} rungs are measured, too few for a step"
    step, largest = max(known, key=lambda pair: abs(pair[1].value))
    undecided = sum(difference.verdict == "undecided" for _, difference in known)
    rest = f"; {undecided} of {len(known)} steps undecided" if undecided else ""
    return (
        f"The largest step is '{step.rung.label.removeprefix('+ ')}': {points(largest.value)} points of {attack}{rest}"
    )


def as_columns(steps: Sequence[Step], attack: str) -> dict[str, list[Any]]:
    """The ladder as a table, in percent and points; four columns, which a telephone has room for."""
    return {
        "Rung": [f"{step.rung.label} ({_made(step)})" for step in steps],
        "Clean (%)": [step.clean.text if step.clean else NONE for step in steps],
        f"{attack} (%)": [step.attacked.text if step.attacked else NONE for step in steps],
        "Minus the rung below (points)": [told_difference(step) for step in steps],
    }


def _made(step: Step) -> str:
    """What a rung rests on: ``seeds 0, 1; 6.50 kB``."""
    if step.group is None:
        return "missing"
    seeds = step.group.seeds
    told = f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
    return told if step.bytes is None else f"{told}; {size(step.bytes)}"


def told_difference(step: Step) -> str:
    """``+3.2 (+1.1 to +5.3): better``, or that nothing can be said."""
    if isinstance(step.difference, Difference):
        return f"{step.difference.text}: {step.difference.verdict}"
    return "not paired" if step.difference else NONE
