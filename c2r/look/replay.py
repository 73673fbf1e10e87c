"""A run as one file that a browser plays: margins, ranks, places and pictures of all recorded steps. No torch.

The file is in the safetensors layout, so it says itself what it holds: arrays by name, and ``about`` them one JSON
text. Letters: S recorded steps, N synthetic images, P of them shown, M of these on the map, R rank bins, G pictures at
T of the steps.

| array | shape | what |
|---|---|---|
| steps | [S] | numbers of the recorded steps |
| counts | [S, 2, 60] | images of all N per bin of `BIN_EDGES`, adversarial and clean |
| by_rank | [S, R] | mean robust margin (logits) of the images on these ranks, of all N |
| broken, medians | [S], [S, 2] | images of all N misclassified within ε; median margins (logits) |
| shown, labels | [P] | numbers and classes of the shown images |
| margins, ranks | [S, 2, P], [S, P] | their margins, adversarial and clean (logits), and ranks (0 = hardest) |
| mapped, places | [M], [S, 2, M, 2] | positions in P; where these lie, clean and adversarial: `c2r.look.replaymap` |
| pictured, moments, pictures | [G], [T], [T, G, H, W, C] | positions in P and in S; pixels 0 to 255 |
| series, separation | [S, L], [S, 2, 3] | the method's figures; `SEPARATION`, clean and adversarial |
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import save

from c2r.base.errors import InputError
from c2r.base.fields import format_radius
from c2r.base.untrusted import class_names
from c2r.look.colours import class_colour
from c2r.look.description import description
from c2r.look.project import sample_per_class
from c2r.look.replaymap import places_of
from c2r.look.summary import BIN_EDGES, hardest_first, margin_summary, rank_matrix, ranks, thin
from c2r.store import describing, runs

STEPS = 400  # recorded steps at most; the first and the last are always among them
POINTS = 1000  # images with margins and ranks of their own, and on the map; counts and rank bins are of all
RANKS = 200  # rank bins
PICTURES = 100  # images of the gallery
MOMENTS = 16  # steps of which the gallery has at least pictures, where pictures are few enough
PICTURE_BYTES = 2 * 2**20
SIDE = 64  # pixels; of larger pictures every second, third, … pixel is taken
SEPARATION = ("knn", "silhouette", "between_within")
LARGEST = 60_000.0  # logits that half precision holds


class Moment(NamedTuple):
    """What one recorded step comes to: see the table above."""

    step: int
    counts: np.ndarray
    by_rank: np.ndarray
    broken: int
    medians: np.ndarray
    margins: np.ndarray
    ranks: np.ndarray


def replay(path: Path) -> bytes:
    """The replay of a run folder as bytes; a step whose frame is damaged or of other images is left out.

    :raises InputError: the run is damaged, or has no recorded step that can be read
    """
    run = runs.open_run(path)
    if run.problem:
        raise InputError(run.problem)
    labels = _labels(path)
    steps = runs.frame_steps(path)
    places = places_of(path, labels, POINTS)
    shown = np.arange(len(labels)) if len(labels) <= POINTS or places is None else places.index
    shown = shown if len(shown) <= POINTS else sample_per_class(labels, POINTS)
    moments = _moments(path, [steps[i] for i in thin(len(steps), STEPS)], labels, shown)
    arrays = _stacked(moments) | {"shown": shown.astype(np.uint32), "labels": labels[shown].astype(np.uint16)}
    kept = [moment.step for moment in moments]
    window, note = None, ""
    if places is not None and (found := places.at(kept)) is not None:
        window, note = found.window, found.note
        arrays |= {"mapped": np.searchsorted(shown, places.index).astype(np.uint32), "places": found.places}
    arrays |= _pictures(path, kept, shown, arrays["labels"])
    figures = _figures(run, kept)
    about = _about(run, len(labels), int(labels.max(initial=0)) + 1)
    about |= {"map": {"method": places.method, "window": window, "note": note} if places and window else None}
    arrays = {name: np.ascontiguousarray(array) for name, array in (arrays | figures).items()}
    return save(arrays, metadata={"about": json.dumps(about)})


def _labels(path: Path) -> np.ndarray:
    """The labels [N] of a run's images: those of the first frame that opens. Raises InputError."""
    for step in runs.frame_steps(path):
        with suppress(InputError):
            return runs.read_frame(path, step, ("labels",))["labels"].astype(np.int64)
    raise InputError(
        f"Run {path.name} has no recorded step that can be read: expected one to replay; wait for it or choose another"
        " run."
    )


def _moments(path: Path, steps: list[int], labels: np.ndarray, shown: np.ndarray) -> list[Moment]:
    """The recorded `steps` that can be read, ascending. Raises InputError when none can."""
    found = []
    for step in steps:
        with suppress(InputError):
            frame = runs.read_frame(path, step, ("labels", "margin_clean", "margin_adv"))
            if np.array_equal(frame["labels"], labels):
                found.append(_moment(step, frame, shown))
    if not found:
        raise InputError(f"Run {path.name} has no recorded step that can be read whole: choose another run.")
    return found


def _moment(step: int, frame: Mapping[str, np.ndarray], shown: np.ndarray) -> Moment:
    both = np.stack([frame["margin_adv"], frame["margin_clean"]]).astype(np.float32)
    order = hardest_first(both[0])
    by_rank, _ = rank_matrix(order[None], both[:1], RANKS)
    counts = np.array([margin_summary(margins)["counts"] for margins in both], np.uint32)
    return Moment(
        step,
        counts,
        _half(by_rank[0]),
        int((both[0] <= 0).sum()),
        np.median(both, axis=1).astype(np.float32),
        _half(both[:, shown]),
        ranks(order)[shown].astype(np.uint16 if len(order) <= 2**16 else np.uint32),
    )


def _half(values: np.ndarray) -> np.ndarray:
    """Logits in half precision, those beyond its range at its ends."""
    return np.clip(values, -LARGEST, LARGEST).astype(np.float16)


def _stacked(moments: list[Moment]) -> dict[str, np.ndarray]:
    """The arrays of all moments, steps first."""
    arrays = {name: np.stack([getattr(moment, name) for moment in moments]) for name in Moment._fields}
    arrays["steps"] = arrays.pop("step").astype(np.uint32)
    return arrays | {"broken": arrays["broken"].astype(np.uint32)}


def _pictures(path: Path, steps: list[int], shown: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The pixels of some images at some steps, within `PICTURE_BYTES`; {} when a frame does not hold them."""
    try:
        sample = _small(runs.read_rows_of(path, steps[0], "images", [int(shown[0])]))
        count = min(len(shown), PICTURES, max(1, PICTURE_BYTES // (MOMENTS * sample.nbytes)))
        pictured = sample_per_class(labels, count)[:count] if count < len(shown) else np.arange(len(shown))
        moments = thin(len(steps), max(1, PICTURE_BYTES // (len(pictured) * sample.nbytes)))
        ids = shown[pictured]
        kept = [_small(runs.read_rows_of(path, steps[i], "images", ids)) for i in moments]
    except InputError:
        return {}
    if len({pictures.shape for pictures in kept}) > 1:
        return {}
    return {
        "pictured": pictured.astype(np.uint32),
        "moments": moments.astype(np.uint32),
        "pictures": np.stack(kept),
    }


def _small(images: np.ndarray) -> np.ndarray:
    """Images [G, C, H, W] as pixels [G, H', W', C'] with sides of at most `SIDE` and one or three channels."""
    stride = -(-max(images.shape[2:]) // SIDE)
    channels = 3 if images.shape[1] >= 3 else 1
    return images[:, :channels, ::stride, ::stride].transpose(0, 2, 3, 1)


def _figures(run: runs.Run, steps: list[int]) -> dict[str, np.ndarray]:
    """The figures of the method and the class separation at `steps`; NaN where an event does not say them."""
    events = {event["step"]: event for event in runs.read_events(run.path)}
    terms = [term.name for term in description(run).series]
    series = np.full((len(steps), len(terms)), np.nan, np.float32)
    separation = np.full((len(steps), 2, len(SEPARATION)), np.nan, np.float32)
    for row, step in enumerate(steps):
        event = events.get(step, {})
        told = event.get("series") or event.get("losses") or {}
        series[row] = [_number(told.get(name)) for name in terms]
        apart = event.get("separation") or {}
        for side, name in enumerate(("clean", "adv")):
            separation[row, side] = [_number(apart.get(name, {}).get(figure)) for figure in SEPARATION]
    return {"series": series, "separation": separation}


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _about(run: runs.Run, n: int, least: int) -> dict[str, Any]:
    """What the file says about its arrays and the run, as plain values; `least`: classes that there are in any case."""
    told, said, config = describing.about(run.path), description(run), run.config
    names = list(class_names(run.manifest.get("classes") or []))
    names += [str(k) for k in range(len(names), least)]
    return {
        "version": 1,
        "id": run.id,
        "name": told.name or run.id,
        "note": told.note,
        "state": run.state,
        "n": n,
        "classes": names,
        "colours": [class_colour(k, len(names)) for k in range(len(names))],
        "data": str((run.manifest.get("data") or {}).get("name", "")),
        "method": said.label,
        "attack": said.attack,
        "eps": format_radius(config.eps) if config else "",
        "scorer": next(iter(said.scorers.values()), ""),
        "series": [{"label": term.label, "unit": term.unit, "axis": term.axis} for term in said.series],
        "bins": [float(BIN_EDGES[0]), float(BIN_EDGES[-1])],
        "separation": list(SEPARATION),
    }
