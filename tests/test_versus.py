"""Which of two measurements of class separation is higher, in words. Run: pytest tests/test_versus.py"""

import pytest

from c2r.look.versus import Measured, sentence


def measured(called, *figures, step=80, n=100):
    """Six figures: clean and adversarial kNN, silhouette, between / within."""
    names = ("knn", "silhouette", "between_within")
    sides = (dict(zip(names, own, strict=True)) for own in (figures[:3], figures[3:]))
    return Measured(called, step, n, dict(zip(("clean", "adv"), sides, strict=True)))


PLAIN = measured("without", 0.95, 0.30, 3.6, 0.62, 0.09, 1.01)


def test_what_is_higher_lower_and_the_same_is_told_with_both_values():
    other = measured("with", 0.951, 0.28, 8.2, 0.92, -0.004, 1.5)
    assert sentence(PLAIN, other) == (
        "At step 80, three of the six measures are higher under 'with' than under 'without': clean between / within"
        " (3.60 → 8.20), adversarial kNN accuracy (0.62 → 0.92), adversarial between / within (1.01 → 1.50); two are"
        " lower: clean silhouette (0.30 → 0.28), adversarial silhouette (0.09 → 0.00); one is without a difference:"
        " clean kNN accuracy (0.95). Higher means classes farther apart. n = 100 images, measured by one network each,"
        " so without a spread."
    )


def test_none_and_all_are_said_as_such():
    worse = measured("with", 0.9, 0.2, 3.5, 0.6, -0.09, 1.0)
    assert sentence(PLAIN, worse).startswith(
        "At step 80, none of the six measures is higher under 'with' than under 'without'; six are lower:"
    )
    assert "adversarial silhouette (0.09 → −0.09)" in sentence(PLAIN, worse)
    assert sentence(worse, PLAIN).startswith("At step 80, all six measures are higher under 'without' than")


def test_a_difference_that_two_decimals_do_not_show_is_none():
    same = measured("with", 0.9549, 0.3049, 3.6049, 0.6249, 0.0949, 1.0149)
    said = sentence(measured("without", 0.9451, 0.2951, 3.5951, 0.6151, 0.0851, 1.0051), same)
    assert "none of the six measures is higher" in said and "lower" not in said
    assert "six are without a difference" in said


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_an_undefined_figure_is_not_compared(missing):
    said = sentence(PLAIN, measured("with", missing, 0.3, 3.6, 0.62, 0.09, 1.02))
    assert "one is not to be compared: clean kNN accuracy (0.95 → –)" in said and "one of the six measures is" in said
    assert "six are not to be compared" in sentence(PLAIN, Measured("with", 80, 100, {}))


def test_other_steps_and_other_counts_are_said():
    said = sentence(PLAIN, measured("with", 1, 1, 9, 1, 1, 9, step=75, n=200))
    assert said.startswith(
        "At step 80 of 'without' and step 75 of 'with', all six measures are higher under the latter: clean"
    )
    assert "n = 100 and 200 images" in said
