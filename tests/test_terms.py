"""Words of the glossary in the pages' sentences are links; what files hold stays text."""

import pytest

from app import teaching, terms, words


def test_each_term_is_a_link_where_it_is_first_said():
    said = terms.linked("Robust margins by LS-PGD, then PGD-10; the robust margin of a CRL run.")
    assert said == (
        "[Robust margins](learn?term=robust-margin#robust-margin) by [LS-PGD](learn?term=ls-pgd#ls-pgd), then"
        " [PGD-10](learn?term=pgd#pgd); the robust margin of a [CRL](learn?term=crl#crl) run."
    )


@pytest.mark.parametrize("text", ["Scorers2", "aC2R", "non-CRL", "scoring", "n = 24 images", "epsilons"])
def test_other_words_stay_as_they_are(text):
    assert terms.linked(text) == words.plain(text)


def test_what_a_file_says_makes_no_markup():
    text = "[x](http://a.b) **bold** `code` $x$ <b> [scorer](javascript:alert(1)) CRL](y)"
    said = terms.linked(text)
    assert said.replace("[scorer](learn?term=scorer#scorer)", "scorer").replace("[CRL](learn?term=crl#crl)", "CRL") == (
        words.plain(text)
    )


def test_a_link_is_of_the_glossary():
    assert {"robust-margin", "aac", "curriculum", "scorer"} <= {t.id for t in teaching.glossary().values() if t.spoken}
    assert terms.link("pool", "pools") == "[pools](learn?term=pool#pool)"
    with pytest.raises(KeyError):
        terms.link("no-term")
