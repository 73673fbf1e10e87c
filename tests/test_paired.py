"""Paired differences against answers that are known: alike, discordant, simulated. Run: pytest tests/test_paired.py"""

import numpy as np
import pytest

from c2r.evaluation import paired
from c2r.evaluation.paired import ONE_SEED, Side


def side(*right, index=None, data="d1"):
    right = [np.asarray(one, np.uint8) for one in right]
    return Side(right, np.arange(right[0].shape[1]) if index is None else np.asarray(index), data)


def discordant(b, c, both=50):
    """One network each: `b` images that only the first gets right, `c` that only the second does."""
    return [1] * (both + b) + [0] * c, [1] * both + [0] * b + [1] * c


def test_identical_outcomes_differ_by_nothing_and_decide_nothing():
    right = np.random.default_rng(0).random((3, 400)) < 0.7
    found = paired.difference(side(right), side(right))
    assert found.value == 0 and found.verdict == "undecided" and found.low < 0 < found.high
    assert (found.n, found.networks, found.seeds, found.p) == (400, (3, 3), (1, 1), None)


@pytest.mark.parametrize(
    ("b", "c", "p", "verdict"),
    [
        (10, 2, 0.038574, "better"),
        (2, 10, 0.038574, "worse"),
        (5, 5, 1.0, "undecided"),
        (4, 0, 0.125, "undecided"),
        (7, 1, 0.0703125, "undecided"),
        (0, 0, 1.0, "undecided"),
    ],
)
def test_discordant_pairs_give_the_exact_p_of_mcnemar(b, c, p, verdict):
    one, other = discordant(b, c)
    found = paired.difference(side([one]), side([other]))
    assert found.p == pytest.approx(p, abs=1e-6) and found.verdict == verdict
    assert found.value == pytest.approx((b - c) / (50 + b + c)) and found.low <= found.value <= found.high


def test_one_image_decides_nothing():
    found = paired.difference(side([[1]]), side([[0]]))
    assert found.value == 1 and found.verdict == "undecided" and found.low <= 0


def test_pairs_decide_what_intervals_of_either_side_leave_open():
    easy = np.arange(400) < 240
    better = easy.copy()
    better[240:260] = True
    found = paired.difference(side(np.stack([better] * 3)), side(np.stack([easy] * 3)))
    assert found.verdict == "better" and found.value == pytest.approx(0.05)


def test_the_order_in_which_the_test_images_are_stored_does_not_matter():
    chance = np.random.default_rng(1)
    one, other, order = chance.random((2, 60)) < 0.8, chance.random((2, 60)) < 0.6, chance.permutation(60)
    stored = paired.difference(side(one), side(other))
    assert paired.difference(side(one), side(other[:, order], index=order)) == stored
    assert paired.difference(side(one), side(other)) == stored, "seeded"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (side([[1, 0]], index=[0, 2]), "the test images are not the same"),
        (side([[1]]), "2 and 1)"),
        (side([[1, 0]], data="e2"), "hash d1 and e2"),
        (side([[1, 0]], data=""), "not recorded"),
    ],
)
def test_other_images_or_data_allow_no_paired_comparison(other, why):
    assert why in paired.obstacle(side([[1, 1]]), other)
    assert paired.obstacle(side([[1, 1]]), side([[0, 1]], index=[1, 0])) == ""


def test_the_sentence_says_what_one_distillation_seed_does_not():
    one, other = discordant(10, 2)
    said = paired.difference(side([one]), side([other])).sentence("a", "b")
    assert (
        said.startswith("a minus b: +12.9 (")
        and "n = 62 test images; 1 and 1 networks" in said
        and "p = 0.039: better." in said
    )
    assert said.endswith(ONE_SEED)
    sets = [np.random.default_rng(seed).random((2, 200)) < 0.9 for seed in range(3)]
    several = paired.difference(side(*sets), side(*(1 - one for one in sets)))
    assert several.seeds == (3, 3) and several.networks == (6, 6) and several.verdict == "better"
    assert ONE_SEED not in several.sentence("a", "b")


@pytest.mark.parametrize(("networks", "spread"), [(1, 0.0), (3, 0.0), (3, 0.4), (5, 0.2)])
def test_nineteen_of_twenty_intervals_hold_the_truth(networks, spread):
    """Images of unlike difficulty, networks of unlike skill: how often the interval holds the difference the simulation
    has."""
    chance, held, count = np.random.default_rng(3), 0, 150
    truth_ease = chance.normal(0, 1.5, 200_000)
    right = lambda ease, skill: 1 / (1 + np.exp(-(ease + skill)))  # noqa: E731
    skills = chance.normal(0, spread, 400) if spread else np.zeros(1)
    truth = np.mean([right(truth_ease, 0.9 + s).mean() - right(truth_ease, 0.6 + s).mean() for s in skills[:40]])
    for _ in range(count):
        ease = chance.normal(0, 1.5, 300)
        sides = [
            side(chance.random((networks, 300)) < right(ease, base + chance.normal(0, spread, (networks, 1))))
            for base in (0.9, 0.6)
        ]
        found = paired.difference(*sides, draws=500)
        held += found.low <= truth <= found.high
    assert 0.9 * count <= held <= 0.99 * count, f"{held} of {count}"
