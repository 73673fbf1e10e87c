"""Gallery: every synthetic image of one step, sorted and filtered, with its figures and details."""

import streamlit as st

from app import attempts, cache, charts, state, terms, views, words
from app.components import evaluation, exporting, inspector, playback, shell, tiles
from app.components.figures import chart
from c2r.evaluation.outcomes import ordered, shares_right, worst_share

shell.header(
    "Gallery",
    "The synthetic images themselves: how hard each one is, and how often networks trained on the set still recognise"
    " it under attack.",
)
view = shell.needs_run()
playback.bar(view)
frame = shell.needs_frame(view)
labels, rows = frame["labels"], cache.own_rows(view.results) if view.results else []
figures, chosen = attempts.figures(rows), state.selection(view.opened.id, len(labels))
stored = ordered(shell.optional(view.results, "outcomes") or {}, figures)
shares = shares_right(stored, len(labels))
outcomes = {key: stored[key] for key in shares}

evaluation.pointer(view.opened, "the-whole-set")
with st.container(horizontal=True, vertical_alignment="bottom"):
    wanted = tiles.toolbar(view, len(chosen), evaluated=bool(shares))
    sample = inspector.chosen(view, len(labels))
    exporting.popover(view, rows)
main, side = inspector.places(sample)
ids = views.arrange(
    frame,
    wanted.sort,
    class_index=view.class_index,
    ids=chosen if wanted.only else None,
    keep=attempts.broken(shares.get(view.attack), wanted.filter),
    values={
        "accuracy": shares.get(view.attack),
        "change": tiles.change(view, wanted.sort),
        "worst": worst_share(shares, figures),
    },
)
with main:
    measured = terms.linked(words.measured(view.opened, view.scorer))
    st.caption(
        f"{len(ids)} of {len(labels)} images at step {view.step}. {measured} "
        + (tiles.basis(view, outcomes) if shares else "No per-attack figures yet: they come with the evaluation.")
    )
    if shares:
        tiles.legend(view, list(shares))
    if not ids:
        st.info("No image fits: choose all classes or another attack in the sidebar, or take back a filter above.")
    grid = st.container()
    shown = views.page_of(ids, tiles.page_number(views.pages(ids, wanted.size)), wanted.size)
    with grid:
        tiles.show(view, frame, shown, outcomes)
if side is not None and sample is not None:
    with side:
        inspector.show(view, frame, sample, ids, outcomes)
st.subheader("The whole set", anchor="the-whole-set")
st.caption(tiles.stored(view))
if rows:
    st.caption(words.plain(attempts.about(rows)))
    chart(charts.accuracy_bars(rows, wide=True, dark=state.is_dark()), "accuracies", attempts.table(figures))
evaluation.section(view.opened)
