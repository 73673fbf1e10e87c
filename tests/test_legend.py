"""The legend of maps that stand side by side. Run: pytest tests/test_legend.py"""

import pytest

from app import beside, legend, theme

NAMES = ["cat", "<b>dog</b>", "fox"]


def test_classes_have_their_colours_and_their_names_are_text():
    html = legend.html(legend.Legend("class", NAMES, [0, 1]), dark=False)
    assert "&lt;b&gt;dog&lt;/b&gt;" in html and "<b>" not in html and "fox" not in html
    assert theme.class_colour(0, 3) in html and "clean" in html and "adversarial" in html
    assert "from clean to adversarial" not in html
    assert "from clean to adversarial" in legend.html(legend.Legend("class", NAMES, [0], lines=True), dark=False)


def test_many_classes_are_named_on_the_maps_alone():
    names = [f"class {k}" for k in range(100)]
    assert "class 7" not in legend.html(legend.Legend("class", names, list(range(100))), dark=False)


@pytest.mark.parametrize(
    ("by", "limit", "told"),
    [
        ("margin", 5.5, ["robust margin (logits): −5.5", " 5.5"]),
        ("rank", 99.0, ["rank (0 = hardest): 0", " 99"]),
        ("broken", 1.0, [theme.ADVERSARIAL, "broken", theme.CLEAN, "robust"]),
    ],
)
def test_a_scale_says_where_it_ends_and_a_state_what_its_colour_means(by, limit, told):
    html = legend.html(legend.Legend(by, NAMES, [0], limit), dark=True)
    assert all(word in html for word in told) and "cat" not in html


def test_beside_stands_the_other_scorer_where_there_is_one():
    assert beside.choices(["ce", "ce-crl"], "ce-crl") == ["nothing", "ce", "another run"]
    assert beside.usual(beside.choices(["ce", "ce-crl"], "ce")) == "ce-crl"
    assert beside.usual(beside.choices(["ce"], "ce")) == "nothing"
