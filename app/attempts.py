"""The attempts of an evaluation (one attack at one radius each) as plain values: names, figures, the worst one. numpy
only, no Streamlit.

Letters: N synthetic images, M evaluation networks.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from c2r.attacks import figurekey
from c2r.attacks.figurekey import TRAININGS
from c2r.attacks.protocols import PROTOCOLS
from c2r.evaluation import metrics
from c2r.store.headline import counts_as_worst, worst
from c2r.store.runs import Run

Columns = dict[str, list[Any]]
NEEDED = ("attack", "label", "accuracy", "n", "eps")
CLEAN = "clean"
FEW = 5  # so many attempts fit into one row of buttons
ANY, SOME, MOST = "Any result", "Broken on a network", "Broken on most networks"
BROKEN = {SOME: 1.0, MOST: 0.5}  # an image counts when its accuracy is below this


def figures(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What `metrics.by_attack` says of each attempt, by its key, clean first; rows that lack a needed value are left
    out."""
    usable = [dict(row) for row in rows if all(name in row for name in NEEDED)]
    found = metrics.by_attack(usable)
    return {key: found[key] for key in sorted(found, key=lambda key: key != CLEAN)}


def key_of(row: Mapping[str, Any]) -> str:
    """The attempt a row belongs to."""
    return str(row.get("key") or row.get("attack"))


def names(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What each attempt is called: its label, with the radius where one label stands for several radii."""
    labels = {key: str(figure["label"]) for key, figure in found.items()} | {
        key: "Clean" for key in found if key == CLEAN
    }
    several = {label for label in labels.values() if list(labels.values()).count(label) > 1}
    return {key: f"{label} at {found[key]['eps']}" if label in several else label for key, label in labels.items()}


def threat(figure: Mapping[str, Any]) -> str:
    """The ball of an attempt: ``L∞ 2/255``, ``L2 128/255``, ``L2 unbounded``; '' where nothing is attacked."""
    if figure["attack"] in (CLEAN, "clamp"):
        return ""
    return figurekey.key_of(figure).threat or figurekey.radius(figure["eps"])


def preferred(keys: Iterable[str]) -> str:
    """The attempt that is shown when nobody chose one: PGD, else the first that is not clean, else clean."""
    keys = list(keys)
    return "pgd" if "pgd" in keys else next((key for key in keys if key != CLEAN), CLEAN)


def asked_for(text: str, called: Mapping[str, str]) -> str | None:
    """The key that a link means: the key itself, or a name on screen; None for neither."""
    return text if text in called else next((key for key, name in called.items() if name == text), None)


def shares(outcomes: Mapping[str, np.ndarray] | None, n: int) -> dict[str, np.ndarray]:
    """Per attempt the share [N] of evaluation networks that classify each image correctly, from outcomes [M, N]; {}
    without them."""
    return {
        key: hits.mean(0)
        for key, hits in (outcomes or {}).items()
        if hits.ndim == 2 and hits.shape[1] == n and len(hits)
    }


def ordered(outcomes: Mapping[str, np.ndarray], found: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of `outcomes` in the order in which the attempts were tried; those without test figures last."""
    return {
        key: outcomes[key]
        for key in [*(key for key in found if key in outcomes), *(key for key in outcomes if key not in found)]
    }


def worst_share(found: Mapping[str, np.ndarray], called: Mapping[str, Mapping[str, Any]]) -> np.ndarray | None:
    """The lowest share [N] of each image over the attempts that count as worst; None when none does.

    An attempt without test figures (an old or damaged rows.jsonl) counts unless it is clean.
    """
    counted = [
        share for key, share in found.items() if (counts_as_worst(key, called[key]) if key in called else key != CLEAN)
    ]
    return np.min(counted, axis=0) if counted else None


def broken(share: np.ndarray | None, filter: str) -> np.ndarray | None:
    """Which images [N] the filter keeps by their share: all for None, else those some or most networks get wrong."""
    return None if share is None or filter not in BROKEN else share < BROKEN[filter]


def table(found: Mapping[str, Mapping[str, Any]]) -> Columns:
    """One line per attempt: mean test accuracy over seeds with its spread and interval, in percent, and what was
    measured."""
    called = names(found)
    return {
        "Attack": [called[key] for key in found],
        "Threat": [threat(figure) for figure in found.values()],
        "Accuracy": [_percent(figure["mean"]) for figure in found.values()],
        "± std": [_percent(figure["std"]) for figure in found.values()],
        "95 % interval": [interval(figure["interval"]) for figure in found.values()],
        "Targeted success": [_percent(figure["success"]) for figure in found.values()],
        "Networks": [figure["seeds"] for figure in found.values()],
        "n": [figure["n"] for figure in found.values()],
        "Passes per image": [
            None if figure["passes"] is None else round(figure["passes"], 1) for figure in found.values()
        ],
    }


def image_table(outcomes: Mapping[str, np.ndarray], sample: int, found: Mapping[str, Mapping[str, Any]]) -> Columns:
    """One line per attempt for image `sample`: how many networks are right, in percent with a 95 % Wilson interval, and
    the whole set's figure."""
    called = names(found)
    hits = {key: array[:, sample] for key, array in ordered(outcomes, found).items()}
    return {
        "Attack": [called.get(key, key) for key in hits],
        "Threat": [threat(found[key]) if key in found else "" for key in hits],
        "Correct": [int(right.sum()) for right in hits.values()],
        "Networks (n)": [len(right) for right in hits.values()],
        "This image": [_percent(float(right.mean())) for right in hits.values()],
        "95 % interval": [interval(metrics.wilson(int(right.sum()), len(right))) for right in hits.values()],
        "Test images": [_percent(found[key]["mean"]) if key in found else None for key in hits],
    }


def spoken_table(table: Columns) -> Columns:
    """The table of one image as words, for a page that is read: ``1 of 3: 33 %``."""
    counted = zip(table["Correct"], table["Networks (n)"], table["This image"], strict=True)
    return {
        "Attack": table["Attack"],
        "Threat": table["Threat"],
        "Networks right": [f"{right} of {n}: {share:.0f} %" for right, n, share in counted],
        "95 % interval": table["95 % interval"],
        "Test images": ["–" if share is None else f"{share:.1f} %" for share in table["Test images"]],
    }


def bar_words(heights: Mapping[str, float], called: Mapping[str, str]) -> str:
    """The bars of one tile as words: ``Clean 100 %, PGD-10 33 %``."""
    return ", ".join(f"{called.get(key, key)} {100 * value:.0f} %" for key, value in heights.items())


def about(rows: Iterable[Mapping[str, Any]]) -> str:
    """What the figures of an evaluation rest on, as a sentence."""
    first = next(iter(rows), {})
    training = {"pgd-at": "adversarially (PGD-AT)", "standard": "without attacks (standard)"}.get(
        str(first.get("training")), ""
    )
    return (
        f"Test accuracy of fresh networks trained {training} on all synthetic images, protocol:"
        f" {protocol(first.get('protocol'))}; beside the per-image figures above."
    )


def protocol(name: Any) -> str:
    """What a protocol is called on screen; a name that this version does not know as it is."""
    found = PROTOCOLS.get(str(name or "custom"))
    return found.label if found else str(name)


def evaluation_table(evaluated: list[Run], rows: list[list[dict[str, Any]]], when: list[str]) -> Columns:
    """One line per evaluation of a run: protocol, training, networks, state, and test accuracy of n images in percent
    where there is one."""
    lines: Columns = {
        key: []
        for key in (
            "When",
            "Step",
            "Protocol",
            "Training",
            "Networks",
            "State",
            "n",
            "Clean",
            "Worst attack",
            "Worst by",
            "Note",
        )
    }
    for run, results, text in zip(evaluated, rows, when, strict=True):
        found = figures(results)
        lowest, called = worst(found), names(found)
        lines["When"].append(text)
        lines["Step"].append(run.manifest.get("step"))
        lines["Protocol"].append(protocol(run.config.protocol) if run.config else None)
        lines["Training"].append(
            TRAININGS.get(run.config.eval_training, run.config.eval_training) if run.config else None
        )
        lines["Networks"].append(run.config.eval_seeds if run.config else None)
        lines["State"].append("damaged" if run.problem else run.state)
        lines["n"].append(max((figure["n"] for figure in found.values()), default=None))
        lines["Clean"].append(_percent(found[CLEAN]["mean"]) if CLEAN in found else None)
        lines["Worst attack"].append(_percent(found[lowest]["mean"]) if lowest else None)
        lines["Worst by"].append(f"{called[lowest]}, {threat(found[lowest]).removeprefix('L∞ ')}" if lowest else None)
        lines["Note"].append(run.problem or (str(run.status.get("message", "")) if run.state == "failed" else ""))
    return lines


def interval(bounds: tuple[float, float] | None) -> str:
    """Two shares as ``20.8–93.9 %``; '' for None."""
    return "" if bounds is None else f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f} %"


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def spoken_time(name: str) -> str:
    """The time in the name of an evaluation, ``20261120-0937-12-…``, as ``2026-11-20 09:37:12``; any other name as it
    is."""
    found = re.match(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)-(\d\d)-", name)
    return "{}-{}-{} {}:{}:{}".format(*found.groups()) if found else name


def what(run: Run) -> str:
    """Protocol and training of an evaluation in words: ``DD-RobustBench, pixel space, 2/255; adversarial training``."""
    if run.config is None:
        return run.id
    return f"{protocol(run.config.protocol)}; {TRAININGS.get(run.config.eval_training, run.config.eval_training)}"


def title(run: Run) -> str:
    """What an evaluation is called in a list and in links, by the flags of its settings; one inside the run folder says
    so."""
    named = f"{run.config.protocol}, {run.config.eval_training}" if run.config else run.id
    return f"{named}, {spoken_time(run.id) if run.path.parent.name == 'evaluations' else 'with the run'}"
