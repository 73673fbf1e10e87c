"""The figures of recorded steps on the Live page: the row of four, and the losses in their weighted terms. No
Streamlit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from app import words
from c2r.config import RunConfig
from c2r.registry import describe


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


class Part(NamedTuple):
    """One term of a loss: the name it is stored under, what it is called, its weight, and what it adds to the total."""

    name: str
    label: str
    weight: float
    value: float


Reading = tuple[
    str, Callable[[dict[str, Any]], float | None], float, int, str, str, str
]  # factor, digits, unit, unit of a change, help
READINGS: tuple[Reading, ...] = (
    (
        "Median robust margin",
        lambda e: e["margin_adv"]["quantiles"][2],
        1,
        1,
        " logits",
        " logits",
        (
            "Half of the synthetic images have a larger margin at the adversarial point that {attack} found: an upper"
            " bound"
        ),
    ),
    (
        "Share robust",
        lambda e: e["share_robust"],
        100,
        0,
        " %",
        " points",
        "Synthetic images that {attack} does not break: margin above 0",
    ),
    (
        "Share clean",
        lambda e: e["share_clean"],
        100,
        0,
        " %",
        " points",
        "Synthetic images that the scorer classifies correctly without an attack",
    ),
    ("Loss", lambda e: series(e).get("total"), 1, 2, "", "", "{loss}"),
)


def kpis(events: list[dict[str, Any]], config: RunConfig | None = None) -> list[Kpi]:
    """The four figures of the last of `events`. A figure that does not exist yet (the loss at step 0) shows a dash.

    The loss has neither change nor course: each update runs under another network, so two losses do not compare.
    """
    found, said = [], {"attack": words.attack_name(config), "loss": loss_sentence(events[-1], config)}
    for label, read, factor, digits, unit, change, text in READINGS:
        known = [(event["step"], factor * value) for event in events if (value := read(event)) is not None]
        course = [value for _, value in known]
        value = f"{_rounded(course[-1], digits):.{digits}f}{unit}" if course else "–"
        compared = course if label != "Loss" else []
        moved = (
            _rounded(_rounded(course[-1], digits) - _rounded(course[0], digits), digits) if len(compared) > 1 else None
        )
        delta = "" if moved is None else f"{moved:{'+' if moved else ''}.{digits}f}{change}"
        since = f"since step {known[0][0]}" if delta else ""
        found.append(Kpi(label, value, delta, since, compared, f"{text.format(**said)}. n = {events[-1]['n']}."))
    return found


def series(event: dict[str, Any]) -> dict[str, Any]:
    """The figures that the method handed out at a recorded step; runs of before called them losses."""
    return event.get("series") or event.get("losses") or {}


def loss_parts(event: dict[str, Any], config: RunConfig | None) -> list[Part]:
    """The weighted terms of the loss at a recorded step; [] where none was recorded, or without the run's settings."""
    told = describe(config)["series"] if config else []
    return [
        Part(one["name"], one["label"], one["weight"], one["weight"] * value)
        for one in told
        if one["weight"] and (value := series(event).get(one["name"])) is not None
    ]


@dataclass(frozen=True)
class Losses:
    """The losses over recorded steps [S]: the total, and its weighted terms by name with what they are called and
    weigh."""

    steps: list[int]
    total: list[float | None]
    parts: dict[str, list[float | None]]
    called: dict[str, str]
    weights: dict[str, float]

    @property
    def known(self) -> bool:
        """Whether any step has a loss: the first one has none, nor have sets that are scored as they are."""
        return any(value is not None for value in self.total)


def losses(events: list[dict[str, Any]], config: RunConfig | None) -> Losses:
    """The losses of `events` as lines; without settings the total alone."""
    found = [loss_parts(event, config) for event in events]
    terms = {part.name: part for parts in found for part in parts}
    series = {name: [next((p.value for p in parts if p.name == name), None) for parts in found] for name in terms}
    return Losses(
        [event["step"] for event in events],
        [series(event).get("total") for event in events],
        series,
        {name: part.label for name, part in terms.items()},
        {name: part.weight for name, part in terms.items()},
    )


def loss_sentence(event: dict[str, Any], config: RunConfig | None) -> str:
    """The loss of the update as the sum of its weighted terms: ``0.59 matching + 0.32 contrastive (CRL) = 0.92``."""
    parts = loss_parts(event, config)
    if not parts:
        return "Total loss of the update"
    terms = " + ".join(f"{part.value:.2f} {part.label}" for part in parts)
    return f"Total loss of the update, in weighted terms: {terms} = {sum(part.value for part in parts):.2f}"


def _rounded(value: float, digits: int) -> float:
    """The value as it is shown, never a minus zero."""
    return round(value, digits) + 0.0
