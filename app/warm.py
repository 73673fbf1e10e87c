"""Done once, when the server first runs the app: what keeps every later run of a script cheap in time and in memory.

Streamlit searches all objects for garbage after every run of a script (``runner.postScriptGC``), and a ticking page runs scripts
all the time: with the 130,000 objects of the libraries that took 40 to 70 ms each, more than drawing the page. They never become
garbage, so they are set aside; what sessions make afterwards is searched as before.

Every run of a script has a thread of its own, and glibc gives threads up to eight heaps per core, each of which keeps what it once
needed: memory would grow with the number of sessions, not with what they look at. Two heaps are enough for scripts that take turns.
"""

import ctypes
import gc
import platform
from functools import cache

HEAPS = 2


@cache
def up() -> None:
    """Limit the heaps, load what Streamlit would load with the first table, and set everything loaded so far aside."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(-8, HEAPS)  # M_ARENA_MAX of malloc.h

    import pandas  # noqa: F401

    gc.collect()
    gc.freeze()
