"""Placed points: text and points are the same, whatever is wrong is one sentence, and the core distils them."""

import numpy as np
import pytest

from c2r.base.errors import InputError
from c2r.learn import given, record
from c2r.learn.settings import MOST, Toy

SOME = ((0.12, 0.07, 0), (1.0, 0.0, 1), (0.5, 1.0, 2))


def test_text_and_points_are_the_same():
    assert given.written(SOME) == "a12.7b100.0c50.100" and given.read(given.written(SOME)) == SOME
    assert given.read_lines(given.lines(SOME)) == SOME and given.read_lines("0.123, 0.5, 1\n\n") == ((0.12, 0.5, 0),)
    assert given.written(()) == "" and given.read_lines("") == () and given.lines(()) == ""
    assert len(given.written(tuple((1.0, 1.0, 2) for _ in range(MOST)))) <= given.LONGEST


@pytest.mark.parametrize(
    "text", ["", "a", "a1", "a1.1x", "A1.1", "a1.1 ", "a-1.1", "a1.101", "c999.1", "a1.1" * 61, "٣"]
)
def test_a_text_that_names_no_points_is_refused(text):
    with pytest.raises(InputError, match="found"):
        given.read(text)


@pytest.mark.parametrize(
    "text", ["1", "0.1 0.2", "0.1 0.2 0", "0.1 0.2 4", "0.1 0.2 1 1", "x y 1", "nan 0 1", "2 0 1", "1e999 0 1"]
)
def test_a_line_that_names_no_point_is_refused(text):
    with pytest.raises(InputError, match="found"):
        given.read_lines(text)


def test_what_is_missing_is_said_of_every_class():
    points = ((0.1, 0.1, 0), (0.2, 0.1, 0), (0.9, 0.9, 2))
    assert given.missing((), 5).startswith("Place 5 more of class 1 and 5 more of class 2:")
    assert given.missing(points, 3).startswith("Place 1 more of class 1 and 3 more of class 2 and 2 more of class 3:")
    assert given.missing(points * 3 + ((0.5, 0.5, 1),) * 3, 3) == ""


def test_points_on_a_line_and_on_one_place_are_distilled_without_a_nan():
    points = ((0.5, 0.1, 0), (0.5, 0.2, 0), (0.5, 0.2, 0), (0.5, 0.8, 1), (0.5, 0.9, 1), (0.5, 1.0, 1))
    found = record.recording(Toy(data="given", given=points, per_class=3), 2)
    assert found["accuracy"]["n"] == 6 and found["real"]["labels"] == [label for _, _, label in points]
    assert np.isfinite([frame["at"] + frame["robust"] for frame in found["frames"]][0]).all()
    with pytest.raises(InputError, match="too few"):
        record.recording(Toy(data="given", given=points, per_class=4), 2)
