"""A replay as one HTML file that plays without a server and fetches nothing: player and data inside. No torch.

The player is the one that the app shows. What runs say of themselves goes into the data, which scripts read as text; no
word of a run becomes markup.
"""

import base64
from collections.abc import Sequence
from pathlib import Path

from c2r import __version__
from c2r.base.errors import InputError
from c2r.look.colours import ADVERSARIAL, CLEAN, margin_scale
from c2r.look.replay import replay
from c2r.report import style
from c2r.report.page import render
from c2r.store import describing

PLAYER = Path(__file__).parent / "player"
SCRIPTS = ("reading.js", "panels.js", "player.js")
MOST = 2  # runs beside each other

# What a panel is coloured with; classes have their colours in the data.
LOOKS = {
    "marks": {"clean": CLEAN, "adversarial": ADVERSARIAL},
    "margins": {name: margin_scale(name == "dark") for name in ("light", "dark")},
}


def script() -> str:
    """The player's JavaScript: the functions ``player`` and ``readReplay``."""
    return "\n".join((PLAYER / name).read_text(encoding="utf-8") for name in SCRIPTS)


def markup() -> str:
    """The elements that the player is mounted on."""
    return (PLAYER / "player.html").read_text(encoding="utf-8")


def looks() -> str:
    """The player's style sheet; it takes its colours from the variables ``--st-…`` of a page."""
    return (PLAYER / "player.css").read_text(encoding="utf-8")


def replay_page(paths: Sequence[Path]) -> str:
    """The replay of one run folder, or of two locked to one step, as the text of an HTML file.

    :raises InputError: no run or more than two, or one that cannot be replayed
    """
    if not 1 <= len(paths) <= MOST:
        raise InputError(f"A replay expects one or two runs, found {len(paths)}: choose others.")
    said = [describing.about(path) for path in paths]
    return render(
        "replay.html",
        names=[told.name or path.resolve().name for told, path in zip(said, paths, strict=True)],
        notes=[told.note for told in said if told.note],
        version=__version__,
        data=[base64.b64encode(replay(path)).decode() for path in paths],
        looks_of_data=LOOKS,
        script=script(),
        markup=markup(),
        style=looks(),
        light=style.LIGHT,
        dark=style.DARK,
    )
