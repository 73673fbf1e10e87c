"""The embedding map of one step: the same images clean and adversarial; one `ranges` for all steps keeps the picture
still. What it is given stands in `mapdata`, its frame in `mapframe`, its marks in `mapmarks`."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts import mapframe, mapmarks
from app.charts.base import class_names, floats
from app.charts.mapdata import BY_CLASS, NOTHING, UMAP, Colouring, Emphasis, Plane, Points, map_ranges
from c2r.base.errors import InputError, unknown


def embedding_map(
    points: Points,
    colouring: Colouring = BY_CLASS,
    emphasis: Emphasis = NOTHING,
    plane: Plane = UMAP,
    *,
    strangers: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Images [P] of one step on the map: circle = clean, cross = adversarial, the same colour for both.

    `strangers`, the share of images that under attack lie among another class in the original space, is stated; nothing
    on the map can tell it. The legends stand below the plot, unless it is one of several maps. Raises InputError for an
    unknown colour or method and for missing values.
    """
    _check(colouring, plane.method)
    ranges, points = plane.ranges or map_ranges(points.clean, points.adversarial), _arrays(points)
    note = mapframe.note(len(points.labels), colouring.by, strangers)
    said = mapframe.called(plane, mapframe.statement(points.labels, colouring, strangers))
    figure = mapframe.square(said, note, plane, dark)
    mapmarks.add_background(figure, points.background, dark)
    mapmarks.add_lines(figure, points, _drawn(emphasis.lines, points, emphasis), dark)
    mapmarks.add_images(figure, points, colouring, emphasis, dark)
    mapmarks.add_rings(figure, points, _drawn(emphasis.selected, points, emphasis), dark)
    mapmarks.add_keys(figure, colouring.by, dark)
    figure.update_layout(
        **mapframe.layout(ranges, plane.method, plane.explained, dark), coloraxis=mapframe.colour_axis(colouring, dark)
    )
    if plane.called:
        figure.update_layout(showlegend=False, coloraxis_showscale=False)
    else:
        mapframe.place_below(figure, colouring.by)
    if colouring.by == "class":
        named = [k for k in np.unique(points.labels) if k not in emphasis.hidden]
        mapmarks.name_classes(figure, points, named, mapmarks.Room(ranges, min(mapframe.NARROW, plane.side)), dark)
    return figure


def _drawn(positions: Any, points: Points, emphasis: Emphasis) -> Any:
    """Those of `positions` whose class is not hidden."""
    if positions is None or not emphasis.hidden:
        return positions
    chosen = np.asarray(positions, dtype=int)
    return chosen[~np.isin(points.labels[chosen], [*emphasis.hidden])]


def _arrays(points: Points) -> Points:
    """The points as arrays, with a name for every class and a number for every image."""
    labels = np.asarray(points.labels)
    return replace(
        points,
        clean=floats(points.clean),
        adversarial=floats(points.adversarial),
        labels=labels,
        classes=class_names(labels, points.classes),
        ids=np.arange(len(labels)) if points.ids is None else np.asarray(points.ids),
    )


def _check(colouring: Colouring, method: str) -> None:
    if colouring.by not in mapmarks.HOVER:
        raise unknown("map colour", colouring.by, list(mapmarks.HOVER))
    if method not in mapframe.AXES_NOTE:
        raise unknown("projection", method, list(mapframe.AXES_NOTE))
    if colouring.by != "class" and colouring.values is None:
        raise InputError(
            f"The map colour '{colouring.by}' expects one value per image, found none: give the values or choose the"
            " colour 'class'."
        )
