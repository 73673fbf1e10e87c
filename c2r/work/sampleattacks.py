"""What attacks find on one image of a run under one of its networks: an `Ask` in, one record of plain values out."""

from typing import Any

import torch
from torch import Tensor

from c2r.config import RunConfig
from c2r.core.linesearch import Search
from c2r.core.threat import Threat
from c2r.look import underattack
from c2r.look.boundary import Mapped
from c2r.look.plane import LEVEL
from c2r.networks.models import Network
from c2r.store.networks import called
from c2r.store.runs import frame_steps
from c2r.work.keptnetworks import load
from c2r.work.planepoints import FIRST, SECOND, Ask, Points, config_of, points
from c2r.work.planes import Record

REACH = 4  # times the ε of the run, up to which a radius is looked for
FINE = 0.25  # 1/255, how exactly
SAME = 1e-6  # by so little a loss may fall before a warm start is searched anew, as in c2r.core.linesearch


def attacked(ask: Ask, mapped: Mapped = map) -> Record:
    """The radius up to which the image withstands PGD, its margin against ε, and LS-PGD beside PGD from the same start.

    :param mapped: ``map``, or one that stops when nobody waits any more
    :raises InputError: no such run, step, image or network, or a damaged file
    """
    config, network = config_of(ask.path), load(ask.path, ask.network)
    here = points(ask, ask.step, config)
    x = _tensor(here, FIRST)
    top = min(1.0, REACH * config.eps)
    radii = torch.linspace(0, top, underattack.AT_ONCE + 1)
    works = (
        lambda: _radius(underattack.radius(network, x, here.label, top, FINE * LEVEL)),
        lambda: underattack.margins_over(network, x, here.label, radii).tolist(),
        lambda: _search(ask, config, network, here),
    )
    radius, margins, search = mapped(lambda work: work(), works)
    about = {
        "kind": "sample",
        "name": here.names[FIRST],
        "network": called(ask.network),
        "eps": config.eps / LEVEL,
        "steps": underattack.STEPS,
        "radius": radius,
        "margins": [[eps / LEVEL, margin] for eps, margin in zip(radii.tolist(), margins, strict=True)],
        "search": search,
    }
    return Record({}, about | {"title": statement(about), "said": sentences(about)})


def statement(about: dict[str, Any]) -> str:
    """What is seen, as a title."""
    radius, who = about["radius"], f"{about['name'][:1].upper()}{about['name'][1:]}"
    if radius["broken"] == 0:
        return f"{who} is taken for another class unattacked"
    if radius["broken"] is None:
        return f"{who} withstands PGD-{about['steps']} up to {radius['top']:.4g}/255, where the search ends"
    side = "within" if radius["broken"] <= about["eps"] else "beyond"
    return f"PGD-{about['steps']} breaks {about['name']} from {radius['broken']:.4g}/255 on, {side} ε of the run"


def sentences(about: dict[str, Any]) -> list[str]:
    """The figures in words: where the radius was looked for, what each search reached and spent, and whether the warm
    start was good enough."""
    radius, search = about["radius"], about["search"]
    where = f"Searched from 0 to {radius['top']:.4g}/255, to {radius['resolution']:.4g}/255, n = 1 image."
    if radius["broken"]:
        where = f"Not broken at {radius['unbroken']:.4g}/255, broken at {radius['broken']:.4g}/255. {where}"
    line, steps = search["line"], search["pgd"]
    spent = (
        f"At ε = {about['eps']:.4g}/255 and from the same start LS-PGD reaches a loss of {line['losses'][-1]:.3g} with"
        f" {line['passes'][-1]} passes, PGD-{about['steps']} one of {steps['losses'][-1]:.3g} with"
        f" {steps['passes'][-1]}."
    )
    return [where, spent, _warm(search["warm"])]


def _warm(warm: dict[str, Any]) -> str:
    if not warm:
        return "The start is the image itself: there is no recorded step before, hence no warm start."
    losses = f"{warm['then']:.3g} at step {warm['step']} and {warm['now']:.3g} now"
    if warm["reused"]:
        end = f"has not fallen ({losses}), so LS-PGD would reuse it for one pass and not search."
    else:
        end = f"has fallen ({losses}), so LS-PGD searches anew from it."
    return f"The start is the δ recorded at step {warm['step']}: its loss {end}"


def _radius(found: underattack.Radius) -> dict[str, Any]:
    """In 1/255."""
    broken = None if found.broken is None else found.broken / LEVEL
    return {
        "broken": broken,
        "unbroken": found.unbroken / LEVEL,
        "top": found.top / LEVEL,
        "resolution": found.resolution / LEVEL,
    }


def _search(ask: Ask, config: RunConfig, network: Network, here: Points) -> dict[str, Any]:
    """LS-PGD and PGD from the perturbation recorded at the step before, and whether the warm start's rule would have
    reused it."""
    threat = Threat(config.eps)
    x, start, told = _tensor(here, FIRST), torch.zeros_like(_tensor(here, FIRST)), {}
    earlier = [step for step in frame_steps(ask.path) if step < ask.step]
    if earlier:
        before = points(ask, earlier[-1], config)
        then = _tensor(before, FIRST)
        start = _tensor(before, SECOND) - then
        loss_then = underattack.loss_at(network, then, here.label, start)
        loss_now = underattack.loss_at(network, x, here.label, threat.project(start, x))
        told = {
            "step": earlier[-1],
            "then": loss_then,
            "now": loss_now,
            "reused": loss_now >= loss_then - SAME,
        }
    search = Search(threat, config, config.cold_rounds)
    found = underattack.climb(network, x, here.label, torch.tensor([config.eps]), start)
    return {
        "warm": told,
        "rounds": config.cold_rounds,
        "tries": config.ls_tries,
        "line": underattack.line_search(network, x, here.label, search, start)._asdict(),
        "pgd": underattack.steps_of(found)._asdict(),
    }


def _tensor(here: Points, kind: str) -> Tensor:
    return torch.from_numpy(here.images[kind]).float()[None]
