"""APGD, FAB, Square, SPSA and AutoAttack against values worked by hand. Run: pytest tests/test_autoattack.py"""

import pytest
import torch
from conftest import Linear, linear_case
from torch import nn

from c2r.attacks.apgd import checkpoints, rivals
from c2r.attacks.catalog import passes
from c2r.attacks.fab import fab_t, nearest_crossing
from c2r.attacks.losses import Aim, dlr
from c2r.attacks.run import How, attack, prepared
from c2r.attacks.square import side
from c2r.attacks.state import AttackState, Rules
from c2r.core.threat import Threat

EPS = 0.05
SMALL = {
    "apgd-ce": {"steps": 12},
    "apgd-t": {"steps": 8, "targets": 9},
    "fab-t": {"steps": 8, "targets": 9},
    "square": {"queries": 60},
    "spsa": {"steps": 5, "samples": 16},
    "autoattack": {"steps": 6, "targets": 3, "queries": 40},
}


class LogitsOnly(torch.autograd.Function):
    @staticmethod
    def forward(_ctx, x):
        return x

    @staticmethod
    def backward(_ctx, _gradient):
        raise AssertionError("this attack asked for a gradient")


class BlackBox(Linear):
    """The linear model, whose backward raises."""

    def forward(self, x):
        return super().forward(LogitsOnly.apply(x))


class Bent(nn.Module):
    """A small network that is neither linear nor robust, of any image shape."""

    def __init__(self, classes, shape, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body = nn.Sequential(
                nn.Conv2d(shape[0], 12, 3, padding=1),
                nn.Tanh(),
                nn.Flatten(),
                nn.Linear(12 * shape[1] * shape[2], classes),
            )
        self.eval().requires_grad_(False)

    def forward(self, x):
        return 4 * self.body(x)


def bent_case(classes=5, shape=(3, 6, 6), count=24):
    model = Bent(classes, shape)
    x = torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))
    return model, x, model(x).argmax(1)


def run(name, model, x, y, eps=EPS, **changes):
    return attack(name, model, x, y, eps=eps, changes=SMALL[name] | changes)


def test_apgd_judges_progress_after_the_steps_of_the_paper():
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(10) == [2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_rivals_are_the_other_classes_most_likely_first():
    logits = torch.tensor([[1.0, 4.0, 2.0, 3.0], [1.0, 4.0, 2.0, 3.0]])
    assert rivals(logits, torch.tensor([1, 0])).tolist() == [[3, 2, 0], [1, 3, 2]]


def right_case(classes, model=Linear):
    """A linear model without a favourite class, and images with the labels it gives them."""
    model, (_, x, _) = model(classes, (1, 4, 4)), linear_case(classes, 60)
    model.bias -= model(x).mean(0)
    return model, x, model(x).argmax(1)


@pytest.mark.parametrize(
    ("name", "classes"), [("apgd-ce", 2), *((name, k) for name in ("apgd-t", "fab-t", "autoattack") for k in (2, 3, 6))]
)
def test_gradient_attacks_reach_the_closed_form_verdict_on_the_linear_model(name, classes):
    model, x, y = right_case(classes)
    eps = {2: 0.05, 3: 0.05, 6: 0.02}[classes]
    margin = model.robust_margin(x, y, eps)
    clear = margin.abs() > 1e-3
    found = run(name, model, x, y, eps, steps=20)
    assert 0.1 < (margin < 0).float().mean() < 0.9
    assert torch.equal(found.fooled[clear], margin[clear] < 0)


def test_an_image_that_wins_at_last_needs_the_smaller_steps_of_apgd():
    """Oscillation around a narrow peak: only halved steps find it. The loss falls away on both sides of 0.031."""
    model, x = Ridge().eval(), torch.full((1, 1, 1, 2), 0.5)
    y = torch.zeros(1, dtype=torch.int64)
    wide = run("apgd-ce", model, x, y, eps=0.1, steps=4)
    patient = run("apgd-ce", model, x, y, eps=0.1, steps=100)
    assert not wide.fooled and patient.fooled


class Ridge(nn.Module):
    def forward(self, x):
        ahead = 0.002 - (x.flatten(1) - 0.531).abs().sum(1)
        return torch.stack([-ahead, ahead], 1)


def test_fab_finds_the_nearest_point_of_the_linear_two_class_model():
    model, x, y = right_case(2)
    apart = (model.weight[0] - model.weight[1]).abs().sum()
    exact = (model(x)[:, 0] - model(x)[:, 1]).abs() / apart
    state = AttackState(model, x, Aim(y), Rules(Threat(1.0), nearest=True))
    for _ in fab_t(state, steps=30, targets=9):
        pass
    free = exact < 0.25  # the box starts to bind beyond: pixels lie in [0.3, 0.7]
    found = state.result().distance[free]
    assert free.sum() > 20
    assert (found >= exact[free] - 1e-5).all()
    assert (found <= 1.01 * exact[free]).all()


def test_the_nearest_crossing_respects_the_box_and_equals_a_slow_search():
    generator = torch.Generator().manual_seed(3)
    point, weight, gap = (
        torch.rand(30, 12, generator=generator),
        torch.randn(30, 12, generator=generator),
        3 * torch.randn(30, generator=generator),
    )
    step, rows = nearest_crossing(point, weight, gap), torch.arange(30)
    tried = (point - torch.linspace(0, 1, 2001)[:, None, None] * (weight * gap[:, None]).sign()).clamp(0, 1) - point
    crossed = ((tried * weight).sum(2) + gap) * gap.sign() <= 0
    there, first = crossed.any(0), crossed.int().argmax(0)
    assert 5 < there.sum() < 30
    torch.testing.assert_close(step.abs().amax(1)[there], tried[first, rows].abs().amax(1)[there], atol=6e-4, rtol=0)
    torch.testing.assert_close((weight * step).sum(1)[there], -gap[there], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(step[~there], tried[-1][~there])


@pytest.mark.parametrize("classes", [4, 5])
def test_dlr_ignores_shift_and_positive_scale_of_the_logits(classes):
    logits = torch.randn(20, classes, generator=torch.Generator().manual_seed(0))
    y = torch.arange(20) % classes
    for aim in (Aim(y), Aim(y, (y + 1) % classes)):
        torch.testing.assert_close(dlr(5 * logits + 3, aim), dlr(logits, aim), atol=1e-4, rtol=1e-4)


def test_the_side_of_squares_follows_the_schedule_for_ten_thousand_queries():
    queries = [0, 10, 11, 50, 51, 200, 201, 500, 501, 1001, 2001, 4001, 8001]
    assert [side(q, 0.8, 32, 32) for q in queries] == [29, 29, 20, 20, 14, 14, 10, 10, 7, 5, 4, 3, 1]
    assert [side(q, 0.8, 16, 16) for q in (0, 11, 51, 201, 501, 1001, 2001, 4001)] == [14, 10, 7, 5, 4, 3, 2, 1]
    assert side(0, 0.8, 4, 60) == 4


@pytest.mark.parametrize("name", ["square", "spsa"])
@pytest.mark.parametrize("targeted", [False, True])
def test_logit_attacks_fool_the_linear_model_without_a_gradient(name, targeted):
    model, x, y = right_case(6, BlackBox)
    found = attack(
        name,
        model,
        x,
        y,
        eps=EPS,
        targeted=targeted,
        changes={"square": {"queries": 200}, "spsa": {"steps": 8, "samples": 32}}[name],
    )
    within_reach = model.robust_margin(x, y, EPS) < -0.3
    assert within_reach.sum() > 5
    assert found.backwards.sum() == 0
    assert found.fooled.any() if targeted else found.fooled[within_reach].float().mean() > 0.8


@pytest.mark.parametrize("shape", [(1, 4, 9), (3, 7, 5), (1, 1, 6)])
def test_square_takes_grey_and_oblong_images_and_uses_only_the_two_ends(shape):
    model, x, y = bent_case(4, shape)
    found = run("square", model, x, y)
    moved = found.distance > 0
    ends = torch.stack([(x - EPS).clamp(0, 1), (x + EPS).clamp(0, 1)])
    assert moved.any()
    assert ((found.images - ends).abs().amin(0)[moved] < 1e-6).all()


@pytest.mark.parametrize("name", SMALL)
def test_three_classes_and_all_their_rivals_are_enough(name):
    model, x, y = bent_case(3)
    found = run(name, model, x, y, eps=0.2)
    assert found.fooled.float().mean() > 0.4
    assert torch.equal(model(found.images).argmax(1) != y, found.fooled)


@pytest.mark.parametrize("name", SMALL)
def test_an_image_is_attacked_the_same_alone_and_in_company(name):
    model, x, y = bent_case()
    together, alone = run(name, model, x, y), run(name, model, x[7:8], y[7:8])
    torch.testing.assert_close(together.images[7:8], alone.images)
    assert together.forwards[7] == alone.forwards[0]


def test_autoattack_is_never_weaker_than_its_parts():
    model, x, y = bent_case(count=60)
    shared = SMALL["autoattack"]
    whole = run("autoattack", model, x, y)
    first = run("apgd-ce", model, x, y, steps=shared["steps"])
    assert 0.05 < first.fooled.float().mean() < 0.95
    assert not (first.fooled & ~whole.fooled).any()
    for name in ("apgd-t", "fab-t"):
        part = run(name, model, x, y, steps=shared["steps"], targets=shared["targets"])
        assert whole.fooled.sum() >= part.fooled.sum()


@pytest.mark.parametrize("name", SMALL)
def test_who_withstands_costs_what_the_catalog_says(name):
    model, x, y = bent_case(4)
    found = run(name, model, x, y, eps=1e-5)
    assert not found.fooled.all()
    spent = (found.forwards + found.backwards)[~found.fooled]
    assert (spent == passes(name, SMALL[name], 4)).all()


def test_autoattack_tells_a_share_that_only_grows_and_ends_at_one():
    model, x, y = bent_case(count=40)
    _, work = prepared("autoattack", model, x, y, How(0.03, changes=SMALL["autoattack"]))
    shares = torch.tensor(list(work))
    assert (shares.diff() >= 0).all() and shares[0] < 0.2 and shares[-1] == 1
