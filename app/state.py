"""What a person is looking at: run, step, attack, class and the selected samples. Session and URL state as plain
values.

The widgets of the sidebar own the keys in `links.LINKED` (and with them the address bar, see `app.links`); pages only
read
`current()`. A run id from the address bar is compared with the runs of the store and never joined to a path.
"""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from app import attempts, cache, jobs, links, views, words
from c2r.base.errors import InputError
from c2r.base.paths import at_home
from c2r.look.description import Description, description
from c2r.store import describing, runs
from c2r.store.results import headline_folder, of_newest
from c2r.store.runs import Run

ALL_CLASSES = -1
MOST_NAMED = 1500  # letters of an address that the selected images may take
SAMPLE_NAME = "Sample run (recorded)"
DATED = re.compile(r"\b\d{8}-\d{4}-\d{2}-[\w-]+")  # an id as runs get it, see `runs.new_id`


def sample_path() -> Path:
    """The recorded run that comes with the app, so that no page is blank before the first run (``$C2R_SAMPLE`` replaces
    it)."""
    return at_home(os.environ.get("C2R_SAMPLE") or Path(__file__).resolve().parent / "sample_run")


@dataclass(frozen=True)
class View:
    """One look: the chosen run (None when there is none), its recorded steps, and what the sidebar says.

    results: the folder of the evaluation that is shown; called: its attempts, key → name; both empty before an
    evaluation. scorer: whose margins and embeddings are shown, '' for the first scorer of the run.
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
    scorer: str = ""

    @property
    def opened(self) -> Run:
        """The run, on a page that stops without one."""
        assert self.run is not None, "a page asks for the run only after `needs_run`"
        return self.run

    @property
    def path(self) -> Path:
        return self.opened.path

    @property
    def shown(self) -> int:
        """The recorded step, on a page that stops without one."""
        assert self.step is not None, "a page asks for the step only after `needs_run`"
        return self.step

    @property
    def method(self) -> Description:
        """What the run says of its method."""
        return description(self.opened)

    @property
    def attack_name(self) -> str:
        """The attack that the margins of this run come from."""
        return self.method.attack


def all_runs() -> list[Run]:
    """Every run a person can look at, newest first: the store's, those just starting, and last the recorded sample."""
    stored = [jobs.look(run.path) if run.problem else run for run in runs.list_runs(runs.default_store())]
    listed = {run.path for run in stored}
    fresh = [jobs.look(path) for path in jobs.starting() if path not in listed]
    sample = sample_path()
    return [*fresh, *stored, *([runs.open_run(sample)] if sample.is_dir() and sample not in listed else [])]


def first_shown(listed: list[Run]) -> Run:
    """The run of a session that asks for none: the newest at work or with recorded steps or results, else the
    newest."""
    shown = (
        run for run in listed if not run.problem and (run.alive or recorded_steps(run.path) or cache.rows(run.path))
    )
    return next(shown, listed[0])


def run_name(run: Run) -> str:
    """What stands for a run in the address bar and in the keys of widgets; on screen it is called `spoken_name`."""
    return SAMPLE_NAME if is_sample(run.path) else run.id


def spoken_name(run: Run) -> str:
    """What a run is called on screen: the name a person gave it, else one made from its settings and its start."""
    return (
        SAMPLE_NAME if is_sample(run.path) else describing.about(run.path).name or words.default_name(run, time.time())
    )


def spoken_names(listed: Sequence[Run]) -> dict[str, str]:
    """What stands for each run → what it is called on screen, no two alike."""
    return dict(zip(map(run_name, listed), words.distinct([spoken_name(run) for run in listed]), strict=True))


def in_names(text: str) -> str:
    """A sentence in which runs of the store are called by their names instead of their dated ids."""
    if not DATED.search(text):
        return text
    names = {run.id: spoken_name(run) for run in all_runs()}
    return DATED.sub(lambda dated: names.get(dated[0], dated[0]), text)


def is_sample(path: Path) -> bool:
    """Whether a run is the recorded sample, which stays as it is."""
    return path == sample_path()


class Results(NamedTuple):
    """The finished evaluations of a run by what they are called, and the folder of the one that stands for it, None
    without one."""

    folders: dict[str, Path]
    usual: Path | None


def result_folders(run: Run) -> Results:
    """The headline evaluation first, then the others, newest first, the run's own, and those of earlier steps, which
    stand for nothing else."""
    finished = [
        evaluation for evaluation in runs.evaluations(run.path) if evaluation.state == "done" and not evaluation.problem
    ]
    own, steps = [run] if (run.path / "rows.jsonl").exists() else [], runs.frame_steps(run.path)
    earlier = [evaluation for evaluation in finished if not of_newest(evaluation, steps)]
    current = [*(evaluation for evaluation in finished if evaluation not in earlier), *own]
    headline = headline_folder(run.path)
    current.sort(key=lambda evaluation: evaluation.path != headline)
    ordered = [*current, *earlier]
    titles = [
        attempts.title(evaluation) + (f", of step {evaluation.manifest['step']}" if evaluation in earlier else "")
        for evaluation in ordered
    ]
    folders = {
        f"{title} ({evaluation.id})" if titles.count(title) > 1 else title: evaluation.path
        for title, evaluation in zip(titles, ordered, strict=True)
    }
    return Results(folders, current[0].path if current else None)


def recorded_steps(path: Path) -> tuple[int, ...]:
    """The recorded steps one can go to, ascending: those with a frame (old ones are thinned); without any frame those
    with an event."""
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


def run_changed() -> None:
    """Another run: start at its newest step, all classes, no open image, first page."""
    st.session_state["freeze"] = False
    for key in (
        "class",
        "scorer",
        "sample",
        "page",
        "position",
        "playing",
        "notes",
        "followed",
        "evaluation",
        "keep-armed",
    ):
        st.session_state.pop(key, None)


def keep(view: View) -> None:
    """Store the view of this run of the script for the page."""
    st.session_state["view"] = view


def current() -> View:
    """The view that the sidebar decided on in this run of the script."""
    return st.session_state.get("view", View())


def open_sample(sample: int) -> None:
    """A tile, a thumbnail or a neighbour was pressed: the inspector shows this image. For callbacks only."""
    st.session_state["sample"] = sample


def close_sample() -> None:
    """The inspector was closed: no image is open. For callbacks only."""
    st.session_state["sample"] = None


def select(run_id: str, ids: list[int], why: str) -> None:
    """Make `ids` the selection that all pages share; `why` says where it came from. An empty list clears it, a single
    one opens in the inspector too.

    For callbacks only: no page draws the keys `only` and `sample` in the same run of the script.
    """
    _keep_selection(run_id, ids, why)
    if len(ids) == 1:
        open_sample(int(ids[0]))


def _keep_selection(run_id: str, ids: list[int], why: str) -> None:
    """The gallery shows only what is selected."""
    if ids:
        st.session_state["selection"] = {"run": run_id, "ids": [int(i) for i in ids], "why": why}
        st.session_state["only"] = True
    else:
        clear_selection()


def clear_selection() -> None:
    """Forget the selected samples."""
    st.session_state.pop("selection", None)


def has_selection() -> bool:
    """Whether samples of any run are selected."""
    return "selection" in st.session_state


def selection(run_id: str, n: int) -> list[int]:
    """The selected samples of this run, [] when there are none or they belong to another run."""
    chosen: dict[str, Any] = st.session_state.get("selection", {})
    return views.known(chosen["ids"], n) if chosen.get("run") == run_id else []


def place_selection(run_id: str) -> None:
    """Take over the images that the address newly names as selected; one that names a run and none of them clears the
    selection."""
    named = links.newly("selected") or ("" if links.unnamed("selected") else None)
    if named is not None:
        _keep_selection(run_id, views.from_spans(named), "the link")


def spoken_selection(run_id: str, n: int) -> str:
    """The selected of `n` images as the address says them, '' for none and for so many that an address would be cut."""
    text = views.spans(selection(run_id, n))
    return text if len(text) <= MOST_NAMED else ""


def selection_reason() -> str:
    """Where the selection came from, '' when there is none."""
    return st.session_state.get("selection", {}).get("why", "")


def is_dark() -> bool:
    """Whether the browser shows the dark appearance."""
    return st.context.theme.type == "dark"
