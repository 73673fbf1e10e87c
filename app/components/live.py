"""The Live page: figures of one recorded step, redrawn by a timer while the run lives, or frozen and selectable."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app import cache, charts, jobs, state, views, words
from app.components import curriculum, shell
from app.components.figures import chart
from c2r.errors import InputError
from c2r.summary import BIN_EDGES

Events = list[dict[str, Any]]


def panel(view: state.View, *, every: float | None, selectable: bool = False, replay: bool = False) -> None:
    """The figures. `every` seconds a fragment looks for a newer step (or, replaying, takes the next); None draws once."""
    step = None if view.follow and view.run is not None and view.run.alive else view.step
    look = {"names": list(view.names), "step": step, "dark": state.is_dark(), "selectable": selectable, "replay": replay}
    st.fragment(_panel, run_every=every)(view.path, **look)


def _panel(path: Path, names: list[str], step: int | None, dark: bool, selectable: bool, replay: bool) -> None:
    events = cache.events(path)
    if not events:
        shell.problem(f"Run {path.name} has no readable events.jsonl: expected one line per recorded step; choose another run.")
        return
    steps = [event["step"] for event in events]
    shown = _replayed(steps) if replay else steps[-1] if step is None else max((s for s in steps if s <= step), default=steps[0])
    past = [event for event in events if event["step"] <= shown]
    kpi_row(past)
    left, right = st.columns(2)
    with left:
        _histogram(path, events, past, dark, selectable)
    with right:
        _bands(events, shown, dark)
    st.caption(words.plain(words.cost_sentence(past[-1])))
    curriculum.show(path, names, steps, shown, dark)


def _replayed(steps: list[int]) -> int:
    """The next recorded step at every call, the last one from then on."""
    position = min(st.session_state.get("replayed", -1) + 1, len(steps) - 1)
    st.session_state["replayed"] = position
    return steps[position]


def kpi_row(past: Events) -> None:
    """Four figures of the last recorded step with their course and the change since the step before."""
    for column, kpi in zip(st.columns(4), views.kpis(past), strict=True):
        column.metric(
            kpi.label, kpi.value, kpi.delta, delta_color="inverse" if kpi.lower_is_better else "normal",
            chart_data=kpi.course[-60:], help=kpi.help, border=True, height="stretch",
        )  # fmt: skip


def _histogram(path: Path, events: Events, past: Events, dark: bool, selectable: bool) -> None:
    now = past[-1]
    everything = [event[side]["counts"] for event in events for side in ("margin_clean", "margin_adv")]
    span = charts.histogram_span(everything, BIN_EDGES)
    before = past[-2]["margin_adv"]["counts"] if len(past) > 1 else None
    figure = charts.margin_histogram(
        now["margin_clean"]["counts"], now["margin_adv"]["counts"], previous_adv=before,
        edges=BIN_EDGES, n=now["n"], span=span, top=charts.histogram_top(everything), dark=dark, selectable=selectable,
    )  # fmt: skip
    table = {
        "From (logits)": BIN_EDGES[:-1].tolist(), "To (logits)": BIN_EDGES[1:].tolist(),
        "Clean": now["margin_clean"]["counts"], "Adversarial": now["margin_adv"]["counts"],
    }  # fmt: skip
    picked = (lambda: _pick_bars(path, now["step"])) if selectable else None
    chart(figure, "histogram-frozen" if selectable else "histogram", table, on_select=picked)


def _pick_bars(path: Path, step: int) -> None:
    points = st.session_state["histogram-frozen"]["selection"]["points"]
    try:
        found = cache.margins(path, step)
    except InputError:
        return
    ids, why = views.behind_bars(points, found["margin_clean"], found["margin_adv"], BIN_EDGES)
    state.select(path.name, ids, why)


def _bands(events: Events, shown: int, dark: bool) -> None:
    steps = [event["step"] for event in events]
    adversarial = np.array([event["margin_adv"]["quantiles"] for event in events])
    clean = np.array([event["margin_clean"]["quantiles"] for event in events])
    table = {"Step": steps} | {
        f"{side} p{p}": q[:, i].round(3).tolist()
        for side, q in (("adversarial", adversarial), ("clean", clean))
        for i, p in enumerate((5, 25, 50, 75, 95))
    }
    figure = charts.margin_bands(steps, adversarial, n=events[-1]["n"], current=shown, quantiles_clean=clean, dark=dark)
    chart(figure, "bands", table)


def waiting(view: state.View) -> None:
    """Before the first recorded step: what the run is doing, from its log, until there is something to draw."""
    st.fragment(_waiting, run_every=shell.TICK if view.run is not None and view.run.alive else None)(view.path)


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
    log_lines(path)


def log_lines(path: Path, count: int = 20) -> None:
    """The last lines a run wrote."""
    lines = jobs.last_words(path, count)
    st.code("\n".join(lines) if lines else "The log is empty so far.", language=None, wrap_lines=True)
