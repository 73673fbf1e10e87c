"""What the address bar asks for and says: run, step, attack and selection are written here, the other keys by widgets
bound to it.

What is written here is one entry of the browser's history, so that Back goes one view back; a bound widget replaces its
entry.

The run is named even when it is the newest, because the newest changes; the attack by its key (``?attack=autoattack``),
because
its name on screen depends on the options. A link with a name on screen works too.
"""

from collections.abc import Mapping

import streamlit as st

from app import attempts, words

LINKED = ("run", "step", "evaluation", "attack", "class", "scorer", "sample")


def route(name: str) -> str:
    """The address of ``/api/NAME``, below the base path of the app."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' if base else ''}{base}/api/{name}"


def fallback_notes(asked: Mapping[str, str], offered: Mapping[str, list[str]], shown: Mapping[str, str]) -> list[str]:
    """One plain sentence for each value `asked` by a link that is not `offered`, naming what is `shown` instead."""
    kinds = {
        "run": "run",
        "step": "recorded step",
        "evaluation": "evaluation",
        "attack": "attack",
        "class": "class",
        "scorer": "scorer",
        "sample": "image",
    }
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


def place_sample() -> None:
    """Take a number too long for an image out of the address and begin anew: the field reads the address itself and
    fails at it."""
    asked = st.query_params.get("sample", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        del st.query_params["sample"]
        st.rerun()


def newly(key: str) -> str | None:
    """What the address says under `key` and did not before: a link, the browser's Back. None when it says nothing
    new."""
    text = st.query_params.get(key)
    return None if text == _said().get(key) else text


def unnamed(key: str) -> bool:
    """Whether a whole address, one that names its run, leaves out `key` that it named before. Another page begins with
    less."""
    return "run" in st.query_params and key not in st.query_params and bool(_said().get(key))


def _said() -> dict[str, str]:
    """What was last written into the address."""
    return st.session_state.setdefault("addressed", {})


def address(**shown: str | None) -> None:
    """Name what is shown, all at once, so that it is one entry of the history; None leaves what stands there, '' names
    nothing."""
    wanted = {key: text for key, text in shown.items() if text is not None or key not in st.query_params}
    fresh = {key: text for key, text in wanted.items() if text and st.query_params.get(key) != text}
    if fresh:
        st.query_params.update(fresh)
    for key in [key for key, text in wanted.items() if not text and key in st.query_params]:
        del st.query_params[key]
    _said().update({key: st.query_params.get(key, "") for key in shown})


def place_run(names: Mapping[str, str], first: str) -> None:
    """Set the run before its box is drawn: one newly named by the address (a link, the browser's Back), else the one
    shown, else `first`, which is said.

    `names`: what stands for each run, and how it is called.
    """
    asked, shown = newly("run"), st.session_state.get("run")
    if asked in names:
        st.session_state["run"] = shown = asked
    if shown not in (None, *names) and shown == _said().get("run"):
        said = (
            f"The run shown before is not in the store any more, deleted or moved: showing {words.plain(names[first])}."
        )
        st.session_state["notes"] = [said]
    st.session_state["run"] = shown if shown in names else first


def place_attack(called: Mapping[str, str]) -> str:
    """The attack to show: one newly asked for by the address, else the one chosen before, else PGD."""
    asked = newly("attack")
    named = attempts.asked_for(asked, called) if asked else None
    wanted = named or st.session_state.get("attacked")
    shown = str(wanted) if wanted in called else attempts.preferred(called)
    st.session_state["attacked"] = shown
    return shown


def attack_chosen() -> None:
    """Another attack was chosen."""
    st.session_state["attacked"] = st.session_state["attack"]
