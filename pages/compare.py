"""Compare: two to six evaluated sets side by side, ranked only when their figures may be."""

import streamlit as st

from app.components import compare, compare_checks, compare_closer, compare_predict, shell

shell.header(
    "Compare",
    "Evaluated sets side by side: what the checks found, whether the figures may be ranked at all, and what each attack"
    " leaves.",
)
view = shell.needs_run(step=False)
chosen = compare.choose(view)
if not chosen:
    compare.empty(view)
    st.stop()
compare.readable(chosen)
compare_checks.show(chosen)
if len(chosen) == 1:
    compare.alone(chosen[0])
threat = compare.choose_threat(chosen)
places = compare.verdict(chosen, threat) if len(chosen) > 1 else None
if len(chosen) > 1:
    compare.baselines(chosen[0].offer.run, chosen[0])
compare.accuracy(chosen, threat, places)
if len(chosen) > 1:
    compare.paired(chosen, threat)
compare.ratios(chosen, threat)
compare_closer.show(chosen, threat)
compare_predict.show(view.opened)
