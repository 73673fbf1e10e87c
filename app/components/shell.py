"""The frame around every page: sidebar, status strip, title, and what is said when there is nothing to show."""

import time
from pathlib import Path

import numpy as np
import streamlit as st

from app import cache, jobs, state, theme, views, words
from app.components import images
from c2r.errors import InputError
from c2r.runs import Run

Arrays = dict[str, np.ndarray]

TICK = 2.0  # seconds between looks at a living run


def sidebar() -> None:
    """Draw run, step, attack and class, all kept in the address bar, and keep what they say as the current view."""
    found = state.all_runs()
    with st.sidebar:
        if not found:
            st.caption("No runs yet.")
            state.keep(state.View())
            return
        asked = state.link_values()
        names = {state.run_name(run): run for run in found}
        run = names[_choose_run(list(names))]
        steps = state.recorded_steps(run.path)
        step = _choose_step(run, steps, asked.get("step"))
        attack = st.segmented_control(
            "Attack", list(views.ATTACKS), default="pgd", required=True, format_func=views.ATTACKS.get, key="attack",
            width="stretch", bind="query-params",
            help="Which per-attack figures are shown: accuracies after evaluation. The margins of a run are always those of LS-PGD.",
        )  # fmt: skip
        attack = attack if attack in views.ATTACKS else "pgd"
        classes = state.names_of(run, steps)
        chosen = _choose_class(list(classes))
        _selection_chip(run)
        offered = {
            "run": list(names),
            "step": [str(s) for s in steps],
            "attack": list(views.ATTACKS.values()),
            "class": ["All classes", *classes],
        } | _offered_samples(run, step)
        shown = {
            "run": state.run_name(run), "step": str(step), "attack": views.ATTACKS[attack],
            "class": "All classes" if chosen is None else classes[chosen], "sample": "no image",
        }  # fmt: skip
        for note in state.link_notes(asked, offered, shown):
            st.caption(f":material/info: {note}")
    state.keep(state.View(run, steps, step, st.session_state.get("follow", True), attack, chosen, classes, run.path == state.sample_path()))


def _choose_run(names: list[str]) -> str:
    state.place_run(names)
    text = "All runs of the run store, newest first"
    chosen = st.selectbox("Run", names, key="run", on_change=state.run_changed, help=text)
    chosen = chosen if chosen in names else names[0]
    state.address_run(chosen)
    return chosen


def _offered_samples(run: Run, step: int | None) -> dict[str, list[str]]:
    """The numbers of the images of a step; nothing when its frame cannot be read, which the pages say."""
    try:
        return {} if step is None else {"sample": [str(i) for i in range(len(cache.margins(run.path, step)["labels"]))]}
    except InputError:
        return {}


def _choose_step(run: Run, steps: tuple[int, ...], asked: str | None) -> int | None:
    if len(steps) < 2:
        state.drop_linked_step(asked)
        alone = "Follows the newest recorded step." if run.alive else f"Step {steps[0]}, the only recorded one."
        st.caption(alone if steps else "No recorded step yet.")
        return steps[0] if steps else None
    follow = st.toggle(
        "Follow latest" if run.alive else "Newest step",
        value=True,
        key="follow",
        bind="query-params",
        on_change=state.follow_switched,
        args=(run.path, run.alive),
        help="Always show the newest recorded step",
    )
    if follow and run.alive:
        state.drop_linked_step(asked)
        return steps[-1]
    state.place_slider(steps, asked)
    step = st.select_slider("Recorded step", steps, key="step", bind="query-params", on_change=state.step_moved, args=(steps[-1],))
    return steps[-1] if follow or step not in steps else step


def _choose_class(names: list[str]) -> int | None:
    options = [state.ALL_CLASSES, *range(len(names))]
    chosen = st.selectbox(
        "Class", options, format_func=lambda k: "All classes" if k < 0 or k >= len(names) else names[k], key="class", bind="query-params"
    )
    return chosen if chosen in range(len(names)) else None


def _selection_chip(run: Run) -> None:
    ids = state.selection(run.id, 10**9)
    if ids:
        st.button(
            f"{len(ids)} selected: clear", icon=":material/close:", on_click=state.clear_selection, key="clear_selection",
            help=f"The selection is shared by all pages. It came from: {state.selection_reason()}.", width="stretch",
        )  # fmt: skip


def strip() -> None:
    """One line about the chosen run. It looks again every two seconds while the run lives, and not at all otherwise."""
    view = state.current()
    run = view.run
    if "news" in st.session_state:
        st.toast(words.plain(st.session_state.pop("news")), icon=":material/notifications:")
    if run is not None:
        st.fragment(_strip, run_every=TICK if run.alive else None)(run.path, run.state, jobs.may_force(run), len(view.steps))


def _strip(path: Path, state_before: str, could_force: bool, steps_before: int) -> None:
    run = jobs.look(path)
    if steps_before < 2 and min(2, len(state.recorded_steps(path))) != steps_before:
        st.rerun()
    if (run.state, jobs.may_force(run)) != (state_before, could_force):
        if run.state in ("done", "failed", "lost"):
            st.session_state["news"] = f"Run {run.id} is {run.state}."
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        badge(run)
        st.caption(words.plain(words.strip_text(run, time.time())))


def icon() -> str:
    """The mark in the browser's tab: clean blue beside adversarial orange. Made here, so that nothing is fetched from elsewhere."""
    square = np.zeros((2, 2, 3), np.uint8)
    for place, colour in zip(
        ((0, 0), (0, 1), (1, 0), (1, 1)), (theme.CLEAN, theme.ADVERSARIAL, theme.ADVERSARIAL, theme.CLEAN), strict=True
    ):
        square[place] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return images.data_uri(square.repeat(32, 0).repeat(32, 1))


def badge(run: Run) -> None:
    """State as colour, icon and word."""
    look = theme.Badge(":material/broken_image:", "Damaged", "red") if run.problem else theme.STATE_BADGES[run.state]
    st.badge(look.word, icon=look.icon, color=look.colour)


def header(title: str, sentence: str) -> None:
    """Title and one sentence, the same on every page."""
    st.title(title)
    st.markdown(sentence)


def go(page: str) -> None:
    """Switch to the page of that name (home, start, live, embeddings, gallery) from within a script.

    The parameters are given, though empty, because Streamlit refuses to drop those of bound widgets by itself.
    """
    st.switch_page(st.session_state["pages"][page], query_params={})


def link(page: str, label: str, icon: str) -> None:
    """A way to another page that a person can take; it keeps the address as it is."""
    st.page_link(st.session_state["pages"][page], label=label, icon=f":material/{icon}:")


def needs_run(*, step: bool = True) -> state.View:
    """The current view; a page that cannot show anything says why and what to do, and stops."""
    view = state.current()
    if view.run is None:
        st.info("There is no run yet, and the recorded sample run is missing: start a run and this page fills up while it works.")
        if st.button("Start a run", type="primary", icon=":material/play_arrow:"):
            go("start")
        st.stop()
    if view.run.problem:
        problem(view.run.problem)
        st.stop()
    if step and view.step is None:
        nothing_recorded(view.run)
        st.stop()
    return view


def needs_frame(view: state.View) -> Arrays:
    """The frame of the chosen step; a page that cannot read it says so and stops."""
    try:
        return cache.frame(view.path, view.step or 0)
    except InputError as error:
        problem(error)
        st.stop()


def optional(view: state.View, name: str) -> Arrays | None:
    """The arrays of ``<name>.safetensors``; None when the run has none, or a damaged file, which is said."""
    try:
        return cache.arrays(view.path, name)
    except InputError as error:
        problem(error)
        return None


def nothing_recorded(run: Run) -> None:
    """Said instead of figures while a run has no recorded step."""
    if run.alive:
        st.info(f"{words.plain(words.phase_word(run))}: the figures appear with the first recorded step.")
    else:
        st.warning(
            f"Run {words.plain(run.id)} is {run.state} and has no recorded step: choose another run in the sidebar, or start a new one."
        )


def problem(error: InputError | str) -> None:
    """An InputError's sentence, as text."""
    st.error(words.plain(str(error)), icon=":material/error:")


def log_lines(path: Path, count: int = 20) -> None:
    """The last lines a run wrote."""
    lines = jobs.last_words(path, count)
    if lines:
        st.code("\n".join(lines), language=None, wrap_lines=True)
