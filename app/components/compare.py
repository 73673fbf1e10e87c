"""The first half of the Compare page: who is compared, whether figures may be ranked, accuracies and metrics."""

from collections.abc import Sequence

import streamlit as st

from app import charts, contestants, guard, jobs, state, terms, words
from app.components import shell
from app.components.controls import tell
from app.components.figures import chart, plain_table
from app.contestants import Entry
from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.evaluation import accuracies, comparability, curves, digest, ranking, tables
from c2r.evaluation.baselines import baseline_methods, baseline_run, baseline_settings
from c2r.evaluation.digest import Threat
from c2r.evaluation.metrics import DEFINITIONS, NAMES, RATIOS
from c2r.registry import METHODS
from c2r.store import runs
from c2r.store.runs import Run


def choose(view: state.View) -> list[Entry]:
    """The box that holds the compared sets, the notes about a link, and what can be read of each; [] when nothing is
    evaluated.

    When all were taken out, the page says so and stops.
    """
    stored = state.all_runs()
    offered = contestants.offers(stored)
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
        for run in stored
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


def readable(chosen: Sequence[Entry]) -> None:
    """Say which of the chosen sets have rows that no digest can be made of, and stop the page when there are any."""
    damaged = 0
    for entry in chosen:
        try:
            _ = entry.contestant.digest
        except InputError as error:
            shell.problem(f"{entry.name}: {error}")
            damaged += 1
    if damaged:
        st.stop()


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
    if run is None or settings is None or settings.method in baseline_methods() or guard.read_only():
        return
    stored = state.all_runs()
    with st.container(horizontal=True, vertical_alignment="center"):
        for method in baseline_methods():
            try:
                wanted = baseline_settings(settings, method)
            except InputError as error:
                shell.problem(error)
                continue
            there = baseline_run(wanted, stored)
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


def verdict(chosen: Sequence[Entry], threat: Threat | None) -> list[str] | None:
    """Say whether the sets may be ranked, and if not, why; returns the rank of each, None when they may not."""
    sets = [entry.contestant for entry in chosen]
    reasons = comparability.differences(sets, threat)
    if reasons:
        st.warning(
            "**Not ranked.** These figures must not be read as one being better than another:\n"
            + "".join(f"\n- {words.plain(sentence)}" for sentence in reasons),
            icon=":material/balance:",
        )
    else:
        ranks = ranking.ranks(sets, threat)
        st.success(words.plain(ranking.standing(sets, threat, ranks)), icon=":material/leaderboard:")
    for sentence in comparability.remarks(sets):
        st.caption(f":material/info: {words.plain(sentence)}")
    return None if reasons else ranking.places(sets, ranks)


def choose_threat(chosen: Sequence[Entry]) -> Threat | None:
    """The norm, radius and goal whose attempts are shown and averaged: the one most sets share unless another is
    chosen."""
    threats = {threat.label: threat for threat in digest.threats(entry.contestant.digest for entry in chosen)}
    if len(threats) < 2:
        return next(iter(threats.values()), None)
    picked = st.selectbox(
        "Threat",
        list(threats),
        key="threat",
        bind="query-params",
        width=260,
        help="Figures of unlike threats are never averaged",
    )
    return threats.get(picked, next(iter(threats.values())))


def accuracy(chosen: Sequence[Entry], threat: Threat | None, places: list[str] | None) -> None:
    """Dots per attack with intervals, curves where there are several radii, and the table of accuracies."""
    sets, dark = [entry.contestant for entry in chosen], state.is_dark()
    profile = accuracies.profile(sets, threat)
    statement = accuracies.statement(sets, threat, ranked=places is not None)
    if any(accuracy for row in profile.of_sets.values() for accuracy in row):
        figure = charts.accuracy_profile(profile.heads, profile.of_sets, statement=statement, dark=dark)
        chart(figure, "profile", legend_above=True)
    sweeps = curves.sweeps(sets)
    for start in range(0, len(sweeps), 2):
        for column, sweep in zip(st.columns(2, gap="medium"), sweeps[start : start + 2], strict=False):
            with column:
                order = [c.name for c in sets]
                chart(charts.accuracy_sweep(sweep, order, dark=dark), f"sweep-{sweep.label}-{sweep.norm}-{start}")
    if threat:
        st.caption(terms.linked(f"Mean over networks ± standard deviation, in percent; attacks at {threat.label}."))
    plain_table(tables.accuracy_table(sets, threat, places))


def paired(chosen: Sequence[Entry], threat: Threat | None) -> None:
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
    differences = ranking.differences([entry.contestant for entry in chosen], threat, reference)
    if ranking.any_known(differences):
        figure = charts.paired_dots(differences, reference, names, dark=state.is_dark())
        chart(figure, "paired", legend_above=True)
    plain_table(tables.difference_table(differences, reference))
    for sentence in ranking.basis(differences):
        st.caption(words.plain(sentence))


def ratios(chosen: Sequence[Entry], threat: Threat | None) -> None:
    """RR, AE, CREI and their relatives with their definitions, and the sentences that say when not to trust them."""
    sets = [entry.contestant for entry in chosen]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Ratios from the literature")
        with st.popover("What do they mean?", icon=":material/help:"):
            for name in ("worst_image", "drop_rate", *RATIOS):
                formula, meaning, source = DEFINITIONS[name]
                st.markdown(
                    f"**{NAMES[name]}** = {words.plain(formula)}"
                    + (f" ({words.plain(source)})" if source not in "-" else "")
                )
                st.caption(terms.linked(meaning))
    st.caption("They compress clean and robust accuracy into one figure: read the accuracies above first.")
    plain_table(tables.ratio_table(sets, threat))
    for sentence in tables.cautions(sets, threat):
        st.caption(f":material/warning: {words.plain(sentence)}")
