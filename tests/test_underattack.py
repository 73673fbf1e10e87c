"""Radius, margin against ε and the course of a search, against what is known of linear networks. Run: pytest
tests/test_underattack.py"""

from dataclasses import replace

import pytest
import torch
from conftest import linear_case

from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.core.linesearch import Search, Start, ls_pgd
from c2r.core.margins import logit_margin
from c2r.core.threat import Threat
from c2r.look import underattack
from c2r.store.runs import frame_steps, read_frame
from c2r.work import sampleattacks
from c2r.work.planepoints import Ask, config_of

LEVEL = 1 / 255


@pytest.fixture
def case():
    """A linear network of two classes, and an image in the middle of the box that it gets right: its robust margin is
    known."""
    model, x, _ = linear_case(2)
    x = 0.5 + 0.2 * (x - 0.5)
    labels = model(x).argmax(1)
    margin = logit_margin(model(x), labels)
    place = int((margin.abs() - 0.1 * (model.weight[0] - model.weight[1]).abs().sum()).abs().argmin())
    return model, x[[place]], int(labels[place])


def exact(model, x, label):
    """The L∞ radius of a linear network of two classes: its margin over the L1 norm of what tells the classes apart."""
    return float(logit_margin(model(x), torch.tensor([label]))) / float((model.weight[0] - model.weight[1]).abs().sum())


@pytest.mark.parametrize("resolution", [2, 0.25, 0.1])
def test_the_radius_of_a_linear_network_is_found_to_the_resolution(case, resolution):
    model, x, label = case
    truth = exact(model, x, label)
    assert 0.01 < truth < 0.3, "the box does not bind"
    found = underattack.radius(model, x, label, top=4 * truth, resolution=resolution * LEVEL)
    assert found.unbroken - 1e-6 <= truth <= found.broken + 1e-6
    assert found.broken - found.unbroken <= resolution * LEVEL * 1.01 and found.top == 4 * truth


def test_what_is_not_broken_up_to_the_end_of_the_search_and_what_is_wrong_unattacked_is_said(case):
    model, x, label = case
    truth = exact(model, x, label)
    whole = underattack.radius(model, x, label, top=0.9 * truth, resolution=LEVEL)
    assert whole.broken is None and whole.unbroken == whole.top == 0.9 * truth
    wrong = underattack.radius(model, x, 1 - label, top=0.5, resolution=LEVEL)
    assert (wrong.broken, wrong.unbroken) == (0, 0)


def test_margins_over_the_radius_are_the_robust_margins_and_never_climb(case):
    model, x, label = case
    radii = torch.linspace(0, 0.2, 9)
    found = underattack.margins_over(model, x, label, radii)
    truth = [float(model.robust_margin(x, torch.tensor([label]), float(eps))) for eps in radii]
    assert torch.allclose(found, torch.tensor(truth), atol=1e-4) and (found.diff() <= 0).all()


def test_the_climb_stays_within_its_radius_and_within_the_box(case):
    model, _, label = case
    seen = []

    def watched(images):
        seen.append(images.detach())
        return model(images)

    edge = torch.full((1, 1, 4, 4), 0.02)
    underattack.climb(watched, edge, label, torch.tensor([0.0, 0.1]), start=torch.ones_like(edge))
    points = torch.stack(seen)
    assert points.min() >= 0 and points.max() <= 0.12 + 1e-6
    assert torch.equal(points[:, :1], edge.expand(len(points), 1, -1, -1, -1))


def test_the_course_of_a_line_search_is_that_of_the_run_and_says_its_passes(case):
    model, x, label = case
    search = Search(Threat(0.05), RunConfig(ls_tries=2), 4)
    start = torch.zeros_like(x)
    found = underattack.line_search(model, x, label, search, start)
    whole = ls_pgd(model, x, torch.tensor([label]), search, Start(start))
    assert found.losses[-1] == pytest.approx(float(whole.loss)) and found.losses == sorted(found.losses)
    assert found.passes[-1] == whole.forwards + whole.backwards and found.passes[:2] == [1, 4]
    assert found.losses[0] == pytest.approx(float(torch.nn.functional.cross_entropy(model(x), torch.tensor([label]))))


def test_pgd_is_told_by_the_passes_after_which_each_loss_is_known(case):
    model, x, label = case
    course = underattack.steps_of(underattack.climb(model, x, label, torch.tensor([0.05])))
    assert course.passes == list(range(1, 22, 2)) and course.losses == sorted(course.losses)


def test_a_sample_of_a_run_is_attacked_under_its_network(finished):
    steps = frame_steps(finished)
    record = sampleattacks.attacked(Ask(finished, "ce", steps[-1], 4))
    about, config = record.about, config_of(finished)
    assert not record.arrays and about["name"] == "image 4" and about["eps"] == pytest.approx(255 * config.eps)
    frame = read_frame(finished, steps[-1], ("margin_clean",))
    assert about["margins"][0] == [0, pytest.approx(float(frame["margin_clean"][4]), abs=0.1)]
    assert len(about["margins"]) == 9 and about["margins"][-1][0] == pytest.approx(about["radius"]["top"])
    warm = about["search"]["warm"]
    assert warm["step"] == steps[-2] and warm["reused"] == (warm["now"] >= warm["then"] - 1e-6)
    assert about["search"]["line"]["losses"][0] == pytest.approx(about["search"]["pgd"]["losses"][0])
    assert about["title"].startswith(("PGD-10 breaks image 4 from ", "Image 4 "))
    first = sampleattacks.attacked(Ask(finished, "seed0", steps[0], 4)).about
    assert first["search"]["warm"] == {} and first["network"] == "evaluation network, seed 0"
    assert first == sampleattacks.attacked(Ask(finished, "seed0", steps[0], 4)).about
    with pytest.raises(InputError, match="keeps no network"):
        sampleattacks.attacked(replace(Ask(finished, "ce", steps[0], 4), network="seed9"))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (0, "Image 3 is taken for another class unattacked"),
        (None, "Image 3 withstands PGD-10 up to 128/255, where the search ends"),
        (31.5, "PGD-10 breaks image 3 from 31.5/255 on, within ε of the run"),
        (32.25, "PGD-10 breaks image 3 from 32.25/255 on, beyond ε of the run"),
    ],
)
def test_the_title_says_what_is_seen(broken, said):
    about = {"name": "image 3", "steps": 10, "eps": 32, "radius": {"broken": broken, "top": 128}}
    assert sampleattacks.statement(about) == said


def test_the_figures_are_said_with_what_was_searched_and_spent():
    radius = {"broken": 31.5, "unbroken": 31.25, "top": 128, "resolution": 0.25}
    search = {"line": {"passes": [1, 5], "losses": [0.1, 1.25]}, "pgd": {"passes": [1, 21], "losses": [0.1, 1.5]}}
    about = {"steps": 10, "eps": 32, "radius": radius, "search": search | {"warm": {}}}
    where, spent, warm = sampleattacks.sentences(about)
    assert where == (
        "Not broken at 31.25/255, broken at 31.5/255. Searched from 0 to 128/255, to 0.25/255, n = 1 image."
    )
    assert "LS-PGD reaches a loss of 1.25 with 5 passes, PGD-10 one of 1.5 with 21." in spent
    assert warm.endswith("hence no warm start.")
    told = {"step": 8, "then": 0.2, "now": 0.3, "reused": True}
    assert "would reuse it for one pass" in sampleattacks.sentences(about | {"search": search | {"warm": told}})[2]
    told |= {"now": 0.1, "reused": False}
    assert (
        "has fallen (0.2 at step 8 and 0.1 now), so LS-PGD searches anew"
        in sampleattacks.sentences(about | {"search": search | {"warm": told}})[2]
    )
