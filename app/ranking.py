"""What comparable evaluations say about each other, as plain values: figures with intervals, ranks with ties, a sentence. No Streamlit.

Letters: M evaluation networks, n test images.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from app.comparing import Contestant, Threat, listed
from c2r import metrics

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
    """An accuracy: mean over M networks and standard deviation (None for one), 95 % Wilson interval of the mean at n; shares."""

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
    """Share of test images a network classifies right clean and under every attempt of the group: mean over the networks.

    None when the outcomes of the test images are not stored for every attempt of the group.
    """
    if group is None or not all(key in one.correct for key in group["keys"]):
        return None
    right = metrics.worst_case({key: one.correct[key] for key in (*group["keys"], "clean") if key in one.correct}).mean(1)
    n = next(iter(one.correct.values())).shape[1]
    mean, std = float(right.mean()), float(right.std(ddof=1)) if len(right) > 1 else None
    return Figure(mean, std, *metrics.wilson(round(mean * n), n), n)


def deciding(one: Contestant, summary: Summary, threat: Threat | None) -> Figure | None:
    """What ranks a set: its per-image worst case, or its accuracy under the strongest attack when outcomes are not stored."""
    group = group_of(summary, threat)
    if group is None:
        return None
    return worst_image(one, group) or figure(summary["attempts"].get(group["worst_key"]))


def ranks(figures: Sequence[Figure | None]) -> list[int | None]:
    """Rank 1 is best; a set stands behind another only when its whole interval lies below the other's, so ties share a rank."""
    return [None if f is None else 1 + sum(o is not None and o.low > f.high for o in figures) for f in figures]


def standing(contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None) -> str:
    """Who stands first among sets that may be ranked, in a sentence; ties are named as such."""
    ranked = [(c, deciding(c, s, threat)) for c, s in zip(contestants, summaries, strict=True) if not c.is_reference]
    known = [(c, f) for c, f in ranked if f is not None]
    if threat is None or not known:
        return "The sets are comparable, but no bounded attack was tried on them."
    if len(known) < 2:
        return f"{known[0][0].name} is the only set to rank; the others are references."
    whole = all(worst_image(c, group_of(s, threat)) for c, s in zip(contestants, summaries, strict=True) if not c.is_reference)
    what = f"right under every attack at {threat.label}" if whole else f"right under the strongest attack at {threat.label}"
    places = ranks([f for _, f in known])
    first = sorted(((c, f) for (c, f), place in zip(known, places, strict=True) if place == 1), key=lambda pair: -pair[1].mean)
    shares = listed([f"{c.name} {100 * f.mean:.1f} %" for c, f in first])
    if len(first) == len(known):
        return f"The sets are comparable, and none stands apart: their 95 % intervals overlap ({what}: {shares})."
    if len(first) > 1:
        return f"The sets are comparable. {len(first)} share the first place, their 95 % intervals overlap ({what}: {shares})."
    return f"The sets are comparable. {first[0][0].name} is first with {100 * first[0][1].mean:.1f} % {what}, its 95 % interval above all others."


def statement(contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None, *, ranked: bool) -> str:
    """What the chart of accuracies says: the range under the strongest attack, without an order unless the sets are `ranked`."""
    found = [
        (c, figure(s["attempts"].get((group_of(s, threat) or {}).get("worst_key")))) for c, s in zip(contestants, summaries, strict=True)
    ]
    known = [(c, f) for c, f in found if f is not None]
    if not known or threat is None:
        return "Clean accuracy; no bounded attack was tried"
    low, high = min(f.mean for _, f in known), max(f.mean for _, f in known)
    if len(known) == 1:
        return f"{known[0][0].name} keeps {100 * low:.1f} % under its strongest attack at {threat.label}"
    word = "" if ranked else ", not to be ranked"
    return f"Under the strongest attack at {threat.label}, {100 * low:.1f} to {100 * high:.1f} % stay correct{word}"
