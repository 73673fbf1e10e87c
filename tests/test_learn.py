"""The toy: the core in two dimensions, phase by phase, against answers that are known."""

import dataclasses
import time

import numpy as np
import pytest
import torch
from conftest import Linear

from c2r.base.errors import InputError
from c2r.core.margins import hinge
from c2r.learn import claims, losses, networks, phases, record, view
from c2r.learn.networks import World, world
from c2r.learn.points import SHAPES, draw
from c2r.learn.settings import BEST, OTHERS, Toy, beside, toy
from c2r.learn.state import start


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Line(Linear):
    """z = (8x − 4)·(−1, +1): the boundary is x = 0.5 and the L∞ robust margin is known."""

    def __init__(self) -> None:
        super().__init__(2, (2, 1, 1))
        self.weight.data = torch.tensor([[-8.0, 0.0], [8.0, 0.0]])
        self.bias.data = torch.tensor([4.0, -4.0])
        self.embedding = 2

    def embed(self, x):
        return x.flatten(1)

    def head(self, embedded):
        return embedded @ self.weight.T + self.bias

    def features(self, x):
        return [self.embed(x)]


def line_world(**changes) -> World:
    """A world whose only network is the line, with points on both sides of it."""
    generator = torch.Generator().manual_seed(0)
    sides = torch.arange(40) % 2
    across = 0.1 + 0.3 * torch.rand(40, generator=generator) + 0.5 * sides
    given = tuple(
        (float(a), float(b), int(k)) for a, b, k in zip(across, torch.rand(40, generator=generator), sides, strict=True)
    )
    settings = Toy(data="given", given=given, **changes)
    points = draw(settings, 0)
    return World(settings, points, points, (Line(),))


def test_the_attack_finds_the_margin_that_is_known_of_a_line():
    here = line_world(eps=0.05)
    state, _ = phases.advance(here, start(here))
    state, said = phases.advance(here, state)
    known = here.scorer.robust_margin(state.points.x, state.points.y, 0.05)
    assert torch.allclose(state.scores.robust, known, atol=1e-5)
    assert said["largest"] == pytest.approx(float(hinge(known).max()), abs=1e-5) and said["holds"]
    assert said["smallest"] == pytest.approx(float(known.min()), abs=1e-5)


def test_the_check_knows_when_every_hinge_is_zero_and_when_figures_do_not_fit():
    here = line_world(eps=0.05)
    state, _ = phases.step(here, start(here))
    easy = dataclasses.replace(state.scores, robust=torch.tensor([2.0, 3.0]), score=torch.zeros(2))
    assert phases.check(easy)["holds"] and not phases.check(easy)["says"]
    broken = dataclasses.replace(state.scores, robust=torch.tensor([-1.0, 3.0]), score=torch.zeros(2))
    assert not phases.check(broken)["holds"]


def test_the_order_is_hardest_first_and_its_first_half_the_mini_batch():
    here = line_world(eps=0.05)
    state = start(here)
    for _ in range(3):
        state, said = phases.advance(here, state)
    assert state.order.tolist() == torch.argsort(state.scores.robust, stable=True).tolist()
    assert said["batch"] == len(state.batch) == 5 and said["hardest"] == int(state.scores.robust.argmin())


SMALL = {"data": "blobs", "per_class": 3}


def same(one, two) -> bool:
    return torch.equal(one.points.x, two.points.x) and torch.equal(one.delta, two.delta) and one.spent == two.spent


@pytest.mark.parametrize(
    "changes", [{}, {"attack": "pgd"}, {"method": "literal"}, {"method": "class-means"}, {"aac": False}]
)
def test_a_phase_at_a_time_is_a_whole_step_and_the_same_seed_gives_the_same_bits(changes):
    here = world(Toy(**SMALL | changes))
    whole, parts = start(here), start(here)
    for number in range(3):
        whole, _ = phases.step(here, whole)
        for phase in phases.PHASES:
            parts, said = phases.advance(here, parts)
            assert said["phase"] == phase.name
        assert same(whole, parts) and whole.step == number + 1 and whole.phase == 0
    assert not same(whole, phases.step(here, whole)[0])


def test_a_phase_changes_no_state():
    for method in ("c2r", "literal"):
        here = world(Toy(**SMALL, method=method))
        state, _ = phases.step(here, start(here))
        before = (state.points.x.clone(), {k: q.rows.clone() for k, q in state.queues.items()})
        weights = [p.clone() for p in state.learner.network.parameters()] if state.learner else []
        phases.step(here, state)
        assert torch.equal(state.points.x, before[0])
        assert all(torch.equal(state.queues[k].rows, rows) for k, rows in before[1].items())
        assert all(map(torch.equal, state.learner.network.parameters(), weights)) if state.learner else True


def terms(**changes) -> set[str]:
    here = world(Toy(**SMALL | changes))
    return set(phases.step(here, start(here))[1][3]["terms"])


def test_a_switch_that_is_off_takes_its_part_away():
    assert terms() == {"match", "ce", "crl"} and terms(crl=False) == {"match", "ce"}
    assert terms(method="class-means") == {"match", "ce"}
    assert terms(method="literal") == {"ce", "crl"} and terms(method="literal", crl=False) == {"ce"}
    here = world(Toy(**SMALL, queue=False))
    assert not phases.step(here, start(here))[0].queues
    here = world(Toy(**SMALL))
    assert phases.step(here, start(here))[0].queues
    here = world(Toy(**SMALL, aac=False))
    orders = [done.seen.order.tolist() for done in record.course(here.toy, 5)]
    assert orders != [
        torch.argsort(done.seen.scores.robust, stable=True).tolist() for done in record.course(here.toy, 5)
    ]


def test_the_queue_acts_on_the_second_visit_of_a_stage():
    one, other = (record.course(Toy(**SMALL, queue=queue), 12) for queue in (True, False))
    moved = [not torch.equal(a.before.points.x, b.before.points.x) for a, b in zip(one, other, strict=True)]
    assert not moved[1] and moved[-1]


def test_all_draws_come_from_the_seed():
    one, two = draw(Toy(seed=3), 0), draw(Toy(seed=3), 0)
    assert torch.equal(one.x, two.x) and not torch.equal(one.x, draw(Toy(seed=4), 0).x)
    assert not torch.equal(one.x, draw(Toy(seed=3), 1).x)
    state = torch.get_rng_state()
    world(Toy(**SMALL, seed=7))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("data", SHAPES)
def test_points_lie_in_the_unit_square_and_a_pool_learns_them(data):
    here = world(Toy(data=data))
    assert float(here.real.x.min()) >= 0 and float(here.real.x.max()) <= 1
    found = networks.accuracy(here.scorer, here.test, here.reach)
    assert found.clean > 0.97 and found.robust > 0.8 and found.n == len(here.test.y)


def test_an_epsilon_in_normalised_units_is_the_same_number_times_the_spread():
    here, there = world(Toy(**SMALL)), world(Toy(**SMALL, space="normalised"))
    assert here.reach == 0.06 and there.reach == pytest.approx(0.06 * float(here.real.x.std((0, 2, 3)).mean()))
    state, _ = phases.step(there, start(there))
    assert float(state.delta.abs().max()) <= there.reach + 1e-6


def test_ten_steps_of_pgd_cost_what_they_cost_and_a_warm_start_less():
    here = world(Toy(**SMALL, attack="pgd"))
    _, said = phases.advance(here, start(here))
    assert (said["forwards"], said["backwards"], said["reused"]) == (9 * 11, 9 * 10, 0)
    here = world(Toy(**SMALL))
    state, first = phases.step(here, start(here))
    assert first[0]["backwards"] <= 9 * losses.SEARCH.cold_rounds
    _, second = phases.advance(here, state)
    assert second["backwards"] <= 9 and second["reused"] + second["improved"] + second["kept"] == 9


def test_regions_are_the_classes_of_the_network_with_its_margin():
    cells = view.regions(Line(), 10)
    assert cells.shape == (10, 10) and cells.dtype == np.uint8
    assert (cells[:, :5] // 64 == 0).all() and (cells[:, 5:] // 64 == 1).all()
    assert cells[0, 0] % 64 == view.LEVELS and cells[0, 5] % 64 == pytest.approx(16 * 0.05 / view.HIGHEST * 63, abs=1)


def test_a_recording_is_plain_values_of_every_step():
    import json

    kept = record.recording(Toy(**SMALL), 4)
    assert json.loads(json.dumps(kept))["frames"][0]["order"] == kept["frames"][0]["order"]
    assert len(kept["frames"]) == 5 and len(kept["frames"][0]["at"]) == 2 * 9 and list(kept["regions"]) == [0]
    assert [did["phase"] for did in kept["frames"][0]["did"]] == [phase.name for phase in phases.PHASES]
    spent = [frame["spent"][0] for frame in kept["frames"]]
    assert spent == sorted(spent)


def test_a_step_takes_less_than_a_tenth_of_a_second_of_the_processor():
    here = world(Toy(data="blobs", per_class=10))
    state, _ = phases.step(here, start(here))
    began = time.process_time()
    for _ in range(10):
        state, _ = phases.step(here, state)
    view.regions(here.scorer)
    assert (time.process_time() - began) / 10 < 0.1


def test_points_that_were_distilled_teach_more_than_those_they_began_as():
    found = record.students(BEST)["at"]
    assert found[60]["robust"] > found[0]["robust"] + 0.05


@pytest.mark.parametrize("switch", OTHERS)
def test_two_panels_are_one_switch_apart(switch):
    other = beside(BEST, switch)
    apart = {name for name in Toy.model_fields if getattr(other, name) != getattr(BEST, name)}
    assert apart == {switch}


def test_wrong_settings_are_refused_in_a_sentence():
    for values in ({"eps": 3}, {"data": "cubes"}, {"per_class": 0}, {"shape": 1}, {"given": ((0.5, 2.0, 0),)}):
        with pytest.raises(InputError):
            toy(values)
    with pytest.raises(InputError):
        beside(BEST, "seed")
    with pytest.raises(InputError):
        draw(Toy(data="given"), 0)
    with pytest.raises(InputError):
        claims.claim("that pigs fly", BEST, BEST)
