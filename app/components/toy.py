"""The toy's two panels, played in the browser: one canvas component that draws recordings and asks nobody while it
plays. All its texts are set as text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from app import theme
from app.components.mounting import texts

PARTS = ("mounted.js", "toydraw.js", "toy.js")
HTML = """
<div class="toy" tabindex="0" role="group"
 aria-label="The toy: space plays, right and left step, p takes one phase, Home resets">
<div class="bar">
<button class="play main" title="Play or pause (space)">▶ Play</button>
<button class="back" title="One step back (←)">−1</button>
<button class="step" title="One step on (→)">+1 step</button>
<button class="one" title="One phase on (p)">+1 phase</button>
<button class="reset" title="Back to the start (Home)">Reset</button>
<label><input type="checkbox" class="slow">Slow: phase by phase</label>
<input type="range" class="slider" min="0" max="60" value="0" aria-label="Step">
<span class="where" role="status"></span>
</div>
<div class="phases"><span class="does"></span></div>
<div class="headline" role="heading" aria-level="3"></div>
<div class="panels"></div>
<div class="key">Large marks: distilled points, their shape and colour the class, the number their place in the order
(with AAC 0 is the hardest); full ones are in the mini-batch. Small marks: real points. Square: what ε reaches. Dashed
orange to ×: the attack; double rim: broken. Blue arrow: the pull of the loss. Thick line: decision boundary; dotted:
margin of 1 logit.</div>
</div>
"""


@dataclass(frozen=True)
class Shown:
    """What the component shows.

    panels: two recordings; apart, values: the setting they differ in and its value in each; students: regions and
    accuracies of fresh networks by step, None for the scorer's; lights: what a lesson lights; task: its id, '' without
    one; at: where to stand, ``STEP.PHASE``; large: for a class.
    """

    panels: Sequence[Mapping[str, Any]]
    apart: str
    values: Sequence[str]
    students: Sequence[Mapping[str, Any] | None] = (None, None)
    lights: Sequence[str] = field(default=())
    task: str = ""
    at: str = "0.4"
    large: bool = False


def show(shown: Shown, dark: bool, rests: Callable[[], None]) -> None:
    """Mount the panels under the key ``toy``; `rests` is called when a person left them at another place, as
    ``st.session_state['toy'].at``."""
    script, looks = texts(*PARTS), texts("toy.css")
    component = st.components.v2.component("c2r-toy", html=HTML, css=looks, js=script)
    component(data=_data(shown, dark), key="toy", on_at_change=rests)


def _data(shown: Shown, dark: bool) -> dict[str, Any]:
    """What the script reads, with the colours of this appearance."""
    tokens = theme.tokens(dark)
    classes = max(panel["classes"] for panel in shown.panels)
    return {
        "panels": list(shown.panels),
        "apart": shown.apart,
        "values": list(shown.values),
        "students": list(shown.students),
        "lights": list(shown.lights),
        "task": shown.task,
        "at": shown.at,
        "large": shown.large,
        "colours": [theme.class_colour(k, classes) for k in range(classes)],
        "page": tokens.page,
        "text": tokens.text,
        "muted": tokens.muted,
        "grid": tokens.grid,
        "zero": tokens.zero,
        "clean": tokens.clean_text,
        "adversarial": theme.ADVERSARIAL if not dark else tokens.adversarial_text,
        "adversarialText": tokens.adversarial_text,
    }
