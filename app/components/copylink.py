"""A button that copies the address of what is shown, whole: it opens the same view in another browser."""

import streamlit as st

HTML = """<button type="button" class="copy">Copy link</button><span class="said" role="status"></span>"""
LOOKS = """
:host, .st-container { font: 0.875rem/1.6 var(--st-font); color: var(--st-text-color); }
.copy {
  font: inherit;
  color: inherit;
  background: transparent;
  border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius);
  min-height: 2.5rem;
  padding: 0.25rem 0.75rem;
  cursor: pointer;
}
.copy:hover, .copy:focus-visible {
  color: var(--st-primary-color);
  border-color: var(--st-primary-color);
}
.said:not(:empty) { display: block; max-width: 40ch; overflow-wrap: anywhere; user-select: all; }
"""
# Without a safe connection browsers give no clipboard: the address is then shown, to be copied by hand.
SCRIPT = """
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector(".copy"), said = parentElement.querySelector(".said")
  const link = () => {
    const address = new URL(location.href)
    for (const [key, value] of Object.entries(data.named)) {
      address.searchParams.set(key, value)
    }
    return address.toString()
  }
  said.textContent = ""
  button.textContent = "Copy link"
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(link())
      button.textContent = "Link copied"
    } catch {
      said.textContent = link()
    }
    button.dataset.link = link()
  }
}
"""


def button(named: dict[str, str | int], key: str) -> None:
    """A button that copies the address of this page with what is `named` in it, also where the address bar says less.

    :param named: keys of the address and what each is to say
    """
    mount = st.components.v2.component("c2r-copylink", html=HTML, css=LOOKS, js=SCRIPT)
    mount(data={"named": {name: str(value) for name, value in named.items()}}, key=key, width="content")
