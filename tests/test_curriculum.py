"""AAC: the order is the sorting by score. Run: pytest tests/test_curriculum.py"""

import torch

from c2r.curriculum import batches, hardest_first, rank_weights, shuffled
from c2r.margins import hinge


def test_the_order_sorts_by_score_largest_first(generator):
    margin = torch.randn(500, generator=generator) * 3
    ordered = hinge(margin)[hardest_first(margin)]
    assert torch.equal(ordered, hinge(margin).sort(descending=True).values)


def test_samples_with_score_zero_alike_are_ordered_by_margin():
    assert hardest_first(torch.tensor([5.0, 2.0, 0.5, 3.0])).tolist() == [2, 1, 3, 0]


def test_batches_cover_every_sample_once_hardest_first():
    cut = batches(hardest_first(torch.tensor([3.0, 1.0, 2.0, 0.0, 4.0])), 2)
    assert [b.tolist() for b in cut] == [[3, 1], [2, 0], [4]]


def test_the_ablation_is_a_permutation_and_not_the_sorted_order(generator):
    margin = torch.arange(50).float()
    order = shuffled(margin, generator)
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != list(range(50))


def test_rank_weights_fall_from_the_hardest_and_have_mean_one():
    weights = rank_weights(5, 2.0)
    assert weights.mean().item() == 1.0
    assert (weights.diff() < 0).all()
    assert rank_weights(4, 0.0).tolist() == [1.0] * 4
