"""The figure that stands for a run in a line: worst accuracy with its radius and n. No torch.

It comes from the evaluation in `c2r.store.results.headline_folder`: the run's own until a person picks another.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from c2r.errors import InputError, quoted
from c2r.store.results import of_newest
from c2r.store.runs import evaluations, frame_steps

FEW = 100  # test images below which a figure is chance more than anything else
NO_ATTACK = ("clean", "clamp")
Figures = Mapping[str, Mapping[str, Any]]  # attempt key → as in `c2r.evaluation.attempts.by_attack`


def counts_as_worst(key: str, figure: Mapping[str, Any]) -> bool:
    """Say whether an attempt may be called the worst: an untargeted attack within the protocol's own radius.

    Unbounded attacks (they always win), targeted ones (they ask for more than an error), other radii of a sweep (`@` in
    the key), clean images and the clamp that is no attack do not count.
    """
    attacked = figure["attack"] not in NO_ATTACK and bool(figure["eps"])
    return attacked and not figure["targeted"] and "unbounded" not in str(figure["eps"]) and "@" not in key


def worst(figures: Figures) -> str | None:
    """Return the key of the attempt with the lowest mean test accuracy among those that count, None without one."""
    known = {
        key: figure["mean"]
        for key, figure in figures.items()
        if counts_as_worst(key, figure) and figure["mean"] is not None
    }
    return min(known, key=lambda key: known[key], default=None)


def threat(figure: Mapping[str, Any]) -> str:
    """The ball of an attempt: ``L∞ 2/255``, ``L2 128/255``, ``L2 unbounded``; '' where nothing is attacked."""
    return "" if figure["attack"] in NO_ATTACK else str(figure["of"].threat or figure["eps"])


def ball(figure: Mapping[str, Any]) -> str:
    """The same as short as it can be said: ``32/255`` of L∞, ``L2 128/255``."""
    return threat(figure).removeprefix("L∞ ")


def text(figures: Figures) -> str:
    """Say ``72 % at 32/255, n = 445``; clean accuracy where nothing attacked; '' without results."""
    shown = _shown(figures)
    if shown is None:
        return ""
    where = f"at {ball(shown)}" if ball(shown) else "clean"
    return f"{100 * shown['mean']:.0f} % {where}, n = {shown['n']}{' (few)' if shown['n'] < FEW else ''}"


def warning(figures: Figures) -> str:
    """Return a sentence when the figures rest on fewer than `FEW` test images, else ''."""
    shown = _shown(figures)
    if shown is None or shown["n"] >= FEW:
        return ""
    return f"Only {shown['n']} test image{'' if shown['n'] == 1 else 's'}: below {FEW} an accuracy is mostly chance."


def _shown(figures: Figures) -> Mapping[str, Any] | None:
    lowest = worst(figures)
    if lowest is not None:
        return figures[lowest]
    return next(
        (figure for figure in figures.values() if figure["attack"] == "clean" and figure["mean"] is not None), None
    )


def pick(path: Path, wanted: str) -> str:
    """The id of an evaluation that can stand for the run in `path`; '' is its own. Raises InputError for any other."""
    finished = {run.id: run for run in evaluations(path) if run.state == "done" and not run.problem}
    steps = frame_steps(path)
    if wanted and wanted not in finished:
        raise InputError(
            f"Run {path.name} has no finished evaluation '{quoted(wanted)}': expected own or one of"
            f" {', '.join(finished) or 'none'}; choose another."
        )
    if wanted and not of_newest(finished[wanted], steps):
        raise InputError(
            f"The evaluation {wanted} is of the images of step {finished[wanted].manifest['step']}: expected the"
            f" newest, of step {steps[-1]}; choose another or evaluate again."
        )
    return wanted
