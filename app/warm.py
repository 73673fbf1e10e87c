"""Done once, when the server first runs the app: libraries are set aside from the search for garbage.

Streamlit searches all objects after every run of a script (``runner.postScriptGC``), and a ticking page runs scripts
all the
time: with the 130,000 objects of the libraries that took 40 to 70 ms each, more than drawing the page. They never
become
garbage; what sessions make afterwards is searched as before.
"""

import gc
from functools import cache


@cache
def up() -> None:
    """Load what Streamlit would load with the first table, and set everything loaded so far aside."""
    import pandas  # noqa: F401

    gc.collect()
    gc.freeze()
