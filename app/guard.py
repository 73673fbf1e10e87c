"""Who may use the app for what: loopback only by default; a launch password or a read-only mode for a class.

Both come from the environment of the server: ``C2R_PASSWORD`` and ``C2R_READ_ONLY=1``.
"""

import hmac
import ipaddress
import os
import secrets
import sys
import time
from collections.abc import Mapping
from functools import cache

import streamlit as st

from c2r.base.errors import InputError

PASSWORD, READ_ONLY = "C2R_PASSWORD", "C2R_READ_ONLY"
COOKIE = "c2r-door"
HOURS = 12  # for which a password that was given once holds
SMALL = 1_100_000  # bytes of an upload on a server that only shows: settings as JSON, with what the browser adds
_KEY = secrets.token_bytes(32)  # of this server: a cookie of another one, or of before a restart, opens nothing


def read_only() -> bool:
    """Whether this server only shows what is there."""
    return os.environ.get(READ_ONLY, "").strip().lower() in ("1", "true", "yes", "on")


def why_not() -> str:
    """Why nothing can be started, commanded or written here, as the end of a sentence; '' where it can."""
    return "this app only shows (read-only mode)" if read_only() else ""


def refuse_changes() -> None:
    """Raise InputError on a server that only shows: called by everything that starts, commands or writes."""
    if read_only():
        raise InputError(
            f"This app is in read-only mode ({READ_ONLY}=1): expected looking, not changing; ask whoever started it."
        )


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
        f"This app listens on {address or 'every address'}, where others could start runs on this machine: expected"
        f" 127.0.0.1, or {PASSWORD} or {READ_ONLY}=1 in its environment; start it again with one of them."
    )


def token() -> str:
    """What a visitor who gave the password carries from then on: until when it holds, signed by this very server."""
    until = str(int(time.time() + 3600 * HOURS))
    return f"{until}.{_signature(until)}"


def admitted(cookies: Mapping[str, str]) -> bool:
    """Whether a visitor with these cookies may see the app: no password is asked for, or it was given."""
    return not os.environ.get(PASSWORD) or any(
        _holds(text) for name, text in cookies.items() if name.startswith(COOKIE)
    )


def _holds(text: str) -> bool:
    until, _, signature = text.partition(".")
    signed = hmac.compare_digest(signature.encode("utf-8", "replace"), _signature(until).encode())
    return signed and int(until) > time.time()


def _signature(until: str) -> str:
    return hmac.new(_KEY, f"{until}.{os.environ.get(PASSWORD, '')}".encode("utf-8", "replace"), "sha256").hexdigest()


def upload_problem(length: str | None) -> str:
    """Why a request with this content-length header may not upload anything here, '' when it may."""
    if problem := address_problem(st.get_option("server.address")):
        return problem
    if read_only() and (not (length or "").isascii() or not (length or "").isdigit() or int(length or 0) > SMALL):
        return (
            f"This app is in read-only mode ({READ_ONLY}=1): expected an upload of at most {SMALL // 1_000_000} MB; ask"
            " whoever started it."
        )
    return ""


def admit() -> bool:
    """Draw what stands between a visitor and the pages, if anything; True lets the page be drawn. The door asks for the
    password before."""
    problem = address_problem(st.get_option("server.address"))
    if not problem and not admitted(st.context.cookies):
        problem = (
            "This app has a password and was not opened through its door: expected streamlit run app/main.py; start"
            " it so."
        )
    if problem:
        _say(problem)
        st.error(problem, icon=":material/lock:")
    return not problem


@cache
def _say(problem: str) -> None:
    """Tell the terminal, too, and only once: whoever started the server can change it, a visitor cannot."""
    print(problem, file=sys.stderr, flush=True)
