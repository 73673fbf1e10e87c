"""AAC: the order is the sorting by score. Run: pytest tests/test_curriculum.py"""

import pytest
import torch

from c2r.core.curriculum import hardest_first, rank_weights, shuffled
from c2r.core.margins import hinge


def test_the_order_sorts_by_score_largest_first(generator):
    margin = torch.randn(500, generator=generator) * 3
    ordered = hinge(margin)[hardest_first(margin)]
    assert torch.equal(ordered, hinge(margin).sort(descending=True).values)


def test_samples_with_score_zero_alike_are_ordered_by_margin():
    assert hardest_first(torch.tensor([5.0, 2.0, 0.5, 3.0])).tolist() == [2, 1, 3, 0]


def test_the_ablation_is_a_permutation_and_not_the_sorted_order(generator):
    margin = torch.arange(50).float()
    order = shuffled(margin, generator)
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != list(range(50))


def test_rank_weights_fall_over_the_whole_set_and_have_mean_one():
    order = torch.tensor([3, 0, 4, 1, 2])
    weights = rank_weights(order, 2.0)
    assert weights.mean().item() == pytest.approx(1.0)
    assert (weights[order].diff() < 0).all()
    assert rank_weights(torch.arange(4), 0.0).tolist() == [1.0] * 4


def test_the_mini_batch_of_the_hardest_weighs_more_than_that_of_the_easiest():
    order = hardest_first(torch.tensor([3.0, 1.0, 2.0, 0.0]))
    weights = rank_weights(order, 1.0)
    hardest, easiest = (weights[batch].mean() for batch in order.split(2))
    assert hardest > 1 > easiest
