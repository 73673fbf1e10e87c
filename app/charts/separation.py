"""How far the classes stand apart over the steps of a run, in the original embedding space: of one run under one
scorer, or of two side by side."""

from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go

from app.charts.base import (
    UNMARKED,
    Drawing,
    at_step,
    axis,
    blank,
    line,
    mark_step,
    number,
    padded,
    step_axis,
    zero_line,
)
from app.charts.labels import End, both_ends, end_labels
from app.theme import ADVERSARIAL_BESIDE, ADVERSARIAL_MARK, CLEAN_BESIDE, CLEAN_MARK
from c2r.base.errors import unknown

# Name, what it means, the fixed range of its axis (None follows the data).
SEPARATION: dict[str, tuple[str, str, tuple[float, float] | None]] = {
    "knn": ("kNN accuracy", "share of images whose nearest neighbours agree with their class", (0.0, 1.05)),
    "silhouette": ("Silhouette", "1 = classes apart, 0 = touching, below 0 = mixed up", None),
    "between_within": ("Between / within", "spread between class means over spread within classes", None),
}


@dataclass(frozen=True)
class Course:
    """One class-separation figure over the recorded `steps` [S], clean and adversarial [S], of `n` images; `current`:
    the step that is shown (the last for None); `letter`: what tells it from another one, '' for one alone."""

    steps: Any
    clean: Any
    adversarial: Any
    n: int
    current: float | None = None
    letter: str = ""

    @property
    def more(self) -> str:
        """What is added to the name of a line."""
        return f" {self.letter}" if self.letter else ""


MARKS = ((CLEAN_MARK, ADVERSARIAL_MARK), (CLEAN_BESIDE, ADVERSARIAL_BESIDE))


def separation_lines(*courses: Course, what: str, drawing: Drawing = UNMARKED) -> go.Figure:
    """One class-separation figure of the original embedding space over steps: of one course, or of two on the same
    axes, the second one's lines dotted. `what` is knn, silhouette or between_within."""
    if what not in SEPARATION:
        raise unknown("separation figure", what, list(SEPARATION))
    name, meaning, span = SEPARATION[what]
    dark, ends = drawing.dark, list[End]()
    steps = [step for course in courses for step in course.steps]
    figure = blank(
        f"{name}: {'; '.join(map(_now, courses))}",
        f"n = {' and '.join(map(str, dict.fromkeys(course.n for course in courses)))}; {meaning}",
        dark=dark,
        height=240,
        right=96 + 8 * (len(courses) - 1),
    )
    for course, (clean, adversarial) in zip([_level(one, steps) for one in courses], MARKS, strict=False):
        figure.add_trace(line(course.steps, course.clean, clean, f"clean{course.more}"))
        figure.add_trace(line(course.steps, course.adversarial, adversarial, f"adversarial{course.more}"))
        ends += both_ends(course.clean, course.adversarial, dark, course.more)
    span = span or padded(*(values for one in courses for values in (one.clean, one.adversarial)), zero=True)
    title = name.lower().replace("knn", "kNN")
    figure.update_layout(xaxis=step_axis(steps, dark=dark), yaxis=axis(title, dark=dark, range=span, nticks=5))
    if what == "silhouette":
        zero_line(figure, dark=dark)
    end_labels(figure, ends, span)
    mark_step(figure, drawing.current, dark=dark)
    return figure


def _level(course: Course, steps: list[Any]) -> Course:
    """A course of a single step, such as of a set that stays as it is, as a level over all `steps`; any other as it
    is."""
    if len(course.steps) > 1 or len(set(steps)) == 1:
        return course
    return replace(
        course, steps=[min(steps), max(steps)], clean=[*course.clean] * 2, adversarial=[*course.adversarial] * 2
    )


def separation_table(*courses: Course) -> dict[str, list[Any]]:
    """The courses as columns over all their steps; None where one of them has no such step."""
    steps = sorted({step for course in courses for step in course.steps})
    columns: dict[str, list[Any]] = {"Step": steps}
    for course in courses:
        for side, values in (("Clean", course.clean), ("Adversarial", course.adversarial)):
            known = dict(zip(course.steps, values, strict=True))
            columns[f"{side}{course.more}"] = [known.get(step) for step in steps]
    return columns


def _now(course: Course) -> str:
    """Both values at the shown step: ``A 0.50 clean, 0.25 adversarial``."""
    clean, adversarial = (
        number(at_step(course.steps, values, course.current), 2) for values in (course.clean, course.adversarial)
    )
    return f"{course.letter} {clean} clean, {adversarial} adversarial".strip()
