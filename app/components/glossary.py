"""The glossary of the Learn page: every term in one sentence, with its formula and where it is defined; each has an
anchor, which ``?term=`` of the address scrolls to."""

import streamlit as st

from app import teaching, words

TERM = "term"  # of the address
VISITS, WANTED = "term-visits", "term-wanted"
LOOKS = """
.st-key-glossary h3 { padding: 0 0 1rem; font-size: 1rem; scroll-margin: 4rem; }
.st-key-glossary h3:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 4px; }
"""
# Where the address leads is looked for once per visit and term, when the figures above it have their height.
SCRIPT = """
export default function ({ data }) {
  const find = () => document.querySelector(`.st-key-glossary [id="${CSS.escape(data.term)}"]`)
  const asked = `${data.visit} ${data.term}`
  if (!data.term || window.c2rTerm === asked) return
  const timer = setTimeout(() => {
    const found = find()
    if (!found) return
    window.c2rTerm = asked
    found.tabIndex = -1
    found.focus({ preventScroll: true })
    found.scrollIntoView({ block: "center" })
  }, 400)
  return () => clearTimeout(timer)
}
"""


def show() -> None:
    """The terms in two columns, and the one that the address asks for in sight."""
    st.subheader("Glossary", anchor="glossary")
    st.components.v2.component("c2r-glossary-looks", css=LOOKS, isolate_styles=False)(key="glossary-looks", height=0)
    terms = list(teaching.glossary().values())
    half = -(-len(terms) // 2)
    with st.container(key="glossary"):
        for column, some in zip(st.columns(2, gap="large"), (terms[:half], terms[half:]), strict=True):
            with column:
                for term in some:
                    _entry(term)
    asked = st.query_params.get(TERM, "")
    data = {"term": asked if asked in teaching.glossary() else "", "visit": st.session_state.get(VISITS, 0)}
    st.components.v2.component("c2r-glossary-scroll", js=SCRIPT)(data=data, key="glossary-scroll", height=0)


def visit(term: object) -> None:
    """Ask for a term from within the app, as often as one likes; what is no term is not heard."""
    if term in teaching.glossary():
        st.session_state[VISITS] = st.session_state.get(VISITS, 0) + 1
        st.session_state[WANTED] = term


def follow() -> None:
    """Open the Learn page where a term was asked for."""
    if term := st.session_state.pop(WANTED, ""):
        st.switch_page(st.session_state["pages"]["learn"], query_params={TERM: term})


def _entry(term: teaching.Term) -> None:
    formula = f" ${term.formula}$." if term.formula else ""
    with st.container(gap=None):
        st.subheader(term.term, anchor=term.id)
        st.markdown(f"{term.said()}{formula}  \n:small[{words.plain(term.source)}]")
