"""A report of one to six runs as one HTML file that fetches nothing: no scripts, no fonts, images inside. numpy and
Pillow, no torch."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from c2r import __version__
from c2r.errors import InputError
from c2r.report import facts, pairs, pictures, results
from c2r.report.markup import Html, join, paragraph, tag
from c2r.report.reading import gather
from c2r.report.style import SHEET

LETTERS = "ABCDEF"
SECTIONS = (
    facts.evaluated,
    facts.checks,
    facts.protocols,
    results.accuracy,
    pairs.differences,
    results.threats,
    results.margins,
    results.classes,
    pictures.gallery,
    facts.settings,
    facts.sources,
    facts.reproduce,
)


def report(paths: Sequence[Path]) -> str:
    """The report of one to six run folders (or of evaluations' folders) side by side, as the text of an HTML file.

    What a folder lacks is said in the report.

    :raises InputError: no run, more than six, or one that is missing or damaged
    """
    if not 1 <= len(paths) <= len(LETTERS):
        raise InputError(
            f"A report expects 1 to {len(LETTERS)} runs, found {len(paths)}: choose fewer, or at least one."
        )
    subjects = [gather(path, letter) for path, letter in zip(paths, LETTERS, strict=False)]
    names = ", ".join(s.run.id for s in subjects)
    head = [
        tag("h1", f"Robustness report: {names}"),
        paragraph(f"{datetime.now():%d %B %Y, %H:%M}. Written by c2r {__version__}.", kind="note"),
    ]
    body = tag("body", tag("main", *head, *(part(subjects) for part in SECTIONS)))
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    top = [
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("title", f"Robustness report: {names}"),
        tag("style", Html(SHEET)),
    ]
    return "<!doctype html>\n" + tag("html", tag("head", join(top)), body, lang="en") + "\n"
