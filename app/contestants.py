"""Which evaluations are compared: those that can be, those a link or a person chose, and what their folders hold.

A token names one in the address: a run's name stands for its headline evaluation, ``run/evaluation`` for another one. A
token is compared with what the store offers and never joined to a path.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from app import cache, state, words
from c2r.errors import InputError
from c2r.evaluation import badges
from c2r.evaluation.attempts import usable
from c2r.evaluation.badges import Badge
from c2r.evaluation.contestant import Contestant
from c2r.store import describing, runs
from c2r.store.results import evaluation_facts
from c2r.store.runs import Run

MOST = 6
OWN = "own"  # of a run whose headline is another evaluation
DEFAULT = 4
DATE = re.compile(r"^\d{8}-\d{4}-\d{2}-")


@dataclass(frozen=True)
class Offer:
    """A finished evaluation that can be compared: of which run, and in which folder its results lie."""

    token: str
    run: Run
    folder: Path


@dataclass(frozen=True)
class Entry:
    """A chosen evaluation with all that is read of it. problems: sentences about files that could not be read."""

    offer: Offer
    contestant: Contestant
    checks: list[Badge] = field(default_factory=list)
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.contestant.name


def offers(stored: Sequence[Run]) -> dict[str, Offer]:
    """Every evaluation of these runs that holds results, by token, in the order of the runs, a run's headline first."""
    offered = {}
    for run in stored:
        folders, usual = state.Results({}, None) if run.problem else state.result_folders(run)
        for folder in folders.values():
            if cache.own_rows(folder):
                token = state.run_name(run) + (
                    "" if folder == usual else f"/{OWN if folder == run.path else folder.name}"
                )
                offered[token] = Offer(token, run, folder)
    return offered


def names_of(offered: Mapping[str, Offer]) -> dict[str, str]:
    """Token → what a set is called in a chart: under the name that its run has on every page."""
    return short_names(
        list(offered), state.spoken_names(list({offer.run.path: offer.run for offer in offered.values()}.values()))
    )


def short_names(tokens: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Token → a name short enough for a chart: without date and time, unless two would then be the same.

    `given`: run → what it is called, '' for none.
    """
    called = {
        token: "/".join([(given or {}).get(run) or run, *rest]) for token in tokens for run, *rest in [token.split("/")]
    }
    plain = {token: "/".join(DATE.sub("", part) for part in name.split("/")) for token, name in called.items()}
    same = [short for short in plain.values() if list(plain.values()).count(short) > 1]
    return {
        token: short if short not in same or short == token else f"{short} {_when(token) or token}"
        for token, short in plain.items()
    }


def _when(token: str) -> str:
    """Day and time of the last dated part of a token: ``20-0937-12``; '' without one."""
    dated = [part for part in token.split("/") if DATE.match(part)]
    return dated[-1][6:16] if dated else ""


def chosen(offered: Mapping[str, Offer], current: Run | None) -> tuple[list[str], list[str]]:
    """The tokens to show and the notes about those that a link asked for in vain. The address wins when it is new."""
    asked = st.query_params.get("runs")
    if asked is not None and asked != st.session_state.get("addressed-runs"):
        tokens = list(dict.fromkeys(filter(None, asked.split(","))))
        st.session_state["compared"] = [token for token in tokens if token in offered][:MOST] or None
        st.session_state["compared-notes"] = link_notes(tokens, offered)
    wanted = st.session_state.get("compared")
    kept = [token for token in wanted or [] if token in offered]
    notes = list(st.session_state.get("compared-notes", []))
    if kept or wanted == []:
        return kept, notes
    usual = default(offered, current)
    if notes and usual:
        notes.append(f"Shown instead, as without a link: {words.plain(', '.join(usual))}.")
    return usual, notes


def link_notes(tokens: Sequence[str], offered: Mapping[str, Offer]) -> list[str]:
    """One sentence for each token of a link that is not offered, and one when there are too many."""
    notes = [
        f"The link asks to compare '{words.plain(token)}', which is not here or has no finished evaluation."
        for token in tokens
        if token not in offered
    ]
    many = sum(token in offered for token in tokens)
    return notes + ([f"The link asks for {many} sets; the first {MOST} are shown."] if many > MOST else [])


def default(offered: Mapping[str, Offer], current: Run | None) -> list[str]:
    """The current run and the newest others on the same data, each with its headline evaluation; the recorded sample
    only when it is current."""
    newest = {token: offer for token, offer in offered.items() if "/" not in token}
    mine = next(
        (token for token, offer in newest.items() if current is not None and offer.run.path == current.path), None
    )
    data = (current.manifest.get("data") or {}).get("hash") if current is not None else None
    others = {token: offer for token, offer in newest.items() if token != mine and not state.is_sample(offer.run.path)}
    same = [token for token, offer in others.items() if (offer.run.manifest.get("data") or {}).get("hash") == data]
    return [*([mine] if mine else []), *same][:DEFAULT]


def make_headline(offer: Offer) -> None:
    """Let this evaluation stand for its run; the same evaluations stay compared, under the tokens they have then.
    Raises InputError."""
    before = [
        shown.folder
        for token, shown in offers(state.all_runs()).items()
        if token in st.session_state.get("contestants", [])
    ]
    describing.describe(offer.run.path, headline="" if offer.folder == offer.run.path else offer.folder.name)
    now = {after.folder: token for token, after in offers(state.all_runs()).items()}
    choose([now[folder] for folder in before if folder in now])


def choose(tokens: Sequence[str]) -> None:
    """Compare these from now on."""
    st.session_state["compared"] = list(tokens)
    st.session_state.pop("compared-notes", None)


def address(tokens: Sequence[str]) -> None:
    """Name the compared sets in the address, so that a link shows the same ones."""
    text = ",".join(tokens)
    if st.query_params.get("runs", "") != text:
        st.query_params["runs"] = text
    st.session_state["addressed-runs"] = text


def entries(offered: Sequence[Offer]) -> list[Entry]:
    """The chosen evaluations with everything that can be read of them."""
    names = names_of({offer.token: offer for offer in offered})
    return [_entry(offer, names[offer.token]) for offer in offered]


def _entry(offer: Offer, name: str) -> Entry:
    problems: list[str] = []
    settings, manifest, facts, checks, test = offer.run.config, offer.run.manifest, {}, [], {}
    if offer.folder != offer.run.path:
        own = runs.open_run(offer.folder)
        settings, manifest = own.config or settings, own.manifest or manifest
    try:
        facts = evaluation_facts(offer.folder)
        checks = badges.read(offer.folder)
    except InputError as error:
        problems.append(str(error))
    try:
        test = dict(cache.arrays(offer.folder, "test") or {})
    except InputError as error:
        problems.append(str(error))
    rows = usable(cache.own_rows(offer.folder), "key", "seed")
    contestant = Contestant(name, rows, settings, manifest, facts, test)
    return Entry(offer, contestant, checks, tuple(problems))


def transfer_file(store: Path, chosen: Sequence[Offer]) -> Path:
    """Where the transfer matrix of these evaluations lies, in whatever order they were chosen."""
    ids = ",".join(sorted(_id(offer) for offer in chosen))
    return store / ".compare" / f"{hashlib.sha256(ids.encode()).hexdigest()[:16]}.json"


def in_file_order(chosen: Sequence[Entry]) -> list[Entry]:
    """The order in which a transfer matrix holds these sets: by run and folder."""
    return sorted(chosen, key=lambda entry: _id(entry.offer))


def _id(offer: Offer) -> str:
    return f"{offer.run.id}/{offer.folder.name}"
