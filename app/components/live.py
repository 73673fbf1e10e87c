"""The Live page: figures of one recorded step, redrawn by a timer while the run lives, or frozen and selectable."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import attempts, cache, charts, jobs, position, readings, state, terms, views, words
from app.components import curriculum, inspector, playback, shell
from app.components.figures import chart, pair
from app.components.look import Look
from c2r.base.errors import InputError
from c2r.look.summary import BIN_EDGES
from c2r.store.results import headline_folder

SOON = 0.25  # seconds between looks while the first recorded step is awaited
Events = list[dict[str, Any]]


def panel(view: state.View, frozen: bool, between: Callable[[], None]) -> None:
    """The bar and the figures: in a fragment that looks again while the newest step is followed, or once, with
    `between` among them."""
    run = view.opened
    until = run.config.steps if run.config and run.alive else None
    follows = run.alive and view.follow and not frozen
    step = None if follows else view.step
    look = Look(
        view.path,
        list(view.names),
        step,
        view.class_index,
        state.is_dark(),
        frozen,
        view.method,
        view.scorer,
        until,
    )
    if follows:
        every = playback.every()
        st.fragment(_newest, run_every=every)(view, look, every)
    else:
        playback.bar(view)
        draw(look, between)


def inspected(view: state.View, frozen: bool) -> int | None:
    """The image that is looked at; there is none while the newest step is followed, since the figures then move on."""
    if view.step is None or (view.opened.alive and view.follow and not frozen):
        return None
    try:
        return inspector.chosen(view, len(cache.margins(view.path, view.step, view.scorer)["labels"]))
    except InputError:
        return None


def inspect(view: state.View, sample: int) -> None:
    """The inspector of image `sample`; its neighbours are those of the selection, else of the order of the step."""
    frame = shell.needs_frame(view)
    ids = state.selection(view.opened.id, len(frame["labels"])) or frame["order"].tolist()
    inspector.show(view, frame, sample, ids)


def _newest(view: state.View, look: Look, every: float) -> None:
    """Bar and figures of the newest step, until another one or another pace is chosen on the bar."""
    if position.chosen() is not None or playback.every() != every:
        st.rerun()
    steps = state.recorded_steps(view.path)
    playback.widgets(replace(view, steps=steps, step=steps[-1]))
    draw(look)


def missing(view: state.View) -> None:
    """Said of a run that has ended when its figures do not reach as far as its frames: events.jsonl was cut."""
    known = {event["step"] for event in cache.events(view.path)}
    if known and view.run is not None and not view.run.alive and (lost := set(view.steps) - known):
        shell.problem(
            f"events.jsonl of run {view.run.id} has no line for {len(lost)} of its {len(view.steps)} recorded steps:"
            " expected one for each; what is there is shown, the images of the others are in the gallery."
        )


def draw(look: Look, between: Callable[[], None] | None = None) -> None:
    course = cache.course(look.path, look.scorer)
    events = course.events
    if not events:
        shell.problem(
            f"Run {look.path.name} has no readable events.jsonl: expected one line per recorded step; choose another"
            " run."
        )
        return
    steps = views.with_figures(state.recorded_steps(look.path), events)
    shown = views.at_or_before(steps, look.step)
    position.note_shown(look.path, shown)
    if not look.method.updates:
        _scored(look, course, between)
        return
    past = [event for event in events if event["step"] <= shown]
    attack = look.method.attack
    drawn, same = views.drawn(events, shown), _same(look, course, shown)
    kpi_row(past, look)
    left, right = pair()
    with left:
        _histogram(look, course, past)
    with right:
        _bands(look, drawn, shown, same)
    told = (words.cost_sentence(past[-1], attack), words.drawn_sentence(len(drawn), len(events), len(steps)))
    st.caption(terms.linked(" ".join(filter(None, told))))
    if between:
        between()
    curriculum.show(look, steps, shown)
    _results(look, drawn, shown, same)


def _scored(look: Look, course: cache.Course, between: Callable[[], None] | None) -> None:
    """A set that was not distilled here: its margins, its order and its accuracies; nothing has a course."""
    st.info(
        "This set was not distilled here: it was scored once, as it is, so there are no steps, no losses and nothing"
        " that moved."
    )
    events = course.events
    kpi_row(events[:1], look)
    left, right = pair()
    with left:
        _histogram(look, course, events[:1])
    with right:
        curriculum.order(look, events[0]["step"])
    st.caption(terms.linked(words.cost_sentence(events[0], look.method.attack)))
    if between:
        between()
    rows = cache.rows(look.path)
    if rows:
        chart(charts.accuracy_bars(rows, wide=True, dark=look.dark), "results", attempts.table(attempts.figures(rows)))


def kpi_row(past: Events, look: Look) -> None:
    """The figures of the last recorded step; from the second step on with the change since the first."""
    shown = readings.kpis(past, look.method)
    columns = [column for half in pair() for column in half.columns(2)]
    for column, kpi in zip(columns, shown, strict=False):
        moved = kpi.delta.startswith(("+", "-"))
        column.metric(
            kpi.label,
            kpi.value,
            kpi.delta or None,
            delta_color="normal" if moved else "off",
            delta_arrow="auto" if moved else "off",
            delta_description=kpi.since or None,
            help=kpi.help,
            border=True,
            height="stretch",
        )


def _histogram(look: Look, course: cache.Course, past: Events) -> None:
    now = past[-1]
    span = charts.histogram_span([course.total], BIN_EDGES)
    before = past[-2]["margin_adv"]["counts"] if len(past) > 1 else None
    clean, adversarial = (now[side]["counts"] for side in ("margin_clean", "margin_adv"))
    counted = charts.Counted(clean, adversarial, BIN_EDGES, now["n"], before)
    figure = lambda: charts.margin_histogram(  # noqa: E731
        counted,
        look.method.attack,
        span=span,
        top=charts.histogram_top([course.most, [0.3 * now["n"]]]),
        dark=look.dark,
        selectable=look.selectable,
    )
    table = {
        "From (logits)": BIN_EDGES[:-1].tolist(),
        "To (logits)": BIN_EDGES[1:].tolist(),
        "Clean": now["margin_clean"]["counts"],
        "Adversarial": now["margin_adv"]["counts"],
    }
    picked = (lambda: _pick_bars(look, now["step"])) if look.selectable else None
    name, same = "histogram-frozen" if look.selectable else "histogram", _same(look, course, now["step"])
    chart(figure, name, table, on_select=picked, legend_above=True, same=same)


def _same(look: Look, course: cache.Course, shown: int) -> tuple[object, ...]:
    """What the figures over the recorded steps are made of: sessions that agree in it share them."""
    return str(look.path), look.scorer, course.when, shown, look.dark, look.until


def _pick_bars(look: Look, step: int) -> None:
    points = st.session_state["histogram-frozen"]["selection"]["points"]
    try:
        frame = cache.margins(look.path, step, look.scorer)
    except InputError:
        return
    ids, why = views.behind_bars(points, frame["margin_clean"], frame["margin_adv"], BIN_EDGES)
    state.select(look.path.name, ids, why)


def _bands(look: Look, events: Events, shown: int, same: tuple[object, ...]) -> None:
    steps = [event["step"] for event in events]
    adversarial = np.array([event["margin_adv"]["quantiles"] for event in events])
    clean = np.array([event["margin_clean"]["quantiles"] for event in events])

    def table() -> views.Columns:
        sides = (("adversarial", adversarial), ("clean", clean))
        return {"Step": steps} | {
            f"{side} p{p}": q[:, i].round(3).tolist() for side, q in sides for i, p in enumerate((5, 25, 50, 75, 95))
        }

    def figure() -> go.Figure:
        span = charts.histogram_span([cache.course(look.path, look.scorer).total], BIN_EDGES)
        quantiles = charts.Quantiles(adversarial, events[-1]["n"], clean)
        return charts.margin_bands(
            steps, quantiles, look.method.attack, charts.Drawing(shown, look.until, span, look.dark)
        )

    chart(figure, "bands", table, same=same)


def _results(look: Look, events: Events, shown: int, same: tuple[object, ...]) -> None:
    """The series of the method over the steps, a figure for each axis, and, once the run is evaluated, the accuracies
    of networks trained on the set."""
    recorded = [curves for curves in readings.curves(events, look.method) if curves.known]
    folder = headline_folder(look.path)
    rows = cache.own_rows(folder)
    places = chain.from_iterable(iter(pair, None))
    for number, curves in enumerate(recorded):
        with next(places):
            _series(look, curves, shown, (*same, number))
    if not look.method.series:
        with next(places):
            st.caption("This method hands out no figure of its own at its steps, such as a loss.")
    if rows:
        key = (str(folder), cache.stamp(folder / "rows.jsonl"), look.dark)
        with next(places):
            chart(
                lambda: charts.accuracy_bars(rows, dark=look.dark),
                "results",
                attempts.table(attempts.figures(rows)),
                same=key,
            )


def _series(look: Look, curves: readings.Curves, shown: int, same: tuple[object, ...]) -> None:
    draw = charts.share_areas if curves.stacked else charts.series_lines
    chart(
        lambda: draw(curves, charts.Drawing(shown, look.until, dark=look.dark)),
        f"series-{same[-1]}",
        curves.table,
        same=same,
    )
    st.caption(
        "Each update may run under another network and on other images, so values of two steps need not compare."
    )


def waiting(view: state.View) -> None:
    """Before the first recorded step: what the run is doing, from its log, until there is something to draw."""
    st.fragment(_waiting, run_every=SOON if view.run is not None and view.run.alive else None)(view.path)


def _waiting(path: Path) -> None:
    if state.recorded_steps(path):
        st.rerun()
    run = jobs.look(path)
    if run.problem:
        shell.problem(run.problem)
        return
    if run.state not in ("failed", "lost"):
        shell.nothing_recorded(run)
    total, step = run.status.get("total") or 0, run.status.get("step") or 0
    if run.alive and total:
        st.progress(min(1.0, step / total), text=words.plain(f"{words.phase_word(run)}: {step} of {total}"))
    if run.alive:
        chart(charts.empty_histogram(edges=BIN_EDGES, dark=state.is_dark()), "histogram-waiting")
    if run.alive and run.state != "queued":
        shell.log_lines(path)
