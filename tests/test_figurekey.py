"""What a figure is of: equal keys for the same figure, other keys for another. Run: pytest tests/test_figurekey.py"""

import pytest

from c2r.attacks import figurekey
from c2r.evaluation.attempts import by_attack

ROW = {
    "key": "pgd",
    "attack": "pgd",
    "label": "PGD-10",
    "norm": "Linf",
    "eps": "32/255",
    "targeted": False,
    "options": {"steps": 10},
    "training": "pgd-at",
    "protocol": "custom",
    "split": "test",
    "seed": 0,
    "accuracy": 0.5,
    "n": 10,
}


@pytest.mark.parametrize(
    "change",
    [
        {"eps": "1/255"},
        {"norm": "L2"},
        {"options": {"steps": 100}},
        {"options": {"steps": 10, "step": 1.0}},
        {"targeted": True},
        {"training": "standard"},
        {"split": "train"},
        {"protocol": "beard-legacy"},
    ],
)
def test_what_differs_in_any_of_these_is_another_figure(change):
    assert figurekey.key_of(ROW | change) != figurekey.key_of(ROW)
    found = by_attack([ROW, ROW | change | {"accuracy": 0.9}])
    assert [one["mean"] for one in found.values()] == [0.5, 0.9], "and the two are never averaged"


@pytest.mark.parametrize(
    "change", [{"eps": "0.125490196"}, {"options": {}}, {"protocol": "pixel-2/255"}, {"seed": 3}, {"label": "PGD"}]
)
def test_what_differs_in_words_alone_is_the_same_figure(change):
    assert figurekey.key_of(ROW | change) == figurekey.key_of(ROW)


@pytest.mark.parametrize(
    ("eps", "text"),
    [
        ("0.125490196", "32/255"),
        (32 / 255, "32/255"),
        ("2/255", "2/255"),
        ("unbounded", "unbounded"),
        ("", ""),
        ("0.5", "127.5/255"),
        ("1/0", "1/0"),
        ("0.1234567", "0.123457"),
    ],
)
def test_radii_read_as_people_write_them(eps, text):
    assert figurekey.radius(eps) == text


def test_names_tell_figures_apart_only_where_they_must():
    keys = [
        figurekey.key_of(ROW | change)
        for change in ({}, {"options": {"steps": 10, "step": 1.0}}, {"training": "standard"}, {"eps": "1/255"})
    ]
    called = figurekey.names(dict.fromkeys(keys, "PGD-10"))
    assert called[keys[0]] == "PGD-10 (L∞ 32/255, step 0.25, adversarial training)" and len(set(called.values())) == 4
    assert figurekey.names({keys[0]: "PGD-10", keys[1]: "CW"}) == {keys[0]: "PGD-10", keys[1]: "CW"}


def test_options_that_are_no_table_are_those_left_out():
    row = {"attack": "fgsm", "norm": "Linf", "eps": "2/255", "training": "pgd-at", "split": "test"}
    assert figurekey.key_of(row | {"options": [1, 2]}) == figurekey.key_of(row)
