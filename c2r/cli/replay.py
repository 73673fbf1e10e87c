"""``replay``: a run as a web page that plays without a server, and as an animated picture."""

import argparse
import os
from pathlib import Path

from c2r.base import paths
from c2r.base.errors import InputError
from c2r.report import replaygif, replaypage
from c2r.store.files import write_atomic


def add_replay(parser: argparse.ArgumentParser) -> None:
    """Options of ``replay``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder with a recorded step")
    parser.add_argument(
        "--out", type=paths.new, metavar="FILE.html", help="the page (default: DIR-replay.html in the working folder)"
    )
    parser.add_argument(
        "--beside", type=paths.folder, metavar="DIR", help="another run, locked to the same step on the page"
    )
    parser.add_argument(
        "--gif",
        type=paths.new,
        metavar="FILE.gif",
        help="margins and map as an animated picture; no page without --out",
    )


def replay(chosen: argparse.Namespace) -> int:
    """Write a run as a web page that plays without a server, or as an animated GIF."""
    page = chosen.out or (None if chosen.gif else Path(f"{chosen.dir.resolve().name}-replay.html"))
    for place in filter(None, (page, chosen.gif)):
        paths.untaken(place)
    if page:
        shown = [chosen.dir, *([chosen.beside] if chosen.beside else [])]
        _written(page, replaypage.replay_page(shown).encode())
    if chosen.gif:
        _written(chosen.gif, replaygif.replay_gif(chosen.dir))
    return 0


def _written(place: Path, content: bytes) -> None:
    try:
        os.makedirs(place.parent, exist_ok=True)
        write_atomic(place, content)
    except OSError as error:
        raise InputError(
            f"{place} cannot be written ({error.strerror}): expected a place of yours with free space; choose another."
        ) from None
    print(f"{place} ({len(content) / 1e6:.1f} MB)")
