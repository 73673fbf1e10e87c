"""Views over many runs of a store: which groups stand beside each other, what is left out and why, what is missing.
No torch.

A group is the distillation seeds of one set-up, see `c2r.evaluation.groups`. Figures meet by everything that defines
them: groups stand in one view when they agree in all that defines a figure but what the view is about.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

from c2r import config
from c2r.attacks import figurekey
from c2r.attacks.figurekey import FigureKey
from c2r.base.errors import InputError
from c2r.evaluation.groupfigures import Spread, spread, value_of
from c2r.evaluation.groups import UNRECORDED, Group, labels
from c2r.evaluation.metrics import drop_rate
from c2r.evaluation.wording import listed
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.settings import DataSettings, EvaluationSettings, NetworkSettings, SyntheticSettings, ThreatSettings

DEVICE = "device"  # what seconds depend on besides the settings
MOST = 4  # reasons that are told one by one
HELD_BY_TIME = {  # what sets must share before their accuracies stand over the seconds that they took
    *DataSettings.model_fields,
    *SyntheticSettings.model_fields,
    *NetworkSettings.model_fields,
    *ThreatSettings.model_fields,
    *EvaluationSettings.model_fields,
}
# Numbers that a sweep is usually made of, with values to try;.
SWEEPS: dict[str, tuple[float, ...]] = {"eta": (0, 0.3, 0.6), "crl_ratio": (0, 0.1, 0.3, 1), "ipc": (1, 10, 50)}
USUAL = ("pgd", "autoattack")  # attacks that a view is about when a person names none, else the first


PUBLISHED_DROP = ("c2r-v2", 0.668)  # a table whose faults say: the average drop under PGD is below this share


class Chosen(NamedTuple):
    """The groups that stand in a view, and a sentence for all those that do not, '' when all do."""

    groups: list[Group]
    left_out: str


class Point(NamedTuple):
    """One group in a view: where it stands (a value of a setting, seconds), and its figure."""

    group: Group
    at: float
    figure: Spread


def attempts_of(group: Group) -> dict[FigureKey, str]:
    """The attacks that a group was tried with, and what they are called; the one that views are about comes first."""
    found = group.first.contestant.digest["attempts"]
    usual = next((name for name in USUAL if name in found), "")
    ordered = sorted(found, key=lambda name: name != usual)
    return figurekey.names({found[name]["of"]: found[name]["label"] for name in ordered})


def clean_of(group: Group) -> FigureKey | None:
    """The accuracy on unchanged images; None where it was not measured."""
    clean = group.first.contestant.digest["clean"]
    return clean["of"] if clean else None


def comparable(groups: Sequence[Group], base: Group, free: Collection[str]) -> Chosen:
    """Those of `groups` that agree with `base` in everything but the settings in `free`, and why others do not."""
    kept, reasons = list[Group](), dict[tuple[str, ...], int]()
    for group in groups:
        apart = differing(group, base, free)
        if apart:
            reasons[apart] = reasons.get(apart, 0) + len(group.members)
        else:
            kept.append(group)
    return Chosen(kept, told(reasons))


def differing(group: Group, base: Group, free: Collection[str]) -> tuple[str, ...]:
    """The names of what tells two groups apart beside `free`; a setting that one method does not read does not count
    between methods."""
    one, two = group.values, base.values
    names = {*one} & {*two} if group.method != base.method else {*one} | {*two}
    return tuple(name for name in sorted(names) if name not in free and one.get(name) != two.get(name))


def told(reasons: Mapping[tuple[str, ...], int]) -> str:
    """``Left out: 3 runs with another ipc; 2 with other steps and eta.``"""
    if not reasons:
        return ""
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    shown = [f"{_runs(count)} with another {listed(_brief(names))}" for names, count in ordered[:MOST]]
    rest = sum(count for _, count in ordered[MOST:])
    return (
        f"Not comparable, so left out: {'; '.join([*shown, *([f'{_runs(rest)} for other reasons'] if rest else [])])}."
    )


def _brief(names: Sequence[str]) -> list[str]:
    return [*names] if len(names) <= MOST else [*names[: MOST - 1], f"{len(names) - MOST + 1} more"]


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def sweepable(groups: Sequence[Group], base: Group, of: FigureKey) -> dict[str, int]:
    """The numeric settings in which groups with the figure differ that are otherwise equal to `base`: name → how many
    values occur, most first."""
    found = {}
    for name in (name for name, value in base.values.items() if _is_number(value)):
        alike = comparable(groups, base, {name}).groups
        values = {group.values[name] for group in alike if group.method == base.method and spread(group, of)}
        if len(values) > 1:
            found[name] = len(values)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def sweep(groups: Sequence[Group], base: Group, name: str, of: FigureKey) -> tuple[list[Point], str]:
    """The figure over the setting `name`, of every method that reads it, by method and value; and who is left out."""
    kept, left_out = comparable([group for group in groups if name in group.values], base, {"method", name})
    if deaf := sum(len(group.members) for group in groups if name not in group.values):
        left_out = f"{left_out} {_runs(deaf)} of methods that do not read {name} left out.".strip()
    points = [Point(group, float(group.values[name]), figure) for group in kept if (figure := spread(group, of))]
    return sorted(points, key=lambda point: (list(METHODS).index(point.group.method), point.at)), left_out


def drop(group: Group, clean: FigureKey, of: FigureKey) -> Spread | None:
    """The drop rate (C − A) / C of a group as a share: mean over its seeds and their spread; None where it is not
    defined."""
    base = spread(group, of)
    rates = [drop_rate(value_of(member, clean), value_of(member, of)) for member in group.members]
    known = [rate / 100 for rate in rates if rate is not None]
    if base is None or not known:
        return None
    return base._replace(mean=mean(known), std=stdev(known) if len(known) > 1 else None, seeds=len(known))


def drops(groups: Sequence[Group], base: Group, clean: FigureKey, of: FigureKey) -> tuple[list[Point], str]:
    """Drop rates over images per class, by method and value; and who is left out."""
    points, left_out = sweep(groups, base, "ipc", of)
    rated = [(point, drop(point.group, clean, of)) for point in points]
    return [point._replace(figure=rate) for point, rate in rated if rate is not None], left_out


def timed(groups: Sequence[Group], base: Group, of: FigureKey) -> tuple[list[Point], str]:
    """The figure over the seconds of the distillation, of all sets of equal size, judged alike, made on one kind of
    device; fastest first."""
    free = {name for group in groups for name in group.made_by if name not in HELD_BY_TIME}
    kept, left_out = comparable(groups, base, free)
    alike = (base.bytes, device(base))
    here = [group for group in kept if (group.bytes, device(group)) == alike and group.seconds is not None]
    elsewhere = sum(len(group.members) for group in kept) - sum(len(group.members) for group in here)
    if elsewhere:
        reason = "of other stored bytes, of another device or without recorded seconds left out."
        left_out = f"{left_out} {_runs(elsewhere)} {reason}".strip()
    points = [Point(group, group.seconds or 0.0, figure) for group in here if (figure := spread(group, of))]
    return sorted(points, key=lambda point: point.at), left_out


def warning(base: Group) -> str:
    """What has to be known of a group of before: which settings its runs do not hold; '' when they hold all."""
    names = sorted(name for name, value in base.values.items() if value == UNRECORDED)
    if not names:
        return ""
    return (
        f"{base.label} was recorded before there were {listed(_brief(names))}, so runs of now cannot stand beside it:"
        " make it again to compare."
    )


def as_columns(points: Sequence[Point], over: str, what: str) -> dict[str, list[Any]]:
    """The points of a view as a table: the group, where it stands, its figure in percent, and what it rests on."""
    figures = [point.figure for point in points]
    return {
        "Set-up": labels([point.group for point in points]),
        over: [f"{point.at:.4g}" for point in points],
        what: [figure.text for figure in figures],
        "Distillation seeds": [", ".join(map(str, point.group.seeds)) for point in points],
        "Networks": [figure.networks for figure in figures],
        "Test images (n)": [figure.n for figure in figures],
    }


def device(group: Group) -> str:
    """What the first run of a group was made on, '' when that is not recorded."""
    return str(group.first.contestant.manifest.get(DEVICE, ""))


def needed(base: Group, changes: Mapping[str, Any]) -> str:
    """The command that makes the runs of `base` again with these changes, for each of its seeds; '' when they fit no
    run."""
    values = base.first.made.model_dump(mode="json") | dict(changes) | {"seed": 0}
    preset = base.preset if base.preset in PRESETS else "demo"
    try:
        words = shlex.join(config.command(config.validate(values), preset, "")[:-2])
    except InputError:
        return ""
    if len(base.seeds) == 1:
        return f"{words} --set seed={base.seeds[0]}"
    return f'for seed in {" ".join(map(str, base.seeds))}; do {words} --set seed="$seed"; done'


def missing_values(base: Group, name: str, there: Collection[float]) -> list[str]:
    """Commands for the values of the setting `name` that a sweep usually has and this one has not."""
    if name not in base.values:
        return []
    wanted = [value for value in SWEEPS.get(name, ()) if value not in there]
    return [text for value in wanted if (text := needed(base, {name: value}))]


def usual_sweep(base: Group) -> str:
    """The number that a sweep from `base` would usually change."""
    return next(name for name in SWEEPS if name in base.values)
