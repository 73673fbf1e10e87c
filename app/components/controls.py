"""The buttons that act on a run. They stand in the main script, so they answer while the figures tick."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app import jobs, state, words
from app.components import shell
from c2r.errors import InputError
from c2r.runs import Run


def _tell(action: Callable[[], object], said: str) -> None:
    """Do it, and say in a toast what was asked or why it cannot be done."""
    try:
        action()
        st.toast(said)
    except InputError as error:
        st.toast(words.plain(str(error)), icon=":material/error:")


def buttons(run: Run) -> None:
    """Of a living run: pause or resume, one step, stop; and, when a stop was not answered for ten seconds, force stop."""
    if not run.alive:
        return
    paused = run.state == "paused"
    rows = (
        ("Resume", "play_arrow", "resume", "Asked the run to resume.")
        if paused
        else ("Pause", "pause", "pause", "Asked the run to pause."),
        ("Step", "skip_next", "step", "Asked for the next recorded step; the run pauses there."),
        ("Stop", "stop", "stop", "Asked the run to stop; what is recorded stays."),
    )
    for label, icon, command, said in rows:
        action = (lambda command=command: jobs.command(run, command), said)
        st.button(label, icon=f":material/{icon}:", key=f"run-{command}", on_click=_tell, args=action)
    if jobs.may_force(run):
        action = (lambda: jobs.force_stop(run), "Ended the run's processes.")
        st.button("Force stop", icon=":material/dangerous:", key="run-force", on_click=_tell, args=action)


@dataclass(frozen=True)
class Pace:
    """How the figures of the Live page move: `every` so many seconds (None: not at all), replaying, or frozen and selectable."""

    every: float | None
    frozen: bool
    replay: bool


def pace(view: state.View) -> Pace:
    """Freeze; for a run that has ended, replay; for a figure that moves, how often."""
    run = view.run
    frozen = st.toggle(
        "Freeze",
        key="freeze",
        on_change=_froze,
        args=(run,),
        disabled=view.step is None,
        persist_state="session",
        help="Stay at this step and make the charts selectable: click a bar of the histogram, Shift adds another, or choose ranks",
    )
    if st.session_state.pop("replay-over", False):
        st.session_state["replay"] = False
    can_replay = not run.alive and not frozen and len(view.steps) > 1
    replay = can_replay and st.toggle("Replay", key="replay", on_change=_replays, help="Run through the recorded steps of a finished run")
    if not replay and not (run.alive and view.follow and not frozen):
        return Pace(None, frozen, False)
    every = st.selectbox(
        "Seconds between looks", (1, 2, 3, 5, 10), 1, key="every", bind="query-params", width=110, label_visibility="collapsed",
        format_func=lambda seconds: f"{seconds} s", help="Seconds between two looks at the run",
    )  # fmt: skip
    return Pace(float(every if every in range(1, 11) else 2), frozen, bool(replay))


def end_replay() -> None:
    """The replay is over: the toggle goes off when the page is drawn again."""
    st.session_state["replay-over"] = True


def _froze(run: Run) -> None:
    if st.session_state["freeze"]:
        state.freeze(run.path, run.alive)
    else:
        state.unfreeze()


def _replays() -> None:
    st.session_state.pop("replayed", None)


NEXT = {
    "failed": "Change what the message names and start again from the Start page; 'Load JSON' takes this run's config.json.",
    "lost": "Its process is gone without a word, killed or ended with the machine: look at what it recorded, or start it again.",
    "stopped": "It was stopped on request: look at what it recorded.",
}


def ending(run: Run, *, log: bool) -> None:
    """What is said about a run that ended otherwise than done; with `log`, its last lines to unfold."""
    if run.state not in NEXT:
        return
    message = str(run.status.get("message") or "").strip() if run.state == "failed" else ""
    show = st.error if run.state == "failed" else st.warning
    show(words.plain(f"{message} {NEXT[run.state]}".strip()), icon=":material/error:" if run.state == "failed" else ":material/info:")
    if run.state != "stopped" and log:
        with st.expander("Last log lines"):
            shell.log_lines(run.path)


def child(view: state.View, kind: str, label: str, why_not: str = "") -> None:
    """A button that starts the child `kind` (map, evaluate) on the run, or how that child is doing."""
    run, job = view.run, jobs.find(kind, view.path)
    assert run is not None, "a page offers this only for a run"
    if job and job.alive:
        st.fragment(_watch, run_every=shell.TICK)(view, kind)
        return
    if job and job.failed:
        shell.problem(jobs.complaint(job))
    reason = why_not or ("the run is still at work" if run.alive else "the recorded sample run stays as it is" if view.is_sample else "")
    action = {"map": jobs.compute_map, "evaluate": jobs.evaluate}[kind]
    st.button(
        label,
        icon=":material/play_arrow:",
        key=f"start-{kind}",
        disabled=bool(reason),
        on_click=_tell,
        args=(lambda: action(run.path), "Started."),
    )
    if reason:
        st.caption(f"Not now: {reason}.")


def _watch(view: state.View, kind: str) -> None:
    job = jobs.find(kind, view.path)
    if job is None or not job.alive:
        st.rerun()
    lines = jobs.tail(job.log, 1)
    st.caption(f":material/progress_activity: At work: {words.plain(lines[-1] if lines else 'starting')}")
