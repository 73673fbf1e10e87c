"""What is said of one synthetic image: pictures, figures and their course, its neighbour, what attacks do to it."""

import numpy as np
import streamlit as st

from app import attempts, cache, charts, frames, pictures, state, terms, theme, views, words
from app.components import images, shell
from app.components.figures import chart, plain_table
from c2r.base.errors import InputError
from c2r.evaluation.outcomes import ordered, shares_right
from c2r.look.summary import ranks
from c2r.store import runs

BIG = 256
HISTORY = 12
MOST_CLASSES = 5  # of a soft label that are named
FIGURES = (
    ("Rank", "rank", "By robust margin among all images of the step; 0 is the hardest"),
    ("Clean margin", "margin_clean", "In logits, on the scorer"),
    ("Robust margin", "margin_adv", "In logits, at the point {attack} found: an upper bound"),
    ("Score", "score", "s = max(0, 1 − robust margin)"),
)
DEFINITION = (
    "Per-attack accuracy of one synthetic image is the share of evaluation networks (seeds) that still classify every"
    " part of the attacked image correctly."
)
PARTS = "A stored image of {count} parts is attacked part by part, as it is trained on, and all parts must survive."


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


def outcomes(view: state.View, n: int) -> dict[str, np.ndarray]:
    """What each attempt of the shown evaluation did to the `n` images [M, N]; {} before one, or when it is of other
    images."""
    stored = ordered(shell.optional(view.results, "outcomes") or {}, view.called)
    return {key: stored[key] for key in shares_right(stored, n)}


def nearest(view: state.View, sample: int) -> int | None:
    """The nearest image of another class in the embedding of the scorer, None where there is none."""
    return frames.nearest_other(view.path, view.shown, sample, view.scorer)


def pictures_and_figures(view: state.View, frame: dict[str, np.ndarray], sample: int) -> None:
    """The image, its adversarial twin and their difference; margins, score, rank and what it is taken for."""
    _panels(view, frame, sample, frames.rows(view.path, view.shown, "images", [sample])[0])
    _facts(view, frame, sample)


def more(
    view: state.View,
    frame: dict[str, np.ndarray],
    sample: int,
    other: int | None,
    outcomes: dict[str, np.ndarray],
) -> None:
    """The nearest image of another class, the course over the steps, every attack, and the file of the image."""
    _nearest(view, frame, sample, other)
    _over_steps(view, sample)
    _attacks(view, sample, outcomes)
    image = frames.rows(view.path, view.shown, "images", [sample])[0]
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
    """Rank, margins and score of an image with their change since the recorded step before, the class it is pushed to,
    and where these figures come from."""
    since, before = _before(view)
    facts = st.grid(2, min_column_width=120, gap="small")
    for label, name, help in FIGURES:
        value = _figure(frame, name, sample)
        change = None if before is None else value - _figure(before, name, sample)
        rank = name == "rank"
        moved = change is not None and abs(change) >= (1 if rank else 0.005)
        with facts:
            st.metric(
                label,
                f"{value:.0f} of {len(frame['labels'])}" if rank else f"{value:.2f}",
                None if change is None else (f"{change:+.0f}" if rank else f"{change:+.2f}") if moved else "as before",
                delta_color="off",
                delta_arrow="auto" if moved else "off",
                help=help.format(attack=view.attack_name),
            )
    told = f"Changes are since step {since}, the recorded one before." if before is not None else ""
    st.caption(terms.linked(f"{pushed(view, frame, sample)} {told} {words.measured(view.opened, view.scorer)}"))
    _label(view, frame, sample)


def _figure(frame: dict[str, np.ndarray], name: str, sample: int) -> float:
    return float(ranks(frame["order"])[sample] if name == "rank" else frame[name][sample])


def _before(view: state.View) -> tuple[int, dict[str, np.ndarray] | None]:
    """The recorded step before the shown one with its margins, None where there is none or it cannot be read."""
    earlier = [step for step in view.steps if step < view.shown]
    try:
        return (earlier[-1], cache.margins(view.path, earlier[-1], view.scorer)) if earlier else (0, None)
    except InputError:
        return 0, None


def pushed(view: state.View, frame: dict[str, np.ndarray], sample: int) -> str:
    """A sentence: the class that the attack pushes an image to, or that it stays in its own."""
    names = list(view.names)
    own, clean, attacked = (int(frame[name][sample]) for name in ("labels", "pred_clean", "pred_adv"))
    if clean != own:
        return f"Unattacked it is taken for class {words.sample_name(names, clean)} already."
    if attacked == own:
        return f"{view.attack_name} does not push it out of its class."
    return f"{view.attack_name} pushes it to class {words.sample_name(names, attacked)}."


def _nearest(view: state.View, frame: dict[str, np.ndarray], sample: int, other: int | None) -> None:
    """The nearest image of another class with its distance and margins; it opens when it is pressed."""
    if other is None:
        return
    st.markdown("**Nearest image of another class**")
    clean, robust, name = frame["margin_clean"][other], frame["margin_adv"][other], view.names[frame["labels"][other]]
    apart = frames.distance(view.path, view.shown, (sample, other), view.scorer)
    picture = frames.rows(view.path, view.shown, "images", [other])[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        images.show(pictures.upscale(picture, 96), f"Image {other}: {name}", width=96)
        with st.container(width="stretch", gap="xsmall"):
            st.button(
                f"Open #{other} · {words.plain(name)}", key="details-other", on_click=state.open_sample, args=(other,)
            )
            st.caption(
                f"{apart:.2f} away (Euclidean, clean embeddings of the scorer, original space; of"
                f" {len(frame['labels'])} synthetic images); clean margin {clean:.2f}, robust margin {robust:.2f}"
                " logits"
            )


def _label(view: state.View, frame: dict[str, np.ndarray], sample: int) -> None:
    """The soft label of an image beside its prediction; nothing is said of a hard one, which is the class in the
    title."""
    soft = frames.soft_labels(view.path, view.shown, [sample])
    if soft is not None:
        names = list(view.names)
        told = words.plain(views.soft_words(soft[0], names, MOST_CLASSES))
        taken = words.plain(words.sample_name(names, int(frame["pred_clean"][sample])))
        st.markdown(f"**Soft label** {told}; predicted: {taken}")


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
    margins, places = {}, {}
    for step in (view.steps[i] for i in charts.thin(len(view.steps), views.MOST_DRAWN, view.steps.index(view.step))):
        try:
            now = cache.margins(view.path, step, view.scorer)
            margins[step] = (float(now["margin_clean"][sample]), float(now["margin_adv"][sample]))
            places[step] = int(ranks(now["order"])[sample])
        except (InputError, IndexError):
            continue
    clean, adversarial = zip(*margins.values(), strict=True)
    drawing = charts.Drawing(view.step, dark=state.is_dark())
    figure = charts.margin_history(list(margins), clean, adversarial, view.attack_name, drawing)
    chart(
        figure,
        "margin-history",
        {"Step": list(margins), "Clean margin": clean, "Robust margin": adversarial, "Rank": list(places.values())},
    )
    st.caption(views.rank_course(places, view.shown))


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
