"""What is said of objectives and robustness: the title of a chart, what to make of one, how many predict. No torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from c2r.evaluation.metrics import wilson
from c2r.evaluation.objectives import OBJECTIVES
from c2r.evaluation.predicting import (
    ACCURACY,
    AGAINST,
    FEWEST,
    GROUPS,
    PREDICTS,
    TARGETS,
    UNDECIDED,
    UNKNOWN,
    Finding,
    Findings,
)
from c2r.evaluation.wording import number


def statement(found: Mapping[str, Finding], group: str = "all") -> str:
    """What was found of one objective over a group of sets; over all sets with what the run's own steps alone say."""
    finding, own = found[group], found["own"]
    label = OBJECTIVES[finding.objective].label
    where = {"all": "", "sound": f" {GROUPS[group][0]}", "own": f" among {GROUPS[group][0]}"}[group]
    if finding.correlation is None:
        return f"{label} {UNKNOWN}{where}: fewer than {FEWEST} sets have a value, or all have the same"
    word = TARGETS[finding.target].word
    verb = {PREDICTS: f"predicts {word}", AGAINST: "points the wrong way", UNDECIDED: f"says nothing certain of {word}"}
    said = (
        f"{label} {verb[finding.verdict]}{where}: Spearman {finding.correlation.text}, n = {finding.correlation.n} sets"
    )
    return f"{said}; {_alone(own)}" if group == "all" else said


def _alone(own: Finding) -> str:
    if own.correlation is None:
        return "this run alone has too few steps to say"
    does = {PREDICTS: "it does too", AGAINST: "it points the wrong way", UNDECIDED: "it is undecided"}[own.verdict]
    return f"among this run's {own.correlation.n} steps alone {does}, {own.correlation.text}"


def verdict(found: Mapping[str, Finding]) -> str:
    """What to make of one objective, in a sentence."""
    every, sound, own = (found[group].verdict for group in ("all", "sound", "own"))
    if every == UNKNOWN:
        return "Nothing can be said of it."
    if every == AGAINST:
        return "Sets that score better under it make less robust networks: optimising it may do harm here."
    if every == UNDECIDED:
        return "Undecided: the interval over all sets holds zero, so it may say nothing."
    if sound != PREDICTS:
        return (
            "It tells spoilt sets from sound ones and no more: without noised and shuffled sets it is"
            f" {_as_state(sound)}."
        )
    if own != PREDICTS:
        return f"It ranks sets of different origin, but among the steps of this run alone it is {_as_state(own)}."
    return "It ranks sets of different origin and the steps of this run: worth trying to optimise."


def _as_state(verdict_word: str) -> str:
    return {UNDECIDED: "undecided", AGAINST: "turned round", UNKNOWN: "not to be judged"}[verdict_word]


def summary(found: Findings) -> str:
    """How many objectives predict what was reached, over all sets and among the run's own steps."""
    word = TARGETS[next(iter(found.values()))["all"].target].word
    count = {
        group: sum(by_group[group].verdict == PREDICTS for by_group in found.values())
        for group in ("all", "sound", "own")
    }
    return (
        f"Of {len(found)} objectives, {count['all']} predict {word} over all sets, {count['sound']} without spoilt"
        f" sets, {count['own']} among this run's steps alone"
    )


def labelled(labels: str, of_set: str) -> str:
    """Which labels the networks were trained on, and what has to be known where the run's set has others."""
    told = f"Networks were trained on {labels} labels"
    if of_set == labels:
        return f"{told}, as the run's set has them."
    return (
        f"{told}, but the run's set has {of_set} ones: a run that has ended keeps no network that could label other"
        f" sets, so what is found holds for training on {labels} labels alone."
    )


def noise(rows: Sequence[Mapping[str, Any]], n: int) -> str:
    """How far the steps of the run differ in robust accuracy, beside what n test images leave to chance; '' without
    two steps."""
    reached = [row[ACCURACY] for row in rows if row["kind"] == "step"]
    if len(reached) < 2:
        return ""
    low, high = wilson(round(float(np.mean(reached)) * n), n)
    return (
        f"This run's {len(reached)} steps reach {number(min(reached))} to {number(max(reached))} % under PGD-10;"
        f" n = {n:,} test images alone leave each of them uncertain by ±{number((high - low) / 2)} points."
    )
