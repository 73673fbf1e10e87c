"""Histograms, ranks, movers. Run: pytest tests/test_summary.py"""

import numpy as np

from c2r.look.summary import BIN_EDGES, biggest_movers, margin_summary, ranks


def test_every_margin_is_counted_once_and_zero_is_an_edge():
    margins = np.array([-99.0, -0.01, 0.0, 0.01, 14.9, 15.0, 400.0])
    counts = np.array(margin_summary(margins)["counts"])
    assert counts.sum() == len(margins)
    assert 0.0 in BIN_EDGES
    assert counts[BIN_EDGES[:-1] < 0].sum() == 2
    assert (counts[0], counts[-1]) == (1, 3)


def test_quantiles_are_p5_to_p95():
    assert margin_summary(np.arange(101.0))["quantiles"] == [5.0, 25.0, 50.0, 75.0, 95.0]


def test_ranks_invert_the_order_and_movers_are_signed():
    before, after = np.array([2, 0, 1, 3]), np.array([3, 2, 0, 1])
    assert ranks(before).tolist() == [1, 2, 0, 3]
    index, change = biggest_movers(before, after, 2)
    assert (index.tolist(), change.tolist()) == ([3, 0], [-3, 1])
