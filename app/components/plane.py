"""The plane of one image, drawn in the browser from `/api/plane`: nothing of it runs this script again.

Class regions in the colours of the classes, contours of the margin, what lies within ε and within [0, 1], the images
that fix the plane and where attacks land; beside it, if asked, the same plane under another network.
"""

from collections.abc import Mapping

import streamlit as st

from app import links, state, theme
from app.components.mounting import texts
from c2r.store import networks

PARTS = ("mounted.js", "plane.js", "planeview.js")
HTML = """
<div class="whole" aria-busy="true">
<div class="title" role="heading" aria-level="4">Drawing the plane …</div>
<div class="agreement" hidden></div>
<div class="panels"></div>
<div class="reading" aria-hidden="true"></div>
<div class="key"></div>
<div class="status" role="status"></div>
<details><summary>Show data</summary><div class="scroll"><table></table></div></details>
</div>
"""


def wish(view: state.View, sample: int, network: str, **more: str | int) -> dict[str, str]:
    """What the address of the plane of an image says: run, step, image and network, and `more` as `app.api.plane` takes
    it."""
    asked = {"run": state.run_name(view.opened), "step": view.shown, "sample": sample, "network": network} | more
    return {name: str(value) for name, value in asked.items()}


def offered(view: state.View) -> dict[str, str]:
    """The networks under which planes of a run can be seen, by name, and what each is called; {} where it keeps
    none."""
    return {name: networks.called(name) for name in networks.kept(view.path)}


def show(asked: Mapping[str, str], names: tuple[str, ...], key: str) -> None:
    """Draw the plane that `asked` names (see `wish`).

    :param names: of the classes, in order
    :param key: of the element, which keeps its picture until the next one is there
    """
    script, looks = texts(*PARTS), texts("plane.css")
    component = st.components.v2.component("c2r-plane", html=HTML, css=looks, js=script)
    component(
        data={
            "asked": dict(asked),
            "address": links.route("plane"),
            "names": list(names),
            "colours": [theme.class_colour(k, len(names)) for k in range(len(names))],
            "clean": theme.CLEAN,
            "adversarial": theme.ADVERSARIAL,
        },
        key=key,
    )
