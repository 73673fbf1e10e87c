"""The embedding map of one step: the same images clean and adversarial; one `ranges` for all steps keeps the picture still."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts.base import axis, blank, broken_statement, class_names, colour_bar, faded, floats, number, percent
from app.theme import ADVERSARIAL, ADVERSARIAL_MARK, CLEAN, CLEAN_MARK, class_colour, margin_scale, rank_scale, tokens
from c2r.errors import InputError, unknown

Ranges = tuple[tuple[float, float], tuple[float, float]]

AXES_NOTE = {
    "UMAP": "UMAP axes have no unit; do not read distances",
    "PCA": "PCA of real images: straight lines stay straight",
}
HOVER = {
    "class": "",
    "margin": "<br>robust margin %{marker.color:.2f}",
    "rank": "<br>rank %{marker.color:.0f}",
    "broken": "",
}
FADED = 0.1  # opacity of what is not selected
LEGEND_CLASSES = 20  # above it, names stand on the map
KEY = {"itemclick": False, "itemdoubleclick": False, "bgcolor": "rgba(0,0,0,0)", "font": {"size": 12}, "x": 1.01, "xanchor": "left"}


def map_ranges(*points: Any) -> Ranges:
    """One square ((x0, x1), (y0, y1)) around all `points` [.., 2] of all steps, with a little room."""
    flat = np.concatenate([np.reshape(p, (-1, 2)) for p in points]).astype(float)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return (-1.0, 1.0), (-1.0, 1.0)
    middle, half = (flat.max(axis=0) + flat.min(axis=0)) / 2, 0.53 * float(np.ptp(flat, axis=0).max()) or 1.0
    return (float(middle[0] - half), float(middle[0] + half)), (float(middle[1] - half), float(middle[1] + half))


def embedding_map(
    xy_clean: Any, xy_adv: Any, labels: Any, *, values: Any = None, colour: str = "class", classes: Any = None, ids: Any = None,
    selected: Any = None, lines: Any = None, background: Any = None, ranges: Ranges | None = None, limit: float | None = None,
    method: str = "UMAP", explained: Any = None, solo: int | None = None, height: int = 600, dark: bool = False,
) -> go.Figure:  # fmt: skip
    """Images [P] of one step on the map: circle = clean, cross = adversarial, the same colour for both.

    `colour` class needs nothing more; margin (logits), rank (0 = hardest) and broken (0/1) read `values` [P], and
    `limit` fixes the end of their colours. `ids` [P] are the images' numbers, handed back by `selected_numbers`.
    `selected` and `lines` are positions in [P] (outlined; drawn as lines from clean to adversarial), `background`
    [Q, 2] real images, `solo` a class, `explained` [2] the variance shares of a PCA. Raises InputError for an unknown
    colour or method and for missing values.
    """
    _check(colour, values, method)
    clean, adversarial, labels = floats(xy_clean), floats(xy_adv), np.asarray(labels)
    names, ranges = class_names(labels, classes), ranges or map_ranges(xy_clean, xy_adv)
    note = f"n = {len(labels)} images, clean and attacked. {AXES_NOTE[method]}."
    room = {"left": 1, "bottom": 12} if method == "UMAP" else {"left": 56, "bottom": 48}
    figure = blank(_statement(clean, adversarial, labels, values, colour), note, dark=dark, height=height, right=176, **room)
    _add_background(figure, background, dark)
    _add_lines(figure, clean, adversarial, lines, dark)
    for word, mark, points in (("clean", CLEAN_MARK, clean), ("adversarial", ADVERSARIAL_MARK, adversarial)):
        hover = f"image %{{customdata}}, {word}{HOVER[colour]}<extra>%{{fullData.name}}</extra>"
        for k in np.unique(labels):
            member = np.flatnonzero(labels == k)
            _add_class(figure, points[member], np.arange(len(labels))[member] if ids is None else np.asarray(ids)[member], hover, str(k))
            figure.data[-1].marker = _marker(
                mark, int(k), len(names), len(labels), None if colour == "class" else floats(values)[member], dark
            )
            figure.data[-1].update(_emphasis(member, names[k], selected, faint=solo not in (None, k)))
            figure.data[-1].showlegend = colour == "class" and word == "clean" and len(names) <= LEGEND_CLASSES
    _add_rings(figure, clean, adversarial, selected, dark)
    _add_keys(figure, colour, dark)
    figure.update_layout(**_map_layout(ranges, method, explained, dark), coloraxis=_colour_axis(colour, values, limit, dark))
    if colour == "class" and len(names) > LEGEND_CLASSES:
        _name_classes(figure, clean, labels, names, ranges, dark)
    return figure


def _check(colour: str, values: Any, method: str) -> None:
    if colour not in HOVER:
        raise unknown("map colour", colour, list(HOVER))
    if method not in AXES_NOTE:
        raise unknown("projection", method, list(AXES_NOTE))
    if colour != "class" and values is None:
        raise InputError(
            f"The map colour '{colour}' expects one value per image, found none: give the values or choose the colour 'class'."
        )


def _statement(clean: np.ndarray, adversarial: np.ndarray, labels: np.ndarray, values: Any, colour: str) -> str:
    """What the map shows, as a sentence with a figure computed from what is on it."""
    if colour == "rank":
        hardest = np.argsort(np.asarray(values), kind="stable")[: max(1, len(labels) // 10)]
        return f"The {len(hardest)} hardest images here come from {len(np.unique(labels[hardest]))} of {len(np.unique(labels))} classes"
    if colour in ("margin", "broken"):
        broken = np.asarray(values) <= 0 if colour == "margin" else np.asarray(values) != 0
        return broken_statement(float(broken.mean()))
    return f"Under attack, {percent(strangers(clean, adversarial, labels))} of the images sit next to another class"


def strangers(clean: np.ndarray, adversarial: np.ndarray, labels: np.ndarray, rows: int = 500) -> float:
    """Share of images [P] whose adversarial point has a clean point of another class nearest to it (its own left out)."""
    count, n = 0, len(labels)
    for start in range(0, n, rows):
        part = np.arange(start, min(start + rows, n))
        distance = ((adversarial[part, None] - clean[None]) ** 2).sum(axis=2)
        distance[np.arange(len(part)), part] = np.inf
        nearest = np.nan_to_num(distance, nan=np.inf).argmin(axis=1)
        count += int((labels[nearest] != labels[part]).sum())
    return count / max(1, n)


def _add_class(figure: go.Figure, points: np.ndarray, ids: np.ndarray, hover: str, group: str) -> None:
    figure.add_scattergl(
        x=points[:, 0], y=points[:, 1], customdata=ids.astype(np.int32), mode="markers", hovertemplate=hover, legendgroup=group
    )


def _marker(mark: dict[str, str], k: int, n_classes: int, n: int, values: np.ndarray | None, dark: bool) -> dict[str, Any]:
    """Shape, size and colour of one class's points; the outline keeps light fills visible on both pages."""
    size = 10 if n <= 400 else 8 if n <= 1500 else 6
    colour = {"color": class_colour(k, n_classes)} if values is None else {"color": values, "coloraxis": "coloraxis"}
    outline = {"color": faded(tokens(dark).text, 0.6), "width": 0.8 if size > 6 else 0.5}
    return colour | {"symbol": mark["symbol"], "size": size if mark is CLEAN_MARK else size - 1, "line": outline, "opacity": 0.92}


def _emphasis(member: np.ndarray, name: str, selected: Any, *, faint: bool) -> dict[str, Any]:
    """Name (with selected / total), and what fades: all but the selection, or a class that is not solo."""
    look: dict[str, Any] = {"name": name, "unselected": {"marker": {"opacity": FADED}}}
    if selected is not None:
        chosen = np.flatnonzero(np.isin(member, np.asarray(selected)))
        look |= {"name": f"{name} {len(chosen)} / {len(member)}", "selectedpoints": chosen.tolist()}
    return look | ({"marker": {"opacity": FADED}} if faint else {})


def _add_background(figure: go.Figure, background: Any, dark: bool) -> None:
    if background is not None:
        points = floats(background)
        look = {"color": tokens(dark).muted, "size": 3, "opacity": 0.35}
        figure.add_scattergl(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            marker=look,
            name="real images",
            hoverinfo="skip",
            showlegend=True,
            legend="legend2",
        )


def _add_lines(figure: go.Figure, clean: np.ndarray, adversarial: np.ndarray, lines: Any, dark: bool) -> None:
    """Displacement of the images at positions `lines`: one trace, a gap after every pair."""
    if lines is None or not len(lines):
        return
    index = np.asarray(lines, dtype=int)
    gap = np.full((len(index), 2), np.nan, dtype=np.float32)
    path = np.stack([clean[index], adversarial[index], gap], axis=1).reshape(-1, 2)
    look = {"color": faded(tokens(dark).text, 0.55), "width": 1.2}
    figure.add_scattergl(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines",
        line=look,
        connectgaps=False,
        name="displacement",
        hoverinfo="skip",
        showlegend=True,
        legend="legend2",
    )


def _add_rings(figure: go.Figure, clean: np.ndarray, adversarial: np.ndarray, selected: Any, dark: bool) -> None:
    """An outline around selected images, so that a selection is no new colour."""
    if selected is None or not len(selected):
        return
    points = np.concatenate([clean[np.asarray(selected)], adversarial[np.asarray(selected)]])
    look = {"symbol": "circle-open", "size": 14, "color": tokens(dark).text, "line": {"width": 1.5}}
    figure.add_scattergl(x=points[:, 0], y=points[:, 1], mode="markers", marker=look, name="selected", hoverinfo="skip", showlegend=False)


def _add_keys(figure: go.Figure, colour: str, dark: bool) -> None:
    """The second legend: what shapes (and, for broken, the two colours) mean; it cannot be clicked."""
    ink = tokens(dark).muted
    keys = [("clean", CLEAN_MARK["symbol"], ink), ("adversarial", ADVERSARIAL_MARK["symbol"], ink)]
    if colour == "broken":
        keys += [("broken", "square", ADVERSARIAL), ("robust", "square", CLEAN)]
    for name, symbol, fill in keys:
        look = {"symbol": symbol, "size": 9, "color": fill}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=look, name=name, showlegend=True, legend="legend2", hoverinfo="skip")


def _map_layout(ranges: Ranges, method: str, explained: Any, dark: bool) -> dict[str, Any]:
    """Equal aspect, a frame, no numbers on UMAP axes; both legends at the right; the lasso stays armed."""
    titles = ["", ""] if method == "UMAP" else ["first component", "second component"]
    if explained is not None:
        titles = [f"{title} ({percent(float(share))} of the variance)" for title, share in zip(titles, explained, strict=True)]
    frame = {
        "showgrid": False,
        "showticklabels": method != "UMAP",
        "showline": True,
        "mirror": True,
        "linecolor": tokens(dark).grid,
        "fixedrange": False,
    }
    return {
        "xaxis": axis(titles[0], dark=dark, range=ranges[0], **frame),
        "yaxis": axis(titles[1], dark=dark, range=ranges[1], scaleanchor="x", scaleratio=1, **frame),
        "dragmode": "lasso",
        "showlegend": True,
        "legend": {
            "x": 1.01,
            "xanchor": "left",
            "y": 1,
            "yanchor": "top",
            "bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 12},
            "tracegroupgap": 0,
        },
        "legend2": KEY | {"y": 0, "yanchor": "bottom"},
    }


def _colour_axis(colour: str, values: Any, limit: float | None, dark: bool) -> dict[str, Any] | None:
    """The shared colours of margin (symmetric around 0), rank (hardest stands out) and broken (two colours)."""
    if colour == "class":
        return None
    if colour == "broken":
        return {"cmin": 0, "cmax": 1, "showscale": False, "colorscale": [(0, CLEAN), (0.5, CLEAN), (0.5, ADVERSARIAL), (1, ADVERSARIAL)]}
    bar = {"len": 0.7, "y": 1, "yanchor": "top"}
    if colour == "rank":
        top = limit or float(np.max(values))
        return {"cmin": 0, "cmax": top, "colorscale": rank_scale(dark), "colorbar": colour_bar("rank<br>(0 = hardest)", dark, **bar)}
    top = limit or float(np.percentile(np.abs(values), 99)) or 1.0
    title = f"robust margin<br>(logits), colours<br>end at ±{number(top)}"
    return {"cmin": -top, "cmax": top, "colorscale": margin_scale(dark), "colorbar": colour_bar(title, dark, **bar)}


def _name_classes(figure: go.Figure, xy: np.ndarray, labels: np.ndarray, names: list[str], ranges: Ranges, dark: bool) -> None:
    """Class names at the middles of their clean images [P, 2]; one that would cover another is left out."""
    ink = tokens(dark)
    placed: list[tuple[float, float]] = []
    wide, tall = 0.14 * (ranges[0][1] - ranges[0][0]), 0.035 * (ranges[1][1] - ranges[1][0])
    for k in np.unique(labels):
        x, y = map(float, np.nanmedian(xy[labels == k], axis=0))
        if any(abs(x - a) < wide and abs(y - b) < tall for a, b in placed):
            continue
        placed.append((x, y))
        figure.add_annotation(x=x, y=y, text=names[k], showarrow=False, font={"size": 12, "color": ink.text}, bgcolor=faded(ink.page, 0.7))
