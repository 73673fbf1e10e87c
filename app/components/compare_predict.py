"""The end of the Compare page: whether objectives predict what networks trained on ready sets of a run withstand."""

import shlex
from pathlib import Path
from typing import Any

import streamlit as st

from app import cache, charts, state, words
from app.components import shell
from app.components.figures import chart
from app.views import Columns
from c2r.base.errors import InputError
from c2r.evaluation import predicting, verdicts
from c2r.evaluation.objectives import OBJECTIVES
from c2r.evaluation.predicting import GROUPS, TARGETS, Findings
from c2r.scorers import SCORERS
from c2r.store import objectives
from c2r.store.runs import Run

WHAT = (
    "A loss is only worth optimising when sets that score well under it make robust networks. So ready sets are scored"
    " under each objective, steps of this run and real, mixed and spoilt ones, one network is trained on each, and"
    " ranks are compared. Look at this run's steps alone, too: a few bad sets can make any loss look predictive."
)


def show(run: Run) -> None:
    """The question, and its answer for a run, or how to get one."""
    st.subheader("Does this loss predict robustness?")
    st.caption(WHAT)
    try:
        found = _found(run.path)
    except InputError as error:
        shell.problem(error)
        return
    if found is None:
        _how(run)
    else:
        _answer(run, *found)


Found = tuple[charts.Tried, dict[str, Findings]]  # what was tried, and what it says of each target


def _found(path: Path) -> Found | None:
    """What was tried for a run and what it says, None before that; read and computed once for all sessions.

    :raises InputError: a damaged file
    """
    when = cache.stamp(path / objectives.WHOLE)

    def read() -> Found | None:
        stored = objectives.read(path)
        if stored is None:
            return None
        tried = charts.Tried(stored["rows"], stored["settings"])
        return tried, {name: predicting.findings(tried.rows, tried.settings["seed"], name) for name in TARGETS}

    found: Found | None = cache.shared(("predict", str(path), when), read)
    return found


def _how(run: Run) -> None:
    """Said before it was computed: the command, how far an earlier one came, and what it costs."""
    if not state.recorded_steps(run.path):
        st.caption("This run has no recorded steps, so there are no sets of its own to try.")
        return
    begun = objectives.begun(run.path)
    st.info(
        f"{begun} sets were tried before the command ended; the same command goes on."
        if begun
        else "Not computed for this run yet. In a terminal, when the run has ended (sixty networks are trained, half as"
        " long as in an evaluation; what is done is kept when you stop it):"
    )
    st.code(f"python -m c2r predict {shlex.quote(_near(run.path))}", language="bash", wrap_lines=True)


def _near(path: Path) -> str:
    """The path as it is written from the folder that the app was started in, where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _answer(run: Run, tried: charts.Tried, of_targets: dict[str, Findings]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = _box("Objective", "objective", {name: row.label for name, row in OBJECTIVES.items()})
        group = _box("Sets", "ready-sets", {group: label for group, (label, _) in GROUPS.items()})
        target = _box("Robust figure", "robust-figure", {target: row.label for target, row in TARGETS.items()})
    found, dark = of_targets[target], state.is_dark()
    same = (str(run.path), cache.stamp(run.path / objectives.WHOLE), dark, target)
    try:
        draw = lambda: charts.objective_scatter(tried, name, found[name], group=group, dark=dark)  # noqa: E731
        chart(draw, "objective-sets", lambda: _table(tried, name), same=(*same, name, group))
        st.markdown(words.plain(f"{verdicts.verdict(found[name])} {TARGETS[target].caution}"))
    except InputError as error:
        shell.problem(error)
    chart(lambda: charts.correlation_dots(found, dark=dark), "objective-dots", lambda: _all(found), same=same)
    others = (verdicts.summary(of_targets[other]) for other in TARGETS if other != target)
    st.caption(words.plain(". ".join(f"By the other figure: {said[0].lower()}{said[1:]}" for said in others) + "."))
    scorer = SCORERS.get(tried.settings["scorer"], "")
    st.caption(
        words.plain(
            f"Values under the first scorer of the run, an adversarially trained network on real data ({scorer}),"
            f" trained again as in the run; {tried.networks}; seed {tried.settings['seed']}."
        )
    )
    st.caption(words.plain(verdicts.labelled(tried.settings["labels"], objectives.labels_of(run.path))))
    st.caption(
        f"{words.plain(verdicts.noise(tried.rows, tried.settings['n']))} "
        "Steps of one run resemble their neighbours, so the intervals of this run's steps are too narrow; and"
        f" of {len(found)} objectives one may stand apart by chance."
    )


def _box(label: str, key: str, names: dict[str, str]) -> str:
    """A box of names in the address; returns what the chosen one is called in the tables, the first for an unknown
    one."""
    picked = st.selectbox(label, list(names.values()), key=key, bind="query-params", width=270)
    return next((name for name, shown in names.items() if shown == picked), next(iter(names)))


def _table(tried: charts.Tried, name: str) -> Columns:
    """The sets with their value of an objective and what their network reached, the most robust first."""
    rows: list[Any] = sorted(tried.rows, key=lambda row: -row["robust_accuracy"])
    return {
        "Set": [words.plain(row["set"]) for row in rows],
        OBJECTIVES[name].label: [row["values"].get(name) for row in rows],
        "PGD-10 accuracy (%)": [round(100 * row["robust_accuracy"], 1) for row in rows],
        "PGD-10 cross-entropy (nats)": [row["robust_loss"] for row in rows],
        "Clean accuracy (%)": [round(100 * row["clean_accuracy"], 1) for row in rows],
    }


def _all(found: Findings) -> Columns:
    """Every objective with its correlations as they are, unturned, and the verdicts."""
    columns: dict[str, list[Any]] = {"Objective": [OBJECTIVES[name].label for name in found]}
    for group, (label, _) in GROUPS.items():
        cells = [groups[group] for groups in found.values()]
        columns[f"Spearman, {label}"] = [cell.correlation.text if cell.correlation else "–" for cell in cells]
        columns[f"Sets, {label}"] = [cell.correlation.n if cell.correlation else None for cell in cells]
        columns[f"Verdict, {label}"] = [cell.verdict for cell in cells]
    return columns
