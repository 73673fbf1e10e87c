"""Margins of a whole set and of one image: the histogram of a step, quantiles and histories over steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts.base import (
    UNMARKED,
    Drawing,
    Span,
    at_step,
    axis,
    blank,
    broken_statement,
    faded,
    floats,
    line,
    mark_step,
    number,
    padded,
    percent,
    step_axis,
    zero_line,
)
from app.charts.labels import both_ends, end_labels, lines_end
from app.theme import ADVERSARIAL, ADVERSARIAL_MARK, CLEAN, CLEAN_MARK, tokens


def histogram_span(counts: list[Any], edges: Any) -> Span:
    """The least (low, high) in multiples of 5 logits that holds every filled bin of all `counts` [.., B] and zero."""
    filled = np.flatnonzero(np.sum([np.asarray(c) for c in counts], axis=0)) if len(counts) else np.empty(0, int)
    if not len(filled):
        return -5.0, 5.0
    low, high = edges[filled[0]], edges[filled[-1] + 1]
    return min(5.0 * np.floor(low / 5), -5.0), max(5.0 * np.ceil(high / 5), 5.0)


def histogram_top(counts: list[Any]) -> int:
    """A stable upper end of the count axis: the next of 1, 2, 3, 4, 5, 6, 8, 10, 20, 30 … that holds the fullest
    bin."""
    most = max((float(np.max(c)) for c in counts), default=1)
    ladder = (step * 10**power for power in range(10) for step in (1, 2, 3, 4, 5, 6, 8))
    return next(top for top in ladder if top >= most)


def cropped(counts: Any, edges: Any, span: Span | None) -> tuple[np.ndarray, np.ndarray]:
    """Counts and edges inside `span`; what lies outside is added to the two end bins, so that the sum stays."""
    counts, edges = np.asarray(counts, dtype=np.int32), np.asarray(edges, dtype=float)
    if span is None:
        return counts, edges
    first = int(np.clip(np.searchsorted(edges, span[0] + 1e-9, side="right") - 1, 0, len(counts) - 1))
    last = int(np.clip(np.searchsorted(edges, span[1] - 1e-9), first + 1, len(counts)))
    inside = counts[first:last].copy()
    inside[0] += counts[:first].sum()
    inside[-1] += counts[last:].sum()
    return inside, edges[first : last + 1]


@dataclass(frozen=True)
class Counted:
    """How many of `n` images lie in each of the bins `edges` [B+1] (logits), clean and adversarial [B], and adversarial
    at the step before [B], None without one."""

    clean: Any
    adversarial: Any
    edges: Any
    n: int
    previous: Any = None

    def below(self, counts: Any) -> float:
        """The share of images in bins below margin 0."""
        return float(np.asarray(counts)[np.asarray(self.edges)[1:] <= 0].sum()) / max(1, self.n)


def margin_histogram(
    counted: Counted,
    attack: str,
    *,
    span: Span | None = None,
    top: float | None = None,
    dark: bool = False,
    selectable: bool = False,
) -> go.Figure:
    """Clean and adversarial margins of one step, found by `attack`.

    Traces: 0 clean bars, 1 adversarial bars, 2 (where it is given) the outline of the step before. `span` and `top`
    fix the axes for all steps. With `selectable`, `selected_numbers` gives the bins (0 to B-1) of selected bars.
    """
    edges, n = counted.edges, counted.n
    note = f"n = {n} images, {percent(counted.below(counted.clean))} wrong unattacked; {attack}: upper bounds"
    said = broken_statement(counted.below(counted.adversarial))
    figure = blank(said, note, dark=dark, height=360, right=36, bottom=62)
    (clean, bins), (adversarial, _) = (cropped(c, edges, span) for c in (counted.clean, counted.adversarial))
    first, unselected = int(np.searchsorted(edges, bins[0])), {"marker": {"opacity": 0.25}} if selectable else None
    for counts, name, colour, fill, size in (
        (clean, "clean", CLEAN, 0.6 if dark else 0.4, 1.0),
        (adversarial, "adversarial", ADVERSARIAL, 0.85, 0.55),
    ):
        figure.add_bar(
            **_bars(counts, bins, first, size),
            name=name,
            marker={"color": faded(colour, fill), "line": {"color": colour, "width": (counts > 0).astype(np.int8)}},
            hovertemplate=f"{name}: %{{y}} of {n} images<br>margin around %{{x:.2f}}<extra></extra>",
            unselected=unselected,
        )
    if counted.previous is not None:
        _outline(figure, cropped(counted.previous, edges, span)[0], bins, dark)
    both = np.asarray(counted.clean) + np.asarray(counted.adversarial)
    low, high = (_holds_more(both, edges, bins, low=low) for low in (True, False))
    _histogram_axes(figure, bins, (low, high), top or histogram_top([clean, adversarial]), dark)
    if selectable:  # with a drag mode of select, Streamlit would not let a click select a bar
        figure.update_layout(selectdirection="h")
    return figure


def _bars(counts: np.ndarray, bins: np.ndarray, first: int, size: float) -> dict[str, Any]:
    """Where bars of a share `size` of a bin's width stand, and the number of the bin of each, from `first`."""
    return {
        "x": floats((bins[:-1] + bins[1:]) / 2),
        "y": counts,
        "width": size * float(bins[1] - bins[0]),
        "customdata": first + np.arange(len(counts), dtype=np.int16),
    }


def empty_histogram(*, edges: Any, span: Span = (-5.0, 10.0), dark: bool = False) -> go.Figure:
    """The histogram's axes before the first recorded step, so that nothing is blank and the browser has its chart code
    ready."""
    figure = blank(
        "The first margins appear here", "as soon as the scorer is trained", dark=dark, height=360, right=36, bottom=62
    )
    _histogram_axes(figure, cropped(np.zeros(len(edges) - 1), edges, span)[1], (False, False), 30, dark)
    return figure


def _holds_more(counts: np.ndarray, edges: Any, bins: np.ndarray, *, low: bool) -> bool:
    """Whether an end bin takes what lies beyond it: at the ends of `edges` always, inside when something lies
    outside."""
    edges = np.asarray(edges)
    outside = counts[edges[1:] <= bins[0]] if low else counts[edges[:-1] >= bins[-1]]
    return not len(outside) or bool(outside.any())


def _outline(figure: go.Figure, counts: np.ndarray, bins: np.ndarray, dark: bool) -> None:
    """The previous step's adversarial counts as a step line from bin edge to bin edge."""
    heights = np.concatenate([counts, counts[-1:]]).astype(np.int32)
    look = {"color": tokens(dark).text, "width": 1.5, "dash": "dot", "shape": "hv"}
    figure.add_scatter(x=floats(bins), y=heights, mode="lines", line=look, name="step before", hoverinfo="skip")


def _histogram_axes(figure: go.Figure, bins: np.ndarray, more: tuple[bool, bool], top: float, dark: bool) -> None:
    """Both axes, the legend, and the zero line with its two sides named; `more` marks end bins that hold everything
    beyond."""
    low, high = float(bins[0]), float(bins[-1])
    ticks = np.arange(np.ceil(low / 5) * 5, high + 1e-6, 2.5 if high - low <= 15 else 5.0)
    words = [number(t, 0 if t == round(t) else 1) for t in ticks]
    words[0] += "<br>and less" if more[0] else ""
    words[-1] += "<br>and more" if more[1] else ""
    place = {"x": 1, "xanchor": "right", "y": 1, "yanchor": "top", "bgcolor": faded(tokens(dark).page, 0.6)}
    figure.update_layout(
        barmode="overlay",
        bargap=0,
        showlegend=True,
        legend=place | {"font": {"size": 12}, "itemclick": False, "itemdoubleclick": False},
        xaxis=axis(
            "margin (logits)", dark=dark, range=[low, high], tickvals=floats(ticks), ticktext=words, showgrid=False
        ),
        yaxis=axis("images", dark=dark, range=[0, 1.16 * top], tickformat="d", nticks=6),
    )
    zero_line(figure, dark=dark, vertical=True)
    for text, anchor, shift in (("← misclassified", "right", -6), ("correct →", "left", 6)):
        figure.add_annotation(
            x=0,
            y=1,
            xref="x",
            yref="paper",
            xanchor=anchor,
            yanchor="top",
            xshift=shift,
            text=text,
            showarrow=False,
            font={"size": 12, "color": tokens(dark).muted},
        )


@dataclass(frozen=True)
class Quantiles:
    """The quantiles 5, 25, 50, 75 and 95 % of the margins of `n` images over steps [S, 5] (logits), adversarial and,
    where they are drawn, clean."""

    adversarial: Any
    n: int
    clean: Any = None


def margin_bands(steps: Any, quantiles: Quantiles, attack: str, drawing: Drawing = UNMARKED) -> go.Figure:
    """Adversarial margins over steps [S] as bands p5-p95 and p25-p75 and the median, and the clean median."""
    bands, current, dark = np.asarray(quantiles.adversarial, dtype=np.float32), drawing.current, drawing.dark
    note = f"n = {quantiles.n} images under {attack}; bands: the middle 50 and 90\u00a0%"
    figure = blank(
        _median_statement(bands[:, 2], at_step(steps, bands[:, 2], current)),
        note,
        dark=dark,
        height=360,
        right=104,
        bottom=62,
    )
    for lower, upper, alpha, name in ((0, 4, 0.18, "p5 to p95"), (1, 3, 0.32, "p25 to p75")):
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "name": name, "x": floats(steps)}
        figure.add_scatter(y=bands[:, lower], **edge)
        figure.add_scatter(y=bands[:, upper], **edge, fill="tonexty", fillcolor=faded(ADVERSARIAL, alpha))
    figure.add_trace(line(steps, bands[:, 2], ADVERSARIAL_MARK, "adversarial median"))
    clean = bands[:0, 2] if quantiles.clean is None else np.asarray(quantiles.clean, dtype=np.float32)[:, 2]
    if len(clean):
        figure.add_trace(line(steps, clean, CLEAN_MARK, "clean median"))
    low, high = drawing.span or padded(bands, clean, zero=True)
    figure.update_layout(
        xaxis=step_axis(steps, dark=dark, until=drawing.until),
        yaxis=axis("margin (logits)", dark=dark, range=[low, high]),
    )
    zero_line(figure, dark=dark)
    end_labels(
        figure,
        both_ends(clean, bands[:, 2], dark, "<br>median"),
        (low, high),
        gap=32,
        at=lines_end(steps, drawing.until),
    )
    mark_step(figure, current, dark=dark)
    return figure


def _median_statement(medians: np.ndarray, now: float) -> str:
    before, after = number(float(medians[0])), number(now)
    if len(medians) == 1:
        return f"The median robust margin is {after} logits"
    if before == after:
        return f"The median robust margin stays at {after} logits"
    return f"The median robust margin {'rose' if now > medians[0] else 'fell'} from {before} to {after} logits"


def margin_history(steps: Any, clean: Any, adv: Any, attack: str, drawing: Drawing = UNMARKED) -> go.Figure:
    """One image's clean and adversarial margins [S] (logits) over steps; below zero it is misclassified."""
    current, dark = drawing.current, drawing.dark
    unharmed, attacked = at_step(steps, clean, current), at_step(steps, adv, current)
    verdict = (
        "is misclassified even unattacked"
        if unharmed <= 0
        else "is broken within ε"
        if attacked <= 0
        else f"withstands {attack}"
    )
    note = f"margin {number(unharmed)} clean, {number(attacked)} adversarial ({attack}, upper bound), in logits"
    when = float(np.max(steps)) if current is None else current
    figure = blank(f"At step {when:g} this image {verdict}", note, dark=dark, height=280, right=96)
    figure.add_trace(line(steps, clean, CLEAN_MARK, "clean"))
    figure.add_trace(line(steps, adv, ADVERSARIAL_MARK, "adversarial"))
    low, high = drawing.span or padded(clean, adv, zero=True)
    figure.update_layout(xaxis=step_axis(steps, dark=dark), yaxis=axis("margin (logits)", dark=dark, range=[low, high]))
    zero_line(figure, dark=dark)
    end_labels(figure, both_ends(clean, adv, dark), (low, high))
    mark_step(figure, current, dark=dark)
    return figure
