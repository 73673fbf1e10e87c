"""Which accuracies stand in one row: those of one attack, radius, options, goal and training, however evaluations call
them. numpy only.

Letters: M evaluation networks, n test images.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.attempts import Columns
from app.comparing import Contestant, Threat
from c2r.attacks import figurekey
from c2r.attacks.figurekey import Conditions, FigureKey
from c2r.evaluation import metrics

ABSENT, UNSTORED, UNDEFINED = "not measured", "not stored", "–"
EVERY = "All attacks, per image"
Summary = dict[str, Any]


def threats(summaries: Iterable[Summary]) -> list[Threat]:
    """The threats any contestant was evaluated under: those that most share first, then those with most attempts."""
    counts: dict[Threat, list[int]] = {}
    for summary in summaries:
        for group in summary["groups"]:
            counts.setdefault(Threat(group["norm"], group["eps"], group["targeted"]), []).append(len(group["keys"]))
    return sorted(counts, key=lambda threat: (-len(counts[threat]), -max(counts[threat])))


def group_of(summary: Summary, threat: Threat | None) -> dict[str, Any] | None:
    """The group of a summary under one threat, None when it was not evaluated under it."""
    return next((g for g in summary["groups"] if (g["norm"], g["eps"], g["targeted"]) == threat), None)


class Figure(NamedTuple):
    """An accuracy: mean over M networks and standard deviation (None for one), 95 % Wilson interval of the mean at n;
    shares."""

    mean: float
    std: float | None
    low: float
    high: float
    n: int

    @property
    def text(self) -> str:
        """In percent: ``67.0 ± 1.0``."""
        return f"{100 * self.mean:.1f}" + ("" if self.std is None else f" ± {100 * self.std:.1f}")


def figure(attempt: dict[str, Any] | None) -> Figure | None:
    """The figure of one attempt of a summary; None where it has no value."""
    if attempt is None or attempt["mean"] is None:
        return None
    low, high = attempt["interval"]
    return Figure(attempt["mean"], attempt["std"], low, high, attempt["n"])


def worst_image(one: Contestant, group: dict[str, Any] | None) -> Figure | None:
    """Share of test images a network classifies right clean and under every attempt of the group: mean over the
    networks.

    None when the outcomes of the test images are not stored for every attempt of the group.
    """
    if group is None or not all(key in one.correct for key in group["keys"]):
        return None
    right = metrics.worst_case({key: one.correct[key] for key in (*group["keys"], "clean") if key in one.correct}).mean(
        1
    )
    n = next(iter(one.correct.values())).shape[1]
    mean, std = float(right.mean()), float(right.std(ddof=1)) if len(right) > 1 else None
    return Figure(mean, std, *metrics.wilson(round(mean * n), n), n)


def attempt(summary: Summary, of: FigureKey) -> tuple[str, dict[str, Any] | None]:
    """Of one evaluation the attempt that a key means, and what the evaluation itself calls it; ('', None) when it was
    not tried."""
    tried = {"clean": summary["clean"]} | summary["attempts"]
    return next(((name, found) for name, found in tried.items() if found and found["of"] == of), ("", None))


class Line(NamedTuple):
    """One figure that is shown of every set: of one attempt, or (of is None) under every attack of the threat, image by
    image."""

    name: str
    of: FigureKey | None
    under: Conditions


def lines(summaries: Sequence[Summary], threat: Threat | None) -> list[Line]:
    """Clean, every attempt under the threat, and the worst case per image; of each conditions that occur by
    themselves."""
    labels = {s["clean"]["of"]: "Clean" for s in summaries if s["clean"]}
    for summary in summaries:
        group = group_of(summary, threat) or {"keys": []}
        labels |= {summary["attempts"][key]["of"]: summary["attempts"][key]["label"] for key in group["keys"]}
    named = figurekey.names(labels)
    grouped = dict.fromkeys(conditions(s) for s in summaries if group_of(s, threat))
    every = [Line(_told(EVERY, under, grouped), None, under) for under in grouped]
    return [*(Line(name, key, key.under) for key, name in named.items()), *every]


def conditions(summary: Summary) -> Conditions:
    """Under what the networks of one evaluation were trained and judged."""
    found = summary["clean"] or next(iter(summary["attempts"].values()), None)
    return found["of"].under if found else Conditions()


def _told(name: str, under: Conditions, all_: Any) -> str:
    return f"{name} ({under.text})" if len(all_) > 1 else name


def figure_of(line: Line, one: Contestant, summary: Summary, threat: Threat | None) -> Figure | None:
    """The figure of one set in a line; None where it was not measured."""
    if line.of is not None:
        return figure(attempt(summary, line.of)[1])
    return worst_image(one, group_of(summary, threat)) if conditions(summary) == line.under else None


def right_of(line: Line, one: Contestant, summary: Summary, threat: Threat | None) -> np.ndarray | None:
    """The outcomes [M, n] behind the figure of one set in a line; None where there is none or they are not stored."""
    group = group_of(summary, threat)
    if line.of is not None:
        return one.correct.get(attempt(summary, line.of)[0])
    if group is None or conditions(summary) != line.under or not all(key in one.correct for key in group["keys"]):
        return None
    return metrics.worst_case({key: one.correct[key] for key in (*group["keys"], "clean") if key in one.correct})


def accuracy_table(
    contestants: Sequence[Contestant],
    summaries: Sequence[Summary],
    threat: Threat | None,
    places: Sequence[str] | None = None,
) -> Columns:
    """One line per figure, one column per contestant: clean, every attempt, average, worst, drop rate, networks and n;
    percent.

    `places`: the rank of each, None when they may not be ranked.
    """
    shown = [line for line in lines(summaries, threat) if line.of]
    grouped = list(dict.fromkeys(conditions(s) for s in summaries)) or [Conditions()]
    derived = [_told(name, under, grouped) for under in grouped for name in DERIVED]
    names = [line.name if line.of and line.of.attack == "clean" else f"Under {line.name}" for line in shown]
    table: Columns = {"Accuracy (%)": [*(["Rank"] if places else []), *names, *derived, "Networks", "Test images (n)"]}
    for one, summary, place in zip(contestants, summaries, places or [""] * len(contestants), strict=True):
        found = [figure_of(line, one, summary, threat) for line in shown]
        cells = [ABSENT if f is None else f.text for f in found]
        for under in grouped:
            cells += _derived(one, summary, threat) if conditions(summary) == under else [ABSENT] * len(DERIVED)
        table[one.name] = [*([place] if places else []), *cells, str(summary["seeds"]), f"{summary['n']:,}"]
    return table


DERIVED = (
    "Average over attacks",
    "Worst attack",
    "Worst case per image",
    "Drop rate, average",
    "Drop rate, worst attack",
)


def _derived(one: Contestant, summary: Summary, threat: Threat | None) -> list[str]:
    """The figures that one evaluation's attacks under the threat give together; the worst attack by its name."""
    group = group_of(summary, threat)
    if group is None:
        return [ABSENT] * len(DERIVED)
    whole = worst_image(one, group)
    lowest = f" ({summary['attempts'][group['worst_key']]['label']})" if group["worst_key"] else ""
    drops = [UNDEFINED if group[name] is None else f"{group[name]:.1f}" for name in ("drop_rate_average", "drop_rate")]
    return [
        _percent(group["average"]),
        _percent(group["worst"]) + lowest,
        UNSTORED if whole is None else whole.text,
        *drops,
    ]


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f"{100 * share:.1f}"


def statement(
    contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None, *, ranked: bool
) -> str:
    """What the chart of accuracies says: the range under the strongest attack, without an order unless the sets are
    `ranked`."""
    found = [
        (c, figure(s["attempts"].get((group_of(s, threat) or {}).get("worst_key"))))
        for c, s in zip(contestants, summaries, strict=True)
    ]
    known = [(c, f) for c, f in found if f is not None]
    if not known or threat is None:
        return "Clean accuracy; no bounded attack was tried"
    low, high = min(f.mean for _, f in known), max(f.mean for _, f in known)
    if len(known) == 1:
        return f"{known[0][0].name} keeps {100 * low:.1f} % under its strongest attack at {threat.label}"
    word = "" if ranked else ", not to be ranked"
    ends = list(dict.fromkeys(f"{100 * end:.1f}" for end in (low, high)))
    return f"Under the strongest attack at {threat.label}, {' to '.join(ends)} % stay correct{word}"
