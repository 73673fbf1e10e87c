"""Pictures on the map: the image under the pointer, clean and adversarial, beside it. Without them Plotly's label says
which one it is.

Plotly's labels hold no pictures, and Streamlit hands no hover events to Python: a small script on the page listens to
the chart and
cuts the pictures out of one sheet. Letters: N synthetic images, M images of the sheet.
"""

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st

from app import cache, frames, pictures, state
from app.components.mounting import texts
from c2r.base.errors import InputError

MOST = 1000  # images of a sheet, the hardest ones; a sheet of so many is below a megabyte
HTML = """
<div class="line" role="slider" tabindex="0" aria-label="Images on the map, hardest first"
 aria-valuemin="1" aria-valuenow="1">
Point at a mark to see its picture; by keyboard: focus this line, then ← and →.
</div>
<div class="tile" hidden>
<div class="title"></div>
<div class="pictures">
<figure class="clean"><div class="picture"></div><figcaption>clean</figcaption></figure>
<figure class="twin"><div class="picture"></div><figcaption></figcaption></figure>
</div>
<div class="figures"></div>
</div>
<div class="ring" hidden></div>
"""


def shown_beside(view: state.View, frame: cache.Arrays, ids: np.ndarray, area: str, called: str = "") -> None:
    """Let the chart in the container with the key `area` show the pictures of its images `ids` [P]; a damaged frame
    shows none. `called`: what tells the map from another one, '' for the only one."""
    numbers = frame["order"][np.isin(frame["order"], ids)][:MOST]
    step = view.step or 0
    try:
        sheet = _sheet(str(view.path), step, cache.frame_stamp(view.path, step), tuple(numbers.tolist()))
    except InputError:
        return
    _component()(
        data=_data(view, frame, numbers, sheet) | {"area": f".st-key-{area}", "map": called}, key=f"{area}-pictures"
    )
    few = f"Beside the pointer are pictures of the {MOST:,} hardest of {len(ids):,} images. " if len(ids) > MOST else ""
    lossy = "They are compressed; lists and details show the very pixels." if sheet["geometry"][0] else ""
    if few or lossy:
        st.caption(f"{few or 'Beside the pointer are pictures of all images. '}{lossy}")


def _component() -> Callable[..., object]:
    """The script, its looks and its elements; told anew at every run, because each server has a register of its own."""
    script, looks = texts("mounted.js", "hover.js"), texts("hover.css")
    return st.components.v2.component("c2r-pictures", html=HTML, css=looks, js=script)


def _data(view: state.View, frame: cache.Arrays, numbers: np.ndarray, sheet: cache.Arrays) -> dict[str, object]:
    """What the script shows of the images `numbers` [M]: hardest first, the clean picture of each before its
    adversarial one."""
    jpeg, side, cell, columns = map(int, sheet["geometry"])
    kind = "jpeg" if jpeg else "png"
    return {
        "sheet": f"data:image/{kind};base64,{base64.b64encode(sheet['content'].tobytes()).decode()}",
        "side": side,
        "cell": cell,
        "columns": columns,
        "numbers": numbers.tolist(),
        "classes": frame["labels"][numbers].tolist(),
        "names": list(view.names),
        "clean": [_signed(value) for value in frame["margin_clean"][numbers]],
        "robust": [_signed(value) for value in frame["margin_adv"][numbers]],
        "attack": view.attack_name,
    }


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


@cache.kept
def _sheet(path: str, step: int, when: cache.Stamp, numbers: tuple[int, ...]) -> cache.Arrays:  # noqa: ARG001 - `when` is part of the key
    clean, delta = (frames.rows(Path(path), step, name, list(numbers)) for name in ("images", "delta"))
    both = np.stack([clean, pictures.adversarial_twin(clean, delta)], axis=1)
    sheet = pictures.sheet(both.reshape(-1, *clean.shape[1:]))
    geometry = np.array([sheet.jpeg, sheet.side, sheet.cell, sheet.columns])
    return {"content": np.frombuffer(sheet.content, np.uint8), "geometry": geometry}
