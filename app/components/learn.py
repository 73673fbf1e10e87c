"""The Learn page's pieces: what is chosen of the toy, its two panels, the tasks. The address names all of it."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import state, teaching, toybox, toylinks, words, worksheet
from app.components import copylink, largetext, placing, toy
from c2r.base import fields
from c2r.base.errors import InputError
from c2r.learn.settings import BEST, NAMES, OTHERS, Toy, beside, spoken

FIRST, SECOND = toylinks.SETTINGS[:4], toylinks.SETTINGS[4:]  # two rows of controls: what is distilled, and how
WIDTHS = {"data": 225, "seed": 100}  # px of a control, else 150
AT, TASK, TEACH = "at", "task", "teach"
START = "0.4"  # where the panels stand at first: step 0, all but its last phase done


def teaching_mode() -> bool:
    """Whether the page is shown to a class: larger, and the set-up behind a button."""
    return st.query_params.get(TEACH) == "1"


def _turn_teaching() -> None:
    if teaching_mode():
        del st.query_params[TEACH]
    else:
        st.query_params[TEACH] = "1"


def choose_task() -> teaching.Lesson | None:
    """The task of the address or the one that is picked, whose view opens with it; None for free play."""
    lessons = teaching.lessons()
    _place(asked if (asked := st.query_params.get(TASK, "")) in lessons else "")
    _tools()
    st.pills(
        "Five tasks: predict, then reveal",
        list(lessons),
        format_func=lambda name: f"{list(lessons).index(name) + 1}. {lessons[name].title}{_tick(lessons[name])}",
        key="task-picked",
        on_change=_picked,
    )
    return lessons.get(st.session_state.get("task-opened", ""))


def _tools() -> None:
    """Teach mode, the link of this view, and the tasks on paper."""
    label = "Leave teach mode" if teaching_mode() else "Teach mode"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(label, icon=":material/co_present:", on_click=_turn_teaching, key="teaching", help=HELP_TEACH)
        copylink.button({}, "learn-copy-link")
        st.download_button(
            "Worksheet",
            worksheet.text,
            "worksheet.md",
            "text/markdown",
            icon=":material/download:",
            on_click="ignore",
            key="worksheet",
            help=HELP_SHEET,
        )


HELP_SHEET = "The five tasks to print: questions with room for an answer, and the reveals on a second page (Markdown)"
HELP_TEACH = "For a projector: larger text, and the set-up behind a button; the address says ?teach=1"


def _place(asked: str) -> None:
    """Open a task that the address newly names; what the address says of the toy itself stays."""
    if asked != st.session_state.get("task-opened", ""):
        _open(asked, keep=set(st.query_params))
    st.session_state["task-picked"] = asked or None


def _picked() -> None:
    """Another task was picked, or none: all of its view opens."""
    picked = st.session_state["task-picked"] or ""
    _open(picked, keep=set())
    if picked:
        st.query_params[TASK] = picked
    elif TASK in st.query_params:
        del st.query_params[TASK]


def _open(task: str, keep: set[str]) -> None:
    st.session_state["task-opened"] = task
    if lesson := teaching.lessons().get(task):
        toylinks.take({name: value for name, value in _base(lesson).items() if toylinks.key(name) not in keep})
        if AT not in keep:
            st.query_params[AT] = START


def _base(lesson: teaching.Lesson | None) -> dict[str, Any]:
    """The values that an address does not name: those of the open task, else the best known ones."""
    if lesson is None:
        return toylinks.DEFAULTS
    view = {name: getattr(lesson.toy, name) for name in toylinks.SETTINGS}
    return toylinks.DEFAULTS | view | {toylinks.APART: lesson.switch}


@dataclass(frozen=True)
class Choice:
    """What is looked at: the settings of the first panel, what the second differs in, and whether the regions are those
    of fresh networks."""

    one: Toy
    apart: str
    fresh: bool

    @property
    def both(self) -> tuple[Toy, Toy]:
        """The settings of both panels."""
        return self.one, beside(self.one, self.apart)


def set_up(lesson: teaching.Lesson | None) -> Choice:
    """The controls, in teach mode behind a button."""
    base = _base(lesson)
    toylinks.place(base)
    if teaching_mode():
        with st.popover("Set-up", icon=":material/tune:"):
            values = _controls()
    else:
        values = _controls()
    values[toylinks.GIVEN] = st.session_state[toylinks.key(toylinks.GIVEN)]
    toylinks.address(values, base)
    return Choice(toylinks.settings(values), values[toylinks.APART], values[toylinks.FRESH])


HELP_FRESH = (
    "Show the regions of fresh networks that were trained on the distilled points of steps 0, 20, 40 and 60 alone, and"
    " what they get right of real points; takes a few seconds"
)
HELP_APART = "The right panel has the same seed and settings but for this one"


def _controls() -> dict[str, Any]:
    values: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in FIRST:
            values[name] = _control(name)
        values[toylinks.APART] = st.selectbox(
            "Right panel differs in",
            list(OTHERS),
            key=toylinks.key(toylinks.APART),
            format_func=lambda name: fields.label(Toy.model_fields[name]),
            help=HELP_APART,
            width=165,
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in SECOND:
            values[name] = _control(name)
    with st.container(horizontal=True, vertical_alignment="center"):
        best = {name: getattr(BEST, name) for name in toylinks.SETTINGS}
        st.button(
            "Best known setting", icon=":material/star:", on_click=toylinks.take, args=(best,), key="toy-best-known"
        )
        values[toylinks.FRESH] = st.toggle(
            "Regions of networks trained on the points", key=toylinks.key(toylinks.FRESH), help=HELP_FRESH
        )
    return values


def _control(name: str) -> Any:
    """The widget of one setting, whose value stands in the session already."""
    field, default = Toy.model_fields[name], getattr(BEST, name)
    label, limits = fields.label(field), fields.limits(field)
    common: dict[str, Any] = {"key": toylinks.key(name), "help": field.description}
    if called := NAMES.get(name):
        return st.selectbox(
            label, list(called), format_func=lambda value: called.get(value, value), width=150, **common
        )
    if isinstance(default, bool):
        return st.toggle(label, **common)
    low, high = (type(default)(limits[side]) for side in ("ge", "le"))
    step = 0.01 if isinstance(default, float) else 1
    if name == "seed":
        return st.number_input(label, low, high, step=step, width=WIDTHS[name], **common)
    return st.slider(label, low, high, step=step, width=150, **common)


def panels(choice: Choice, lesson: teaching.Lesson | None) -> None:
    """Both panels, once there are enough points; a question that the worker cannot answer is said."""
    if choice.one.data == toylinks.GIVEN and not placing.show(choice.one.per_class, teaching_mode()):
        return
    plain = [one.model_dump(mode="json") for one in choice.both]
    try:
        with st.spinner("Computing the toy", show_time=True):
            both = [toybox.record(one) for one in plain]
            trained = [toybox.students(one)["at"] if choice.fresh else None for one in plain]
    except InputError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        st.button("Reload", icon=":material/refresh:", key="toy-reload")
        return
    shown = toy.Shown(
        both,
        fields.label(Toy.model_fields[choice.apart]),
        [spoken(one, choice.apart) for one in choice.both],
        trained,
        lesson.lights if lesson else (),
        lesson.id if lesson else "",
        st.query_params.get(AT, START),
        teaching_mode(),
    )
    toy.show(shown, state.is_dark(), _rests)


def _rests() -> None:
    """The panels were left at another place: the address names it."""
    if said := st.session_state["toy"].get("at"):
        st.query_params[AT] = str(said)
        step = int(str(said).partition(".")[0])
        st.session_state["toy-furthest"] = max(step, st.session_state.get("toy-furthest", 0))


def ask(lesson: teaching.Lesson) -> None:
    """The text of a task and its question."""
    with st.container(border=True):
        st.markdown(f"#### {lesson.title}")
        _paragraph(lesson.text, "lesson-text")
        if teaching_mode():
            largetext.enlarge("predicted-")
        st.radio(lesson.question, list(lesson.choices), index=None, key=f"predicted-{lesson.id}")


def _paragraph(text: str, key: str) -> None:
    """A text of a lesson, set as text; in teach mode it is larger."""
    if teaching_mode():
        largetext.show(text, key)
    else:
        st.markdown(words.plain(text))


def reveal(lesson: teaching.Lesson, choice: Choice) -> None:
    """Below the panels: what is so, computed for the view on screen, once a prediction is made."""
    predicted = st.session_state.get(f"predicted-{lesson.id}")
    with st.container(border=True):
        if not st.session_state.get(f"revealed-{lesson.id}"):
            told: dict[str, Any] = {
                "on_click": _revealed,
                "args": (lesson.id,),
                "key": "reveal",
                "help": "Predict first",
            }
            st.button("Reveal", type="primary", icon=":material/visibility:", disabled=predicted is None, **told)
            if predicted is None:
                st.caption("Choose a prediction above first.")
            return
        right = lesson.choices[lesson.right]
        st.markdown(f"**{'As you predicted' if predicted == right else 'It is another one'}: {right}.**")
        _paragraph(lesson.reveal, "lesson-reveal")
        _figures(lesson, choice)
        if _tick(lesson):
            st.caption(":material/check: Done.")
        elif lesson.done.step:
            st.caption(f"To finish this task, take the panels to step {lesson.done.step}.")


def _revealed(task: str) -> None:
    st.session_state[f"revealed-{task}"] = True


def _figures(lesson: teaching.Lesson, choice: Choice) -> None:
    """The figures of the claim in this very view, and whether it holds in it."""
    try:
        with st.spinner("Computing the figures"):
            found = toybox.claim(lesson.claim, *(one.model_dump(mode="json") for one in choice.both))
    except InputError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    rows = [{"What": what, "Here": value} for what, value in found["figures"]]
    st.dataframe(rows, hide_index=True, width="stretch")
    if not found["holds"]:
        st.info("In this view it does not hold: the task is told of the settings it opens; other ones may differ.")


def _tick(lesson: teaching.Lesson) -> str:
    """' ✓' for a task that is done: predicted, revealed, and its step reached."""
    reached = st.session_state.get("toy-furthest", 0) >= lesson.done.step
    return " ✓" if st.session_state.get(f"revealed-{lesson.id}") and reached else ""
