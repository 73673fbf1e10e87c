"""Many runs at once: an ablation, a sweep of a setting, drop rates, time, and the ladder of a run. One is shown at a
time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from app import across, cache, charts, settings, state, theme, words
from app.charts.across import Words
from app.components import compare_ladder
from app.components.figures import chart, pair, plain_table
from c2r.attacks.figurekey import FigureKey
from c2r.evaluation import ablation, literature
from c2r.evaluation import across as views
from c2r.evaluation.groups import Group, labels
from c2r.evaluation.literature import EVIDENCE

FEW = 2  # values of a setting below which there is no line


@dataclass(frozen=True)
class Look:
    """What a view is about: the groups of the store, the one that settings are taken from, the attack and its name,
    clean accuracy."""

    groups: Sequence[Group]
    base: Group
    of: FigureKey
    attack: str
    clean: FigureKey

    @property
    def key(self) -> tuple[object, ...]:
        """What its figures depend on."""
        folders = [cache.stamp(m.folder / "rows.jsonl") + (str(m.folder),) for g in self.groups for m in g.members]
        return (self.of, self.base.values["method"], *folders, str(self.base.first.folder))


def show(view: state.View) -> None:
    """The section: which view, whose settings, which attack; then the view."""
    found = across.stored(state.all_runs())
    if not found.groups:
        return
    st.subheader("Across runs")
    st.caption(
        "All finished evaluations of the store, grouped by everything that defines a figure but the distillation seed."
        " A figure is the mean over the seeds of the mean over their networks."
    )
    names = list(VIEWS)
    picked = st.segmented_control("View", names, default=names[0], required=True, key="across", bind="query-params")
    look = _look(found.groups, view)
    if look is None:
        return
    if told := views.warning(look.base):
        st.caption(f":material/info: {words.plain(told)}")
    VIEWS.get(picked, _ablation)(look)
    if (commits := len({str(m.contestant.manifest.get("commit")) for g in found.groups for m in g.members})) > 1:
        st.caption(f":material/info: The runs of this store were made by {commits} versions of the code.")
    if found.unreadable:
        st.caption(f":material/info: {found.unreadable} runs are left out: no figure can be made of their results.")
    if found.repeated:
        st.caption(
            f":material/info: {found.repeated} evaluations repeat a seed of their set-up and are not counted again."
        )


def _look(groups: Sequence[Group], view: state.View) -> Look | None:
    """Whose settings and which attack, from two boxes; None where nothing was attacked."""
    attacked = [group for group in groups if views.attempts_of(group) and views.clean_of(group)]
    if not attacked:
        st.info("No evaluation of the store tried an attack and clean images: evaluate a set under a protocol.")
        return None
    called = dict(zip(words.distinct(labels(attacked)), attacked, strict=True))
    usual, run = across.group_of(attacked, view.run), state.run_name(view.run) if view.run else ""
    first = next((place for place, group in enumerate(attacked) if group is usual), 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = "Groups stand beside this one when they agree with it in all that the view is not about"
        name = st.selectbox("Settings as in", list(called), index=first, key=f"across-base-{run}", width=420, help=text)
        base = called.get(name, attacked[first])
        attempts = {label: of for of, label in views.attempts_of(base).items()}
        label = st.selectbox("Attack", list(attempts), key="across-attack", width=220)
    label = label if label in attempts else next(iter(attempts))
    clean = views.clean_of(base)
    return None if clean is None else Look(groups, base, attempts[label], label, clean)


def _left_out(sentence: str) -> None:
    if sentence:
        st.caption(f":material/info: {words.plain(sentence)}")


def _commands(lead: str, text: str) -> None:
    """What is missing, and the commands that make it."""
    if text:
        st.caption(lead)
        st.code(text, language="bash", wrap_lines=True, height="content" if text.count("\n") < 6 else 200)


def _ablation(look: Look) -> None:
    anchor = ablation.anchor(look.groups, look.base)
    if anchor is None:
        st.info("No run of the family stands under these settings: choose another set-up, or make the runs below.")
        _commands("They would be:", views.needed(look.base, {"method": ablation.FULL}))
        return
    make = lambda: ablation.rows(look.groups, anchor, look.clean, look.of)  # noqa: E731
    rows, left_out = cache.shared(("ablation", *look.key), make)
    dataset, dark = ablation.printed_data(anchor), state.is_dark()
    figures = [row.attacked for row in rows if row.attacked]
    if figures:
        left, right = pair()
        with left:
            _ablation_accuracies(rows, look, dark)
        with right:
            _ablation_differences(rows, look, dataset, dark)
    plain_table(ablation.as_columns(rows, look.attack, dataset))
    about = literature.about(ablation.TABLE)
    st.caption(
        words.plain(
            f"† Second hand and of another protocol, so never ranked with ours: {about['title']}; {about['protocol']}"
            f" Source: {about['source']}. {EVIDENCE[about['evidence']]} {' '.join(about['faults'][:1])}"
        )
    )
    _left_out(left_out)
    _commands("Rows without a run would be made by:", ablation.missing(rows, anchor))


def _ablation_accuracies(rows: Sequence[ablation.Row], look: Look, dark: bool) -> None:
    figures = [row.attacked for row in rows if row.attacked]
    said = f"Under {look.attack}, {across.span(figures)} stay correct ({len(figures)} of {len(rows)} rows have runs)"
    note = across.basis(figures)
    marks = {look.attack: theme.ADVERSARIAL_MARK}
    drawn = Words(said, note, "accuracy (%)")
    chart(charts.row_dots(across.rows_of(rows, look.attack), marks, drawn, dark=dark), "ablation", legend_above=True)


def _ablation_differences(rows: Sequence[ablation.Row], look: Look, dataset: str, dark: bool) -> None:
    paper, ink = f"paper, {dataset}, second hand", theme.tokens(dark)
    marks = {
        across.MEASURED: {"colour": ink.text, "symbol": "circle"},
        paper: {"colour": ink.muted, "symbol": "diamond-open"},
    }
    gaps = across.differences_of(rows, paper)
    if any(gaps.values()):
        note = f"{look.attack}; bars: paired 95 % intervals; grey: undecided"
        drawn = Words(ablation.statement(rows), note, "difference (points)")
        figure = charts.row_dots(gaps, marks, drawn, difference=True, dark=dark)
        chart(figure, "ablation-differences", legend_above=True)


def _sweep(look: Look) -> None:
    names = list(views.sweepable(look.groups, look.base, look.of)) or [views.usual_sweep(look.base)]
    called = {settings.called(name): name for name in names}
    picked = st.selectbox("Setting", list(called), key="across-setting", width=260)
    name = called.get(picked, names[0])
    kept, left_out = views.sweep(look.groups, look.base, name, look.of)
    clean, _ = views.sweep(look.groups, look.base, name, look.clean)
    left, right = pair()
    with left:
        _number_lines(kept, f"Under {look.attack}", name, "sweep")
    with right:
        _number_lines(clean, "On clean images", name, "sweep-clean")
    _alone(kept)
    _left_out(left_out)
    there = {point.at for point in kept if point.group.method == look.base.method}
    if len(there) < FEW:
        st.info(f"A line needs runs at two values or more that differ in nothing else, found {len(there)}.")
    _missing(look, name, there)


def _alone(kept: Sequence[views.Point]) -> None:
    if names := across.alone(kept):
        st.caption(words.plain(f"With one value only, so without a line: {', '.join(names)}."))


def _missing(look: Look, name: str, there: set[float]) -> None:
    texts = views.missing_values(look.base, name, there)
    _commands("Usual values without a run would be made by:", "\n".join(texts))


def _number_lines(kept: Sequence[views.Point], what: str, name: str, key: str) -> None:
    if not kept:
        st.caption(f"{what}: no figure here.")
        return
    figures = across.drawn(kept)
    said = f"{what}, {across.span(figures)} stay correct"
    drawn = Words(said, across.basis(figures), "accuracy (%)", settings.label(name))
    data = lambda: views.as_columns(kept, settings.label(name), "Accuracy (%)")  # noqa: E731
    chart(charts.number_lines(across.lines_of(kept, what), drawn, dark=state.is_dark()), key, data)


def _drop(look: Look) -> None:
    kept, left_out = views.drops(look.groups, look.base, look.clean, look.of)
    if kept:
        figures = across.drawn(kept)
        said = f"{look.attack} takes {across.span(figures)} of clean accuracy away"
        drawn = Words(
            said, f"100 (C − A) / C, low is good; {across.basis(figures)}", "drop rate (%)", settings.label("ipc")
        )
        table, share = views.PUBLISHED_DROP
        printed = (100 * share, f"paper, second hand: average below {100 * share:.1f} %")
        level = printed if look.of.attack == views.USUAL[0] else None
        figure = charts.number_lines(across.lines_of(kept, "drop rate"), drawn, dark=state.is_dark(), level=level)
        chart(figure, "drop-rate", lambda: views.as_columns(kept, settings.label("ipc"), "Drop rate (%)"))
        if level:
            about = literature.about(table)
            st.caption(words.plain(f"Dotted: {about['faults'][-1]} {about['source']}; {about['protocol']}"))
    _alone(kept)
    _left_out(left_out)
    there = {point.at for point in kept if point.group.method == look.base.method}
    if len(there) < FEW:
        st.info(f"Drop rate against images per class needs runs at two numbers or more, found {len(there)}.")
    _missing(look, "ipc", there)


def _time(look: Look) -> None:
    kept, left_out = views.timed(look.groups, look.base, look.of)
    if kept:
        figures, first, last = [point.figure for point in kept], kept[0], kept[-1]
        ends = [f"{point.figure.text} % after {point.at:.3g} s" for point in (first, last)]
        said = ", ".join(dict.fromkeys(ends))
        data = lambda: views.as_columns(kept, "Seconds", "Accuracy (%)")  # noqa: E731
        note = f"{look.attack}; sets of equal size, judged alike, made on one device; {across.basis(figures)}"
        drawn = Words(said, note, "accuracy (%)", "seconds of the distillation, mean over seeds")
        chart(charts.time_dots(across.over_time(kept, look.attack), drawn, dark=state.is_dark()), "time", data)
    _left_out(left_out)
    if len(kept) < FEW:
        st.info(f"Time against accuracy needs two set-ups or more that were judged alike, found {len(kept)}.")
        name = "steps" if "steps" in look.base.values else "ipc"
        more = views.needed(look.base, {name: 2 * look.base.values[name]})
        _commands("For example with twice as much:", more)


def _ladder(look: Look) -> None:
    compare_ladder.show(look.groups, look.base, look.of, look.clean, look.attack)


VIEWS: dict[str, Callable[[Look], None]] = {
    "Ablation": _ablation,
    "Setting sweep": _sweep,
    "Drop rate": _drop,
    "Time": _time,
    "Ladder": _ladder,
}
