"""What the address bar asks for and says: run and attack are written here, the other keys of `LINKED` by widgets bound to it.

The run is named even when it is the newest, because the newest changes; the attack by its key (``?attack=autoattack``), because
its name on screen depends on the options. A link with a name on screen works too.
"""

from collections.abc import Mapping, Sequence

import streamlit as st

from app import attempts, views, words

LINKED = ("run", "step", "follow", "evaluation", "attack", "class", "sample")


def fallback_notes(asked: Mapping[str, str], offered: Mapping[str, list[str]], shown: Mapping[str, str]) -> list[str]:
    """One plain sentence for each value `asked` by a link that is not `offered`, naming what is `shown` instead."""
    kinds = {
        "run": "run", "step": "recorded step", "evaluation": "evaluation", "attack": "attack", "class": "class", "sample": "image",
    }  # fmt: skip
    return [
        f"The link asks for {word} '{words.plain(asked[key])}', which is not here: showing {words.plain(shown[key])}."
        for key, word in kinds.items()
        if key in asked and key in offered and asked[key] not in offered[key]
    ]


def link_values() -> dict[str, str]:
    """What the link that opened this session asked for; {} from the second run of the script on."""
    if "opened" in st.session_state:
        return st.session_state.pop("asked", {})
    st.session_state["opened"] = True
    return {key: str(st.query_params[key]) for key in LINKED if key in st.query_params}


def link_notes(asked: Mapping[str, str], offered: Mapping[str, list[str]], shown: Mapping[str, str]) -> list[str]:
    """The notes about the link that opened this session, kept until another run or step is chosen."""
    if asked:
        st.session_state["notes"] = fallback_notes(asked, offered, shown)
    return st.session_state.get("notes", [])


def whole(text: str | None) -> int | None:
    """The whole number that a text of the address is, None for any other text."""
    try:
        return int(text or "")
    except ValueError:
        return None


def place_step(asked: Mapping[str, str], steps: Sequence[int]) -> None:
    """Name the nearest recorded step in the address where the link asks for another one, and begin anew: the slider would take it out,
    and an address that names no step means the first one after a reload.
    """
    text = st.query_params.get("step")
    wanted = whole(text)
    if asked.get("step") == text and wanted is not None and steps and wanted not in steps:
        st.query_params["step"] = str(views.nearest(steps, wanted))
        st.session_state["asked"] = dict(asked)
        st.rerun()


def place_sample() -> None:
    """Take a number too long for an image out of the address and begin anew: the field reads the address itself and fails at it."""
    asked = st.query_params.get("sample", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        del st.query_params["sample"]
        st.rerun()


def place_run(names: Mapping[str, str], first: str) -> None:
    """Set the run before its box is drawn: one newly named by the address (a link, the browser's Back), else the one shown, else `first`, which is said.

    `names`: what stands for each run, and how it is called.
    """
    asked = st.query_params.get("run")
    if asked in names and asked != st.session_state.get("addressed"):
        st.session_state["run"] = asked
    shown = st.session_state.get("run")
    if shown not in (None, *names) and shown == st.session_state.get("addressed"):
        said = f"The run shown before is not in the store any more, deleted or moved: showing {words.plain(names[first])}."
        st.session_state["notes"] = [said]
    st.session_state["run"] = shown if shown in names else first


def address_run(name: str) -> None:
    """Name the shown run in the address, so that a reload or a shared link shows the same one."""
    if st.query_params.get("run") != name:
        st.query_params["run"] = name
    st.session_state["addressed"] = name


def place_attack(called: Mapping[str, str]) -> None:
    """Set the attack before its control is drawn: one newly asked for by the address, else the one shown, else PGD."""
    asked = st.query_params.get("attack")
    key = attempts.asked_for(asked, called) if asked and asked != st.session_state.get("addressed-attack") else None
    shown = st.session_state.get("attack")
    st.session_state["attack"] = key or (shown if shown in called else attempts.preferred(called))


def address_attack(key: str) -> None:
    """Name the shown attack in the address, unless it is PGD, which is shown anyway."""
    if st.query_params.get("attack", "pgd") != key:
        st.query_params["attack"] = key
    st.session_state["addressed-attack"] = key
