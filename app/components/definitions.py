"""What the words on the pages mean, one click away; the sentences are the glossary's."""

import streamlit as st

from app import teaching, terms, words

SHOWN = ("logit-margin", "robust-margin", "score", "curriculum")


def margins(attack: str) -> None:
    """What a margin is and what the figures may be read as; `attack`: where the margins come from."""
    with st.popover("Margins", icon=":material/help:", help="What a margin is, and what the figures may be read as"):
        for term in map(teaching.glossary().get, SHOWN):
            assert term is not None, "the glossary has every term that is shown here"
            st.markdown(f"**{terms.link(term.id)}**: {term.said(words.plain(attack))}")
            if term.formula:
                st.latex(term.formula)
