"""Everything about one synthetic image, in a drawer: it opens from a tile or from ``?sample=12`` in the address."""

import numpy as np
import streamlit as st

from app import attempts, cache, charts, frames, pictures, state, theme, views, words
from app.components import images, shell
from app.components.figures import chart, plain_table
from c2r.errors import InputError
from c2r.look.summary import ranks
from c2r.store import runs

BIG = 256
DRAWER = 760  # px
HISTORY = 12
MOST_CLASSES = 5  # of a soft label that are named
DEFINITION = (
    "Per-attack accuracy of one synthetic image is the share of evaluation networks (seeds) that still classify every"
    " part of the attacked image correctly."
)
PARTS = "A stored image of {count} parts is attacked part by part, as it is trained on, and all parts must survive."


def closed() -> None:
    """The drawer was closed: no image is open."""
    st.session_state["sample"] = None


def definition(view: state.View) -> str:
    """What the per-attack accuracy of one image means for this run."""
    parts = view.run.config.partition**2 if view.run and view.run.config else 1
    return f"{DEFINITION} {PARTS.format(count=parts)}" if parts > 1 else DEFINITION


def late(view: state.View) -> str:
    """That per-attack figures are of the images of another step than the shown one, as a sentence after others; '' when
    they are not."""
    if not view.results or not view.steps:
        return ""
    step = runs.open_run(view.results).manifest.get("step")
    step = view.steps[-1] if step is None else step  # the run's own evaluation, and those of before
    return "" if step == view.step else f" Per-attack figures are of the images of step {step}, not of this one."


def opened(sample: int) -> None:
    """The button of a tile or of a neighbour: this image is open."""
    st.session_state["sample"] = sample


def open_details(
    view: state.View, frame: dict[str, np.ndarray], sample: int, ids: list[int], outcomes: dict[str, np.ndarray]
) -> None:
    """Open the drawer of image `sample` of the shown step, one of `ids` in the order of the page.

    `outcomes` [M, N] per attempt, {} before an evaluation.
    """
    name = view.names[frame["labels"][sample]]
    title = f"#{sample} · {words.plain(name)}, step {view.step}"
    st.dialog(title, width=DRAWER, position="right", on_dismiss=closed)(_body)(view, frame, sample, ids, outcomes)


def _body(
    view: state.View, frame: dict[str, np.ndarray], sample: int, ids: list[int], outcomes: dict[str, np.ndarray]
) -> None:
    _neighbours(ids, sample)
    try:
        _image(view, frame, sample, outcomes)
    except InputError as error:
        shell.problem(error)


def _neighbours(ids: list[int], sample: int) -> None:
    """Buttons to the images before and after this one in the order of the page; the whole page follows, and the address
    with it."""
    before, after = views.neighbours(ids, sample)
    with st.container(horizontal=True, vertical_alignment="center"):
        back = st.button(
            "Previous",
            icon=":material/chevron_left:",
            key="details-previous",
            disabled=before is None,
            on_click=opened,
            args=(before,),
        )
        on = st.button(
            "Next",
            icon=":material/chevron_right:",
            key="details-next",
            disabled=after is None,
            on_click=opened,
            args=(after,),
        )
        place = (
            f"{ids.index(sample) + 1} of {len(ids)} in the order of the page"
            if sample in ids
            else "Not among the images of the page"
        )
        st.caption(place)
    if back or on:
        st.rerun()


def _image(view: state.View, frame: dict[str, np.ndarray], sample: int, outcomes: dict[str, np.ndarray]) -> None:
    image = frames.rows(view.path, view.shown, "images", [sample])[0]
    _panels(view, frame, sample, image)
    _facts(view, frame, sample)
    _over_steps(view, sample)
    _attacks(view, sample, outcomes)
    _nearest(view, frame, sample)
    st.download_button(
        "PNG",
        pictures.png(pictures.upscale(image, BIG)),
        f"{view.path.name}-{sample}-step{view.step}.png",
        "image/png",
        icon=":material/download:",
        on_click="ignore",
    )


def _panels(view: state.View, frame: dict[str, np.ndarray], sample: int, image: np.ndarray) -> None:
    """The image beside its adversarial twin and their difference, with what each is taken for."""
    names = list(view.names)
    delta = frames.rows(view.path, view.shown, "delta", [sample])[0]
    times = pictures.enlargement(frames.largest_delta(view.path, view.shown))
    clean, attacked = (words.sample_name(names, frame[name][sample]) for name in ("pred_clean", "pred_adv"))
    # Frames hold the attack on the first scorer only.
    taken = "attacked for the first scorer of the run" if view.scorer else f"classified as {attacked}"
    panels = (
        ("Clean", image, f"classified as {clean}"),
        (f"Adversarial ({view.attack_name})", pictures.adversarial_twin(image, delta), taken),
        (f"Difference × {times}", pictures.difference(delta, times), "grey = no change"),
    )
    side_by_side, of = st.grid(len(panels), min_column_width=96, wrap=False), names[frame["labels"][sample]]
    for label, picture, said in panels:
        with side_by_side:
            images.show(pictures.upscale(picture, BIG), f"{label}, image {sample} of class {of}", f"{label}, {said}")
    if told := words.attacked_parts(view.opened):
        st.caption(told)


def _facts(view: state.View, frame: dict[str, np.ndarray], sample: int) -> None:
    """Rank, margins and score of an image, its soft label, and where these figures come from."""
    rank = int(ranks(frame["order"])[sample])
    facts = st.columns(4)
    facts[0].metric("Rank (0 = hardest)", f"{rank} of {len(frame['labels'])}")
    facts[1].metric("Clean margin", f"{frame['margin_clean'][sample]:.2f}", help="In logits, on the scorer")
    facts[2].metric(
        "Robust margin",
        f"{frame['margin_adv'][sample]:.2f}",
        help=f"In logits, at the point {view.attack_name} found: an upper bound",
    )
    facts[3].metric("Score", f"{frame['score'][sample]:.2f}", help="s = max(0, 1 − robust margin)")
    _label(view, sample)
    st.caption(words.plain(words.measured(view.opened, view.scorer)))


def _nearest(view: state.View, frame: dict[str, np.ndarray], sample: int) -> None:
    """The nearest image of another class, with its margin."""
    other = frames.nearest_other(view.path, view.shown, sample, view.scorer)
    if other is not None:
        st.markdown("**Nearest image of another class** (clean embeddings, original space)")
        margin, name = frame["margin_adv"][other], view.names[frame["labels"][other]]
        called = f"image {other}: {name}, robust margin {margin:.2f}"
        picture = frames.rows(view.path, view.shown, "images", [other])[0]
        images.show(pictures.upscale(picture, 96), called, called, width=96)


def _label(view: state.View, sample: int) -> None:
    """The soft label of an image; nothing is said of a hard one, which is the class in the title."""
    soft = frames.soft_labels(view.path, view.shown, [sample])
    if soft is not None:
        st.markdown(f"**Soft label** {words.plain(views.soft_words(soft[0], list(view.names), MOST_CLASSES))}")


def _over_steps(view: state.View, sample: int) -> None:
    shown = {}
    for i in charts.thin(len(view.steps), HISTORY):
        try:
            shown[view.steps[i]] = frames.rows(view.path, view.steps[i], "images", [sample])[0]
        except InputError:
            continue
    if shown:
        st.markdown("**Over the steps**")
        said = f"steps {', '.join(map(str, shown))}"
        images.show(
            pictures.strip(np.stack(list(shown.values())), columns=HISTORY),
            f"Image {sample} at {said}",
            said.capitalize(),
        )
    margins = {}
    for step in (view.steps[i] for i in charts.thin(len(view.steps), views.MOST_DRAWN, view.steps.index(view.step))):
        try:
            now = cache.margins(view.path, step, view.scorer)
            margins[step] = (float(now["margin_clean"][sample]), float(now["margin_adv"][sample]))
        except (InputError, IndexError):
            continue
    clean, adversarial = zip(*margins.values(), strict=True)
    drawing = charts.Drawing(view.step, dark=state.is_dark())
    figure = charts.margin_history(list(margins), clean, adversarial, view.attack_name, drawing)
    chart(figure, "margin-history", {"Step": list(margins), "Clean margin": clean, "Robust margin": adversarial})


def _attacks(view: state.View, sample: int, outcomes: dict[str, np.ndarray]) -> None:
    st.markdown("**Under attack**")
    if not outcomes:
        st.caption("Not evaluated yet: per-attack figures come with the evaluation of the run.")
        return
    figures = attempts.figures(cache.own_rows(view.results)) if view.results else {}
    shares = {key: float(hits[:, sample].mean()) for key, hits in attempts.ordered(outcomes, figures).items()}
    colours = [theme.CLEAN if key == attempts.CLEAN else theme.ADVERSARIAL for key in shares]
    alt = f"Networks still right: {attempts.bar_words(shares, view.called)}"
    images.show(
        pictures.bars(list(shares.values()), colours),
        alt,
        "In the order of the table; full: all networks right",
        width=320,
    )
    plain_table(attempts.spoken_table(attempts.image_table(outcomes, sample, figures)))
    st.caption(
        "Networks right: of the n evaluation networks, with the 95 % Wilson interval of that share. "
        "Test images: test accuracy of the same networks, mean over seeds."
    )
    st.caption(f"{definition(view)}{late(view)}")
