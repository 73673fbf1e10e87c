"""Protocols as lists of attempts, and the legacy space against a loop written from its description. Run: pytest
tests/test_protocols.py"""

import pytest
import torch
import torch.nn.functional as F

from c2r import config
from c2r.attacks.protocols import PROTOCOLS, Attempt, attempts, expected_passes, main_radius
from c2r.evaluation.measure import Measured, measure
from c2r.networks.legacy import clamp_only
from c2r.networks.models import build, frozen


def tried(protocol, **changes):
    return attempts(config.load("demo", {"protocol": protocol} | changes))


def network():
    statistics = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
    return frozen(build(config.load("demo"), (3, 8, 8), 10, statistics, torch.Generator().manual_seed(3)))


def result(model, x, y, attempt, **how) -> Measured:
    return [event for event in measure(model, x, y, attempt, seed=0, **how) if isinstance(event, Measured)][0]


def test_every_protocol_starts_with_clean_images_and_names_each_attempt_once():
    for name in PROTOCOLS:
        keys = [attempt.key for attempt in tried(name)]
        assert keys[0] == "clean"
        assert len(keys) == len(set(keys))


def test_the_default_protocol_is_dd_robustbench_in_pixel_space_with_the_official_autoattack():
    found = {a.key: a for a in tried("pixel-2/255")}
    assert list(found) == ["clean", "fgsm", "pgd", "cw", "vmi-fgsm", "jitter", "autoattack"]
    assert {a.radius for a in found.values()} == {"", "2/255"}
    assert {a.options.get("step") for key, a in found.items() if key in ("pgd", "cw", "vmi-fgsm", "jitter")} == {1.0}
    assert found["autoattack"].label == "AutoAttack"


def test_guard_robustbench_and_legacy_have_their_radii_and_the_weak_autoattack_says_so():
    assert {a.radius for a in tried("guard-1/255")} == {"", "1/255", "128/255"}
    assert {a.radius for a in tried("robustbench-8/255")} == {"", "8/255"}
    legacy = {a.key: a for a in tried("beard-legacy")}
    assert legacy["autoattack"].label == "AutoAttack-lite"
    assert legacy["pgd"].options["step"] * 8 / 255 == pytest.approx(2 / 225)
    assert legacy["deepfool"].radius == "unbounded"
    assert "clamp" in legacy


def test_a_custom_sweep_names_the_radii_beside_the_runs_own():
    found = tried("custom", eps="2/255", eval_attacks="pgd,pgd-l2", eval_eps="1/255,2/255", eval_targeted="true")
    assert [a.key for a in found] == [
        "clean",
        "pgd@1/255",
        "pgd-targeted@1/255",
        "pgd",
        "pgd-targeted",
        "pgd-l2",
        "pgd-l2-targeted",
    ]
    assert main_radius(config.load("demo", {"eps": "2/255", "eval_eps": "1/255,2/255"})) == pytest.approx(2 / 255)
    assert main_radius(config.load("demo", {"protocol": "guard-1/255"})) == pytest.approx(1 / 255)


def test_expected_passes_grow_with_the_share_that_withstands_except_for_attacks_nobody_leaves():
    pgd, nearest = Attempt("pgd", 0.1), Attempt("cw-l2", 0.5)
    assert expected_passes(pgd, 10, 0.8) == pytest.approx(2 * expected_passes(pgd, 10, 0.4))
    assert expected_passes(nearest, 10, 0.8) == expected_passes(nearest, 10, 0.4)


def test_the_legacy_attack_is_the_clamped_one_on_normalised_images(generator):
    model, x = network(), torch.rand(30, 3, 8, 8, generator=generator)
    y = model(x).argmax(1)
    attempt = next(a for a in tried("beard-legacy") if a.key == "pgd")
    found = result(model, x, y, attempt, legacy=True)
    start = (x - model.mean) / model.std
    point = start.clone()
    for _ in range(10):
        point.requires_grad_(True)
        loss = F.cross_entropy(model(point * model.std + model.mean), y)
        step = point.detach() + 2 / 225 * torch.autograd.grad(loss, point)[0].sign()
        point = (start + (step - start).clamp(-8 / 255, 8 / 255)).clamp(0, 1)
    assert torch.equal(found.correct, model(point * model.std + model.mean).argmax(1) == y)
    clamped = result(model, x, y, Attempt("clamp"), legacy=True)
    assert torch.equal(clamped.correct, clamp_only(model, x).argmax(1) == y)
    assert clamped.correct.float().mean() < 1


def test_a_row_counts_right_images_with_their_interval_and_a_targeted_one_both_figures(generator):
    model, x = network(), torch.rand(40, 3, 8, 8, generator=generator)
    y = model(x).argmax(1)
    y[:4] = (y[:4] + 1) % 10
    clean = result(model, x, y, Attempt("clean")).row()
    assert (clean["accuracy"], clean["n"], clean["norm"], clean["eps"], clean["moved"]) == (0.9, 40, "", "", 0.0)
    assert clean["interval"][0] < 0.9 < clean["interval"][1]
    attacked = result(model, x, y, Attempt("pgd", 8 / 255))
    assert attacked.row()["accuracy"] == pytest.approx(float(attacked.correct.float().mean()))
    assert attacked.row()["moved"] == pytest.approx(8, abs=0.01)
    aimed = result(model, x, y, Attempt("pgd", 8 / 255, targeted=True))
    assert aimed.reached is not None
    assert aimed.row()["success"] == pytest.approx(float(aimed.reached.float().mean()))
    assert not (aimed.reached & aimed.correct).any()
