"""Who may use the app for what: loopback only by default; a launch password or a read-only mode for a class.

Both come from the environment of the server: ``C2R_PASSWORD`` and ``C2R_READ_ONLY=1``.
"""

import hmac
import ipaddress
import os
import sys
from functools import cache

import streamlit as st

from c2r.errors import InputError

PASSWORD, READ_ONLY = "C2R_PASSWORD", "C2R_READ_ONLY"


def read_only() -> bool:
    """Whether this server only shows what is there."""
    return os.environ.get(READ_ONLY, "").strip().lower() in ("1", "true", "yes", "on")


def why_not() -> str:
    """Why nothing can be started, commanded or written here, as the end of a sentence; '' where it can."""
    return "this app only shows (read-only mode)" if read_only() else ""


def refuse_changes() -> None:
    """Raise InputError on a server that only shows: called by everything that starts, commands or writes."""
    if read_only():
        raise InputError(f"This app is in read-only mode ({READ_ONLY}=1): expected looking, not changing; ask whoever started it.")


def loopback(address: str) -> bool:
    """Whether only this machine can reach a server at this address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def address_problem(address: str | None) -> str:
    """Why a server at this address must not serve, '' when it may. No address means every one, as for Streamlit."""
    if loopback(address or "0.0.0.0") or read_only() or os.environ.get(PASSWORD):
        return ""
    return (
        f"This app listens on {address or 'every address'}, where others could start runs on this machine: expected 127.0.0.1, or {PASSWORD} "
        f"or {READ_ONLY}=1 in its environment; start it again with one of them."
    )


def admit() -> bool:
    """Draw what stands between a visitor and the pages, if anything; True lets the page be drawn."""
    if problem := address_problem(st.get_option("server.address")):
        _say(problem)
        st.error(problem, icon=":material/lock:")
        return False
    wanted = os.environ.get(PASSWORD, "")
    if not wanted or st.session_state.get("admitted"):
        return True
    st.title("C2R")
    given = st.text_input("Password", type="password", key="password", help="Whoever started this app knows it")
    if given and hmac.compare_digest(given.encode(), wanted.encode()):
        st.session_state["admitted"] = True
        st.rerun()
    if given:
        st.error("That is not the password of this app: ask whoever started it.")
    return False


@cache
def _say(problem: str) -> None:
    """Tell the terminal, too, and only once: whoever started the server can change it, a visitor cannot."""
    print(problem, file=sys.stderr, flush=True)
