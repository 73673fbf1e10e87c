"""Lessons and glossary, read from their data files and checked. No Streamlit.

A lesson is one file of `app/lessons/`: what it asks, the view it opens, and the claim that its reveal makes, which the
toy computes (`c2r.learn.claims`).
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from c2r.learn.settings import OTHERS, Toy

FOLDER = Path(__file__).with_name("lessons")
# The course of a lesson plan: from what a margin is to what its numbers may be compared with.
ORDER = ("small-margins", "hidden-by-averages", "moved-by-contrast", "saved-by-a-warm-start", "wrong-space")
LIGHTS = ("square", "arrow", "order", "pull", "path", "chart", "check", "passes", "accuracy")


class Done(BaseModel):
    """When a lesson is done: predicted, revealed, and the step of the toy that was reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    step: int = Field(ge=0, le=60)


class Lesson(BaseModel):
    """One task: predict first, then reveal.

    view, switch: the settings it opens, and what the panels differ in; right: the number of the right choice; lights:
    what of the figures it lights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    title: str
    text: str
    view: dict[str, Any]
    switch: str
    question: str
    choices: tuple[str, ...] = Field(min_length=2)
    right: int = Field(ge=0)
    claim: str
    reveal: str
    lights: tuple[str, ...]
    done: Done

    @property
    def toy(self) -> Toy:
        """The settings of the first panel."""
        return Toy(**self.view)


class Term(BaseModel):
    """One word of the glossary in one sentence, with a formula or '', and where it is defined; `{attack}` in a sentence
    stands for the attack of a run. spoken: a sentence means the term whenever it says it; others (a score, a pass) are
    everyday words, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    term: str
    text: str
    formula: str
    source: str
    spoken: bool = False

    def said(self, attack: str = "the attack") -> str:
        """The sentence."""
        return self.text.replace("{attack}", attack)


@cache
def lessons() -> dict[str, Lesson]:
    """The lessons by id, in their order; a file that breaks the rules is a mistake of ours and raises."""
    found = [Lesson.model_validate_json((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in ORDER]
    assert all(one.switch in OTHERS and one.right < len(one.choices) and set(one.lights) <= {*LIGHTS} for one in found)
    return {one.id: one for one in found}


@cache
def glossary() -> dict[str, Term]:
    """The terms by id."""
    return {row["id"]: Term(**row) for row in json.loads((FOLDER / "glossary.json").read_text(encoding="utf-8"))}
