"""What the words on the pages mean, one click away."""

import streamlit as st


def margins(attack: str) -> None:
    """What a margin is and what the figures may be read as; `attack`: where the margins come from."""
    with st.popover("Margins", icon=":material/help:", help="What a margin is, and what the figures may be read as"):
        st.markdown(
            "The **margin** of an image is the logit of its own class minus the largest logit of any other class, on"
            " one fixed adversarially trained network, the scorer: above 0 it is classified correctly, below 0 it is"
            " not."
        )
        st.latex(r"g(x) = z_y(x) - \max_{k \neq y} z_k(x)")
        st.markdown(
            f"The **robust margin** is the margin at the worst point that {attack} found within ε. A stronger attack"
            " could find a worse one, so it is an *upper bound* of the true robust margin."
        )
        st.latex(
            r"\hat m(x) = g(x + \hat\delta), \quad \|\hat\delta\|_\infty \leq \varepsilon, \qquad s(x) = [1 - \hat"
            r" m(x)]_+"
        )
        st.markdown(
            "The **curriculum** orders images by the score *s*, largest first: rank 0 is the hardest, the image of the"
            " smallest margin."
        )
