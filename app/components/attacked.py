"""What attacks find on one image, computed when a person asks for it: radius, margin against ε, LS-PGD beside PGD.

It is fetched from `/api/sample` and drawn in the browser: nothing of it runs this script again.
"""

from collections.abc import Mapping

import streamlit as st

from app import links, theme
from app.components.mounting import texts

HTML = """
<div class="attacked" aria-busy="false">
<button type="button" class="ask">Attack it now</button>
<span class="status" role="status"></span>
<div class="found" hidden>
<div class="title" role="heading" aria-level="4"></div>
<div class="charts"></div>
<ul class="said"></ul>
<details><summary>Show data</summary><div class="scroll"><table></table></div></details>
</div>
</div>
"""


def show(asked: Mapping[str, str], key: str) -> None:
    """A button, and below it what attacks find once it is pressed; from then on of each image that is opened.

    :param asked: run, step, image and network, as `app.components.plane.wish` says them
    """
    script, looks = texts("mounted.js", "attacked.js"), texts("attacked.css")
    component = st.components.v2.component("c2r-attacked", html=HTML, css=looks, js=script)
    component(
        data={
            "asked": dict(asked),
            "address": links.route("sample"),
            "adversarial": theme.ADVERSARIAL,
        },
        key=key,
    )
