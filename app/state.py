"""What a person is looking at: run, step, attack, class and the selected samples. Session and URL state as plain values.

The widgets of the sidebar own the keys in `links.LINKED` (and with them the address bar, see `app.links`); pages only read
`current()`. A run id from the address bar is compared with the runs of the store and never joined to a path.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from app import attempts, cache, jobs, links, views, words
from c2r import keeping, runs
from c2r.errors import InputError
from c2r.runs import Run

ALL_CLASSES = -1
SAMPLE_NAME = "Sample run (recorded)"
DATED = re.compile(r"\b\d{8}-\d{4}-\d{2}-[\w-]+")  # an id as runs get it, see `runs.new_id`


def sample_path() -> Path:
    """The recorded run that comes with the app, so that no page is blank before the first run (``$C2R_SAMPLE`` replaces it)."""
    return keeping.sample_path()


@dataclass(frozen=True)
class View:
    """One look: the chosen run (None when there is none), its recorded steps, and what the sidebar says.

    results: the folder of the evaluation that is shown; called: its attempts, key → name; both empty before an evaluation.
    """

    run: Run | None = None
    steps: tuple[int, ...] = ()
    step: int | None = None
    follow: bool = True
    attack: str = "pgd"
    class_index: int | None = None
    names: tuple[str, ...] = ()
    is_sample: bool = False
    results: Path | None = None
    called: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        assert self.run is not None, "a page asks for the run's folder only after `needs_run`"
        return self.run.path

    @property
    def attack_name(self) -> str:
        """The attack that the margins of this run come from."""
        return words.attack_name(self.run.config if self.run else None)


def all_runs() -> list[Run]:
    """Every run a person can look at, newest first: the store's, those just starting, and last the recorded sample."""
    found = [jobs.look(run.path) if run.problem else run for run in runs.list_runs(runs.default_store())]
    listed = {run.path for run in found}
    fresh = [jobs.look(path) for path in jobs.starting() if path not in listed]
    sample = sample_path()
    return [*fresh, *found, *([runs.open_run(sample)] if sample.is_dir() and sample not in listed else [])]


def first_shown(found: list[Run]) -> Run:
    """The run of a session that asks for none: the newest at work or with recorded steps or results, else the newest."""
    shown = (run for run in found if not run.problem and (run.alive or recorded_steps(run.path) or cache.rows(run.path)))
    return next(shown, found[0])


def run_name(run: Run) -> str:
    """What stands for a run in the address bar and in the keys of widgets; on screen it is called `spoken_name`."""
    return SAMPLE_NAME if is_sample(run.path) else run.id


def spoken_name(run: Run) -> str:
    """What a run is called on screen: the name a person gave it, else one made from its settings and its start."""
    return SAMPLE_NAME if is_sample(run.path) else keeping.about(run.path).name or words.default_name(run, time.time())


def spoken_names(found: Sequence[Run]) -> dict[str, str]:
    """What stands for each run → what it is called on screen, no two alike."""
    return dict(zip(map(run_name, found), words.distinct([spoken_name(run) for run in found]), strict=True))


def in_names(text: str) -> str:
    """A sentence in which runs of the store are called by their names instead of their dated ids."""
    if not DATED.search(text):
        return text
    names = {run.id: spoken_name(run) for run in all_runs()}
    return DATED.sub(lambda found: names.get(found[0], found[0]), text)


def is_sample(path: Path) -> bool:
    """Whether a run is the recorded sample, which stays as it is."""
    return path == sample_path()


class Results(NamedTuple):
    """The finished evaluations of a run by what they are called, and the folder of the one that stands for it, None without one."""

    folders: dict[str, Path]
    usual: Path | None


def result_folders(run: Run) -> Results:
    """The headline evaluation first, then the others, newest first, the run's own, and those of earlier steps, which stand for nothing else."""
    found, steps = [one for one in runs.evaluations(run.path) if one.state == "done" and not one.problem], runs.frame_steps(run.path)
    own = [run] if (run.path / "rows.jsonl").exists() else []
    earlier = [one for one in found if not runs.of_newest(one, steps)]
    current = [*(one for one in found if one not in earlier), *own]
    headline = runs.results(run.path)
    current.sort(key=lambda one: one.path != headline)
    ordered = [*current, *earlier]
    titles = [attempts.title(one) + (f", of step {one.manifest['step']}" if one in earlier else "") for one in ordered]
    folders = {f"{title} ({one.id})" if titles.count(title) > 1 else title: one.path for title, one in zip(titles, ordered, strict=True)}
    return Results(folders, current[0].path if current else None)


def recorded_steps(path: Path) -> tuple[int, ...]:
    """The recorded steps one can go to, ascending: those with a frame (old ones are thinned); without any frame those with an event."""
    return tuple(runs.frame_steps(path) or [event["step"] for event in cache.events(path)])


def names_of(run: Run, steps: tuple[int, ...]) -> tuple[str, ...]:
    """The class names of a run; without a usable manifest they are numbered after the first frame that opens."""
    for step in steps:
        try:
            return tuple(words.class_names(run, cache.margins(run.path, step)["labels"]))
        except InputError:
            continue
    return tuple(words.class_names(run))


def choose_run(run_id: str) -> None:
    """Ask for another run; it is applied before the sidebar is drawn again."""
    st.session_state["wanted_run"] = run_id


def apply_wishes() -> None:
    """Bring wishes of the last run of the script into the sidebar's keys. Call it before any widget is drawn."""
    if "wanted_run" in st.session_state:
        st.session_state["run"] = st.session_state.pop("wanted_run")
        run_changed()
    if "follow" not in st.session_state and "follow" not in st.query_params and links.whole(st.query_params.get("step")) is not None:
        st.session_state["follow"] = False
        st.query_params["follow"] = "false"  # for a reload at step 0, which the address does not name: it is the slider's first value


def run_changed() -> None:
    """Another run: start at its newest step, all classes, no open image, first page."""
    st.session_state["follow"], st.session_state["freeze"] = True, False
    for key in ("class", "sample", "page", "step", "notes", "followed", "evaluation", "keep-armed"):
        st.session_state.pop(key, None)


def step_moved(newest: int) -> None:
    """The slider was dragged: stay at that step, or follow again at the newest one unless frozen."""
    if "step" not in st.session_state:  # another run was chosen while the click was on its way
        return
    st.session_state["follow"] = st.session_state["step"] == newest and not st.session_state.get("freeze", False)
    st.session_state.pop("notes", None)


def follow_switched(path: Path, alive: bool) -> None:
    """Follow was switched: on, for a living run, ends a freeze; off stays at the newest recorded step."""
    if alive and st.session_state["follow"]:
        st.session_state["freeze"] = False
        st.session_state.pop("followed", None)
    elif alive:
        _stay(max(recorded_steps(path), default=None), slider_drawn=False)


def note_shown(path: Path, step: int) -> None:
    """Remember the step that the figures of this run show now: they move on without the rest of the page."""
    st.session_state["shown"] = (str(path), step)


def freeze(path: Path, alive: bool) -> None:
    """Stay at the step the figures show now, else at the newest recorded one. For callbacks only: the slider must not be drawn yet."""
    drawn, step = st.session_state.get("shown", ("", None))
    step = step if drawn == str(path) else max(recorded_steps(path), default=None)
    followed = st.session_state["followed"] = st.session_state.get("follow", True)
    _stay(step, slider_drawn=not (alive and followed))


def _stay(step: int | None, slider_drawn: bool) -> None:
    """Stop following. The address takes over the value of a slider only from its second drawing on: name the step there before."""
    if step is not None:
        st.session_state["follow"], st.session_state["step"] = False, step
        if not slider_drawn:
            st.query_params["step"] = str(step)


def unfreeze() -> None:
    """Follow again when following was on before the freeze. For callbacks only."""
    if st.session_state.pop("followed", False):
        st.session_state["follow"] = True


def place_slider(steps: tuple[int, ...], asked: str | None = None) -> None:
    """Move the slider's value to a recorded step before it is drawn: the newest when following, else the nearest.

    `asked` is the step of the link that opened this session; one that is no number means the newest.
    """
    wanted = st.session_state.get("step", steps[-1] if asked and links.whole(asked) is None else links.whole(asked))
    if st.session_state.get("follow", True):
        st.session_state["step"] = steps[-1]
    elif wanted is not None:
        nearest = views.nearest(steps, wanted)
        if nearest != wanted and asked is None:
            st.session_state["notes"] = [
                f"The images of step {wanted} are not kept any more, as of most old steps: showing step {nearest}."
            ]
        st.session_state["step"] = nearest


def drop_linked_step(asked: str | None) -> None:
    """No slider is drawn for the step of the link: take it out of the address, where a later slider would find it again."""
    if asked is not None:
        st.query_params.pop("step", None)
        if links.whole(asked) is not None:
            st.session_state["step"] = links.whole(asked)


def keep(view: View) -> None:
    """Store the view of this run of the script for the page."""
    st.session_state["view"] = view


def current() -> View:
    """The view that the sidebar decided on in this run of the script."""
    return st.session_state.get("view", View())


def select(run_id: str, ids: list[int], why: str) -> None:
    """Make `ids` the selection that all pages share; `why` says where it came from. An empty list clears it.

    The gallery then shows only these. For callbacks only: no page draws the key `only` in the same run of the script.
    """
    if ids:
        st.session_state["selection"] = {"run": run_id, "ids": [int(i) for i in ids], "why": why}
        st.session_state["only"] = True
    else:
        clear_selection()


def clear_selection() -> None:
    """Forget the selected samples."""
    st.session_state.pop("selection", None)


def selection(run_id: str, n: int) -> list[int]:
    """The selected samples of this run, [] when there are none or they belong to another run."""
    chosen: dict[str, Any] = st.session_state.get("selection", {})
    return views.known(chosen["ids"], n) if chosen.get("run") == run_id else []


def selection_reason() -> str:
    """Where the selection came from, '' when there is none."""
    return st.session_state.get("selection", {}).get("why", "")


def is_dark() -> bool:
    """Whether the browser shows the dark appearance."""
    return st.context.theme.type == "dark"
