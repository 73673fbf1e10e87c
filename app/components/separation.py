"""How far the classes stand apart in the original space, over the recorded steps: of one map, or of the two that stand
side by side."""

from dataclasses import replace
from typing import Any

import streamlit as st

from app import cache, charts, state, views, words
from app.beside import Second
from app.components.figures import chart
from c2r.look.versus import MEASURES, Measured, sentence

Events = list[dict[str, Any]]


def said(view: state.View, second: Second) -> None:
    """One sentence from the figures of the shown step: what is higher with the second than with the first."""
    events, others = _events(view), _events(second.view)
    if events and others:
        first, last = (
            _measured(called, own, look.shown)
            for called, own, look in zip(second.names, (events, others), (view, second.view), strict=True)
        )
        st.markdown(words.plain(sentence(first, last)))


def show(view: state.View, second: Second | None) -> None:
    """The figures of the run, and of what stands beside its map on the same axes."""
    events = _events(view)
    others = _events(second.view) if second else []
    if not events:
        st.caption("No class-separation figures were recorded.")
        return
    drawing = charts.Drawing(view.shown, dark=state.is_dark())
    for column, what in zip(st.columns(3, vertical_alignment="bottom"), MEASURES, strict=True):
        courses = [_course(events, what, view.shown)]
        if second and others:
            courses = [replace(courses[0], letter="A"), replace(_course(others, what, second.view.shown), letter="B")]
        with column:
            figure = charts.separation_lines(*courses, what=what, drawing=drawing)
            chart(figure, f"separation-{what}", charts.separation_table(*courses))


def _events(view: state.View) -> Events:
    found = [event for event in cache.events(view.path, view.scorer) if event.get("separation")]
    return views.drawn(found, view.shown)


def _course(events: Events, what: str, shown: int) -> charts.Course:
    """One figure over the recorded steps."""
    clean, adversarial = ([event["separation"][side].get(what) for event in events] for side in ("clean", "adv"))
    return charts.Course([event["step"] for event in events], clean, adversarial, events[-1]["n"], shown)


def _measured(called: str, events: Events, step: int) -> Measured:
    """The class separation at the recorded step nearest to `step`."""
    wanted = views.nearest([event["step"] for event in events], step)
    event = next(event for event in events if event["step"] == wanted)
    return Measured(called, wanted, event["n"], event["separation"])
