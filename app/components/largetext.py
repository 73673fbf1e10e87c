"""A paragraph that is read from the back of a room, set as text."""

import streamlit as st

LOOKS = """
p {
  margin: 0;
  color: var(--st-text-color);
  font: 1.3rem/1.5 var(--st-font);
}
"""
SCRIPT = """
export default function ({ data, parentElement }) {
  parentElement.querySelector("p").textContent = data.text
}
"""


LARGER = """
[class*="st-key-{prefix}"] p {
  font-size: 1.3rem;
  line-height: 1.5;
}
"""


def enlarge(prefix: str) -> None:
    """Set what stands under keys that begin so, a question with its choices, as large as a paragraph of `show`."""
    looks = LARGER.replace("{prefix}", prefix)
    component = st.components.v2.component(f"c2r-larger-{prefix}", css=looks, isolate_styles=False)
    component(key=f"larger-{prefix}", height=0)


def show(text: str, key: str) -> None:
    """The paragraph; the script is told anew at every run, because each server has a register of its own."""
    st.components.v2.component("c2r-large-text", html="<p></p>", css=LOOKS, js=SCRIPT)(data={"text": text}, key=key)
