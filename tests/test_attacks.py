"""Contract of every evaluation attack. Run: pytest tests/test_attacks.py"""

import pytest
import torch
from conftest import linear_case

from c2r.attacks import ATTACKS, label
from c2r.config import load
from c2r.errors import InputError
from c2r.margins import sample_losses
from c2r.threat import Threat

THREAT = Threat(8 / 255)


def attacked(name, model, x, y, seed=0, steps=10):
    return ATTACKS[name](model, x, y, threat=THREAT, generator=torch.Generator().manual_seed(seed), steps=steps)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_keeps_ball_box_mode_and_gradients_and_repeats_itself(name):
    model, x, y = linear_case(5)
    x = x.clone()
    x[0], x[1] = 0.0, 1.0
    found, again = attacked(name, model, x, y), attacked(name, model, x, y)
    assert THREAT.contains(found.images - x, x)
    assert torch.equal(found.images, again.images)
    assert not model.training
    assert all(p.grad is None for p in model.parameters())
    torch.testing.assert_close(found.logits, model(found.images))
    torch.testing.assert_close(found.loss, sample_losses(model(found.images), y))


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_lowers_accuracy_on_the_linear_model(name):
    model, x, _ = linear_case(5, 200)
    y = model(x).argmax(1)
    accuracy = (attacked(name, model, x, y).logits.argmax(1) == y).float().mean()
    assert accuracy < 0.75


def test_saturated_pixels_still_move():
    model, x, y = linear_case(3)
    moved = (attacked("pgd", model, torch.ones_like(x), y).images - 1).abs()
    assert moved.max() > 0.9 * THREAT.eps


def test_pgd_keeps_the_worst_iterate():
    """With a step four times too large the last iterate overshoots; more steps must never look weaker."""
    model, x, y = linear_case(5)
    losses = torch.stack([attacked("pgd", model, x, y, steps=n).loss for n in (1, 3, 6, 12)])
    assert (losses.diff(dim=0) >= -1e-6).all()


def test_costs_are_forwards_and_backwards_per_image():
    model, x, y = linear_case(3)
    assert [(a.forwards, a.backwards) for a in (attacked("fgsm", model, x, y), attacked("pgd", model, x, y))] == [(2, 1), (11, 10)]


def test_labels_name_the_steps_and_unknown_attacks_are_refused():
    assert label("pgd", load("demo", {"eval_pgd_steps": 20})) == "PGD-20"
    with pytest.raises(InputError, match="Unknown attack 'pdg'"):
        label("pdg", load())
