"""What the browser tells by itself: Escape, a double click on a chart, a click on a word of the glossary. It also keeps
a view of the app one entry of the history."""

from collections.abc import Callable

import streamlit as st

from app.components import glossary

# Another page begins with an address that names no run; the app then writes the whole one. Both are one view, so the
# second
# address takes the place of the first instead of standing behind it. Escape that closes a dialog or a list means only
# that.
# Charts keep `dblclick` from the page, so the second press is counted.
SCRIPT = """
export default function ({ data, setTriggerValue }) {
  const named = () => new URLSearchParams(location.search).has("run")
  if (!window.c2rPush) {
    window.c2rPush = history.pushState.bind(history)
    history.pushState = (state, title, url) => {
      const same = new URL(url, location).pathname === location.pathname
      same && !named() ? history.replaceState(state, title, url) : window.c2rPush(state, title, url)
    }
  }
  const open = () => document.querySelector("[role=dialog], [role=listbox], [data-baseweb=popover]")
  const clear = () => data.selected && setTriggerValue("cleared", true)
  const heard = (event) => event.key === "Escape" && !event.defaultPrevented && !open() && clear()
  const clicked = (event) => event.detail === 2 && event.target.closest?.(".js-plotly-plot") && clear()
  const word = (event) => {
    const link = event.target.closest?.("a[href^='learn?term=']")
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    const term = new URL(link.href).searchParams.get("term")
    const here = document.querySelector(`.st-key-glossary [id="${CSS.escape(term)}"]`)
    here ? here.scrollIntoView({ block: "center" }) : setTriggerValue("term", term)
  }
  document.addEventListener("keydown", heard)
  document.addEventListener("mousedown", clicked, true)
  document.addEventListener("click", word)
  return () => {
    document.removeEventListener("keydown", heard)
    document.removeEventListener("mousedown", clicked, true)
    document.removeEventListener("click", word)
  }
}
"""
_MOUNT = st.components.v2.component("c2r_listener", js=SCRIPT)


def listen(selected: bool, cleared: Callable[[], None]) -> None:
    """Call `cleared` when a selection (`selected`: there is one) is given up with Escape or a double click on a
    chart; open the glossary where a word of it was clicked."""
    with st.sidebar:
        _MOUNT(key="listener", data={"selected": selected}, on_cleared_change=cleared, on_term_change=_asked, height=0)
    glossary.follow()


def _asked() -> None:
    """A word of the glossary was clicked: its page begins with this run of the script."""
    glossary.visit(st.session_state["listener"].get("term"))
