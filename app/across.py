"""What the charts over many runs are drawn from: groups of the store, and their figures as dots. No Streamlit."""

from collections.abc import Sequence
from typing import NamedTuple

from app import cache
from app.charts.across import PRINTED, SURE, UNDECIDED, Dot
from app.charts.waterfall import Stair
from c2r.evaluation.ablation import Row
from c2r.evaluation.across import Point
from c2r.evaluation.groupfigures import Spread
from c2r.evaluation.groups import Group, evaluations_of, grouped, labels
from c2r.evaluation.ladder import Step, told_difference
from c2r.evaluation.paired import Difference
from c2r.evaluation.wording import NONE, number, points, size
from c2r.store.runs import Run

MEASURED = "measured here"  # a series of the chart of differences


class Stored(NamedTuple):
    """The groups of all evaluated runs; how many evaluations repeat a seed, and how many runs have results that no
    figure can be made of."""

    groups: list[Group]
    repeated: int
    unreadable: int


def stored(listed: Sequence[Run]) -> Stored:
    """The groups of these runs, read again only when one of them has other results."""
    ended = [run for run in listed if not run.problem and not run.alive]
    key = ("groups", *map(_stamp, ended))
    found: Stored = cache.shared(key, lambda: _read(ended))
    return found


def _read(ended: Sequence[Run]) -> Stored:
    found = [evaluations_of(run) for run in ended]
    lost = sum(not own and (run.path / "rows.jsonl").exists() for run, own in zip(ended, found, strict=True))
    return Stored(*grouped(evaluated for own in found for evaluated in own), lost)


def _stamp(run: Run) -> tuple[object, ...]:
    """What changes when a run has other results."""
    folders = [run.path, *sorted((run.path / "evaluations").glob("*"))]
    files = [folder / name for folder in folders for name in ("rows.jsonl", "status.json")]
    return tuple((str(file), *cache.stamp(file)) for file in files)


def group_of(found: Sequence[Group], run: Run | None) -> Group | None:
    """The group that holds a run, by its own evaluation where it has one; None where it is in none."""
    if run is None:
        return None
    holding = [(g, m) for g in found for m in g.members if m.run == run.path]
    return next((g for g, m in holding if m.folder == run.path), holding[0][0] if holding else None)


def dot(figure: Spread, name: str, what: str) -> Dot:
    """A figure in percent, from one standard deviation over the seeds below it to one above."""
    half, text = figure.std or 0.0, f"{name}, {what}: {figure.text} %; {figure.basis}"
    return Dot(100 * figure.mean, 100 * (figure.mean - half), 100 * (figure.mean + half), text)


def rows_of(found: Sequence[Row], attack: str) -> dict[str, dict[str, Dot]]:
    """The rows of an ablation with their accuracies under the attack; one without a run stands there empty."""
    return {_row_name(r): {attack: dot(r.attacked, r.label, attack)} if r.attacked else {} for r in found}


def _row_name(row: Row) -> str:
    if row.group is None:
        return f"{row.label}: no run yet"
    count = len(row.group.seeds)
    return f"{row.label} ({count} seed{'' if count == 1 else 's'})"


def differences_of(found: Sequence[Row], paper: str) -> dict[str, dict[str, Dot]]:
    """The rows of an ablation against the full method, in points: measured here, and as printed under the name
    `paper`."""
    rows: dict[str, dict[str, Dot]] = {}
    for row in found:
        dots = rows.setdefault(_row_name(row), {})
        if isinstance(row.difference, Difference):
            dots[MEASURED] = _gap(row.difference, row.label)
        if row.printed_difference is not None:
            value = 100 * row.printed_difference
            text = f"{row.label}, printed: {points(row.printed_difference)} points; no interval is printed"
            dots[paper] = Dot(value, value, value, text, PRINTED)
    return rows


def _gap(gap: Difference, name: str) -> Dot:
    drawn = UNDECIDED if gap.verdict == "undecided" else SURE
    text = f"{name}: {gap.text} points, {gap.verdict}; {gap.basis}"
    return Dot(100 * gap.value, 100 * gap.low, 100 * gap.high, text, drawn)


def lines_of(found: Sequence[Point], what: str) -> dict[str, dict[float, Dot]]:
    """Method → value of the setting → its figure; where some methods have several values, those with one stand in no
    line and are left out."""
    lines: dict[str, dict[float, Dot]] = {}
    for group, at, figure in found:
        lines.setdefault(group.label, {})[at] = dot(figure, f"{group.label} at {at:g}", what)
    return {name: line for name, line in lines.items() if len(line) > 1} or lines


def drawn(found: Sequence[Point]) -> list[Spread]:
    """The figures that stand in a line of `lines_of`."""
    lines = lines_of(found, "")
    return [figure for group, _, figure in found if group.label in lines]


def alone(found: Sequence[Point]) -> list[str]:
    """The methods that `lines_of` leaves out."""
    lines = lines_of(found, "")
    return list(dict.fromkeys(group.label for group, _, _ in found if group.label not in lines))


def over_time(found: Sequence[Point], what: str) -> list[tuple[str, float, Dot]]:
    """(method, seconds, figure) of each group; the text says what tells its settings from the others'."""
    called = labels([group for group, _, _ in found])
    each = zip(found, called, strict=True)
    return [(g.label, at, dot(figure, f"{name}, {at:.3g} s", what)) for (g, at, figure), name in each]


def span(figures: Sequence[Spread]) -> str:
    """From the lowest to the highest of these figures: ``41.0 to 49.6 %``."""
    ends = list(dict.fromkeys(number(end) for end in (min(f.mean for f in figures), max(f.mean for f in figures))))
    return f"{' to '.join(ends)} %"


def basis(figures: Sequence[Spread], bars: bool = True) -> str:
    """What these figures rest on: seeds and test images, each as a range; `bars`: the chart shows the spread."""
    seeds = sorted({figure.seeds for figure in figures})
    told = " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))
    counts = " or ".join(f"{n:,}" for n in sorted({figure.n for figure in figures}))
    over = (
        "one distillation seed, so no spread"
        if seeds == [1]
        else f"mean over {told} distillation seeds{', bars: ± std' if bars else ''}"
    )
    return f"{over}; n = {counts} test images"


def stairs(steps: Sequence[Step]) -> list[Stair]:
    """The rungs of a ladder as steps in percent; the height below is that of the last measured rung."""
    found, below = list[Stair](), None
    for step in steps:
        if step.attacked is None:
            found.append(Stair(step.rung.label, None, text="not measured" if step.group else "no run yet"))
            continue
        value, gap = 100 * step.attacked.mean, step.difference
        text = " · ".join(
            filter(None, [f"{value:.1f} %", _told(step), NONE if step.bytes is None else size(step.bytes)])
        )
        if isinstance(gap, Difference) and below is not None:
            found.append(Stair(step.rung.label, value, below, 100 * gap.low, 100 * gap.high, gap.verdict, text))
        else:
            found.append(Stair(step.rung.label, value, text=text))
        below = value
    return found


def _told(step: Step) -> str:
    """The step in points, ``+3.2``, or that it could not be paired."""
    gap = step.difference
    return points(gap.value) if isinstance(gap, Difference) else "" if gap is None else told_difference(step)
