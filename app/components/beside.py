"""Two maps side by side under one slider: the map of the page, and beside it another scorer's or another run's."""

from dataclasses import replace

import numpy as np
import streamlit as st

from app import beside, cache, legend, state, words
from app.components import maplegend, maps, separation, shell
from c2r.base.errors import InputError

SIDE = 416  # px, the width of each of two maps: they stand beside each other on a page of 1280 px
HELP = "A second map beside this one: the same images under another scorer of the run, or another run of the same data"
FOLDERS = (
    "The runs of the store with the same data, the same classes and a recorded step, by the names of their folders"
)
FRAMES = (
    "Each map has a frame of its own, UMAP and PCA alike: where a class lies, and how far from another, does not"
    " compare from one map to the other. The figures of class separation below do."
)


def choice(view: state.View) -> beside.Second | None:
    """The box that says what stands beside the map, and for another run the box of runs; None for nothing."""
    shown = beside.shown_scorer(view)
    offered = beside.choices(view.method.scorers, shown)
    usual = offered.index(beside.usual(offered))
    chosen = st.selectbox("Beside", offered, usual, key="beside", bind="query-params", help=HELP, width=170)
    if chosen == beside.RUN:
        return _another_run(view)
    if chosen not in offered or chosen == beside.NOTHING:
        return None
    labels = view.method.scorers
    return beside.Second(beside.under(view, chosen), (labels[shown], labels[chosen]), same=True)


def _another_run(view: state.View) -> beside.Second | None:
    """The run that is chosen among those of the same data, by their folders, whose names last, so that a link to them
    does; None without any, which is said."""
    listed = state.all_runs()
    runs = {state.run_name(run): run for run in beside.alike(view.opened, listed)}
    if not runs:
        st.caption("No other run of the same data and classes has a recorded step.")
        return None
    called = state.spoken_names(listed)
    chosen = st.selectbox("Run beside", list(runs), key="beside-run", bind="query-params", help=FOLDERS, width=330)
    name = chosen if chosen in runs else next(iter(runs))
    other = beside.of_run(runs[name], view)
    return beside.Second(other, (called[state.run_name(view.opened)], called[name]), False, _differs(view, other))


def _differs(view: state.View, other: state.View) -> str:
    """What a person should know of two runs: another step, another scorer; whose images can be selected."""
    said = [] if other.step == view.step else [f"B has no step {view.step}: its nearest one, {other.step}, is shown."]
    wanted, has = beside.shown_scorer(view), beside.shown_scorer(other)
    said += [] if wanted == has else [f"B has no scorer {wanted}: its scorer {has} is shown."]
    return " ".join([*said, "A selection is of A's images; each run is measured by a scorer of its own."])


def draw(
    view: state.View, frame: cache.Arrays, layout: maps.Layout, chosen: maps.Chosen, second: beside.Second
) -> None:
    """Both maps, equal in size, class colours, colouring and lines, under one legend; below each other where the page
    is narrow."""
    other, beside_layout = _other(second.view, chosen.method)
    frames = [frame] if other is None else [frame, other]
    limit = maps.limit(chosen.colour, frames)
    called = [f"{letter} · {name}" for letter, name in zip("AB", second.names, strict=True)]
    classes = np.unique(np.concatenate([one["labels"] for one in frames])).tolist()
    lines = chosen.lines == "hardest" or (
        chosen.lines == "selection" and bool(state.selection(view.opened.id, len(frame["labels"])))
    )
    names = max(view.names, second.view.names, key=len)
    hidden = maplegend.hidden(view.opened.id, classes)
    shown = legend.Legend(chosen.colour, names, classes, limit or 1.0, lines, hidden)
    maplegend.show(shown, view.opened.id, state.is_dark())
    chosen = replace(chosen, hidden=hidden if chosen.colour == "class" else frozenset(), order=_order(view, second))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        with st.container(width=SIDE):
            maps.draw(view, frame, layout, chosen, maps.Place(width=SIDE, called=called[0], limit=limit))
        with st.container(width=SIDE):
            if other is None or beside_layout is None:
                st.info(f"{words.plain(called[1])}: no map of step {second.view.step} can be drawn.")
            else:
                place = maps.Place("map-beside", "map-beside-area", SIDE, called[1], limit, second.same)
                maps.draw(second.view, other, beside_layout, chosen, place)
    separation.said(view, second)
    told = [second.note, _hardest(view, second, chosen.lines), f"A: {maps.note(view, layout)}"]
    told += [f"B: {maps.note(second.view, beside_layout)}"] if beside_layout else []
    st.caption(f"{FRAMES} {words.plain(' '.join(filter(None, told)))}")


def _order(view: state.View, second: beside.Second) -> np.ndarray | None:
    """The order of the images of both maps, by the first scorer of the run; None for two runs, which have their own."""
    return cache.margins(view.path, view.shown)["order"] if second.same else None


def _hardest(view: state.View, second: beside.Second, lines: str) -> str:
    """Whose hardest images have lines."""
    if lines != "hardest":
        return ""
    label = next(iter(view.method.scorers.values()))
    return (
        f"The {maps.HARDEST} hardest images are those of the run's first scorer, {label}, on both maps."
        if second.same
        else f"The {maps.HARDEST} hardest images are each run's own."
    )


def _other(view: state.View, method: str) -> tuple[cache.Arrays | None, maps.Layout | None]:
    """The images of the second map and where they lie, by `method` where there is such a map; None for what cannot be
    read, which is said."""
    try:
        frame = cache.margins(view.path, view.shown, view.scorer)
    except InputError as error:
        shell.problem(error)
        return None, None
    found = maps.layouts(view, maps.stored_map(view, frame))
    return frame, found.get(method) or next(iter(found.values()), None)
