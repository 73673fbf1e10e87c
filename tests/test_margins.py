"""Margins on a linear classifier, whose answer is known. Run: pytest tests/test_margins.py"""

import pytest
import torch
from conftest import linear_case

from c2r.attacks.run import attack as run_attack
from c2r.config import load
from c2r.core.linesearch import Search, ls_pgd
from c2r.core.margins import hinge, logit_margin, perturbation_score, robust_margin, worst_part, worst_prediction
from c2r.core.pgd import pgd
from c2r.core.threat import Threat

EPS = 8 / 255


def test_logit_margin_is_own_logit_minus_the_best_other():
    logits = torch.tensor([[3.0, 1.0, 2.5], [-4.0, -1.0, -2.0]])
    assert logit_margin(logits, torch.tensor([0, 2])).tolist() == [0.5, -1.0]


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "inner pgd", "ls-pgd"])
def test_with_two_classes_the_attack_reaches_the_closed_form_margin(attack, generator):
    model, x, y = linear_case(2)
    threat = Threat(EPS)
    if attack == "ls-pgd":
        logits = ls_pgd(model, x, y, Search(threat, load())).logits
    elif attack == "inner pgd":
        logits = pgd(model, x, y, threat=threat, generator=generator, steps=10).logits
    else:
        logits = run_attack(attack, model, x, y, eps=EPS, last=True).logits
    torch.testing.assert_close(robust_margin(logits, y), model.robust_margin(x, y, EPS), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("classes", [3, 10])
def test_with_more_classes_no_attack_falls_below_the_closed_form(classes, generator):
    model, x, y = linear_case(classes)
    bound = model.robust_margin(x, y, EPS) - 1e-4
    found = [
        pgd(model, x, y, threat=Threat(EPS), generator=generator, steps=10).logits,
        ls_pgd(model, x, y, Search(Threat(EPS), load())).logits,
    ]
    for logits in found:
        assert (robust_margin(logits, y) >= bound).all()


def test_the_largest_hinge_is_the_hinge_of_the_smallest_margin(generator):
    logits, y = torch.randn(200, 5, generator=generator), torch.randint(5, (200,), generator=generator)
    assert perturbation_score(logits, y).max() == hinge(robust_margin(logits, y).min())


def test_a_stored_image_has_the_margin_and_the_prediction_of_its_worst_part():
    logits = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0], [4.0, 0.0]])
    labels = torch.zeros(4, dtype=torch.long)
    assert worst_part(logit_margin(logits, labels), 2).tolist() == [-3.0, 1.0]
    assert worst_prediction(logits, labels, 2).tolist() == [1, 0]
