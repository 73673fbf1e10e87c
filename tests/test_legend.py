"""The legend of maps that stand side by side, and what may stand there. Run: pytest tests/test_legend.py"""

import pytest

from app import beside, legend, theme

NAMES = ["cat", "<b>dog</b>", "fox"]


def told(by, *classes, limit=1.0, lines=False, dark=False):
    return legend.entries(legend.Legend(by, NAMES, classes, limit, lines), dark)


def test_the_classes_on_the_maps_are_named_in_their_colours_after_the_shapes():
    names = [entry["name"] for entry in told("class", 0, 1)]
    assert names == ["clean", "adversarial", "cat", "<b>dog</b>"]
    assert told("class", 2)[-1]["colour"] == theme.class_colour(2, 3)
    assert [entry["name"] for entry in told("class", 0, lines=True)][2] == "from clean to adversarial"


def test_many_classes_are_named_on_the_maps_alone():
    many = legend.Legend("class", [f"class {k}" for k in range(100)], list(range(100)))
    assert [entry["name"] for entry in legend.entries(many, dark=False)] == ["clean", "adversarial"]


@pytest.mark.parametrize(("by", "limit", "ends"), [("margin", 5.5, ("−5.5", "5.5")), ("rank", 99.0, ("0", "99"))])
@pytest.mark.parametrize("dark", [False, True])
def test_a_scale_says_where_it_ends(by, limit, ends, dark):
    scale = told(by, 0, limit=limit, dark=dark)[-1]
    assert (scale["low"], scale["high"]) == ends and scale["colours"].startswith("linear-gradient(to right, #")


@pytest.mark.parametrize(
    ("hidden", "clicked", "then"),
    [
        ((), {"class": 1, "alone": False}, {1}),
        ({1}, {"class": 1, "alone": False}, set()),
        ({1}, {"class": 2, "alone": True}, {0, 1}),
        ({0, 1}, {"class": 2, "alone": True}, set()),
        ({0, 1, 9}, {"class": 9, "alone": True}, {0, 1}),
        ({1}, {"class": "<b>"}, {1}),
        ({1}, None, {1}),
    ],
)
def test_one_click_hides_or_shows_a_class_and_two_show_it_alone(hidden, clicked, then):
    assert legend.after_click(hidden, [0, 1, 2], clicked) == then


def test_a_class_says_that_it_is_hidden():
    shown = legend.Legend("class", NAMES, [0, 1], hidden={1})
    assert [(e["class"], e["hidden"]) for e in legend.entries(shown, dark=False) if "class" in e] == [
        (0, False),
        (1, True),
    ]


def test_the_two_colours_of_broken_are_named():
    assert [(entry["name"], entry["colour"]) for entry in told("broken", 0)[2:]] == [
        ("broken", theme.ADVERSARIAL),
        ("robust", theme.CLEAN),
    ]


def test_beside_stands_the_other_scorer_where_there_is_one():
    assert beside.choices(["ce", "ce-crl"], "ce-crl") == ["nothing", "ce", "another run"]
    assert beside.usual(beside.choices(["ce", "ce-crl"], "ce")) == "ce-crl"
    assert beside.usual(beside.choices(["ce"], "ce")) == "nothing"
