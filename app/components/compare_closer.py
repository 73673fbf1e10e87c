"""The second half of the Compare page: classes, margins, transfer, settings, published figures, export. One is shown at
a time."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from app import charts, contestants, guard, jobs, state, views, words
from app.components import shell
from app.components.compare_checks import child_at_work, one_of
from app.components.controls import tell
from app.components.figures import chart, plain_table
from app.contestants import Entry
from c2r.errors import InputError
from c2r.evaluation import accuracies, curves, exports, literature, tables
from c2r.evaluation.accuracies import Line
from c2r.evaluation.contestant import data_hash
from c2r.evaluation.digest import Threat, attempt
from c2r.evaluation.transfertable import transfer_of, transfer_table
from c2r.report import report
from c2r.store import runs
from c2r.store.files import read_json

Chosen = Sequence[Entry]
Draw = Callable[[Chosen, Threat | None], None]
LINES = 30  # of a published table that are shown without scrolling
NO_TEST = (
    "The outcomes of single test images are not stored: this evaluation is older than that. Evaluate the set again to"
    " see them."
)


def show(chosen: Chosen, threat: Threat | None) -> None:
    """A row of buttons, kept in the address, and the one view that is chosen."""
    picked = st.segmented_control(
        "Look closer", list(VIEWS), default="Classes", required=True, key="closer", bind="query-params"
    )
    VIEWS.get(picked, classes)(chosen, threat)


def _with_test(chosen: Chosen) -> list[Entry]:
    stored = [entry for entry in chosen if entry.contestant.correct and "labels" in entry.contestant.test]
    for entry in chosen:
        if entry not in stored:
            st.caption(f":material/info: {words.plain(entry.name)}: {NO_TEST}")
    return stored


def classes(chosen: Chosen, threat: Threat | None) -> None:
    """Heat map class × attack of one set."""
    stored = _with_test(chosen)
    if not stored:
        return
    contestant = one_of(stored, "class-set").contestant
    lines = [line for line in accuracies.lines([contestant], threat) if line.of]
    names = {attempt(contestant.digest, line.of)[0]: line.name for line in lines if line.of}
    names = {key: name for key, name in names.items() if key in contestant.correct}
    called = [str(name) for name in contestant.manifest.get("classes") or ()]
    count = max(len(called), int(contestant.test["labels"].max()) + 1)
    called += [f"class {k}" for k in range(len(called), count)]
    accuracy, images = curves.by_class(contestant, list(names), count)
    attacks = list(names.values())
    figure = charts.class_heatmap(
        accuracy, images, classes=called, attacks=attacks, name=contestant.name, dark=state.is_dark()
    )
    chart(figure, "class-heatmap", lambda: tables.class_table(accuracy, images, called, attacks))


def margins(chosen: Chosen, threat: Threat | None) -> None:
    """Cumulative margins of all sets, clean and under one attack."""
    stored = [entry for entry in _with_test(chosen) if entry.contestant.margin]
    sets = [entry.contestant for entry in chosen]
    attacked = {line.name: line for line in accuracies.lines(sets, threat) if line.of and line.of.norm}
    of_attacks = {name: margins for name, line in attacked.items() if (margins := _margins(line, stored))}
    names = list(of_attacks)
    if not names:
        if stored:
            st.caption("No attack of this threat stored margins.")
        return
    first = next((i for i, name in enumerate(names) if _is_pgd(attacked[name])), 0)
    picked = st.selectbox("Attack", names, index=first, key="margin-attack", width=260)
    picked = picked if picked in names else names[0]
    drawn = {
        name: (None if clean is None else curves.cumulative(clean), curves.cumulative(margins))
        for name, (clean, margins) in of_attacks[picked].items()
    }
    n = max(margins.shape[1] for _, margins in of_attacks[picked].values())
    order = [entry.name for entry in chosen]
    chart(charts.margin_cumulative(drawn, order, attack=picked, n=n, dark=state.is_dark()), "margin-cdf")
    st.caption(
        "Measured by the evaluation networks of each set, on test images. The margin is measured at the point the"
        " attack found: a stronger attack can only push a curve to the left. An image leaves as soon as it is fooled:"
        " left of 0, only the share counts."
    )


def _is_pgd(line: Line) -> bool:
    return line.of is not None and line.of.attack == "pgd"


def _margins(line: Line, stored: Chosen) -> dict[str, tuple[np.ndarray | None, np.ndarray]]:
    """Name → clean margins (None when not stored) and those under the attack of a line, of the sets that have them."""
    margins = {}
    for contestant in (entry.contestant for entry in stored):
        key = attempt(contestant.digest, line.of)[0] if line.of else ""
        if key in contestant.margin:
            margins[contestant.name] = contestant.margin.get("clean"), contestant.margin[key]
    return margins


def transfer(chosen: Chosen, _threat: Threat | None) -> None:
    """The transfer matrix when it was computed, else the button that computes it, or how that goes."""
    if len(chosen) < 2:
        st.caption(
            "Transfer needs two sets: images are attacked on the networks of one and classified by those of the other."
        )
        return
    ordered = contestants.in_file_order(chosen)
    file = contestants.transfer_file(runs.default_store(), [entry.offer for entry in ordered])
    if child_at_work("transfer", file):
        return
    if file.exists():
        _matrix(file, ordered)
    reason = _no_transfer(ordered)
    st.caption(
        "PGD on the networks of each set (rows), tried on those of every set (columns). It takes a minute or two."
    )
    st.button(
        "Compute again" if file.exists() else "Compute transfer matrix",
        icon=":material/play_arrow:",
        key="start-transfer",
        disabled=bool(reason),
        on_click=tell,
        args=(lambda: jobs.transfer([entry.offer.folder for entry in ordered], file), "Started."),
    )
    if reason:
        st.caption(words.plain(f"Not now: {reason}."))


def _no_transfer(ordered: Chosen) -> str:
    """Why no transfer matrix can be computed, '' when it can."""
    if guard.read_only():
        return guard.why_not()
    missing = [entry.name for entry in ordered if not (entry.offer.folder / "networks").is_dir()]
    if missing:
        return f"the evaluation networks are not stored for {', '.join(missing)}; evaluate again to keep them"
    hashes = {data_hash(entry.contestant) for entry in ordered}
    return "the sets were evaluated on different data" if len(hashes) > 1 else ""


def _matrix(file: Path, ordered: Sequence[Entry]) -> None:
    names = [entry.name for entry in ordered]
    try:
        stored = read_json(file)
        matrix = transfer_of(stored, names)
    except InputError as error:
        shell.problem(error)
        return
    figure = charts.transfer_heatmap(
        matrix.accuracy,
        names,
        attack=str(stored.get("attack", "pgd")).upper(),
        eps=str(stored.get("eps", "")),
        n=int(stored.get("n", 0)),
        dark=state.is_dark(),
    )
    chart(figure, "transfer-heatmap", lambda: transfer_table(matrix, names))


def settings(chosen: Chosen, _threat: Threat | None) -> None:
    """The settings that are not the same for all."""
    table = tables.settings_that_differ([entry.contestant for entry in chosen], words.place)
    if len(chosen) < 2 or not table["Setting"]:
        st.caption("Nothing differs between one set and itself." if len(chosen) < 2 else "All settings are the same.")
        return
    count = len(table["Setting"])
    st.caption(
        f"{count} settings or facts differ; all others are the same."
        if count > 1
        else "One setting differs; all others are the same."
    )
    plain_table(table)


def published(_chosen: Chosen, _threat: Threat | None) -> None:
    """One published table beside ours: its protocol and its faults first, faulty cells marked."""
    st.caption(
        "Published figures as printed. They rest on other networks, data copies and attacks, so they are never ranked"
        " with ours."
    )
    titles = {name: literature.about(name)["title"] for name in literature.tables()}
    name = st.selectbox(
        "Table", list(titles), format_func=lambda name: titles.get(name, name), key="published", bind="query-params"
    )
    name = name if name in titles else next(iter(titles))
    about = literature.about(name)
    st.markdown(f"**Protocol:** {words.plain(about['protocol'])}")
    faults = "".join(f"\n- {words.plain(fault)}" for fault in about["faults"])
    if faults:
        st.warning(f"**Known faults of this table**\n{faults}", icon=":material/warning:")
    table, notes = literature.as_columns(name)
    few = len(table["Method"]) <= LINES
    st.dataframe(
        table,
        hide_index=True,
        height="content" if few else "auto",
        key=f"published-{name}",
        alt=f"Published figures: {titles[name]}",
    )
    st.caption(words.plain(f"Source: {about['source']}. {literature.EVIDENCE[about['evidence']]} In percent."))
    if notes:
        st.caption(
            "† marks cells with a known fault of their own:\n" + "".join(f"\n- {words.plain(note)}" for note in notes)
        )


def export(chosen: Chosen, threat: Threat | None) -> None:
    """All rows as CSV, everything on the page as JSON, and the report where there is one."""
    sets = [entry.contestant for entry in chosen]
    rows = exports.exported_rows(sets)
    count = len(next(iter(rows.values()), []))
    st.caption(
        f"{count} rows: one per network and attempt of each set. The JSON adds summaries, settings, origin, and why"
        " sets may not be ranked."
    )
    with st.container(horizontal=True):
        st.download_button(
            "Rows as CSV",
            lambda: views.to_csv(rows),
            "comparison.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        text = lambda: exports.exported(sets, threat)  # noqa: E731
        st.download_button(
            "Everything as JSON",
            text,
            "comparison.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        folders = [entry.offer.folder for entry in chosen]
        st.download_button(
            "HTML report",
            lambda: report(folders),
            "comparison.html",
            "text/html",
            icon=":material/download:",
            on_click="ignore",
        )
    st.caption("The report is one file with pictures and charts that fetches nothing; it does not rank either.")


VIEWS: dict[str, Draw] = {
    "Classes": classes,
    "Margins": margins,
    "Transfer": transfer,
    "Settings": settings,
    "Published figures": published,
    "Export": export,
}
