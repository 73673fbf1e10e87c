"""Lessons and glossary are data, and what a lesson reveals is true of the toy: the core computes it.

Run: pytest tests/test_teaching.py
"""

import pytest
import torch

from app import teaching, toylinks
from c2r.learn.claims import CLAIMS, claim, moved_by_contrast
from c2r.learn.settings import Toy, beside


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_there_are_five_lessons_each_with_a_claim_of_its_own_and_no_file_is_forgotten():
    lessons = teaching.lessons()
    assert list(lessons) == list(teaching.ORDER) and len(lessons) == 5
    assert {one.claim for one in lessons.values()} == set(CLAIMS)
    assert {file.stem for file in teaching.FOLDER.glob("*.json")} == {*lessons, "glossary"}


@pytest.mark.parametrize("name", teaching.ORDER)
def test_what_a_lesson_reveals_holds_in_the_view_it_opens(name):
    lesson = teaching.lessons()[name]
    found = claim(lesson.claim, lesson.toy, beside(lesson.toy, lesson.switch))
    assert found.holds, found.figures
    assert set(lesson.view) <= set(toylinks.SETTINGS)


def test_a_claim_that_does_not_hold_says_so():
    easy = Toy(data="blobs")
    assert not claim("hidden-by-averages", easy, easy).holds
    slow = Toy(attack="pgd")
    assert not claim("saved-by-a-warm-start", slow, slow).holds
    assert not claim("wrong-space", easy, easy).holds


def robust(found, called):
    return next(float(value.split()[0]) for what, value in found.figures if called in what and "robust" in what)


def test_crl_moves_the_embedding_with_most_seeds_and_robustness_both_ways():
    """What the third lesson says of other seeds."""
    found = [
        moved_by_contrast(one, beside(one, "crl"))
        for one in (Toy(data=data, seed=seed) for data in ("moons", "circles", "blobs") for seed in range(3))
    ]
    assert sum(claim.holds for claim in found) >= 7
    gained = [robust(claim, "CRL on") - robust(claim, "CRL off") for claim in found]
    assert min(gained) < 0 < max(gained)


def test_the_glossary_has_one_sentence_and_a_source_for_every_term():
    terms = teaching.glossary()
    assert len(terms) >= 18
    for term in terms.values():
        assert term.text.endswith(".") and term.text.count(". ") == 0 and "{" not in term.said("an attack")
        file = term.source.partition(",")[0]
        assert (teaching.FOLDER.parents[1] / file).exists(), term.source
