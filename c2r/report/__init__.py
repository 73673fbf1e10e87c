"""A report of one to six runs as one HTML file that fetches nothing: no scripts, no fonts, images inside. numpy and
Pillow, no torch.

Python computes what is shown, `templates` show it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from c2r import __version__
from c2r.errors import InputError
from c2r.report import facts, origin, pairs, perimage, pictures, results, style, threats
from c2r.report.page import render
from c2r.report.reading import gather
from c2r.report.subject import Subject

LETTERS = "ABCDEF"

# template → what it shows of the runs, None where the section has nothing to say
SECTIONS: dict[str, Callable[[Sequence[Subject]], dict[str, Any] | None]] = {
    "evaluated.html": facts.evaluated,
    "checks.html": facts.checks,
    "protocols.html": facts.protocols,
    "accuracy.html": results.accuracy,
    "differences.html": pairs.differences,
    "threats.html": threats.threats,
    "margins.html": perimage.margins,
    "classes.html": perimage.classes,
    "gallery.html": pictures.gallery,
    "settings.html": origin.settings,
    "sources.html": origin.sources,
    "reproduce.html": origin.reproduce,
}


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
    sections = [(template, compute(subjects)) for template, compute in SECTIONS.items()]
    return render(
        "page.html",
        names=[s.run.id for s in subjects],
        written=f"{datetime.now():%d %B %Y, %H:%M}",
        version=__version__,
        sections=[(template, shown) for template, shown in sections if shown is not None],
        light=style.LIGHT,
        dark=style.DARK,
    )
