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


def show(text: str, key: str) -> None:
    """The paragraph; the script is told anew at every run, because each server has a register of its own."""
    st.components.v2.component("c2r-large-text", html="<p></p>", css=LOOKS, js=SCRIPT)(data={"text": text}, key=key)
