"""Contract of every evaluation attack. Run: pytest tests/test_attacks.py"""

import inspect
import subprocess
import sys

import pytest
import torch
from conftest import Linear, linear_case
from torch import Tensor, nn

from c2r.attacks.catalog import CATALOG, function, label, passes
from c2r.attacks.noise import Noise
from c2r.attacks.run import How, attack, prepared
from c2r.core.margins import logit_margin
from c2r.errors import InputError

SMALL = {
    "cw-l2": {"steps": 50, "c": 0.3},
    "deepfool": {"steps": 10},
    "square": {"queries": 120},
    "spsa": {"steps": 8, "samples": 24, "delta": 0.001},
    "apgd-ce": {"steps": 12},
    "apgd-t": {"steps": 8, "targets": 3},
    "fab-t": {"steps": 6, "targets": 3},
    "autoattack": {"steps": 6, "targets": 3, "queries": 40},
}  # budgets that keep the tests fast
EPS = {"Linf": 4 / 255, "L2": 0.06}  # about half of the images of `right_case` lie closer than this to a boundary
BOUNDED = [name for name, known in CATALOG.items() if known.norm == "Linf"]
GRADIENT = [name for name in BOUNDED if name not in ("square", "spsa")]
RANDOM = [name for name, known in CATALOG.items() if known.random]
TARGETED = [name for name, known in CATALOG.items() if known.targeted]
every = pytest.mark.parametrize("name", CATALOG)


def attacked(name, model, x, y, eps=None, changes=None, **how):
    return attack(
        name, model, x, y, eps=eps or EPS[CATALOG[name].norm], changes=SMALL.get(name, {}) | (changes or {}), **how
    )


def boundary(model: Linear, x: Tensor, y: Tensor, dual: int) -> Tensor:
    """Distance [B] to the nearest class boundary of a linear model, (z_y − z_k) / |w_y − w_k| in the dual norm; the box
    aside."""
    logits = model(x)
    gaps = logits.gather(1, y[:, None]) - logits
    lengths = (model.weight[y][:, None] - model.weight).norm(p=dual, dim=2)
    return (gaps / lengths).scatter(1, y[:, None], float("inf")).amin(1)


def right_case(classes: int, count: int) -> tuple[Linear, Tensor, Tensor]:
    """A linear model without a favourite class, and images with the labels it gives them."""
    model, x, _ = linear_case(classes, count)
    model.bias -= model(x).mean(0)
    return model, x, model(x).argmax(1)


class Counting(nn.Module):
    """A model that counts the images that pass through it in either direction."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.forwards, self.backwards = model, 0, 0
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += len(x)
        inside = x * 1
        if inside.requires_grad:
            inside.register_hook(self._back)
        return self.model(inside)

    def _back(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)


class Plateau(nn.Module):
    """The logits of a linear model; bright images get [5, 0, …, 0] whatever they show, so their gradient is zero."""

    def __init__(self, model: Linear):
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        logits = self.model(x)
        flat = torch.zeros_like(logits)
        flat[:, 0] = 5.0
        return torch.where(x.mean((1, 2, 3))[:, None] > 0.85, flat, logits)


class Step:
    """One pixel, two classes: the margin of class 0 falls from 0.50, is flat between 0.53 and 0.62, and falls below 0
    after 0.65."""

    def __call__(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        lead = 1 - 10 * (x.clamp(0.5, 0.53) - 0.5) - 25 * (x.clamp(min=0.62) - 0.62)
        return torch.cat([lead, torch.zeros_like(lead)], 1)


@every
def test_the_function_of_a_row_takes_the_options_of_the_row(name):
    takes = inspect.signature(function(name)).parameters.values()
    asked = [given.name for given in takes if given.kind is given.KEYWORD_ONLY and given.default is given.empty]
    assert asked == list(CATALOG[name].options)


def test_the_catalog_loads_no_torch():
    code = "import sys, c2r.attacks.catalog as catalog; print('torch' in sys.modules, catalog.function('pgd').__name__)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "pgd"]


@every
def test_every_attack_keeps_ball_box_mode_gradients_images_and_the_random_state(name):
    model, x, y = linear_case(5)
    x[0], x[1] = 0.0, 1.0
    before, state, known = x.clone(), torch.get_rng_state(), CATALOG[name]
    model.weight.requires_grad_(True)
    found = attacked(name, model, x, y)
    shift = found.images - x
    size = shift.flatten(1).norm(p=2 if known.norm == "L2" else float("inf"), dim=1)
    held = found.fooled if known.nearest else torch.ones_like(found.fooled)
    assert (size[held] <= EPS[known.norm] + 2e-6).all() and size.max() > 0
    assert found.images.min() >= 0 and found.images.max() <= 1
    assert not model.training and model.weight.grad is None and not found.images.requires_grad
    assert torch.equal(x, before) and torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(found.logits, model(found.images).detach())
    torch.testing.assert_close(found.margin, logit_margin(model(found.images), y).detach())
    torch.testing.assert_close(found.distance[held], size[held])
    assert torch.equal(found.fooled, (found.margin <= 0) & held)


@every
def test_an_attack_repeats_itself_under_one_seed_and_differs_under_another_if_it_is_random(name):
    generator = torch.Generator().manual_seed(0)
    one, two = (torch.randn(size, generator=generator) for size in ((16, 24), (24, 5)))
    x = torch.rand(20, 1, 4, 4, generator=generator)

    def curved(images: Tensor) -> Tensor:
        return (4 * (images.flatten(1) - 0.5) @ one).tanh() @ two

    y, eps = curved(x).argmax(1), EPS[CATALOG[name].norm]
    first, again, other = (attacked(name, curved, x, y, eps, seed=seed).images for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name not in RANDOM)


@every
@pytest.mark.parametrize("classes", [2, 3, 17])
def test_every_attack_lowers_accuracy_whatever_the_number_of_classes(name, classes):
    model, x, y = right_case(classes, 80)
    found = attacked(name, model, x, y)
    distance = boundary(model, x, y, 2 if CATALOG[name].norm == "L2" else 1)
    hopeless = (distance < EPS[CATALOG[name].norm]).float().mean()
    assert found.fooled.float().mean() > 0.6 * hopeless > 0.05


@pytest.mark.parametrize("name", BOUNDED)
def test_no_attack_fools_an_image_whose_closed_form_margin_is_positive(name):
    model, x, y = right_case(5, 150)
    exact = boundary(model, x, y, 1)
    fooled = attacked(name, model, x, y).fooled
    assert not fooled[exact > EPS["Linf"] * (1 + 1e-4)].any()
    if name in GRADIENT:
        near = exact < 0.8 * EPS["Linf"]
        assert near.sum() > 20 and fooled[near].float().mean() > 0.9


@pytest.mark.parametrize(("name", "over"), [("deepfool", 1.021), ("cw-l2", 1.03)])
def test_nearest_point_attacks_reach_the_closed_form_distance_and_never_beat_it(name, over):
    model, x, y = right_case(5, 60)
    exact = boundary(model, x, y, 2)
    found = attacked(name, model, x, y, changes={"steps": 100})
    near = exact < 0.4
    ratio = (found.distance / exact)[near]
    assert ratio.min() > 1 - 1e-4 and ratio.median() < over
    assert torch.equal(found.fooled, found.distance <= EPS["L2"])


@every
def test_an_image_meets_the_same_attack_alone_in_a_batch_and_in_another_order(name):
    model, x, y = right_case(5, 8)
    eps, changes = EPS[CATALOG[name].norm] / 2, {"searches": 2} if name == "cw-l2" else {}
    whole = attacked(name, model, x, y, eps, changes)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        attacked(name, model, x[order], y[order], eps, changes).images, whole.images[order], atol=1e-6, rtol=0
    )
    for i in (0, 5):
        alone = attacked(name, model, x[i : i + 1], y[i : i + 1], eps, changes)
        torch.testing.assert_close(alone.images[0], whole.images[i], atol=1e-6, rtol=0)
        assert alone.forwards == whole.forwards[i] and alone.backwards == whole.backwards[i]


@every
def test_costs_are_the_images_that_passed_through_the_network(name):
    model, x, y = right_case(4, 30)
    counting = Counting(model)
    found = attacked(name, counting, x, y)
    assert (
        counting.forwards - 1 == found.forwards.sum()
    )  # one more: the look at one image that tells the number of classes
    assert counting.backwards == found.backwards.sum()


@every
def test_an_image_that_withstands_costs_what_the_catalog_says(name):
    model = Plateau(linear_case(4)[0])
    x, y = torch.full((2, 1, 4, 4), 0.95), torch.zeros(2, dtype=torch.int64)
    found = attacked(name, model, x, y, eps=4 / 255)
    assert not found.fooled.any()
    assert (found.forwards + found.backwards).tolist() == [passes(name, SMALL.get(name), 4)] * 2


@every
def test_clean_mistakes_count_as_fooled_and_cost_one_look(name):
    model, x, y = right_case(5, 10)
    y = torch.where(torch.arange(10) < 4, (y + 1) % 5, y)
    found = attacked(name, model, x, y, eps=1e-5)
    assert found.fooled.tolist() == [True] * 4 + [False] * 6
    assert torch.equal(found.images[:4], x[:4]) and (found.distance[:4] == 0).all()
    assert (found.forwards[:4] == 1).all() and (found.backwards[:4] == 0).all() and (found.forwards[4:] > 1).all()


@pytest.mark.parametrize("name", [name for name in CATALOG if name not in ("fgsm", "cw-l2")])
def test_fooled_images_leave_so_a_weak_network_is_cheap(name):
    model, x, y = right_case(5, 40)
    found = attacked(name, model, x, y, eps=0.3)
    assert (found.forwards + found.backwards).mean() < 0.5 * passes(name, SMALL.get(name), 5)


@every
def test_saturated_pixels_move(name):
    model = Linear(5, (1, 4, 4))
    x = (torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(2)) < 0.5).float()
    y = model(x).argmax(1)
    found = attacked(
        name,
        model,
        x,
        y,
        eps=0.2 if CATALOG[name].norm == "Linf" else 0.6,
        changes={"rate": 0.1} if name == "cw-l2" else {},
    )
    shift = (found.images - x)[found.fooled]
    assert len(shift) > 5 and found.images.min() >= 0 and found.images.max() <= 1
    assert shift.max() > 0.05 and shift.min() < -0.05


@every
def test_a_plateau_gives_no_nan_and_touches_no_other_image(name):
    linear, x, y = right_case(5, 12)
    model = Plateau(linear)
    x[3:5], y[3:5] = 0.98, 0
    others = torch.tensor([i for i in range(12) if i not in (3, 4)])
    found, without = attacked(name, model, x, y), attacked(name, model, x[others], y[others])
    assert all(bool(t.isfinite().all()) for t in (found.images, found.logits, found.margin))
    assert not found.fooled[3:5].any()
    torch.testing.assert_close(found.images[others], without.images, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "crosses"), [("mi-fgsm", True), ("vmi-fgsm", True), ("pgd", False)])
def test_momentum_carries_an_image_over_a_plateau_and_a_zero_gradient_does_not_freeze_it(name, crosses):
    x, changes = torch.full((1, 1, 1, 1), 0.5001), {"step": 0.1} | ({"start": False} if name == "pgd" else {})
    found = attack(name, Step(), x, torch.tensor([0]), eps=0.3, changes=changes)
    assert bool(found.fooled[0]) == crosses


@every
def test_logits_that_are_all_negative_give_the_same_result(name):
    model, x, y = right_case(5, 40)
    lower = Linear(5, (1, 4, 4))
    lower.bias.copy_(model.bias - 1000)
    one, two = attacked(name, model, x, y), attacked(name, lower, x, y)
    if name == "jitter":  # divides by the largest logit, so it sees the shift; it must still work
        assert two.fooled.float().mean() > 0.8 * one.fooled.float().mean()
    else:
        assert (one.fooled == two.fooled).float().mean() > 0.95
        assert (one.images - two.images).abs().median() < 1e-3


@pytest.mark.parametrize("name", TARGETED)
@pytest.mark.parametrize("classes", [3, 5])
def test_a_targeted_attack_reaches_the_next_class_and_counts_accuracy_and_success_apart(name, classes):
    model, x, y = right_case(classes, 60)
    target = (y + 1) % classes
    found = attacked(name, model, x, y, eps=0.12 if CATALOG[name].norm == "Linf" else 0.5, targeted=True)
    predicted = model(found.images).argmax(1)
    held = found.distance <= EPS["L2"] * 4 if CATALOG[name].nearest else torch.ones_like(found.fooled)
    assert torch.equal((predicted == target)[held], found.fooled[held])
    assert found.fooled.float().mean() > 0.3
    assert (predicted == y).float().mean() <= 1 - found.fooled.float().mean() + 1e-6
    aside = attacked(name, model, x, target, eps=0.12, targeted=False)
    assert not torch.equal(aside.images, found.images)


@pytest.mark.parametrize("name", [name for name in CATALOG if not CATALOG[name].targeted])
def test_an_attack_that_cannot_aim_ignores_the_wish(name):
    model, x, y = right_case(4, 10)
    assert torch.equal(attacked(name, model, x, y, targeted=True).images, attacked(name, model, x, y).images)


@every
def test_stopping_midway_leaves_a_valid_result_and_progress_rises_to_one(name):
    model, x, y = right_case(5, 20)
    how = How(EPS[CATALOG[name].norm], changes=SMALL.get(name))
    shares = list(prepared(name, model, x, y, how)[1])
    assert shares == sorted(shares) and shares[-1] == 1 and shares[0] > 0
    state, work = prepared(name, model, x, y, how)
    next(work)
    found = state.result()
    torch.testing.assert_close(found.logits, model(found.images))
    if not CATALOG[name].nearest:
        assert torch.equal(found.fooled, found.margin <= 0) and state.threat.contains(found.images - x, x)


@pytest.mark.parametrize(
    ("name", "how", "sentence"),
    [
        ("pdg", {}, "Unknown attack 'pdg': expected one of fgsm, pgd.*Did you mean 'pgd'?"),
        (
            "pgd",
            {"changes": {"stepz": 3}},
            "Unknown option of pgd 'stepz': expected one of steps, step, restarts, start; choose one. Did you mean",
        ),
        (
            "pgd",
            {"x": torch.full((2, 1, 4, 4), 1.5)},
            r"expects images in \[0, 1\], found values from 1.50 to 1.50: put the normalisation",
        ),
        ("pgd", {"x": torch.zeros(2, 1, 4, 4).double()}, "expects float32 images, found torch.float64"),
        ("pgd", {"y": torch.zeros(3, dtype=torch.int64)}, "one label each, found 2 images and 3 labels"),
        ("pgd", {"train": True}, "expects a network in eval mode, found one in training mode: call .eval"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(name, how, sentence):
    model = Linear(5, (1, 4, 4)).train(how.get("train", False))
    x, y = how.get("x", torch.full((2, 1, 4, 4), 0.5)), how.get("y", torch.zeros(2, dtype=torch.int64))
    model.weight, model.bias = (nn.Parameter(p.to(x.dtype), requires_grad=False) for p in (model.weight, model.bias))
    with pytest.raises(InputError, match=sentence):
        attack(name, model, x, y, eps=8 / 255, changes=how.get("changes"))


def test_pgd_keeps_the_worst_point():
    """With a step four times too large the last point overshoots; more steps must never look weaker."""
    model, x, y = right_case(5, 40)
    margins = torch.stack(
        [attacked("pgd", model, x, y, eps=2 / 255, changes={"steps": n, "step": 1.5}).margin for n in (1, 3, 6, 12)]
    )
    assert (margins.diff(dim=0) <= 1e-6).all() and (margins[-1] < margins[0]).any()


def test_restarts_go_on_with_the_images_still_standing():
    model, x, y = right_case(5, 60)
    one, three = (attacked("pgd", model, x, y, changes={"steps": 1, "step": 0.5, "restarts": n}) for n in (1, 3))
    assert (three.fooled | ~one.fooled).all() and three.fooled.sum() > one.fooled.sum()
    assert torch.equal(three.forwards[one.fooled], one.forwards[one.fooled])


def test_the_last_point_counts_where_old_tools_are_reproduced():
    model, x, y = right_case(5, 40)
    best = attacked("pgd", model, x, y, changes={"start": False, "step": 2.0, "steps": 4})
    last = attacked("pgd", model, x, y, changes={"start": False, "step": 2.0, "steps": 4}, last=True)
    assert (last.forwards == 6).all() and (best.forwards <= 6).all() and best.forwards.min() < 6
    assert (last.margin >= best.margin - 1e-6)[~best.fooled].all()


@every
def test_images_outside_the_box_are_cut_to_it_where_old_tools_are_reproduced(name):
    model, x, y = right_case(5, 6)
    x = 4 * x - 1.5
    found = attacked(name, model, x, model(x).argmax(1), anywhere=True, last=True)
    changed = (found.images != x).flatten(1).any(1)
    assert found.images.isfinite().all() and found.logits.isfinite().all()
    assert found.images[changed].min() >= -1e-6 and found.images[changed].max() <= 1 + 1e-6


def test_the_search_over_c_fools_images_that_a_small_c_cannot():
    model, x, y = right_case(5, 20)
    few, more = (attacked("cw-l2", model, x, y, changes={"c": 1e-4, "searches": n, "steps": 40}) for n in (1, 5))
    assert few.distance.isinf().sum() > more.distance.isinf().sum()
    assert (more.distance <= few.distance).all()


def test_a_larger_kappa_goes_deeper_into_the_other_class():
    model, x, y = right_case(5, 20)
    first, last = (
        attacked("cw-l2", model, x, y, changes={"kappa": kappa, "c": 10.0}, last=True) for kappa in (0.0, 5.0)
    )
    assert last.fooled.sum() >= first.fooled.sum() and (last.distance >= first.distance - 1e-2).all()


def test_deepfool_meets_the_boundary_where_half_of_the_pixels_cannot_move():
    model = Linear(3, (1, 4, 4))
    x = (torch.rand(50, 1, 4, 4, generator=torch.Generator().manual_seed(3)) < 0.5).float()
    found = attacked("deepfool", model, x, model(x).argmax(1))
    assert found.distance.isfinite().all() and found.backwards.mean() < 10


def test_noise_is_uniform_normal_and_fair_and_unlike_that_of_other_images_draws_and_seeds():
    x, live = torch.zeros(200, 1, 4, 4), torch.arange(200)
    x[:, 0, 0, 0] = live / 255
    noise, other = Noise(0, x), Noise(1, x)
    uniform, normal, signs, seeded = (
        noise.uniform(live, (500,)),
        noise.normal(live, (500,)),
        noise.signs(live, (500,)),
        other.uniform(live, (500,)),
    )
    assert (
        uniform.min() >= 0
        and uniform.max() < 1
        and abs(uniform.mean() - 0.5) < 0.005
        and abs(uniform.var() - 1 / 12) < 0.002
    )
    assert abs(normal.mean()) < 0.02 and abs(normal.var() - 1) < 0.02 and abs(normal.pow(4).mean() - 3) < 0.15
    assert set(signs.unique().tolist()) == {-1, 1} and abs(signs.mean()) < 0.02
    bits = (noise.bits(live, (500,))[..., None] >> torch.arange(32)) & 1
    assert (bits.float().mean((0, 1)) - 0.5).abs().max() < 0.01
    pairs = [
        (uniform, seeded),
        (uniform, noise.uniform(live, (500,))),
        (uniform[:-1], uniform[1:]),
        (uniform[:, :-1], uniform[:, 1:]),
    ]
    assert all(abs(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]) < 0.02 for a, b in pairs)
    assert torch.equal(Noise(0, x[7:9]).uniform(torch.arange(2), (500,)), uniform[7:9])


def test_labels_name_the_steps_and_a_lowered_budget_of_autoattack():
    assert label("pgd", {"steps": 20}) == "PGD-20"
    assert label("deepfool") == "DeepFool-50" and label("clean") == "clean"
    assert label("autoattack", {"queries": 1000}) == "AutoAttack-lite"


def test_cw_l2_may_let_images_leave_within_the_radius_with_the_same_verdict_at_less_cost():
    model, x, _ = linear_case(5, 60)
    y = model(x).argmax(1)
    plain, leaving = (
        attack("cw-l2", model, x, y, eps=0.15, changes={"steps": 60, "leave": leave}) for leave in (False, True)
    )
    assert torch.equal(plain.fooled, leaving.fooled)
    assert 0 < plain.fooled.float().mean() < 1
    assert leaving.backwards.mean() < 0.8 * plain.backwards.mean()
    assert (leaving.distance[leaving.fooled] <= 0.15 + 1e-5).all()


def test_without_a_radius_only_images_that_were_really_fooled_count():
    model, x, _ = linear_case(5, 40)
    y = model(x).argmax(1)
    found = attack("cw-l2", model, x, y, eps=float("inf"), changes={"steps": 2, "rate": 1e-4})
    assert not found.fooled.all()
    assert (found.margin[~found.fooled] > 0).all() and torch.isinf(found.distance[~found.fooled]).all()
