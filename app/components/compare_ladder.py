"""The ladder of a run on the Compare page: a waterfall of measured rungs, their table, and how to make those that are
missing."""

from collections.abc import Sequence

import streamlit as st

from app import across, cache, charts, state, words
from app.charts.across import Words
from app.components import shell
from app.components.figures import chart, plain_table
from c2r.attacks.figurekey import FigureKey
from c2r.base.errors import InputError
from c2r.evaluation import ladder
from c2r.evaluation.groups import DATA, Group
from c2r.evaluation.paired import Difference


def show(groups: Sequence[Group], base: Group, of: FigureKey, clean: FigureKey, attack: str) -> None:
    """The ladder of the runs of `base`: every rung that their settings have."""
    try:
        rungs = ladder.rungs(base.first.made)
    except InputError as error:
        shell.problem(error)
        return
    found = ladder.find(rungs, groups, str(base.values[DATA]))
    members = [str(member.folder) for group in found if group for member in group.members]
    steps = cache.shared(
        ("ladder", of, str(base.first.folder), *members), lambda: ladder.measured(rungs, found, clean, of)
    )
    known = [step.attacked for step in steps if step.attacked]
    if known:
        note = f"{across.basis(known, bars=False)}; whiskers: paired 95 % intervals of the step; bytes count the labels"
        drawn = Words(ladder.statement(steps, attack), note, f"accuracy under {attack} (%)")
        chart(charts.waterfall(across.stairs(steps), drawn, dark=state.is_dark()), "ladder", legend_above=True)
    plain_table(ladder.as_columns(steps, attack))
    told = [words.plain(f"{step.rung.label}: {step.rung.sentence}") for step in steps]
    st.caption("".join(f"\n- {text}" for text in told))
    for sentence in dict.fromkeys(_basis(step) for step in steps if step.difference):
        st.caption(words.plain(sentence))
    _missing(steps, base)


def _basis(step: ladder.Step) -> str:
    gap = step.difference
    return f"Differences rest on {gap.basis}." if isinstance(gap, Difference) else str(gap)


def _missing(steps: Sequence[ladder.Step], base: Group) -> None:
    """The rungs without a run, and the command that makes them."""
    names = [step.rung.label.removeprefix("+ ") for step in steps if step.group is None]
    if not names:
        return
    st.info(words.plain(f"Without a run yet: {', '.join(names)}. This command makes them, one after the other:"))
    st.code(ladder.command(base.first.run), language="bash", wrap_lines=True)
