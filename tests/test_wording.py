"""How figures are written, wherever they are shown."""

import pytest

from c2r.cli.terminal import print_rows
from c2r.evaluation import wording


def test_shares_are_written_in_percent_and_what_is_not_there_as_a_dash():
    assert (wording.number(0.6704), wording.percent(0.6704), wording.percent(0.6704, 0)) == ("67.0", "67.0 %", "67 %")
    assert wording.number(None) == wording.percent(None) == "–"
    assert wording.spread(0.67, 0.0101) == "67.0 ± 1.0" and wording.spread(0.67, None) == "67.0"
    assert wording.interval((0.208, 0.939)) == "20.8–93.9 %" and wording.interval(None) == ""


@pytest.mark.parametrize(("share", "text"), [(0.032, "+3.2"), (-0.2, "-20.0"), (-0.0001, "+0.0"), (0, "+0.0")])
def test_differences_have_a_sign_and_never_a_minus_zero(share, text):
    assert wording.points(share) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (512, "512 B"),
        (6_400, "6.40 kB"),
        (76_800, "76.8 kB"),
        (307_200, "307 kB"),
        (1_228_800, "1.23 MB"),
        (999_600, "1.00 MB"),
    ],
)
def test_sizes_are_written_for_people(count, text):
    assert wording.size(count) == text


def test_words_are_listed_with_an_and_before_the_last():
    assert [wording.listed(list(words)) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_a_line_on_the_terminal_says_threat_n_and_cost(capsys):
    row = {"key": "pgd", "attack": "pgd", "label": "PGD-10", "norm": "Linf", "eps": "0.00784313725490196", "n": 359}
    print_rows([row | {"accuracy": share, "forwards": 11, "backwards": 10} for share in (0.5, 0.52)])
    print_rows([row | {"attack": "clean", "key": "clean", "label": "clean", "norm": "", "eps": "", "accuracy": None}])
    attacked, clean = capsys.readouterr().out.splitlines()
    assert attacked == (
        "  PGD-10                  51.0 % ±  1.4  (2 networks, n = 359 images, ε = 2/255 L∞, 21 passes per image)"
    )
    assert clean.split("  ")[1] == "clean" and "–" in clean and "(0 networks" in clean
