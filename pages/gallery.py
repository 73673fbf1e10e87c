"""Gallery: every synthetic image of one step, sorted and filtered, with its figures and details."""

import streamlit as st

from app import cache, charts, state, views
from app.components import controls, details, shell, tiles
from app.components.figures import chart

shell.header(
    "Gallery",
    "The synthetic images themselves: how hard each one is, and how often networks trained on the set still recognise it under attack.",
)
view = shell.needs_run()
frame = shell.needs_frame(view)
outcomes, rows, labels = shell.optional(view, "outcomes"), cache.rows(view.path), frame["labels"]
shares = views.shares(outcomes, len(labels))
networks = len(next(iter(outcomes.values()))) if shares else 0
chosen = state.selection(view.run.id, len(labels))

with st.container(horizontal=True, vertical_alignment="bottom"):
    sort, size, only, sample = tiles.toolbar(len(labels), len(chosen))
    tiles.downloads(view, frame)
ids = views.arrange(
    frame,
    sort,
    class_index=view.class_index,
    ids=chosen if only else None,
    accuracy=shares.get(view.attack),
    first=tiles.first_images(view),
)
st.caption(
    f"{len(ids)} of {len(labels)} images at step {view.step}. Margins are on the scorer, under LS-PGD (an upper bound). "
    + (
        f"{details.DEFINITION} Here n = {networks}, written as correct/n."
        if shares
        else "No per-attack figures yet: they come with the evaluation."
    )
)
if not ids:
    st.info("No image fits: choose all classes in the sidebar, or switch off 'Only the selection'.")
grid = st.container()
shown = views.page_of(ids, tiles.page_number(views.pages(ids, size)), size)
with grid:
    tiles.show(view, frame, shown, outcomes[view.attack] if view.attack in shares else None)
if not shares:
    controls.child(view, "evaluate", "Evaluate this set")
if rows:
    st.subheader("The whole set")
    st.caption("Test accuracy of fresh networks trained on all synthetic images, beside the per-image figures above.")
    chart(charts.accuracy_bars(rows, dark=state.is_dark()), "accuracies", views.result_table(rows))
if sample is not None:
    details.open_details(view, frame, sample, shares, networks)
