"""Colours and the words for run states, declared once. No streamlit, no plotly.

Rules: a class keeps its colour in every chart; clean is a solid blue circle and adversarial a dashed orange cross,
so that colour never carries the difference alone; margins diverge from a neutral at 0, orange = broken, blue = robust.
"""

from typing import Literal, NamedTuple

from c2r.look.colours import ADVERSARIAL as ADVERSARIAL
from c2r.look.colours import CLEAN as CLEAN
from c2r.look.colours import MARGIN_DARK as MARGIN_DARK
from c2r.look.colours import MARGIN_LIGHT as MARGIN_LIGHT
from c2r.look.colours import MARGIN_MIDDLE as MARGIN_MIDDLE
from c2r.look.colours import PETROFF10 as PETROFF10
from c2r.look.colours import class_colour as class_colour
from c2r.look.colours import margin_scale as margin_scale

# How the two conditions differ besides their colour; every line and point chart takes its style from here.
CLEAN_MARK = {"colour": CLEAN, "dash": "solid", "symbol": "circle"}
ADVERSARIAL_MARK = {"colour": ADVERSARIAL, "dash": "dash", "symbol": "x"}

# The same two of what stands beside it: the colours stay, dots instead of lines and open symbols tell them apart.
CLEAN_BESIDE = CLEAN_MARK | {"dash": "dot", "symbol": "circle-open"}
ADVERSARIAL_BESIDE = ADVERSARIAL_MARK | {"dash": "dashdot", "symbol": "x-open"}


class Tokens(NamedTuple):
    """The colours of one appearance that are no data: text, lines and surfaces."""

    text: str
    muted: str
    grid: str
    zero: str
    page: str
    neutral: str
    clean_text: str
    adversarial_text: str


# `neutral` is the mid-grey behind images, the same in both; the two *_text colours reach 4.5:1 on their page.
_LIGHT = Tokens("#1a1f26", "#5b6572", "#e6e9ed", "#1a1f26", "#ffffff", "#808080", "#0068a3", "#b04c00")
_DARK = Tokens("#e8ebf0", "#9aa4b2", "#262d38", "#e8ebf0", "#0e1117", "#808080", "#58aee0", "#f28c45")


def tokens(dark: bool) -> Tokens:
    """Text, grid, zero line and surface colours of the light or the dark appearance."""
    return _DARK if dark else _LIGHT


_VIRIDIS = (
    "#440154",
    "#482878",
    "#3e4a89",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6dcd59",
    "#b4de2c",
    "#fde725",
)
SEQUENTIAL_LIGHT = _VIRIDIS[::-1]
SEQUENTIAL_DARK = _VIRIDIS

Scale = list[tuple[float, str]]


def rank_scale(dark: bool) -> Scale:
    """Scale of ranks (viridis): the hardest, rank 0, is the end that stands out most against the page."""
    colours = SEQUENTIAL_DARK if dark else SEQUENTIAL_LIGHT
    return [(i / 9, colour) for i, colour in enumerate(reversed(colours))]


def amount_scale(dark: bool) -> Scale:
    """Scale of amounts that start at nothing (viridis): more stands out more against the page."""
    return [(i / 9, colour) for i, colour in enumerate(SEQUENTIAL_DARK if dark else SEQUENTIAL_LIGHT)]


# The sets of a comparison, in the order they were chosen. Found by search: the closest pair of six is as far apart as
# can be
# for normal, protan, deutan and tritan vision, each colour at least 3:1 against its page; dash, symbol and a name tell
# them apart too.
_DASHES = ("solid", "dash", "dashdot", "dot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
_SETS = {
    False: ("#22708d", "#e27837", "#3b2387", "#6c1326", "#9488eb", "#ae3e1a"),
    True: ("#5ba0f7", "#e6d952", "#a15729", "#06ede5", "#c79632", "#426f9e"),
}
SET_MARKS = {
    dark: [{"colour": c, "dash": d, "symbol": s} for c, d, s in zip(colours, _DASHES, _SYMBOLS, strict=True)]
    for dark, colours in _SETS.items()
}

# The series of a method by their place on an axis, the first (a sum) in the colour of the text: neither class colours
# nor the two of clean and adversarial; dash and a label at the end tell them apart too.
_SERIES_LOOKS = (
    ("solid", "circle"),
    ("dash", "square"),
    ("dot", "diamond"),
    ("dashdot", "cross"),
    ("longdash", "circle"),
)
SERIES_MARKS = {
    dark: [{"colour": c, "dash": d, "symbol": s} for c, (d, s) in zip(colours, _SERIES_LOOKS, strict=True)]
    for dark, colours in {
        False: ("#1a1f26", "#1b7f79", "#6b4fa3", "#8a6a00", "#5b6572"),
        True: ("#e8ebf0", "#4fc1b8", "#b29ae0", "#d9b44a", "#9aa4b2"),
    }.items()
}


BadgeColour = Literal["red", "orange", "blue", "green", "violet", "gray"]


def series_mark(place: int, dark: bool) -> dict[str, str]:
    """The look of the series at this place on its axis; beyond the last look it is the last one's."""
    return SERIES_MARKS[dark][min(place, len(SERIES_MARKS[dark]) - 1)]


class Badge(NamedTuple):
    """How a run state is shown: Material icon, word and colour name, as `st.badge` takes them."""

    icon: str
    word: str
    colour: BadgeColour


STATE_BADGES = {
    "queued": Badge(":material/hourglass_empty:", "Queued", "gray"),
    "running": Badge(":material/play_arrow:", "Running", "blue"),
    "paused": Badge(":material/pause:", "Paused", "violet"),
    "stopping": Badge(":material/hourglass_bottom:", "Stopping", "gray"),
    "stopped": Badge(":material/stop_circle:", "Stopped", "gray"),
    "done": Badge(":material/check_circle:", "Done", "green"),
    "failed": Badge(":material/error:", "Failed", "red"),
    "lost": Badge(":material/link_off:", "Lost", "orange"),
}

CHECK_BADGES = {
    "red": Badge(":material/error:", "Red", "red"),
    "amber": Badge(":material/warning:", "Amber", "orange"),
    "grey": Badge(":material/help:", "Not judged", "gray"),
    "green": Badge(":material/check_circle:", "Green", "green"),
}
