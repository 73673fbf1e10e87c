"""Intervals and means. Run: pytest tests/test_metrics.py"""

import pytest

from c2r.metrics import by_attack, wilson


def test_the_wilson_interval_has_its_known_values():
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_seeds_are_averaged_per_attack_and_a_single_run_has_no_spread():
    rows = [{"attack": a, "label": a, "accuracy": v, "n": 9, "eps": "2/255"} for a, v in (("clean", 0.5), ("pgd", 0.2), ("clean", 0.7))]
    found = by_attack(rows)
    assert found["clean"]["mean"] == pytest.approx(0.6)
    assert found["clean"]["std"] == pytest.approx(0.2 / 2**0.5)
    assert found["pgd"]["std"] is None
