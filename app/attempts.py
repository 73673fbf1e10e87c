"""The attempts of an evaluation (one attack at one radius each) on the pages: choice, images, tables, and what an
evaluation is called. numpy only, no Streamlit.

Letters: N synthetic images, M evaluation networks.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from c2r.attacks.figurekey import TRAININGS
from c2r.attacks.protocols import PROTOCOLS
from c2r.evaluation.attempts import CLEAN, figures, names
from c2r.evaluation.metrics import wilson
from c2r.evaluation.outcomes import ordered
from c2r.evaluation.tables import Columns
from c2r.evaluation.wording import NONE, interval
from c2r.store.headline import ball, threat, worst
from c2r.store.runs import Run

FEW = 5  # so many attempts fit into one row of buttons
ANY, SOME, MOST = "Any result", "Broken on a network", "Broken on most networks"
BROKEN = {SOME: 1.0, MOST: 0.5}  # an image counts when its accuracy is below this

EVALUATIONS = (
    *("When", "Step", "Protocol", "Training", "Networks", "State"),
    *("n", "Clean", "Worst attack", "Worst by", "Note"),
)


def preferred(keys: Iterable[str]) -> str:
    """The attempt that is shown when nobody chose one: PGD, else the first that is not clean, else clean."""
    keys = list(keys)
    return "pgd" if "pgd" in keys else next((key for key in keys if key != CLEAN), CLEAN)


def asked_for(text: str, called: Mapping[str, str]) -> str | None:
    """The key that a link means: the key itself, or a name on screen; None for neither."""
    return text if text in called else next((key for key, name in called.items() if name == text), None)


def broken(share: np.ndarray | None, filter: str) -> np.ndarray | None:
    """Which images [N] the filter keeps by their share: all for None, else those some or most networks get wrong."""
    return None if share is None or filter not in BROKEN else share < BROKEN[filter]


def table(tried: Mapping[str, Mapping[str, Any]]) -> Columns:
    """One line per attempt: mean test accuracy over seeds with its spread and interval, in percent, and what was
    measured."""
    called = names(tried)
    return {
        "Attack": [called[key] for key in tried],
        "Threat": [threat(figure) for figure in tried.values()],
        "Accuracy": [_percent(figure["mean"]) for figure in tried.values()],
        "± std": [_percent(figure["std"]) for figure in tried.values()],
        "95 % interval": [interval(figure["interval"]) for figure in tried.values()],
        "Targeted success": [_percent(figure["success"]) for figure in tried.values()],
        "Networks": [figure["seeds"] for figure in tried.values()],
        "n": [figure["n"] for figure in tried.values()],
        "Passes per image": [
            None if figure["passes"] is None else round(figure["passes"], 1) for figure in tried.values()
        ],
    }


def image_table(outcomes: Mapping[str, np.ndarray], sample: int, tried: Mapping[str, Mapping[str, Any]]) -> Columns:
    """One line per attempt for image `sample`: how many networks are right, in percent with a 95 % Wilson interval, and
    the whole set's figure."""
    called = names(tried)
    hits = {key: array[:, sample] for key, array in ordered(outcomes, tried).items()}
    return {
        "Attack": [called.get(key, key) for key in hits],
        "Threat": [threat(tried[key]) if key in tried else "" for key in hits],
        "Correct": [int(right.sum()) for right in hits.values()],
        "Networks (n)": [len(right) for right in hits.values()],
        "This image": [_percent(float(right.mean())) for right in hits.values()],
        "95 % interval": [interval(wilson(int(right.sum()), len(right))) for right in hits.values()],
        "Test images": [_percent(tried[key]["mean"]) if key in tried else None for key in hits],
    }


def spoken_table(table: Columns) -> Columns:
    """The table of one image as words, for a page that is read: ``1 of 3: 33 %``."""
    counted = zip(table["Correct"], table["Networks (n)"], table["This image"], strict=True)
    return {
        "Attack": table["Attack"],
        "Threat": table["Threat"],
        "Networks right": [f"{right} of {n}: {share:.0f} %" for right, n, share in counted],
        "95 % interval": table["95 % interval"],
        "Test images": [NONE if share is None else f"{share:.1f} %" for share in table["Test images"]],
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
    known = PROTOCOLS.get(str(name or "custom"))
    return known.label if known else str(name)


def evaluation_table(evaluated: list[Run], rows: list[list[dict[str, Any]]], when: list[str]) -> Columns:
    """One line per evaluation of a run: protocol, training, networks, state, and test accuracy of n images in percent
    where there is one."""
    lines: Columns = {head: [] for head in EVALUATIONS}
    for run, results, text in zip(evaluated, rows, when, strict=True):
        tried = figures(results)
        lowest, called = worst(tried), names(tried)
        lines["When"].append(text)
        lines["Step"].append(run.manifest.get("step"))
        lines["Protocol"].append(protocol(run.config.protocol) if run.config else None)
        lines["Training"].append(
            TRAININGS.get(run.config.eval_training, run.config.eval_training) if run.config else None
        )
        lines["Networks"].append(run.config.eval_seeds if run.config else None)
        lines["State"].append("damaged" if run.problem else run.state)
        lines["n"].append(max((figure["n"] for figure in tried.values()), default=None))
        lines["Clean"].append(_percent(tried[CLEAN]["mean"]) if CLEAN in tried else None)
        lines["Worst attack"].append(_percent(tried[lowest]["mean"]) if lowest else None)
        lines["Worst by"].append(f"{called[lowest]}, {ball(tried[lowest])}" if lowest else None)
        lines["Note"].append(run.problem or (str(run.status.get("message", "")) if run.state == "failed" else ""))
    return lines


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def spoken_time(name: str) -> str:
    """The time in the name of an evaluation, ``20261120-0937-12-…``, as ``2026-11-20 09:37:12``; any other name as it
    is."""
    dated = re.match(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)-(\d\d)-", name)
    return "{}-{}-{} {}:{}:{}".format(*dated.groups()) if dated else name


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
