"""The embedding map of one step, alone or as one of two, and its selection."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app import cache, charts, frames, state, views, words
from app.components import hover, shell
from app.components.figures import chart
from c2r.base.errors import InputError
from c2r.look.summary import ranks

COLOURS = {"class": "Class", "margin": "Robust margin", "rank": "Rank", "broken": "Broken"}
LINES = {"selection": "Selection", "hardest": "The 20 hardest", "none": "None"}
HARDEST = 20
AREA = "map-area"  # the container of the map
SIDE = 578  # px, the width of the map; beside it on a page of 1280 px, below it on one of 768 px stands the list
MAPPED = ("umap_clean", "umap_adv", "fitted")  # arrays of the map of each scorer
LINES_HELP = "Lines from the clean to the adversarial place of an image"


Ranges = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Layout:
    """Where the P images `index` lie at one step, clean and adversarial [P, 2], in a frame that holds for all steps."""

    method: str
    index: np.ndarray
    clean: np.ndarray
    adversarial: np.ndarray
    ranges: Ranges
    note: str = ""
    explained: np.ndarray | None = None


@dataclass(frozen=True)
class Chosen:
    """What a person chose for every map: the method, what colours it, and for which images lines are drawn; the
    classes that are hidden, and the `order` whose first images are the hardest (None: that of each map's scorer)."""

    method: str
    colour: str
    lines: str
    hidden: frozenset[int] = frozenset()
    order: np.ndarray | None = None


@dataclass(frozen=True)
class Place:
    """Where one map stands: the keys of its chart and its container, its width in px; where several stand side by side
    what it is `called` and the end `limit` of their colours; whether it can be lassoed."""

    key: str = "map"
    area: str = AREA
    width: int = SIDE
    called: str = ""
    limit: float | None = None
    selectable: bool = True


ALONE = Place()


def choices(layouts: dict[str, Layout]) -> Chosen:
    """Which of the `layouts` is shown, what colours the map, and for which images lines are drawn."""
    shown: dict[str, Any] = {"bind": "query-params", "width": 170}
    first = next(iter(layouts))
    method = st.segmented_control(
        "Map", list(layouts), default=first, required=True, key="map-method", bind="query-params"
    )
    colour = st.selectbox("Colour by", list(COLOURS), format_func=COLOURS.__getitem__, key="colour", **shown)
    lines = st.selectbox("Lines", list(LINES), format_func=LINES.__getitem__, key="lines", help=LINES_HELP, **shown)
    return Chosen(method if method in layouts else first, colour, lines)


def stored_map(view: state.View, frame: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """The map of a run when it is one of these images; None without one, or when it is not, which is said."""
    stored = cache.of_scorer(shell.optional(view.path, "map"), view.scorer, MAPPED)
    if stored is None or stored["index"].max() < len(frame["labels"]):
        return stored
    shell.problem(
        "map.safetensors belongs to other images: expected what this run wrote; compute the map again or choose another"
        " run."
    )
    return None


def layouts(view: state.View, stored: dict[str, np.ndarray] | None) -> dict[str, Layout]:
    """The layouts that there are for the chosen step, by the name of their method: out of the `stored` map, and PCA."""
    there = {"UMAP": umap_layout(view, stored) if stored else None, "PCA": pca_layout(view)}
    return {name: layout for name, layout in there.items() if layout}


def umap_layout(view: state.View, stored: dict[str, np.ndarray]) -> Layout:
    """The recorded step nearest to the chosen one, out of the joint UMAP."""
    position = int(np.abs(stored["steps"] - view.shown).argmin())
    on_map = int(stored["steps"][position])
    note = "" if on_map == view.step else f"The map holds no step {view.step}: showing step {on_map}. "
    note += "" if stored["fitted"][position] else "This step was placed into the finished map, not fitted with it."
    return Layout(
        "UMAP",
        stored["index"],
        stored["umap_clean"][position],
        stored["umap_adv"][position],
        _umap_ranges(stored),
        note,
    )


def _umap_ranges(stored: dict[str, np.ndarray]) -> Ranges:
    return charts.map_ranges(stored["umap_clean"], stored["umap_adv"])


def pca_layout(view: state.View) -> Layout | None:
    """Embeddings of the chosen step on the axes that were fitted once, at the start of the run; framed by first and
    last step.

    None when the run has no axes, or none that fit, which is said.
    """
    ends: list[np.ndarray] = []
    try:
        basis = frames.axes(view.path, view.scorer)
        if basis is None:
            return None
        now = frames.projected(view.path, view.shown, view.scorer)
    except InputError as error:
        shell.problem(error)
        return None
    for step in {view.steps[0], view.steps[-1]}:
        with suppress(InputError):
            ends += frames.projected(view.path, step, view.scorer).values()
    ranges = charts.map_ranges(*now.values(), *ends)
    return Layout("PCA", np.arange(len(now["clean"])), now["clean"], now["adv"], ranges, explained=basis["explained"])


def draw(view: state.View, frame: dict[str, np.ndarray], layout: Layout, chosen: Chosen, place: Place = ALONE) -> None:
    """The map; a lasso or box becomes the selection of all pages."""
    labels, values = frame["labels"], _values(chosen.colour, frame)
    figure = charts.embedding_map(
        charts.Points(layout.clean, layout.adversarial, labels[layout.index], list(view.names), layout.index),
        charts.Colouring(chosen.colour, None if values is None else values[layout.index], place.limit),
        _emphasis(view, frame, layout, chosen),
        charts.Plane(layout.method, layout.ranges, layout.explained, place.width, place.called),
        strangers=views.strangers(cache.events(view.path, view.scorer), view.step),
        dark=state.is_dark(),
    )

    def picked() -> None:
        ids = charts.selected_numbers(st.session_state[place.key]["selection"]["points"])
        state.select(view.opened.id, ids, f"the {layout.method} map at step {view.step}")

    if not place.selectable:
        figure.update_layout(dragmode=False)
    with st.container(key=place.area):
        hover.shown_beside(view, frame, layout.index, place.area, place.called)
        table = lambda: _points_table(view, frame, layout)  # noqa: E731
        chart(figure, place.key, table, on_select=picked if place.selectable else None)


def _values(colour: str, frame: dict[str, np.ndarray]) -> np.ndarray | None:
    """What colours the images [N]; None for their classes."""
    if colour == "rank":
        return ranks(frame["order"])
    return {"margin": frame["margin_adv"], "broken": (frame["margin_adv"] <= 0).astype(np.int8)}.get(colour)


def limit(colour: str, frames: list[dict[str, np.ndarray]]) -> float | None:
    """The end of the colours that maps of `frames` share; None where colours have none."""
    if colour == "rank":
        return float(max(len(frame["order"]) for frame in frames) - 1)
    if colour == "margin":
        return charts.margin_limit(np.concatenate([frame["margin_adv"] for frame in frames]))
    return None


def _emphasis(view: state.View, frame: dict[str, np.ndarray], layout: Layout, chosen: Chosen) -> charts.Emphasis:
    """The selected images, those with lines, the class that keeps its strength, and the classes that are hidden."""
    labels = frame["labels"]
    positions = np.flatnonzero(np.isin(layout.index, state.selection(view.opened.id, len(labels))))
    order = frame["order"] if chosen.order is None else chosen.order
    hard = np.isin(layout.index, views.hardest(order, labels, HARDEST, view.class_index))
    drawn = {"selection": positions, "hardest": np.flatnonzero(hard), "none": None}[chosen.lines]
    return charts.Emphasis(positions if len(positions) else None, drawn, view.class_index, chosen.hidden)


def note(view: state.View, layout: Layout) -> str:
    """What is said of a map: which step it shows, and who measured."""
    return f"{layout.note} {words.measured(view.opened, view.scorer)}".strip()


def _points_table(view: state.View, frame: dict[str, np.ndarray], layout: Layout) -> views.Columns:
    table = views.sample_table(frame, layout.index.tolist(), list(view.names))
    places = {
        "Clean x": layout.clean[:, 0],
        "Clean y": layout.clean[:, 1],
        "Adversarial x": layout.adversarial[:, 0],
        "Adversarial y": layout.adversarial[:, 1],
    }
    return table | {name: column.round(3).tolist() for name, column in places.items()}
