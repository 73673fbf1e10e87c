"""The first half of the Compare page: who is compared, what the checks say, whether figures may be ranked, accuracies and metrics."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app import charts, comparing, contestants, jobs, state, tabulating, theme, words
from app.comparing import Contestant, Summary, Threat
from app.components import shell
from app.components.controls import tell
from app.components.figures import chart, plain_table
from app.contestants import Entry
from c2r import badges, runs
from c2r.badges import Badge
from c2r.config import RunConfig
from c2r.errors import InputError
from c2r.methods import METHODS
from c2r.metrics import DEFINITIONS
from c2r.runs import Run

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


def choose(view: state.View) -> list[Entry]:
    """The box that holds the compared sets, the notes about a link, and what can be read of each; [] when nothing is evaluated.

    When all were taken out, the page says so and stops.
    """
    found = state.all_runs()
    offered = contestants.offers(found)
    tokens, notes = contestants.chosen(offered, view.run)
    names = contestants.short_names(list(offered))
    st.session_state["contestants"] = tokens
    picked = st.multiselect(
        "Sets to compare", list(offered), key="contestants", format_func=lambda token: names.get(token, token), max_selections=contestants.MOST,
        on_change=lambda: contestants.choose(st.session_state["contestants"]), placeholder="Choose 2 to 6 evaluated sets",
        help="Runs, imported sets and baselines with a finished evaluation, newest first; an older evaluation of a run stands as run/evaluation",
    )  # fmt: skip
    for note in notes:
        st.caption(f":material/info: {note}")
    waiting = [words.plain(state.run_name(run)) for run in found if not any(offer.run.path == run.path for offer in offered.values())]
    if waiting:
        more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        st.caption(f"Without a finished evaluation, so not in the list: {', '.join(waiting[:3])}{more}.")
    contestants.address(picked)
    if offered and not picked:
        st.info("Choose two to six sets above.")
        st.stop()
    return contestants.entries([offered[token] for token in picked])


def summaries(chosen: Sequence[Entry]) -> list[Summary]:
    """The digests of the chosen sets; a page that cannot read one says so and stops."""
    found = []
    for entry in chosen:
        try:
            found.append(entry.contestant.summary())
        except InputError as error:
            shell.problem(f"{entry.name}: {error}")
    if len(found) < len(chosen):
        st.stop()
    return found


def empty(view: state.View) -> None:
    """Said when nothing can be compared: where evaluations come from."""
    st.info("Nothing to compare yet: a set appears here once its evaluation is finished. Evaluate one from the gallery, or start a run.")
    with st.container(horizontal=True):
        shell.link("gallery", "Open gallery", "grid_view")
        shell.link("start", "Start a run", "play_arrow")
    baselines(view.run, None)


def alone(entry: Entry) -> None:
    """Said when there is a single set: what to put beside it."""
    st.info("One set alone says little: choose a second one above, or start the baselines that every set should be read against.")
    baselines(entry.offer.run, entry)


def baselines(run: Run | None, entry: Entry | None) -> None:
    """Buttons that start the baselines of a set: the same settings with real images, all of them or as many as the set stores."""
    settings = entry.contestant.config if entry else run.config if run else None
    if run is None or settings is None or settings.method in contestants.BASELINES:
        return
    found = state.all_runs()
    with st.container(horizontal=True, vertical_alignment="center"):
        for method in contestants.BASELINES:
            try:
                wanted = contestants.baseline_settings(settings, method)
            except InputError as error:
                shell.problem(error)
                continue
            there = contestants.baseline_run(wanted, found)
            label = METHODS[method].label
            if there is None:
                preset = str(run.manifest.get("preset") or "demo")
                action = (lambda s=wanted, p=preset: _start(s, p), f"Started: {label}. It appears here when its evaluation is finished.")
                st.button(f"Start baseline: {label}", icon=":material/play_arrow:", key=f"baseline-{method}", on_click=tell, args=action,
                          help=f"{METHODS[method].description}. All other settings as in {words.plain(state.run_name(run))}.")  # fmt: skip
            elif there.alive:
                st.caption(words.plain(f"{label}: {words.progress_text(there)}"))
            else:
                _offer_baseline(there, label)


def _start(settings: RunConfig, preset: str) -> None:
    jobs.start(settings, preset, runs.default_store() / runs.new_id(settings))


def _offer_baseline(run: Run, label: str) -> None:
    token, shown = state.run_name(run), st.session_state.get("contestants", [])
    if token not in shown and len(shown) < contestants.MOST:
        st.button(f"Add baseline: {label}", icon=":material/add:", key=f"add-{token}", on_click=contestants.choose, args=([*shown, token],))


def checks(chosen: Sequence[Entry]) -> None:
    """One card per set: its mark, what it is, its check badges, worst first; below them all evidence and advice to unfold."""
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
    mark, one = theme.SET_MARKS[state.is_dark()][number], entry.contestant
    left, right = st.columns([1, 16 // across], gap="xsmall", vertical_alignment="center")
    left.image(_swatch(mark), width=36)
    right.markdown(f"**{words.plain(entry.name)}**")
    st.caption(words.plain(_facts(one)))
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
                st.badge(words.plain(badge.title), icon=look.icon, color=look.colour, help=words.plain(f"{badge.evidence} {badge.advice}"))
        for colour in ("grey", "green"):
            count = sum(badge.colour == colour for badge in ordered)
            if count:
                look = theme.CHECK_BADGES[colour]
                st.badge(f"{count} {look.word.lower()}", icon=look.icon, color=look.colour)


def _all_checks(chosen: Sequence[Entry]) -> None:
    """Every check of one set with its evidence, worst first, below the cards; and the way to run those that were not run."""
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
    reason = "the recorded sample run stays as it is" if state.is_sample(entry.offer.run.path) else reason
    action = (lambda: jobs.check(folder), "Started: the badges change when all checks are done.")
    st.button("Run all checks", icon=":material/play_arrow:", key="run-checks", disabled=bool(reason), on_click=tell, args=action)
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
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="36" height="18" fill="{mark["colour"]}">{line}{SYMBOLS[mark["symbol"]]}</svg>'


def _check(badge: Badge) -> None:
    look = theme.CHECK_BADGES[badge.colour]
    st.badge(f"{look.word}: {words.plain(badge.title)}", icon=look.icon, color=look.colour, help=words.plain(badges.WHY[badge.number]))
    advice = badge.advice if badge.colour != "green" else ""
    st.caption(words.plain(f"{badge.evidence} {advice}".strip()))


def _facts(one: Contestant) -> str:
    """``C2R · IPC 10 · digits · 6.4 kB · hard labels · pixel-2/255, pgd-at``, as far as it is known."""
    c, count = one.config, comparing.stored_bytes(one)
    parts = [METHODS[c.method].label if c.method in METHODS else c.method, f"IPC {c.ipc}" if not one.is_reference else ""] if c else []
    parts += [str((one.manifest.get("data") or {}).get("name", "")), comparing.size(count) if count is not None else "size not recorded"]
    parts += [f"{one.facts['labels']} labels" if "labels" in one.facts else "", f"{c.protocol}, {c.eval_training}" if c else ""]
    return " · ".join(part for part in parts if part)


def verdict(chosen: Sequence[Entry], summaries: Sequence[Summary], threat: Threat | None) -> bool:
    """Say whether the sets may be ranked, and if not, why; returns whether."""
    sets = [entry.contestant for entry in chosen]
    reasons = comparing.differences(sets, threat)
    if reasons:
        st.warning(
            "**Not ranked.** These figures must not be read as one being better than another:\n"
            + "".join(f"\n- {words.plain(sentence)}" for sentence in reasons),
            icon=":material/balance:",
        )
    else:
        st.success(words.plain(comparing.standing(sets, summaries, threat)), icon=":material/leaderboard:")
    for sentence in comparing.remarks(sets):
        st.caption(f":material/info: {words.plain(sentence)}")
    return not reasons


def choose_threat(summaries: Sequence[Summary]) -> Threat | None:
    """The norm, radius and goal whose attempts are shown and averaged: the one most sets share unless another is chosen."""
    found = {threat.label: threat for threat in comparing.threats(summaries)}
    if len(found) < 2:
        return next(iter(found.values()), None)
    picked = st.selectbox(
        "Threat", list(found), key="threat", bind="query-params", width=260, help="Figures of unlike threats are never averaged"
    )
    return found.get(picked, next(iter(found.values())))


def accuracy(chosen: Sequence[Entry], summaries: Sequence[Summary], threat: Threat | None, ranked: bool) -> None:
    """Dots per attack with intervals, curves where there are several radii, and the table of accuracies."""
    sets, dark = [entry.contestant for entry in chosen], state.is_dark()
    keys = tabulating.keys_of(summaries, threat)
    names = tabulating.labels_of(summaries, keys)
    found = {
        c.name: [comparing.figure(s["clean"]), *(comparing.figure(s["attempts"].get(key)) for key in keys),
                 comparing.worst_image(c, comparing.group_of(s, threat))]
        for c, s in zip(sets, summaries, strict=True)
    }  # fmt: skip
    heads = ["Clean", *names.values(), "All attacks, per image"]
    if all(row[-1] is None for row in found.values()):
        heads, found = heads[:-1], {name: row[:-1] for name, row in found.items()}
    statement = comparing.statement(sets, summaries, threat, ranked=ranked)
    if any(f for row in found.values() for f in row):
        chart(charts.accuracy_profile(heads, found, statement=statement, dark=dark), "profile")
    sweeps = tabulating.sweeps(sets, summaries)
    for start in range(0, len(sweeps), 2):
        for column, sweep in zip(st.columns(2, gap="medium"), sweeps[start : start + 2], strict=False):
            with column:
                order = [c.name for c in sets]
                chart(charts.accuracy_sweep(sweep, order, dark=dark), f"sweep-{sweep.label}-{sweep.norm}-{start}")
    plain_table(tabulating.accuracy_table(sets, summaries, threat, ranked=ranked))


def ratios(chosen: Sequence[Entry], summaries: Sequence[Summary], threat: Threat | None) -> None:
    """RR, AE, CREI and their relatives with their definitions, and the sentences that say when not to trust them."""
    sets = [entry.contestant for entry in chosen]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Ratios from the literature")
        with st.popover("What do they mean?", icon=":material/help:"):
            for key, name in {"worst_image": "Worst case per image", "drop_rate": "Drop rate", **tabulating.RATIOS}.items():
                formula, meaning, source = DEFINITIONS[key]
                st.markdown(f"**{name}** = {words.plain(formula)}" + (f" ({words.plain(source)})" if source not in "-" else ""))
                st.caption(words.plain(meaning))
    st.caption("They compress clean and robust accuracy into one figure: read the accuracies above first.")
    plain_table(tabulating.ratio_table(sets, summaries, threat))
    for sentence in tabulating.cautions(sets, summaries, threat):
        st.caption(f":material/warning: {words.plain(sentence)}")
