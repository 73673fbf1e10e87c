"""The plane of one image of a run under one of its networks: an `Ask` in, records out. It knows no page and no process.

A record is named arrays with what is about them as plain values: a grid at a time, coarse first, then where the attacks
land.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from c2r.attacks.figurekey import ball
from c2r.attacks.protocols import PROTOCOLS, PSEUDO, Attempt, attempts, expected_passes
from c2r.attacks.run import attack
from c2r.base.errors import InputError
from c2r.base.fields import format_radius
from c2r.config import RunConfig
from c2r.look import boundary, plane
from c2r.look.plane import Plane, Window
from c2r.networks.models import Network
from c2r.store.networks import called
from c2r.store.results import headline_folder
from c2r.store.runs import open_run
from c2r.work.keptnetworks import load
from c2r.work.planepoints import FIRST, SECOND, Ask, Points, config_of, points
from c2r.work.planewords import alternative, statement

Array = np.ndarray
PASSES = 1500  # that an attack on one image may take at most; heavier ones are named and left out
GRADIENT = "gradient"
RANDOM = "along a random direction"


class Record(NamedTuple):
    """Arrays by name, and what is about them as plain values."""

    arrays: dict[str, Array]
    about: dict[str, Any]


def render(ask: Ask, mapped: boundary.Mapped = map) -> Iterator[Record]:
    """The plane that is asked for, finer with each record; at last, if asked, where attacks land.

    :param mapped: see `boundary.sweep`
    :raises InputError: no such run, step, image or network, or a damaged file
    """
    config = config_of(ask.path)
    network = load(ask.path, ask.network)
    here = points(ask, ask.step, config)
    frame = here if ask.frame_step == ask.step else points(ask, ask.frame_step, config)
    shown = _plane(ask, frame, network)
    window = _window(ask, shown, frame, config)
    about = _about(ask, config, network, here, (shown, window)) | {"axes": _axes(ask, frame)}
    beside = _beside(ask, here) if ask.beside else None
    other = boundary.sweep(beside, shown, window, here.label, mapped=mapped) if beside else None
    left = plane.outside(shown, window.places(boundary.SIDE)).reshape(boundary.SIDE, -1)
    for grid in boundary.sweep(network, shown, window, here.label, mapped=mapped):
        n = len(grid.classes)
        outside = left[:: (boundary.SIDE - 1) // (n - 1), :: (boundary.SIDE - 1) // (n - 1)]
        arrays = {"classes": grid.classes, "margin": grid.margin, "own": grid.own, "outside": outside}
        facts = about | {"n": n, "last": n == boundary.SIDE}
        if other and (second := next(other)):
            arrays |= {"classes_beside": second.classes, "margin_beside": second.margin, "own_beside": second.own}
            facts["agreement"] = plane.agreement(grid.classes, second.classes, outside)._asdict()
        yield Record(arrays, {"kind": "grid"} | facts)
    if ask.attacks:
        yield landings(ask, network, here, shown)


def _beside(ask: Ask, here: Points) -> Network:
    """The network to compare with. Raises InputError where it is of other images or classes."""
    assert ask.beside
    network = load(ask.beside, ask.beside_network)
    names = [open_run(path).manifest.get("classes") for path in (ask.path, ask.beside)]
    try:
        boundary.margins_at(network, here.images[FIRST][None], here.label)
        alike = names[0] == names[1]
    except RuntimeError:  # a network of images of another size
        alike = False
    if not alike:
        raise InputError(
            f"Runs {ask.path.name} and {ask.beside.name} are of other images or classes: expected two networks of the"
            " same ones; choose another run beside."
        )
    return network


def landings(ask: Ask, network: Network, here: Points, shown: Plane) -> Record:
    """Where each attack of the evaluation, on this image and network alone, ends on the plane; what takes too long for
    one look is only named."""
    config = open_run(headline_folder(ask.path)).config or config_of(ask.path)
    if PROTOCOLS[config.protocol].space == "legacy":
        return Record({}, {"kind": "landings", "landings": [], "left_out": ["attacks on normalised images"]})
    x = torch.from_numpy(here.images[FIRST]).float()[None]
    y = torch.tensor([here.label])
    classes = len(network.head.bias)
    tried = [attempt for attempt in attempts(config) if attempt.attack not in PSEUDO]
    light = [attempt for attempt in tried if expected_passes(attempt, classes, 1.0) <= PASSES]
    found = [_landing(attempt, network, (x, y), shown, config.seed) for attempt in light]
    return Record(
        {},
        {
            "kind": "landings",
            "landings": found,
            "left_out": [attempt.label for attempt in tried if attempt not in light],
        },
    )


def _landing(
    attempt: Attempt, network: Network, sample: tuple[torch.Tensor, torch.Tensor], shown: Plane, seed: int
) -> dict[str, Any]:
    outcome = attack(
        attempt.attack,
        network,
        *sample,
        eps=attempt.eps,
        seed=seed,
        targeted=attempt.targeted,
        changes=attempt.options,
    )
    image = outcome.images[0].double().numpy()
    place = shown.landing(image)
    predicted, own = boundary.margins_at(network, image[None], int(sample[1]))
    return {
        "key": attempt.key,
        "name": attempt.label,
        "threat": ball(attempt.norm, attempt.radius),
        "place": [place.across, place.up],
        "distance": place.distance,
        "fooled": bool(outcome.fooled[0]),
        "class": int(predicted[0]),
        "margin": float(own[0]),
    }


def _plane(ask: Ask, frame: Points, network: Network) -> Plane:
    """The plane of the frame's images; where they lie on one line, or there are fewer, random directions complete it,
    the same ones each time."""
    first = frame.images[FIRST]
    draw = np.random.default_rng([ask.sample, ask.part])
    if ask.along == GRADIENT:
        return plane.plane(first, [boundary.gradient(network, first, frame.label)], draw)
    return plane.plane(first, [image - first for kind, image in frame.images.items() if kind != FIRST], draw)


def _window(ask: Ask, shown: Plane, frame: Points, config: RunConfig) -> Window:
    """What is looked at: it depends on the images that fix the plane and on no network."""
    if ask.ball or ask.along == GRADIENT:
        return plane.window_of_ball(config.eps)
    return plane.window_around(np.array([shown.landing(image)[:2] for image in frame.images.values()]))


def _about(ask: Ask, config: RunConfig, network: Network, here: Points, where: tuple[Plane, Window]) -> dict[str, Any]:
    """What is said of every grid of a plane: its frame, its polygons, the images on it, and how far the boundary is."""
    shown, window = where
    predicted, own = boundary.margins_at(network, np.stack(list(here.images.values())), here.label)
    marks = [
        {"kind": kind, "name": here.names[kind], "class": int(k), "margin": float(m)} | _place(shown, image)
        for (kind, image), k, m in zip(here.images.items(), predicted, own, strict=True)
    ]
    facts = {
        "unit": plane.UNIT,
        "window": {"left": window.left, "bottom": window.bottom, "side": window.side},
        "ball": plane.ball(shown, config.eps).tolist(),
        "allowed": plane.allowed(shown, window).tolist(),
        "eps": format_radius(config.eps),
        "points": marks,
        "label": here.label,
        "classes": [str(name) for name in open_run(ask.path).manifest.get("classes") or []],
        "network": called(ask.network),
        "beside": called(ask.beside_network) if ask.beside else "",
        "way": _way(ask, network, here, where),
        "note": here.note,
    }
    return facts | {"title": statement(facts), "alternative": alternative(facts)}


def _axes(ask: Ask, frame: Points) -> list[str]:
    """What lies to the right and upwards."""
    if ask.along == GRADIENT:
        return ["up the loss gradient", RANDOM]
    first = frame.images[FIRST]
    moved = [kind for kind in frame.images if plane.levels(frame.images[kind] - first) > 0]
    towards = [f"towards {frame.names[kind].split(',')[0]}" for kind in moved[:2]]
    return [*towards[:1], *(f"across it, {second}" for second in towards[1:]), RANDOM, RANDOM][:2]


def _way(ask: Ask, network: Network, here: Points, where: tuple[Plane, Window]) -> dict[str, Any]:
    """How far one can go to the twin, or up the gradient to the end of the window, before the class is another, in
    levels, and which it is then."""
    shown, window = where
    first, end, called = here.images[FIRST], here.images[SECOND], "towards its adversarial twin"
    if ask.along == GRADIENT:
        end, called = first + (window.left + window.side) * shown.across, "up the loss gradient"
    length, share = plane.levels(end - first), boundary.crossing(network, first, end, here.label)
    there = None if share is None else share * length
    beyond = (
        None
        if share is None
        else int(boundary.margins_at(network, (first + share * (end - first))[None], here.label)[0][0])
    )
    return {"where": called, "length": length, "boundary": there, "class": beyond}


def _place(shown: Plane, image: Array) -> dict[str, Any]:
    place = shown.landing(image)
    return {"place": [place.across, place.up], "distance": place.distance}
