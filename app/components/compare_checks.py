"""The sets of the Compare page, a card each: its mark, what it is, what the checks found; all evidence to unfold."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app import contestants, guard, jobs, state, terms, theme, words
from app.components import shell
from app.components.controls import tell
from app.contestants import Entry
from c2r.evaluation import attempts, badges, wording
from c2r.evaluation.badges import Badge
from c2r.evaluation.contestant import Contestant, stored_bytes
from c2r.registry import METHODS
from c2r.store import headline
from c2r.store.results import headline_folder

# Dash patterns and symbols of `theme.SET_MARKS` as SVG, so that a card shows the very mark of the charts.
DASHES = {"solid": "", "dash": "6 3", "dot": "2 2", "dashdot": "6 3 2 3", "longdash": "9 3", "longdashdot": "9 3 2 3"}
SYMBOLS = {
    "circle": '<circle cx="18" cy="9" r="5"/>',
    "square": '<rect x="13" y="4" width="10" height="10"/>',
    "diamond": '<path d="M18 2 24 9 18 16 12 9Z"/>',
    "triangle-up": '<path d="M18 3 24 14 12 14Z"/>',
    "cross": '<path d="M16 3h4v4h4v4h-4v4h-4v-4h-4v-4h4Z"/>',
    "star": '<path d="M18 2 19.7 6.9 24.7 7 20.7 10.1 22.2 15 18 12.1 13.8 15 15.3 10.1 11.3 7 16.3 6.9Z"/>',
}


def show(chosen: Sequence[Entry]) -> None:
    """One card per set: its mark, what it is, its check badges, worst first; below them all evidence and advice to
    unfold."""
    across = 2 if len(chosen) == 4 else min(3, len(chosen))
    for start in range(0, len(chosen), across):
        row = chosen[start : start + across]
        for place, column in enumerate(st.columns(across, gap="small")):
            if place < len(row):
                with column.container(border=True, height="stretch", gap="small"):
                    _card(row[place], start + place, across)
    if any(entry.checks for entry in chosen):
        _all_checks(chosen)


def _card(entry: Entry, number: int, across: int) -> None:
    mark = theme.SET_MARKS[state.is_dark()][number]
    left, right = st.columns([1, 16 // across], gap="xsmall", vertical_alignment="center")
    left.image(_swatch(mark), width=36)
    right.markdown(f"**{words.plain(entry.name)}**")
    st.caption(words.plain(_facts(entry.contestant)))
    _headline(entry)
    for sentence in entry.problems:
        shell.problem(sentence)
    if not entry.checks:
        st.caption("No checks stored: this evaluation was made before there were any. Evaluate again to get them.")
        return
    ordered = badges.worst_first(badges.complete(entry.checks))
    with st.container(horizontal=True, gap="xsmall"):
        for badge in ordered:
            if badge.colour in ("red", "amber"):
                look = theme.CHECK_BADGES[badge.colour]
                st.badge(
                    words.plain(badge.title),
                    icon=look.icon,
                    color=look.colour,
                    help=words.plain(f"{badge.evidence} {badge.advice}"),
                )
        for colour in ("grey", "green"):
            count = sum(badge.colour == colour for badge in ordered)
            if count:
                look = theme.CHECK_BADGES[colour]
                st.badge(f"{count} {look.word.lower()}", icon=look.icon, color=look.colour)


def _headline(entry: Entry) -> None:
    """Of a run with several evaluations: whether this one stands for it, or the button that makes it so; and whether n
    is small."""
    warning = headline.warning(attempts.figures(entry.contestant.rows))
    if warning:
        st.caption(f":material/warning: {words.plain(warning)}")
    run = entry.offer.run
    if len(state.result_folders(run).folders) < 2:
        return
    if entry.offer.folder == headline_folder(run.path):
        st.caption(":material/star: Headline of its run: Home and lists show its figures.")
    elif not (guard.read_only() or state.is_sample(run.path)):
        action = (lambda: contestants.make_headline(entry.offer), "Home and lists show this evaluation now.")
        st.button(
            "Make it the headline",
            key=f"headline-{entry.offer.token}",
            on_click=tell,
            args=action,
            type="tertiary",
            icon=":material/star:",
            help="The evaluation whose figures stand for the run on Home and in lists",
        )


def _all_checks(chosen: Sequence[Entry]) -> None:
    """Every check of one set with its evidence, worst first, below the cards; and the way to run those that were not
    run."""
    opened = st.expander("All checks with their evidence, and what to do", key="checks", on_change="rerun")
    if not opened.open:
        return
    with opened:
        entry = one_of(chosen, "checks-set")
        ordered = badges.worst_first(badges.complete(entry.checks))
        half = -(-len(ordered) // 2)
        for column, part in zip(st.columns(2, gap="medium"), (ordered[:half], ordered[half:]), strict=True):
            with column:
                for badge in part:
                    _check(badge)
        _run_checks(entry)


def one_of(entries: Sequence[Entry], key: str) -> Entry:
    """The one set that a view is about; a box is drawn only where there is a choice."""
    names = {entry.name: entry for entry in entries}
    if len(names) == 1:
        return entries[0]
    return names.get(st.selectbox("Set", list(names), key=key, width=360), entries[0])


def _run_checks(entry: Entry) -> None:
    """A button that runs all checks on a set, the slow ones too, or how that goes."""
    folder = entry.offer.folder
    if child_at_work("check", folder):
        return
    reason = "" if (folder / "networks").is_dir() else "its networks are not stored"
    reason = (
        "the recorded sample run stays as it is" if state.is_sample(entry.offer.run.path) else guard.why_not() or reason
    )
    action = (lambda: jobs.check(folder), "Started: the badges change when all checks are done.")
    st.button(
        "Run all checks",
        icon=":material/play_arrow:",
        key="run-checks",
        disabled=bool(reason),
        on_click=tell,
        args=action,
    )
    if reason:
        st.caption(f"Not now: {reason}.")


def child_at_work(kind: str, path: Path) -> bool:
    """How a child is doing, when it is at work; the sentence of one that failed. Returns whether it is at work."""
    job = jobs.find(kind, path)
    if job and job.alive:
        st.fragment(_watch, run_every=shell.TICK)(kind, path)
        return True
    if job and job.failed:
        shell.problem(jobs.complaint(job))
    return False


def _watch(kind: str, path: Path) -> None:
    job = jobs.find(kind, path)
    if job is None or not job.alive:
        st.rerun()
    lines = jobs.tail(job.log, 1)
    st.caption(f":material/progress_activity: At work: {words.plain(lines[-1] if lines else 'starting')}")


def _swatch(mark: dict[str, str]) -> str:
    """The line and symbol of a set, as in the charts."""
    line = f'<path d="M0 9H36" stroke="{mark["colour"]}" stroke-width="2" stroke-dasharray="{DASHES[mark["dash"]]}"/>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="36" height="18"'
        f' fill="{mark["colour"]}">{line}{SYMBOLS[mark["symbol"]]}</svg>'
    )


def _check(badge: Badge) -> None:
    look = theme.CHECK_BADGES[badge.colour]
    st.badge(
        f"{look.word}: {words.plain(badge.title)}",
        icon=look.icon,
        color=look.colour,
        help=words.plain(badges.WHY[badge.number]),
    )
    advice = badge.advice if badge.colour != "green" else ""
    st.caption(terms.linked(f"{badge.evidence} {advice}".strip()))


def _facts(contestant: Contestant) -> str:
    """``C2R · IPC 10 · digits · 6.4 kB · hard labels · pixel-2/255, pgd-at``, as far as it is known."""
    settings, manifest, facts = contestant.config, contestant.manifest, contestant.facts
    count, parts = stored_bytes(contestant), list[str]()
    if settings:
        parts += [METHODS[settings.method].label if settings.method in METHODS else settings.method]
        parts += ["" if contestant.is_reference else f"IPC {settings.ipc}"]
    parts += [str((manifest.get("data") or {}).get("name", ""))]
    parts += [wording.size(count) if count is not None else "size not recorded"]
    parts += [f"images of step {manifest['step']}"] if isinstance(manifest.get("step"), int) else []
    parts += [f"{facts['labels']} labels"] if "labels" in facts else []
    parts += [f"{settings.protocol}, {settings.eval_training}"] if settings else []
    return " · ".join(filter(None, parts))
