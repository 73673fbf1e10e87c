"""The Learn page's pieces: what is chosen of the toy, its two panels, the tasks. The address names all of it."""

from typing import Any

import streamlit as st

from app import state, teaching, toybox, words
from app.components import toy
from c2r.base import fields
from c2r.base.errors import InputError
from c2r.learn.settings import BEST, NAMES, OTHERS, Toy, beside, spoken
from c2r.learn.settings import toy as checked

FIRST = ("data", "per_class", "eps", "seed")
SECOND = ("method", "attack", "space")
SWITCHES = ("aac", "crl", "queue")
HIDDEN = {"data": {"given"}}  # own points come through `c2r.learn` only
APART, FRESH, AT, TASK, TEACH = "apart", "fresh", "at", "task", "teach"
START = "0.4"  # where the panels stand at first: step 0, all but its last phase done


def _key(name: str) -> str:
    return f"toy-{name}"


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
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(
            "Five tasks: predict, then reveal",
            list(lessons),
            format_func=lambda name: f"{list(lessons).index(name) + 1}. {lessons[name].title}{_tick(lessons[name])}",
            key="task-picked",
            on_change=_picked,
        )
        label = "Leave teach mode" if teaching_mode() else "Teach mode"
        st.button(label, icon=":material/co_present:", on_click=_turn_teaching, key="teaching", help=HELP_TEACH)
    return lessons.get(st.session_state.get("task-opened", ""))


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
        _take(lesson.toy, keep)
        if APART not in keep:
            st.session_state[APART] = lesson.switch
        if AT not in keep:
            st.query_params[AT] = START


def _take(settings: Toy, keep: set[str]) -> None:
    """Bring settings into the controls, but those that `keep` names."""
    for name in (*FIRST, *SECOND, *SWITCHES):
        if _key(name) not in keep:
            st.session_state[_key(name)] = getattr(settings, name)


def set_up() -> tuple[Toy, str, bool]:
    """The settings of the first panel, what the second differs in, and whether fresh networks are shown; in teach mode
    behind a button. InputError when they do not fit."""
    if teaching_mode():
        with st.popover("Set-up", icon=":material/tune:"):
            return _controls()
    return _controls()


def _controls() -> tuple[Toy, str, bool]:
    values: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name in FIRST:
            values[name] = _control(name)
        apart = _selectbox(
            "Right panel differs in",
            list(OTHERS),
            APART,
            "crl",
            lambda name: fields.label(Toy.model_fields[name]),
            "The right panel has the same seed and settings but for this one",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        for name in (*SECOND, *SWITCHES):
            values[name] = _control(name)
        given: dict[str, Any] = {} if FRESH in st.session_state else {"value": False}
        fresh = st.toggle("Networks trained on the points", key=FRESH, bind="query-params", help=HELP_FRESH, **given)
        st.button("Best known setting", icon=":material/star:", on_click=_take, args=(BEST, set()), key="toy-best")
    return checked(values), apart if apart in OTHERS else "crl", fresh


HELP_FRESH = (
    "Show the regions of fresh networks that were trained on the distilled points of steps 0, 20, 40 and 60 alone, and"
    " what they get right of real points; takes a few seconds"
)


def _control(name: str) -> Any:
    """The widget of one setting; its own value where the session has one, else the default or the address's."""
    field, key, default = Toy.model_fields[name], _key(name), getattr(BEST, name)
    label, unit, limits = fields.label(field), fields.unit(field), fields.limits(field)
    if name in NAMES:
        options = [value for value in NAMES[name] if value not in HIDDEN.get(name, ())]
        return _selectbox(label, options, key, default, lambda value: NAMES[name].get(value, value), field.description)
    common: dict[str, Any] = {"key": key, "bind": "query-params", "help": field.description}
    common |= {} if key in st.session_state else {"value": default}
    if isinstance(default, bool):
        return st.toggle(label, **common)
    step = 0.01 if isinstance(default, float) else 1
    words_ = f"{label} ({unit})" if unit else label
    if name == "seed":
        return st.number_input(words_, int(limits["ge"]), int(limits["le"]), step=step, width=110, **common)
    low, high = (type(default)(limits[side]) for side in ("ge", "le"))
    return st.slider(words_, low, high, step=step, width=170, **common)


def _selectbox(label: str, options: list, key: str, default: Any, named: Any, help: str | None) -> Any:
    given: dict[str, Any] = {} if key in st.session_state else {"index": options.index(default)}
    chosen = st.selectbox(
        label, options, key=key, bind="query-params", format_func=named, help=help, width=190, **given
    )
    return chosen if chosen in options else default


def panels(one: Toy, apart: str, fresh: bool, lesson: teaching.Lesson | None) -> None:
    """Both panels; a question the worker cannot answer is said, with a way to ask again."""
    other = beside(one, apart)
    try:
        with st.spinner("Computing the toy", show_time=True):
            both = [toybox.record(toy_.model_dump(mode="json")) for toy_ in (one, other)]
            trained = [toybox.students(t.model_dump(mode="json"))["at"] if fresh else None for t in (one, other)]
    except InputError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        st.button("Reload", icon=":material/refresh:", key="toy-reload")
        return
    name = fields.label(Toy.model_fields[apart])
    shown = toy.Shown(
        both,
        [f"{name}: {spoken(each, apart)}" for each in (one, other)],
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
        st.markdown(f"#### {lesson.title}\n\n{lesson.text}")
        st.radio(lesson.question, list(lesson.choices), index=None, key=f"predicted-{lesson.id}")


def reveal(lesson: teaching.Lesson, one: Toy, apart: str) -> None:
    """Below the panels: what is so, computed for the view on screen, once a prediction is made."""
    predicted = st.session_state.get(f"predicted-{lesson.id}")
    with st.container(border=True):
        if not st.session_state.get(f"revealed-{lesson.id}"):
            told: dict[str, Any] = {"disabled": predicted is None, "on_click": _revealed, "args": (lesson.id,), "key": "reveal"}
            st.button("Reveal", type="primary", icon=":material/visibility:", help="Predict first", **told)
            if predicted is None:
                st.caption("Choose a prediction above first.")
            return
        right = lesson.choices[lesson.right]
        st.markdown(f"**{'As you predicted' if predicted == right else 'It is another one'}: {right}.**")
        st.markdown(lesson.reveal)
        _figures(lesson, one, apart)
        if _tick(lesson):
            st.caption(":material/check: Done.")
        elif lesson.done.step:
            st.caption(f"To finish this task, take the panels to step {lesson.done.step}.")


def _revealed(task: str) -> None:
    st.session_state[f"revealed-{task}"] = True


def _figures(lesson: teaching.Lesson, one: Toy, apart: str) -> None:
    """The figures of the claim in this very view, and whether it holds in it."""
    try:
        with st.spinner("Computing the figures"):
            both = (toy_.model_dump(mode="json") for toy_ in (one, beside(one, apart)))
            found = toybox.claim(lesson.claim, *both)
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


def glossary() -> None:
    """Every term in one sentence, with its formula and where it is defined; each has an anchor."""
    st.subheader("Glossary", anchor="glossary")
    columns, terms = st.columns(2, gap="large"), list(teaching.glossary().values())
    half = -(-len(terms) // 2)
    for column, some in zip(columns, (terms[:half], terms[half:]), strict=True):
        with column:
            for term in some:
                formula = f" ${term.formula}$." if term.formula else ""
                st.markdown(f"###### {term.term}\n\n{term.said()}{formula}  \n:small[{words.plain(term.source)}]")
