"""Partition-expansion. Run: pytest tests/test_partition.py"""

import pytest
import torch

from c2r.core.partition import boxes, edges, expand, fold


def test_parts_need_not_divide_the_side():
    assert edges(32, 3) == [0, 11, 21, 32]
    covered = torch.zeros(32, 32)
    for rows, columns in boxes(32, 32, 3):
        covered[rows, columns] += 1
    assert (covered == 1).all()


def test_the_parts_of_one_image_are_adjacent_and_row_by_row():
    images = torch.stack([torch.full((1, 8, 8), 0.0), torch.full((1, 8, 8), 0.5)])
    images[0, 0, :4, 4:] = 1.0
    parts = expand(images, 2)
    assert parts.shape == (8, 1, 8, 8)
    assert parts.mean((1, 2, 3)).tolist() == [0, 1, 0, 0, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("p", [1, 2, 3])
def test_a_perturbation_within_eps_stays_within_eps(p, generator):
    delta = (torch.rand(4, 3, 16, 16, generator=generator) * 2 - 1) * 0.01
    assert expand(delta, p).abs().max() <= 0.01 + 1e-8
    assert expand(delta, p).shape == (4 * p * p, 3, 16, 16)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_what_is_folded_back_lies_where_it_was_cut(p, generator):
    stored = torch.rand(4, 1, p, p, generator=generator).repeat_interleave(6, 2).repeat_interleave(6, 3)
    torch.testing.assert_close(fold(expand(stored, p), p), stored)
    assert fold(torch.full((4 * p * p, 1, 6, 6), 0.1), p).shape == (4, 1, 6, 6)
