"""Evaluating a finished set from the page: the earlier evaluations, then the form that starts another, or how the one
at work is doing.

`section` takes any run and a key, so that several pages can use it. Progress and its buttons stand where the form was,
where the person
who pressed Start looks; `pointer` says near the top of a page that there is something to see below.
"""

import re
from datetime import datetime
from pathlib import Path

import streamlit as st

from app import attempts, cache, guard, jobs, places, state, words
from app.components import controls, form, shell
from c2r import config
from c2r.attacks import protocols
from c2r.attacks.figurekey import radius
from c2r.errors import InputError
from c2r.look.description import description
from c2r.store.lifecycle import RESUMABLE
from c2r.store.runs import Run
from c2r.work import preflight

FIELDS = ("eval_training", "eval_seeds", "eval_images", *form.CUSTOM)
LINES = 12  # of the log of an evaluation
ELSEWHERE = 5.0  # seconds between two looks for an evaluation that was started in another tab
PERCENT = {
    "Clean": "Test accuracy of the networks, mean over seeds",
    "Worst attack": "The lowest mean test accuracy under an untargeted attack within the protocol's own radius",
}


def why_not(run: Run) -> str:
    """Why this run cannot be evaluated now, '' when it can."""
    if guard.read_only():
        return guard.why_not()
    if state.is_sample(run.path):
        return "the recorded sample run stays as it is; start a run of your own and evaluate that"
    if run.problem or run.config is None:
        return "this run cannot be read"
    if run.alive:
        return "the run is still at work, and evaluates its set itself when that is done"
    if description(run).kind != "reference" and not (run.path / "synthetic.safetensors").exists():
        return "the run ended before its set was finished"
    return ""


def pointer(run: Run, anchor: str) -> None:
    """One line near the top of a page while an evaluation of this run is at work: where its progress is. Else
    nothing."""
    if any(evaluation.alive for evaluation in jobs.evaluations(run.path)):
        st.caption(
            ":material/progress_activity: An evaluation of this set is at work: [its progress and its"
            f" buttons](#{anchor})."
        )


def _at_work(newest: Run, key: str) -> None:
    """How an evaluation is doing, with its buttons."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Evaluating: {words.plain(attempts.what(newest))}**")
            controls.buttons(newest, key, leave_out=("step",))
        st.fragment(_watch, run_every=shell.TICK)(newest.path, jobs.standing(newest))


def _ended(newest: Run, key: str) -> None:
    """What went wrong with the last evaluation, and how it goes on; nothing for one that is done."""
    if newest.state not in RESUMABLE:
        return
    message = newest.problem or str(newest.status.get("message") or "")
    lost = (
        "its process is gone without a word: killed, ended with the machine, or by a system short of memory. Resume"
        " goes on with the next network."
    )
    said = {
        "failed": f"failed. {message}",
        "lost": f"was lost: {lost}",
        "stopped": "was stopped. Resume goes on with the next network.",
    }
    show = st.info if newest.state == "stopped" else st.error
    show(words.plain(f"The last evaluation ({attempts.what(newest)}) {said[newest.state]}"))
    if newest.config is not None:
        controls.resume(newest, "evaluate", key)


def _watch(path: Path, before: tuple[str, str, bool]) -> None:
    """The moving part: bar, what is being done, time left, the results so far."""
    now = jobs.look(path, "evaluate")
    if jobs.standing(now) != before:
        if not now.alive:
            st.session_state["news"] = f"The evaluation is {now.state}."
        st.rerun()
    step, total = now.status.get("step") or 0, now.status.get("total") or 0
    st.progress(min(1.0, step / total) if total else 0.0, text=words.plain(words.evaluation_text(now)))
    lines = jobs.last_words(path, LINES)
    if lines:
        last = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", lines[-1])
        with st.expander(words.plain(f"Log: {last}"), key=f"log-{path.name}"):
            st.code("\n".join(lines), language=None, wrap_lines=True)


def section(run: Run, key: str = "evaluation") -> None:
    """The earlier evaluations of this run; below them the one at work, or the form that starts another one."""
    evaluated = jobs.evaluations(run.path)
    own = [run] if (run.path / "rows.jsonl").exists() else []
    if evaluated or own:
        st.markdown("**Evaluations of this set**")
        _table([*evaluated, *own], key)
    if working := next((evaluation for evaluation in evaluated if evaluation.alive), None):
        _at_work(working, key)
        return
    if evaluated:
        _ended(evaluated[0], key)
    if reason := why_not(run):
        st.caption(words.plain(f"It cannot be evaluated now: {reason}."))
        return
    opened = st.expander(
        "Evaluate this set again" if own or evaluated else "Evaluate this set", expanded=not own and not evaluated
    )
    with opened:
        _form(run, key)
    st.fragment(_look_elsewhere, run_every=ELSEWHERE)(run.path, [evaluation.id for evaluation in evaluated])


def begun(path: Path, known: list[str]) -> bool:
    """Whether an evaluation of the run folder `path` is at work that is not `known`: started from another tab or from a
    shell."""
    return any(evaluation.alive and evaluation.id not in known for evaluation in jobs.evaluations(path))


def _look_elsewhere(path: Path, known: list[str]) -> None:
    """Draw the page again, with the progress in place of the form, when an evaluation was started elsewhere."""
    if begun(path, known):
        st.rerun()


def _table(evaluated: list[Run], key: str) -> None:
    started = [evaluation.status.get("started") for evaluation in evaluated]
    when = [f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}" if isinstance(at, int | float) else "" for at in started]
    table = attempts.evaluation_table(evaluated, [cache.own_rows(evaluation.path) for evaluation in evaluated], when)
    st.dataframe(
        {name: values for name, values in table.items() if name != "Note" or any(values)},
        key=f"{key}-table",
        hide_index=True,
        placeholder="–",
        column_config={
            "n": st.column_config.NumberColumn("n", help="Test images that each network was attacked on"),
            **{
                name: st.column_config.NumberColumn(name, format="%.1f %%", help=text) for name, text in PERCENT.items()
            },
        },
        alt="The evaluations of this set with protocol, training, networks, state and accuracies",
    )


def first_choice(run: config.RunConfig) -> config.RunConfig:
    """What the form starts from: the run's own settings; a run at ε = 2/255 that names no protocol starts at
    pixel-2/255."""
    fits = run.protocol == "custom" and abs(run.eps - 2 / 255) < 1e-9
    return config.validate(run.model_dump(mode="json") | ({"protocol": "pixel-2/255"} if fits else {}))


def other_radius(settings: config.RunConfig) -> str:
    """A sentence when the protocol attacks within other L∞ radii than the run was made for, '' when one of them
    fits."""
    own, radii = (
        radius(settings.eps),
        {attempt.radius for attempt in protocols.attempts(settings) if attempt.norm == "Linf"},
    )
    if not radii or own in radii:
        return ""
    return (
        f"This run is made for ε = {own}, which adversarial training uses too; the protocol attacks within"
        f" {', '.join(sorted(radii))}."
    )


def _form(run: Run, key: str) -> None:
    """Protocol and settings, what they cost, and Start."""
    assert run.config is not None, "`why_not` refuses a run without settings"
    st.caption(
        "Fresh networks are trained on the set and attacked, on test images and on the synthetic images. Earlier"
        " evaluations stay."
    )
    base, name = first_choice(run.config), f"{key}-{run.id}"
    protocol = form.setting("protocol", base.protocol, f"{name}-protocol")
    values = form.some(list(FIELDS), base, name, {"protocol": protocol})
    problem, facts = "", None
    try:
        settings = config.validate(run.config.model_dump(mode="json") | values)
        places.check(settings)
        facts = preflight.evaluation(settings, run.path)
        problem = next(iter(facts.problems), "")
    except InputError as error:
        problem = str(error)
    if not problem and (note := other_radius(settings)):
        st.caption(words.plain(note))
    with st.container(horizontal=True, vertical_alignment="center"):
        started = st.button(
            "Start evaluation", type="primary", icon=":material/play_arrow:", key=f"start-{key}", disabled=bool(problem)
        )
        if facts and not problem:
            needs = f"{facts.memory_gb:.1f} GB of memory and {facts.disk_mb:.1f} MB of disk"
            told = (f"About {words.duration(60 * facts.minutes)} on this machine, {needs}.", *facts.notes)
            st.caption(words.plain(" ".join(told)))
    if problem:
        shell.problem(problem)
    elif started:
        try:
            with st.spinner("Starting the evaluation"):
                jobs.evaluate(run.path, settings)
        except InputError as error:
            shell.problem(error)
            return
        st.rerun()
