"""The tables of a comparison as plain values: one column per set, cells as words. No torch.

Letters: K classes, A attempts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from c2r import config
from c2r.attacks.figurekey import Conditions
from c2r.evaluation.accuracies import accuracy_of, lines, told, worst_image
from c2r.evaluation.attempts import CLEAN
from c2r.evaluation.contestant import Contestant, data_hash, stored_bytes
from c2r.evaluation.digest import Threat, conditions, group_of
from c2r.evaluation.metrics import NAMES, RATIOS
from c2r.evaluation.paired import REFUSED, Difference
from c2r.evaluation.ranking import Cells
from c2r.evaluation.wording import NONE, number
from c2r.fields import shown

Columns = dict[str, list[Any]]  # head → cells
ABSENT, UNSTORED = "not measured", "not stored"
DERIVED = (NAMES["average"], NAMES["worst"], NAMES["worst_image"], "Drop rate, average", "Drop rate, worst attack")


def accuracy_table(
    contestants: Sequence[Contestant], threat: Threat | None, places: Sequence[str] | None = None
) -> Columns:
    """One line per figure: clean, every attempt, average, worst, drop rate, networks and n; percent.

    `places`: the rank of each, None when they may not be ranked.
    """
    attempts = [line for line in lines(contestants, threat) if line.of]
    grouped = list(dict.fromkeys(conditions(c.digest) for c in contestants)) or [Conditions()]
    names = [line.name if line.of and line.of.attack == CLEAN else f"Under {line.name}" for line in attempts]
    derived = [told(name, under, grouped) for under in grouped for name in DERIVED]
    table: Columns = {"Accuracy (%)": [*(["Rank"] if places else []), *names, *derived, "Networks", "Test images (n)"]}
    for contestant, place in zip(contestants, places or [""] * len(contestants), strict=True):
        accuracies = [accuracy_of(line, contestant, threat) for line in attempts]
        cells = [ABSENT if accuracy is None else accuracy.text for accuracy in accuracies]
        for under in grouped:
            own = conditions(contestant.digest) == under
            cells += _derived(contestant, threat) if own else [ABSENT] * len(DERIVED)
        counts = [str(contestant.digest["seeds"]), f"{contestant.digest['n']:,}"]
        table[contestant.name] = [*([place] if places else []), *cells, *counts]
    return table


def _derived(contestant: Contestant, threat: Threat | None) -> list[str]:
    """The figures that one evaluation's attacks under the threat give together; the worst attack by its name."""
    group = group_of(contestant.digest, threat)
    if group is None:
        return [ABSENT] * len(DERIVED)
    per_image = worst_image(contestant, threat)
    lowest = f" ({contestant.digest['attempts'][group['worst_key']]['label']})" if group["worst_key"] else ""
    drops = [NONE if group[name] is None else f"{group[name]:.1f}" for name in ("drop_rate_average", "drop_rate")]
    return [
        _measured(group["average"]),
        _measured(group["worst"]) + lowest,
        UNSTORED if per_image is None else per_image.text,
        *drops,
    ]


def _measured(share: float | None) -> str:
    return ABSENT if share is None else number(share)


def difference_table(sets: Mapping[str, Cells], reference: str) -> Columns:
    """Paired differences in points with their interval and verdict: one line per figure."""
    heads = list(dict.fromkeys(head for cells in sets.values() for head in cells))
    table: Columns = {f"Minus {reference} (points)": heads}
    return table | {name: [_difference(cells[head]) for head in heads] for name, cells in sets.items()}


def _difference(cell: Difference | str) -> str:
    if isinstance(cell, Difference):
        return f"{cell.text}: {cell.verdict}"
    return "not paired" if cell.startswith(REFUSED) else cell


def ratio_table(contestants: Sequence[Contestant], threat: Threat | None) -> Columns:
    """RR, AE, CREI and their relatives in percent; a dash where one is undefined."""
    table: Columns = {"Metric (%)": [NAMES[name] for name in RATIOS]}
    for contestant in contestants:
        group = group_of(contestant.digest, threat) or {}
        table[contestant.name] = [NONE if group.get(name) is None else f"{group[name]:.2f}" for name in RATIOS]
    return table


def cautions(contestants: Sequence[Contestant], threat: Threat | None) -> list[str]:
    """The warnings of the metrics, each with the names of those it is true of."""
    names: dict[str, list[str]] = {}
    for contestant in contestants:
        for sentence in (group_of(contestant.digest, threat) or {}).get("warnings", ()):
            names.setdefault(sentence, []).append(contestant.name)
    return [f"{', '.join(of)}: {sentence}" for sentence, of in names.items()]


def class_table(accuracy: np.ndarray, counts: np.ndarray, classes: Sequence[str], attacks: Sequence[str]) -> Columns:
    """Accuracy [K, A] by class and attempt in percent, and images per class [K]."""
    table: Columns = {"Class": list(classes), "n": counts.tolist()}
    return table | {
        name: [None if np.isnan(v) else round(100 * float(v), 1) for v in accuracy[:, k]]
        for k, name in enumerate(attacks)
    }


PATHS = ("data", "imported")  # settings that may hold a path
ORIGIN: dict[str, Callable[[Contestant], Any]] = {
    "data hash": data_hash,
    "stored bytes": stored_bytes,
    "labels": lambda c: c.facts.get("labels"),
    "device": lambda c: c.manifest.get("device"),
    "commit": lambda c: c.manifest.get("commit"),
    "torch": lambda c: (c.manifest.get("versions") or {}).get("torch"),
}


def settings_that_differ(contestants: Sequence[Contestant], place: Callable[[str], str] = str) -> Columns:
    """Every setting that is not the same for all, with its group, and data, device and versions where those differ.

    `place`: how a path is written.
    """
    heads = ("Group", "Setting")
    table: Columns = {name: [] for name in (*heads, *(c.name for c in contestants))}
    lines = [(group.__doc__ or "", name) for group in config.every_group() for name in group.model_fields]
    values = [(group, name, [_setting(c, name) for c in contestants]) for group, name in lines]
    values += [("Origin", name, [str(read(c) or NONE) for c in contestants]) for name, read in ORIGIN.items()]
    for group, name, cells in values:
        if len(set(cells)) > 1:
            spoken = map(place, cells) if name in PATHS else cells
            for head, cell in zip(table, (group, name, *spoken), strict=True):
                table[head].append(cell)
    return table


def _setting(contestant: Contestant, name: str) -> str:
    """A setting as a person writes it; a dash for an empty one."""
    settings = contestant.config
    return (shown(config.declared(name), getattr(settings, name)) if hasattr(settings, name) else "") or NONE
