"""The frame around every page: sidebar, status strip, title, and what is said when there is nothing to show."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app import ahead, attempts, cache, guard, jobs, links, position, state, terms, theme, words
from app.components import images
from c2r.base.errors import InputError
from c2r.look.description import description
from c2r.store.runs import Run

Arrays = dict[str, np.ndarray]

TICK = 2.0  # seconds between looks at a living run
HEADLINE = "Headline"
UNREADABLE = range(10**9)  # as many images as a frame that cannot be read may have


ON = {  # the pages on which a control of the sidebar acts, and is drawn
    "class": ("live", "embeddings", "gallery"),
    "scorer": ("live", "embeddings", "gallery"),
    "evaluation": ("embeddings", "gallery"),
    "attack": ("gallery",),
}


def sidebar(page: str) -> None:
    """Draw the run, and what acts on this page; all of it is kept in the address bar, and what it says as the current
    view."""
    listed = state.all_runs()
    with st.sidebar:
        if guard.read_only():
            st.caption(":material/visibility: Read-only: everything can be looked at, nothing started or changed.")
        if not listed:
            st.caption("No runs yet.")
            state.keep(state.View())
            return
        asked, spoken = links.link_values(), state.spoken_names(listed)
        shown = _choose_run(spoken, state.run_name(state.first_shown(listed)))
        run = next(run for run in listed if state.run_name(run) == shown)
        position.place()
        state.place_selection(run.id)
        folders, usual = state.result_folders(run)
        view = _view(run, page, asked, _choose_results(folders, usual, page))
        offered = _offered(view) | {"run": list(spoken)}
        offered |= {"evaluation": [HEADLINE, *folders]} if view.called else {}
        _selection_chip(run, images := len(offered.get("sample", UNREADABLE)))
        for note in links.link_notes(asked, offered, _shown(view, spoken[shown])):
            st.caption(f":material/info: {note}")
    named = view.attack if view.attack != "pgd" or "attack" in st.query_params else None
    links.address(
        run=shown,
        step=position.spoken(),
        attack=named if view.called else None,
        selected=state.spoken_selection(run.id, images),
    )
    state.keep(view)


def _view(run: Run, page: str, asked: Mapping[str, str], results: Path | None) -> state.View:
    """The view of a run, with what the boxes of the sidebar say; `asked`: by the link that opened this session."""
    ahead.read(run.path, steps := state.recorded_steps(run.path))
    called = attempts.names(attempts.figures(cache.own_rows(results))) if results else {}
    classes = state.names_of(run, steps)
    return state.View(
        run,
        steps,
        position.resolved(steps, linked="step" in asked),
        position.chosen() is None,
        _choose_attack(called, page),
        _choose_class(list(classes), page),
        classes,
        state.is_sample(run.path),
        results,
        called,
        _choose_scorer(description(run).scorers, page),
    )


def _shown(view: state.View, run: str) -> dict[str, str]:
    """What is shown where a link asks for what is not here; `run`: what the run is called."""
    return {
        "run": run,
        "step": str(view.step),
        "attack": view.called.get(view.attack, view.attack),
        "evaluation": "the headline",
        "class": "All classes" if view.class_index is None else view.names[view.class_index],
        "scorer": "the first scorer",
        "sample": "no image",
    }


def _choose_run(spoken: dict[str, str], first: str) -> str:
    """The run of all pages, `first` when nothing asks for another; `spoken`: what stands for each run, and how the box
    calls it."""
    names = list(spoken)
    links.place_run(spoken, first)
    now = spoken.get(str(st.session_state.get("run", first)), spoken[first])
    text = words.plain(f"All runs of the run store, newest first. Shown: {now}")
    chosen = st.selectbox(
        "Run",
        names,
        key="run",
        format_func=lambda name: str(spoken.get(name, name)),
        on_change=state.run_changed,
        help=text,
    )
    return chosen if chosen in names else first


def _choose_results(folders: dict[str, Path], usual: Path | None, page: str) -> Path | None:
    """Which evaluation's figures are shown: the headline unless another is chosen; a box is drawn only where there is a
    choice."""
    if page not in ON["evaluation"]:
        return folders.get(st.query_params.get("evaluation", ""), usual)
    if not folders or list(folders.values()) == [usual]:
        return usual
    text = "Whose per-attack figures are shown. Headline: the run's own until another is picked on Compare."
    chosen = st.selectbox("Evaluation", [HEADLINE, *folders], key="evaluation", bind="query-params", help=text)
    return folders.get(chosen, usual)


def _choose_attack(called: dict[str, str], page: str) -> str:
    """The attempt of the shown results whose figures are shown: buttons for a few, a box for many."""
    attack = links.place_attack(called) if called else attempts.preferred(called)
    if page not in ON["attack"]:
        return attack
    if not called:
        st.caption("Attacks: to choose from once the set is evaluated.")
        return attack
    st.session_state["attack"] = attack
    text = "Whose per-attack figures are shown. The margins of a run are always those of its own attack."

    def named(key: str) -> str:
        return str(called.get(key, key))

    def spoken(key: str) -> str:  # pills read Markdown, boxes do not
        return words.plain(named(key))

    common: dict[str, Any] = {"key": "attack", "on_change": links.attack_chosen, "help": text}
    if len(called) <= attempts.FEW:
        st.pills("Attack", list(called), required=True, format_func=spoken, **common)
    else:
        st.selectbox("Attack", list(called), format_func=named, **common)
    return attack


def _offered(view: state.View) -> dict[str, list[str]]:
    """What a link may ask for: recorded steps, classes, scorers, attempts, and the numbers of the images of the step;
    without numbers when its frame cannot be read, which the pages say."""
    offered = {
        "step": [position.LAST, *map(str, view.steps)],
        "class": ["All classes", *view.names],
        "scorer": list(view.method.scorers),
    }
    offered |= {"attack": [*view.called, *view.called.values()]} if view.called else {}
    try:
        images = 0 if view.step is None else len(cache.margins(view.path, view.step)["labels"])
    except InputError:
        return offered
    return offered | ({"sample": [str(i) for i in range(images)]} if images else {})


def _choose_class(names: list[str], page: str) -> int | None:
    if page not in ON["class"]:
        return None
    options = [state.ALL_CLASSES, *range(len(names))]
    chosen = st.selectbox(
        "Class",
        options,
        format_func=lambda k: "All classes" if k < 0 or k >= len(names) else names[k],
        key="class",
        bind="query-params",
    )
    return chosen if chosen in range(len(names)) else None


def _choose_scorer(scorers: Mapping[str, str], page: str) -> str:
    """Under which scorer margins and embeddings are shown, '' for the first; a box is drawn only where there is a
    choice."""
    first, *others = scorers
    if not others or page not in ON["scorer"]:
        return ""
    text = "The network that margins, order and embeddings are taken from"
    chosen = st.selectbox("Scorer", list(scorers), key="scorer", bind="query-params", help=text)
    st.caption(words.plain(scorers[chosen if chosen in others else first]).capitalize())
    return chosen if chosen in others else ""


def _selection_chip(run: Run, images: int) -> None:
    ids = state.selection(run.id, images)
    if ids:
        st.button(
            f"{len(ids)} selected: clear",
            icon=":material/close:",
            on_click=state.clear_selection,
            key="clear_selection",
            help=f"The selection is shared by all pages. It came from: {state.selection_reason()}.",
            width="stretch",
        )


def strip(lead: str = "", *, ticks: bool = True) -> None:
    """One line about the chosen run, after `lead`. It looks again every two seconds while the run lives, and not at all
    otherwise.

    `ticks`: False on a page that switches to another one after some work, because a look in between can leave the
    browser blank.
    """
    view = state.current()
    run = view.run
    if "news" in st.session_state:
        st.toast(words.plain(st.session_state.pop("news")), icon=":material/notifications:")
    if run is not None:
        st.fragment(_strip, run_every=TICK if run.alive and ticks else None)(
            run.path, jobs.standing(run), len(view.steps), lead
        )


def _strip(path: Path, before: tuple[str, str, bool], steps_before: int, lead: str) -> None:
    run = jobs.look(path)
    if steps_before < 2 and min(2, len(state.recorded_steps(path))) != steps_before:
        st.rerun()
    if jobs.standing(run) != before:
        if run.state in ("done", "failed", "lost"):
            st.session_state["news"] = f"{state.spoken_name(run)} is {run.state}."
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        badge(run)
        st.caption(words.plain(f"{lead} {words.strip_text(run, time.time(), state.spoken_name(run))}".strip()))


def tab_title(page: str) -> str:
    """What the browser's tab says: page, run, app."""
    run = state.current().run
    return " · ".join([page, *([state.spoken_name(run)] if run else []), "C2R"])


def icon() -> str:
    """The mark in the browser's tab: clean blue beside adversarial orange. Made here, so that nothing is fetched from
    elsewhere."""
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
    with st.container(gap=None):
        st.title(title)
        st.markdown(terms.linked(sentence))


def go(page: str) -> None:
    """Switch to the page of that name (home, start, live, embeddings, gallery) from within a script.

    The parameters are given, though empty, because Streamlit refuses to drop those of bound widgets by itself.
    """
    st.switch_page(st.session_state["pages"][page], query_params={})


def link(page: str, label: str, icon: str) -> None:
    """A way to another page that a person can take; it keeps the address as it is."""
    st.page_link(st.session_state["pages"][page], label=label, icon=f":material/{icon}:")


def run_link(run: Run, lead: str) -> None:
    """A way to the Live page of another run: `lead` and that run's name."""
    page, label = st.session_state["pages"]["live"], words.plain(f"{lead} {state.spoken_name(run)}")
    st.page_link(page, label=label, icon=":material/monitoring:", query_params={"run": state.run_name(run)})


def needs_run(*, step: bool = True) -> state.View:
    """The current view; a page that cannot show anything says why and what to do, and stops."""
    view = state.current()
    if view.run is None:
        st.info(
            "There is no run yet, and the recorded sample run is missing: start a run and this page fills up while it"
            " works."
        )
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
    """Order, labels, margins and predictions of the chosen step; a page that cannot read them says so and stops."""
    try:
        return cache.margins(view.path, view.shown, view.scorer)
    except InputError as error:
        problem(error)
        st.stop()


def optional(folder: Path | None, name: str) -> Arrays | None:
    """The arrays of ``<name>.safetensors``; None when the folder has none, or a damaged file, which is said."""
    try:
        return cache.arrays(folder, name) if folder else None
    except InputError as error:
        problem(error)
        return None


def nothing_recorded(run: Run) -> None:
    """Said instead of figures while a run has no recorded step."""
    if run.alive:
        st.info(f"{words.plain(words.phase_word(run))}: the figures appear with the first recorded step.")
    elif run.state == "done" and description(run).kind == "reference":
        st.info(
            "This run has no images of its own: its networks are trained on real ones. Its accuracies are on the"
            " Compare page."
        )
    else:
        st.warning(
            f"{words.plain(state.spoken_name(run))} is {run.state} and has no recorded step: choose another run in the"
            " sidebar, or start a new one."
        )


def problem(error: InputError | str) -> None:
    """An InputError's sentence, as text."""
    st.error(words.plain(str(error)), icon=":material/error:")


def log_lines(path: Path, count: int = 20) -> None:
    """The last lines a run wrote."""
    lines = jobs.last_words(path, count)
    if lines:
        st.code("\n".join(lines), language=None, wrap_lines=True)
