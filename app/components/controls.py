"""The buttons that act on a run. They stand in the main script, so they answer while the figures tick."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from app import guard, jobs, position, settings, state, words
from app.components import loading, shell
from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.store import control, kinds, lifecycle, runs
from c2r.store.runs import Run
from c2r.work import forking


def tell(action: Callable[[], object], said: str = "") -> None:
    """Do it, and say in a toast what was asked (what the action returns, without `said`) or why it cannot be done."""
    try:
        answer = action()
        st.toast(said or words.plain(str(answer)))
    except InputError as error:
        st.toast(words.plain(str(error)), icon=":material/error:")


FORKS = 6  # so many forks of a run are linked
# 'Stop' says what, because Streamlit shows a 'Stop' of its own, for the page's script, above every page that takes long
# to draw.
WORDS = (
    ("Pause {}", "pause", "pause"),
    ("Resume", "play_arrow", "resume"),
    ("Step", "skip_next", "step"),
    ("Stop {}", "stop", "stop"),
)
ASKED = {
    "pause": "asked to pause…",
    "resume": "asked to go on…",
    "step": "pauses at the next step…",
    "stop": "stopping…",
}


def buttons(run: Run, key: str = "run", leave_out: tuple[str, ...] = ()) -> None:
    """Of a living run or evaluation: what it can be asked for, what it was asked for and has not done yet; and force
    stop.

    The latter when a stop has not ended it after ten seconds.
    """
    if not run.alive or guard.read_only():
        return
    asked, what = control.asked(run), "evaluation" if kinds.is_evaluation(run) else "run"
    for label, icon, command in WORDS:
        if command not in leave_out and command in lifecycle.takes(run.state, asked):
            st.button(
                label.format(what),
                icon=f":material/{icon}:",
                key=f"{key}-{command}",
                on_click=tell,
                args=(partial(jobs.command, run, command),),
            )
    if asked:
        st.caption(f":material/hourglass_top: {ASKED.get(asked, '')}")
    if jobs.may_force(run):
        action = (lambda: jobs.force_stop(run), "Ended its processes.")
        st.button("Force stop", icon=":material/dangerous:", key=f"{key}-force", on_click=tell, args=action)


def fork(view: state.View) -> None:
    """A button that starts a new run from the shown step, and which runs this one comes from or led to."""
    text = "A new run with settings of its own that starts from the images of the shown step"
    run = (
        view.run if view.run is not None and view.run.config is not None else None
    )  # one that is just starting has no settings yet
    if (
        st.button(
            "Fork",
            icon=":material/call_split:",
            key="fork",
            disabled=run is None or view.step is None or guard.read_only(),
            help=text,
        )
        and run
    ):
        try:
            loading.fork(run, view.step or 0)
        except InputError as error:
            shell.problem(error)
        else:
            shell.go("start")


def lineage(run: Run) -> None:
    """Which run this one was forked from, as a link, and what was changed; its own forks, as links. Nothing for a run
    without relatives."""
    parent = forking.parent(run.config) if run.config is not None else None
    born = forking.children(run.id, runs.default_store())
    if parent and run.config is not None:
        _parent(run.config, *parent)
    if born:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            for child in born[:FORKS]:
                shell.run_link(child, "Fork:")
            if len(born) > FORKS:
                st.caption(f"and {len(born) - FORKS} more.")


def _parent(fork: RunConfig, parent_id: str, step: int) -> None:
    """The run that a fork comes from, and what the fork changed. The name is looked for in the store and never joined
    to a path."""
    parent = next((run for run in state.all_runs() if run.id == parent_id and run.config), None)
    if parent is None or parent.config is None:
        st.caption(f"Fork of a run that is not in this store, at its step {step}.")
        return
    shell.run_link(parent, f"Fork of step {step} of")
    changed = "; ".join(settings.differences(parent.config, fork)) or "no setting"
    st.caption(words.plain(f"It changed: {changed}."))


def freeze(view: state.View) -> bool:
    """A switch: stay at the shown step, with charts that can be selected."""
    text = (
        "Stay at this step and make the charts selectable: click a bar of the histogram, Shift adds another, or choose"
        " ranks"
    )
    args = (view.run, view.steps)
    return st.toggle(
        "Freeze",
        key="freeze",
        on_change=_froze,
        args=args,
        disabled=view.step is None,
        persist_state="session",
        help=text,
    )


def _froze(run: Run, steps: tuple[int, ...]) -> None:
    if st.session_state["freeze"]:
        position.freeze(run.path, steps)
    else:
        position.unfreeze()


EARLY = {
    "failed": (
        "Nothing was recorded yet, so start again with what the message names mended: import the set again, "
        "or 'Load JSON' on the Start page takes this run's config.json. Resume tries the same settings once more."
    ),
    "lost": (
        "Its process is gone without a word, before anything was recorded: killed, ended with the machine, or by a"
        " system short of memory. Resume begins again."
    ),
    "stopped": "It was stopped on request, before anything was recorded. Resume begins again.",
}
NEXT = {
    "failed": (
        "Mend what the message names and resume, or start again with other settings: 'Load JSON' on the Start page"
        " takes this run's config.json."
    ),
    "lost": (
        "Its process is gone without a word: killed, ended with the machine, or by a system short of memory (then close"
        " other programs first, or start again with a lower ipc, width or real_batch). Resume goes on from the last"
        " recorded step, to the same images."
    ),
    "stopped": "It was stopped on request. Resume goes on from the last recorded step, to the same images.",
}


def ending(run: Run, *, early: bool) -> None:
    """What is said about a run that ended otherwise than done, with its last lines to unfold; `early`: before its first
    recorded step."""
    if run.state not in NEXT:
        return
    message = str(run.status.get("message") or "").strip() if run.state == "failed" else ""
    show = st.error if run.state == "failed" else st.warning
    advice = (EARLY if early else NEXT)[run.state]
    show(
        words.plain(f"{message} {advice}".strip()),
        icon=":material/error:" if run.state == "failed" else ":material/info:",
    )
    if run.state != "stopped":
        with st.expander("Last log lines"):
            shell.log_lines(run.path)
    if run.config is not None and not state.is_sample(run.path):
        resume(run)


def resume(run: Run, kind: str = jobs.RUN, key: str = "run") -> None:
    """A button that goes on with a run or evaluation that was stopped, failed or lost."""
    action = (lambda: jobs.resume(run.path, kind), "Resumed.")
    if guard.read_only():
        st.caption(f"Not here: {guard.why_not()}.")
        return
    st.button("Resume", icon=":material/play_arrow:", key=f"{key}-resume-{run.id}", on_click=tell, args=action)


def compute_map(view: state.View) -> None:
    """A button that starts the child that draws the map of the run, or how that child is doing."""
    run, job = view.run, jobs.find("map", view.path)
    assert run is not None, "a page offers this only for a run"
    if job and job.alive:
        st.fragment(_watch, run_every=shell.TICK)(view)
        return
    if job and job.failed:
        shell.problem(jobs.complaint(job))
    reason = (
        "the run is still at work"
        if run.alive
        else "the recorded sample run stays as it is"
        if view.is_sample
        else guard.why_not()
    )
    action = (lambda: jobs.compute_map(run.path), "Started.")
    st.button(
        "Compute map", icon=":material/play_arrow:", key="start-map", disabled=bool(reason), on_click=tell, args=action
    )
    if reason:
        st.caption(f"Not now: {reason}.")


def _watch(view: state.View) -> None:
    job = jobs.find("map", view.path)
    if job is None or not job.alive:
        st.rerun()
    lines = jobs.tail(job.log, 1)
    st.caption(f":material/progress_activity: At work: {words.plain(lines[-1] if lines else 'starting')}")
