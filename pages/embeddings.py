"""Embeddings: where clean and adversarial images lie at one step, and how far the classes stand apart."""

import streamlit as st

from app import state, terms, views
from app.components import beside, controls, details, inspector, maps, playback, samples, separation, shell
from c2r.evaluation.outcomes import ordered, shares_right

shell.header(
    "Embeddings",
    "Where each synthetic image lies for the scorer, clean and attacked, in one frame for all steps: drag the step and"
    " see classes part.",
)
view = shell.needs_run()
playback.bar(view)
frame = shell.needs_frame(view)
stored = maps.stored_map(view, frame)
layouts = maps.layouts(view, stored)
names, n = list(view.names), len(frame["labels"])

second = None
with st.container(horizontal=True, vertical_alignment="bottom"):
    if layouts:
        chosen = maps.choices(layouts)
        second = beside.choice(view)
    sample = inspector.chosen(view, n)
ids = state.selection(view.opened.id, n)
outcomes = shell.optional(view.results, "outcomes") if ids else None
shares = shares_right(ordered(outcomes or {}, view.called), n)
columns = views.sample_table(frame, ids, names, shares, view.called)
main, side = inspector.places(sample)
place = maps.ALONE if side is None else maps.Place(width=beside.SIDE)
with main:
    if layouts and second:
        beside.draw(view, frame, layouts[chosen.method], chosen, second)
    row = st.container(horizontal=True, gap="medium")
    if not second or stored is None:
        with row.container(width=place.width):
            if not layouts:
                st.info(
                    "This run has neither a UMAP nor a PCA basis: the run itself writes both. Choose another run, or"
                    " compute the map."
                )
            elif not second:
                maps.draw(view, frame, layouts[chosen.method], chosen, place)
                st.caption(terms.linked(maps.note(view, layouts[chosen.method])))
            if stored is None:
                st.caption(
                    "No UMAP yet: the run draws it when distilling is over. PCA works at every recorded step, also"
                    " before."
                )
                controls.compute_map(view)
    with row.container():
        if ids:
            samples.listing(view, frame, ids, columns, here="embeddings")
            samples.counts(frame, ids, names)
        else:
            hardest = views.hardest(frame["order"], frame["labels"], samples.THUMBNAILS, view.class_index)
            st.markdown(f"**The {len(hardest)} hardest images**")
            st.caption(
                "Nothing is selected: draw a lasso or a box on the map to see the images in it. Clear, above their"
                " list, undoes it."
            )
            samples.thumbnails(view, frame, hardest)
if side is not None and sample is not None:
    with side:
        inspector.show(view, frame, sample, ids or frame["order"].tolist())
if ids:
    samples.table(columns)
    if shares and (told := details.late(view)):
        st.caption(told.strip())
st.subheader("Class separation")
st.caption(
    "Measured in the original embedding space, not on the map: "
    "distances between groups on a UMAP, and the sizes of groups, must not be read as such."
)
separation.show(view, second)
