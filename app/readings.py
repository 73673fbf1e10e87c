"""The figures of recorded steps on the Live page: the row of up to four, and the series of a run's method in their
weighted terms. No Streamlit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from c2r.look.description import Description, Term

Event = dict[str, Any]


@dataclass(frozen=True)
class Kpi:
    """One figure of the KPI row: its value now, the change since the first recorded step with its unit, and its course.

    delta: '' where there is nothing to compare, and without a sign where nothing changed; since: the step it is
    compared with.
    """

    label: str
    value: str
    delta: str
    since: str
    course: list[float]
    help: str


class Reading(NamedTuple):
    """How a figure is read from an event: its factor, digits, unit, the unit of a change of it, and what it means."""

    label: str
    read: Callable[[Event], float | None]
    factor: float
    digits: int
    unit: str
    change: str
    help: str


READINGS = (
    Reading(
        "Median robust margin",
        lambda e: e["margin_adv"]["quantiles"][2],
        1,
        1,
        " logits",
        " logits",
        "Half of the synthetic images have a larger margin at the adversarial point that {attack} found: an upper"
        " bound",
    ),
    Reading(
        "Share robust",
        lambda e: e["share_robust"],
        100,
        0,
        " %",
        " points",
        "Synthetic images that {attack} does not break: margin above 0",
    ),
    Reading(
        "Share clean",
        lambda e: e["share_clean"],
        100,
        0,
        " %",
        " points",
        "Synthetic images that the scorer classifies correctly without an attack",
    ),
)


def kpis(events: Sequence[Event], method: Description) -> list[Kpi]:
    """The figures of the last of `events`: three of the set, and the first series of the method, where it has one.

    A figure that does not exist yet (a series at step 0) shows a dash. A series has neither change nor course: each
    update may run under another network, so two of its values do not compare.
    """
    n = events[-1]["n"]
    shown = [_kpi(events, reading, method.attack) for reading in READINGS]
    for term in method.series[:1]:
        value = values(events[-1]).get(term.name)
        shown.append(
            Kpi(term.label, _written(value, term.unit), "", "", [], f"{sum_sentence(events[-1], method)}. n = {n}.")
        )
    return shown


def _kpi(events: Sequence[Event], reading: Reading, attack: str) -> Kpi:
    known = [(event["step"], reading.factor * value) for event in events if (value := reading.read(event)) is not None]
    course, digits = [value for _, value in known], reading.digits
    now = f"{_rounded(course[-1], digits):.{digits}f}{reading.unit}" if course else "–"
    moved = _rounded(_rounded(course[-1], digits) - _rounded(course[0], digits), digits) if len(course) > 1 else None
    delta = "" if moved is None else f"{moved:{'+' if moved else ''}.{digits}f}{reading.change}"
    since = f"since step {known[0][0]}" if delta else ""
    help = f"{reading.help.format(attack=attack)}. n = {events[-1]['n']}."
    return Kpi(reading.label, now, delta, since, course, help)


def values(event: Event) -> Mapping[str, float | None]:
    """The figures that the method handed out at a recorded step; runs of before called them losses."""
    return event.get("series") or event.get("losses") or {}


class Part(NamedTuple):
    """A weighted term of a sum at one step, and what it adds."""

    term: Term
    value: float


def parts(event: Event, method: Description, axis: str) -> list[Part]:
    """The weighted terms on an axis at a recorded step; [] where none was recorded, and none of weight zero."""
    now = values(event)
    return [
        Part(term, term.weight * value)
        for term in method.series
        if term.axis == axis and term.weight and (value := now.get(term.name)) is not None
    ]


def sum_sentence(event: Event, method: Description) -> str:
    """The first series of the method at a step as the sum of its weighted terms: ``0.59 matching + 0.32 contrastive
    (CRL) = 0.92``."""
    first = method.series[0]
    terms = parts(event, method, first.axis)
    if not terms:
        return f"{first.label} of the update"
    said = " + ".join(f"{part.value:.2f} {part.term.label}" for part in terms)
    return f"{first.label} of the update, in weighted terms: {said} = {sum(part.value for part in terms):.2f}"


class Line(NamedTuple):
    """A series over recorded steps [S], times its weight where it has one (None is a gap).

    place: of the series among those of its axis, which gives it its colour
    """

    label: str
    place: int
    values: list[float | None]
    weight: float | None


@dataclass(frozen=True)
class Curves:
    """The series of one axis over recorded steps [S]; the terms among them add up to its first one.

    stacked: they are shares of one whole instead
    """

    axis: str
    unit: str
    steps: list[int]
    lines: list[Line]
    stacked: bool = False

    @property
    def known(self) -> bool:
        """Whether any step has a value: the first one has none, nor have sets that are scored as they are."""
        return any(value is not None for line in self.lines for value in line.values)

    def table(self) -> dict[str, list[Any]]:
        """The same as columns."""
        return {"Step": self.steps} | {line.label: line.values for line in self.lines}


def curves(events: Sequence[Event], method: Description) -> list[Curves]:
    """The series of a method over `events`, a chart for each axis; terms of weight zero are left out."""
    return [_curves(events, axis, method) for axis in dict.fromkeys(term.axis for term in method.series)]


def _curves(events: Sequence[Event], axis: str, method: Description) -> Curves:
    terms = [term for term in method.series if term.axis == axis]
    stacked = all(term.stacked for term in terms)
    placed = enumerate(terms, int(stacked))  # of shares none is the sum, whose place is the first
    lines = [_line(events, term, place) for place, term in placed if term.weight != 0]
    return Curves(axis, terms[0].unit, [event["step"] for event in events], lines, stacked)


def _line(events: Sequence[Event], term: Term, place: int) -> Line:
    factor = 1.0 if term.weight is None else term.weight
    read = [values(event).get(term.name) for event in events]
    return Line(term.label, place, [None if value is None else factor * value for value in read], term.weight)


def _written(value: float | None, unit: str) -> str:
    """A value of a series with its unit, two decimals where they say something; a dash for None."""
    if value is None:
        return "–"
    number = f"{_rounded(value, 2):.2f}" if value == 0 or 0.01 <= abs(value) < 1000 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def _rounded(value: float, digits: int) -> float:
    """The value as it is shown, never a minus zero."""
    return round(value, digits) + 0.0
