"""What a person says of a run: its name, note and tags, and the evaluation that stands for it. No torch.

It stands in ``about.json`` of the run folder. The folder's own name stays, so links and lineage hold.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from c2r.errors import InputError
from c2r.store.files import read_json, write_atomic
from c2r.store.headline import pick
from c2r.store.kinds import check_own
from c2r.store.results import ABOUT, picked
from c2r.store.tagging import TAG, TAGS

NAME, NOTE = 80, 2000  # most characters of a name and a note
Text = str | None


@dataclass(frozen=True)
class About:
    """What a person says of a run: a display name and a note ('' for none), tags, the evaluation that stands for it
    ('': its own)."""

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    headline: str = ""


def about(path: Path) -> About:
    """Read what a person said of the run in `path`.

    What is missing, damaged, too long or no text is left out or cut; nothing is raised.
    """
    try:
        said = read_json(Path(path) / ABOUT)
    except InputError:
        return About()
    name, note = (said[key] if isinstance(said.get(key), str) else "" for key in ("name", "note"))
    tags = said["tags"] if isinstance(said.get("tags"), list) else []
    kept = dict.fromkeys(_line(tag)[:TAG] for tag in tags if isinstance(tag, str) and _line(tag))
    return About(_line(name)[:NAME], _lines(note)[:NOTE], tuple(kept)[:TAGS], picked(path))


def describe(
    path: Path, name: Text = None, note: Text = None, tags: list[str] | None = None, headline: Text = None
) -> About:
    """Change name, note, tags or headline of the run in `path`; None leaves a value as it is, '' or [] removes it.

    Line breaks and control characters become spaces, except line breaks of the note; equal tags are kept once. Returns
    what is said now.

    :raises InputError: no run, a sample, a text that is too long, too many tags, a headline that cannot stand for the
        run
    """
    path, before = Path(path), about(path)
    check_own(path)
    wanted = About(
        before.name if name is None else _short("name", _line(name), NAME),
        before.note if note is None else _short("note", _lines(note), NOTE),
        (
            before.tags
            if tags is None
            else tuple(dict.fromkeys(_short("tag", _line(tag), TAG) for tag in tags if _line(tag)))
        ),
        before.headline if headline is None else pick(path, headline),
    )
    if len(wanted.tags) > TAGS:
        raise InputError(
            f"Run {path.name} would have {len(wanted.tags)} tags: expected at most {TAGS}; leave some out."
        )
    try:
        write_atomic(path / ABOUT, json.dumps(asdict(wanted), indent=2) + "\n")
    except OSError as error:
        raise InputError(
            f"{path / ABOUT} cannot be written ({error.strerror}): expected a folder of yours with free space; free"
            " some."
        ) from None
    return wanted


def _line(text: str) -> str:
    """Make one line of a text: control characters and line breaks become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _lines(text: str) -> str:
    return "\n".join(_line(line) for line in text.splitlines()).strip()


def _short(what: str, text: str, most: int) -> str:
    if len(text) > most:
        raise InputError(f"The {what} has {len(text)} characters: expected at most {most}; shorten it.")
    return text
