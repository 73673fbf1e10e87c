"""Which files of this machine the app may read for a person: the allowed roots of real data and of imported sets. No
torch.

``C2R_DATA_ROOTS`` names the folders, with the system's path separator between them; the run store and the cache of
downloads
always belong to them. Unset, a person on this very machine may name any file that is theirs; an app that is open to
others
(a launch password, an address beyond loopback) adds the folder it was started in and nothing else.
"""

import os
from pathlib import Path

import streamlit as st

from app import guard
from c2r.base.errors import InputError, quoted
from c2r.base.paths import at_home
from c2r.config import RunConfig
from c2r.data.downloads import cache_folder
from c2r.data.sources import WORDS
from c2r.store import runs

ROOTS = "C2R_DATA_ROOTS"


def roots() -> tuple[Path, ...] | None:
    """The folders that may be read, symbolic links followed; None when everything may."""
    named = [at_home(part) for part in os.environ.get(ROOTS, "").split(os.pathsep) if part.strip()]
    if not named and not _open_to_others():
        return None
    return tuple(folder.resolve() for folder in (*(named or [Path.cwd()]), runs.default_store(), cache_folder()))


def problem(path: str, setting: str = "data") -> str:
    """Why the app may not read this path, '' when it may. Names of built-in data sets and an empty path may always be
    given."""
    if not path or (setting == "data" and path in WORDS):
        return ""
    if "\0" in path:
        return f"Setting '{setting}' holds a letter that no path has: expected a file or folder; write it again."
    allowed = roots()
    if allowed is None:
        return ""
    try:
        real = at_home(path).resolve()
    except (OSError, ValueError, RuntimeError):  # a name no disk can hold, a circle of links
        real = None
    if real is not None and any(real.is_relative_to(root) for root in allowed):
        return ""
    return (
        f"Setting '{setting}' expects a path inside the folders that this app may read, found '{quoted(path)}': choose"
        f" a file there, or ask whoever started the app to add its folder to {ROOTS}."
    )


def problem_of(settings: RunConfig) -> str:
    """Why the app may not start what these settings ask for: its data or its imported set lie elsewhere; '' when it
    may."""
    return problem(settings.data) or problem(settings.imported, "imported")


def check(settings: RunConfig) -> None:
    """Raise InputError when settings name a file that the app may not read: called before every child that would read
    it."""
    if reason := problem_of(settings):
        raise InputError(reason)


def _open_to_others() -> bool:
    return bool(os.environ.get(guard.PASSWORD)) or not guard.loopback(st.get_option("server.address") or "0.0.0.0")
