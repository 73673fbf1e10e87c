"""The first half of the Compare page: who is compared, whether figures may be ranked, accuracies and metrics."""

from collections.abc import Sequence

import streamlit as st

from app import accuracies, charts, comparing, contestants, guard, jobs, ranking, state, tabulating, words
from app.accuracies import Summary
from app.comparing import Threat
from app.components import shell
from app.components.controls import tell
from app.components.figures import chart, plain_table
from app.contestants import Entry
from c2r.config import RunConfig
from c2r.errors import InputError
from c2r.evaluation.metrics import DEFINITIONS
from c2r.registry import METHODS
from c2r.store import runs
from c2r.store.runs import Run


def choose(view: state.View) -> list[Entry]:
    """The box that holds the compared sets, the notes about a link, and what can be read of each; [] when nothing is
    evaluated.

    When all were taken out, the page says so and stops.
    """
    found = state.all_runs()
    offered = contestants.offers(found)
    tokens, notes = contestants.chosen(offered, view.run)
    names = contestants.names_of(offered)
    st.session_state["contestants"] = tokens
    picked = st.multiselect(
        "Sets to compare",
        list(offered),
        key="contestants",
        format_func=lambda token: names.get(token, token),
        max_selections=contestants.MOST,
        on_change=lambda: contestants.choose(st.session_state["contestants"]),
        placeholder="Choose 2 to 6 evaluated sets",
        help=(
            "Runs, imported sets and baselines with a finished evaluation, newest first; other evaluations of a run"
            " than its headline stand as run/evaluation"
        ),
    )
    for note in notes:
        st.caption(f":material/info: {note}")
    waiting = [
        words.plain(state.spoken_name(run))
        for run in found
        if not any(offer.run.path == run.path for offer in offered.values())
    ]
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
    st.info(
        "Nothing to compare yet: a set appears here once its evaluation is finished. Evaluate one from the gallery, or"
        " start a run."
    )
    with st.container(horizontal=True):
        shell.link("gallery", "Open gallery", "grid_view")
        shell.link("start", "Start a run", "play_arrow")
    baselines(view.run, None)


def alone(entry: Entry) -> None:
    """Said when there is a single set: what to put beside it."""
    st.info(
        "One set alone says little: choose a second one above, or start the baselines that every set should be read"
        " against."
    )
    baselines(entry.offer.run, entry)


def baselines(run: Run | None, entry: Entry | None) -> None:
    """Buttons that start the baselines of a set: the same settings with real images, all of them or as many as the set
    stores."""
    settings = entry.contestant.config if entry else run.config if run else None
    if run is None or settings is None or settings.method in contestants.BASELINES or guard.read_only():
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
                action = (
                    lambda s=wanted, p=preset: _start(s, p),
                    f"Started: {label}. It appears here when its evaluation is finished.",
                )
                st.button(
                    f"Start baseline: {label}",
                    icon=":material/play_arrow:",
                    key=f"baseline-{method}",
                    on_click=tell,
                    args=action,
                    help=(
                        f"{METHODS[method].sentence}. All other settings as in {words.plain(state.spoken_name(run))}."
                    ),
                )
            elif there.alive:
                st.caption(words.plain(f"{label}: {words.progress_text(there)}"))
            else:
                _offer_baseline(there, label)


def _start(settings: RunConfig, preset: str) -> None:
    jobs.start(settings, preset, runs.default_store() / runs.new_id(settings))


def _offer_baseline(run: Run, label: str) -> None:
    token, shown = state.run_name(run), st.session_state.get("contestants", [])
    if token not in shown and len(shown) < contestants.MOST:
        st.button(
            f"Add baseline: {label}",
            icon=":material/add:",
            key=f"add-{token}",
            on_click=contestants.choose,
            args=([*shown, token],),
        )


def verdict(chosen: Sequence[Entry], summaries: Sequence[Summary], threat: Threat | None) -> list[str] | None:
    """Say whether the sets may be ranked, and if not, why; returns the rank of each, None when they may not."""
    sets = [entry.contestant for entry in chosen]
    reasons = comparing.differences(sets, threat)
    if reasons:
        st.warning(
            "**Not ranked.** These figures must not be read as one being better than another:\n"
            + "".join(f"\n- {words.plain(sentence)}" for sentence in reasons),
            icon=":material/balance:",
        )
    else:
        ranks = ranking.ranks(sets, summaries, threat)
        st.success(words.plain(ranking.standing(sets, summaries, threat, ranks)), icon=":material/leaderboard:")
    for sentence in comparing.remarks(sets):
        st.caption(f":material/info: {words.plain(sentence)}")
    return None if reasons else ranking.places(sets, ranks)


def choose_threat(summaries: Sequence[Summary]) -> Threat | None:
    """The norm, radius and goal whose attempts are shown and averaged: the one most sets share unless another is
    chosen."""
    found = {threat.label: threat for threat in accuracies.threats(summaries)}
    if len(found) < 2:
        return next(iter(found.values()), None)
    picked = st.selectbox(
        "Threat",
        list(found),
        key="threat",
        bind="query-params",
        width=260,
        help="Figures of unlike threats are never averaged",
    )
    return found.get(picked, next(iter(found.values())))


def accuracy(
    chosen: Sequence[Entry], summaries: Sequence[Summary], threat: Threat | None, places: list[str] | None
) -> None:
    """Dots per attack with intervals, curves where there are several radii, and the table of accuracies."""
    sets, dark = [entry.contestant for entry in chosen], state.is_dark()
    shown = accuracies.lines(summaries, threat)
    found = {
        c.name: [accuracies.figure_of(line, c, s, threat) for line in shown]
        for c, s in zip(sets, summaries, strict=True)
    }
    kept = [i for i, line in enumerate(shown) if line.of or any(row[i] for row in found.values())]
    found = {name: [row[i] for i in kept] for name, row in found.items()}
    statement = accuracies.statement(sets, summaries, threat, ranked=places is not None)
    if any(f for row in found.values() for f in row):
        heads = [shown[i].name for i in kept]
        chart(charts.accuracy_profile(heads, found, statement=statement, dark=dark), "profile", legend_above=True)
    sweeps = tabulating.sweeps(sets, summaries)
    for start in range(0, len(sweeps), 2):
        for column, sweep in zip(st.columns(2, gap="medium"), sweeps[start : start + 2], strict=False):
            with column:
                order = [c.name for c in sets]
                chart(charts.accuracy_sweep(sweep, order, dark=dark), f"sweep-{sweep.label}-{sweep.norm}-{start}")
    if threat:
        st.caption(words.plain(f"Mean over networks ± standard deviation, in percent; attacks at {threat.label}."))
    plain_table(accuracies.accuracy_table(sets, summaries, threat, places))


def paired(chosen: Sequence[Entry], summaries: Sequence[Summary], threat: Threat | None) -> None:
    """Each set minus one of them, image by image: dots with intervals, the table with verdicts, and what the figures
    rest on."""
    names = [entry.name for entry in chosen]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Paired differences")
        text = (
            "Both saw the same test images, so the difference is taken image by image and its interval is much narrower"
        )
        picked = st.selectbox("Difference to", names, key="reference", width=320, help=text)
    reference = picked if picked in names else names[0]
    found = ranking.differences([entry.contestant for entry in chosen], summaries, threat, reference)
    if ranking.any_known(found):
        chart(charts.paired_dots(found, reference, names, dark=state.is_dark()), "paired", legend_above=True)
    plain_table(ranking.difference_table(found, reference))
    for sentence in ranking.basis(found):
        st.caption(words.plain(sentence))


def ratios(chosen: Sequence[Entry], summaries: Sequence[Summary], threat: Threat | None) -> None:
    """RR, AE, CREI and their relatives with their definitions, and the sentences that say when not to trust them."""
    sets = [entry.contestant for entry in chosen]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Ratios from the literature")
        with st.popover("What do they mean?", icon=":material/help:"):
            for key, name in {
                "worst_image": "Worst case per image",
                "drop_rate": "Drop rate",
                **tabulating.RATIOS,
            }.items():
                formula, meaning, source = DEFINITIONS[key]
                st.markdown(
                    f"**{name}** = {words.plain(formula)}" + (f" ({words.plain(source)})" if source not in "-" else "")
                )
                st.caption(words.plain(meaning))
    st.caption("They compress clean and robust accuracy into one figure: read the accuracies above first.")
    plain_table(tabulating.ratio_table(sets, summaries, threat))
    for sentence in tabulating.cautions(sets, summaries, threat):
        st.caption(f":material/warning: {words.plain(sentence)}")
