"""Intervals, means and ratios against worked values. Run: pytest tests/test_metrics.py"""

import numpy as np
import pytest

from c2r.errors import InputError
from c2r.evaluation import digest, metrics
from c2r.evaluation.attempts import by_attack
from c2r.evaluation.metrics import wilson

# Percent and seconds of BACON on CIFAR-10 (BEARD's white-box logs): (C, T_c), accuracies, seconds by IPC and goal.
UNTARGETED = {
    1: (44.95, 2.25, [24.51, 20.78, 33.72, 11.49, 13.68, 17.64], [3.12, 8.79, 8.77, 1647.63, 74.66, 762.71]),
    10: (61.73, 2.29, [33.27, 26.45, 44.05, 16.11, 11.84, 23.85], [2.84, 8.29, 8.46, 2102.68, 73.91, 1086.94]),
    50: (69.95, 2.31, [38.16, 28.86, 50.80, 18.28, 8.31, 27.00], [3.68, 12.21, 9.18, 2374.80, 76.49, 968.53]),
}
TARGETED = {
    1: (44.95, 2.25, [29.59, 30.61, 33.73, None, 36.58, None], [3.01, 8.52, 8.71, None, 73.94, None]),
    10: (61.73, 2.29, [39.13, 40.10, 44.06, None, 44.93, None], [2.85, 8.32, 8.50, None, 73.75, None]),
    50: (69.95, 2.31, [44.68, 45.59, 50.81, None, 44.71, None], [3.01, 11.96, 12.22, None, 75.82, None]),
}
NAMES = ("rr", "ae", "crei", "i_rr", "i_crei")
WORKED = [
    (UNTARGETED, 1, (26.34, 25.24, 25.79, 59.18, 42.21)),
    (UNTARGETED, 10, (28.24, 25.94, 27.09, 53.13, 39.53)),
    (UNTARGETED, 50, (32.87, 24.10, 28.48, 47.87, 35.99)),
    (TARGETED, 1, (19.78, 29.70, 24.74, 90.63, 60.17)),
    (TARGETED, 10, (12.94, 29.48, 21.21, 88.33, 58.90)),
    (TARGETED, 50, (6.99, 31.89, 19.44, 87.86, 59.88)),
]
UNIFIED = [(UNTARGETED, (32.87, 21.53, 27.20, 50.49, 36.01)), (TARGETED, (36.83, 29.83, 33.33, 84.37, 57.10))]
VULCAN = (0.4332, [0.4493, 0.4443, 0.4773, 0.4452, 0.4530, 0.4282])


def shares(values):
    return [None if value is None else value / 100 for value in values]


def test_the_wilson_interval_has_its_known_values():
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("table", "ipc", "expected"), WORKED)
def test_the_metrics_of_one_ipc_match_the_worked_values_to_the_second_decimal(table, ipc, expected):
    clean, cost, attacked, costs = table[ipc]
    found = metrics.ratios(clean / 100, shares(attacked), cost, costs)
    assert tuple(round(found[name], 2) for name in NAMES) == expected


@pytest.mark.parametrize(("table", "expected"), UNIFIED, ids=["untargeted", "targeted"])
def test_the_unified_metrics_pool_the_ipcs_and_are_not_the_mean_of_the_parts(table, expected):
    accuracies = metrics.pool((clean / 100, shares(attacked)) for clean, _, attacked, _ in table.values())
    seconds = metrics.pool((cost, costs) for _, cost, _, costs in table.values())
    found = metrics.ratios(*accuracies, *seconds)
    assert tuple(round(found[name], 2) for name in NAMES) == expected


def test_the_steps_of_the_worked_example_come_out():
    attacked = shares(UNTARGETED[50][2])
    assert np.mean(attacked) == pytest.approx(0.285683, abs=1e-6)
    assert metrics.penalised_i_rr(0.6995, attacked) == pytest.approx(metrics.i_rr(0.6995, attacked)), (
        "no attack helps, no penalty"
    )
    assert metrics.drop_rate(0.6995, 0.0831) == pytest.approx(88.12, abs=0.005)


def test_the_penalised_ratio_of_attacks_that_help_matches_the_worked_values():
    clean, attacked = VULCAN
    assert metrics.rr(clean, attacked) == pytest.approx(427.00, abs=0.005)
    assert metrics.i_rr(clean, attacked) == pytest.approx(100.04, abs=0.005)
    assert metrics.i_rr(clean, attacked) - metrics.penalised_i_rr(clean, attacked) == pytest.approx(1.718, abs=0.0005)
    assert metrics.penalised_i_rr(clean, attacked) == pytest.approx(98.33, abs=0.005)


def test_a_network_that_loses_nothing_is_perfect_for_i_rr_and_undefined_for_rr():
    assert metrics.i_rr(0.5, [0.5, 0.5]) == 100
    assert metrics.penalised_i_rr(0.5, [0.5, 0.5]) == 100
    assert metrics.rr(0.5, [0.5, 0.5]) is None
    assert metrics.crei(None, 20.0) is None
    assert metrics.penalised_i_rr(0.5, [0.5, 0.6]) == pytest.approx(95)


def test_uniformly_broken_and_uniformly_weakened_networks_both_have_rr_zero_but_not_i_rr():
    assert metrics.rr(0.8, [0.0, 0.0]) == metrics.rr(0.8, [0.79, 0.79]) == 0
    assert metrics.i_rr(0.8, [0.0, 0.0]) == 0
    assert metrics.i_rr(0.8, [0.79, 0.79]) > 99.9


def test_what_cannot_be_computed_is_none():
    assert metrics.rr(0.5, [None]) is metrics.i_rr(None, [0.1]) is metrics.i_rr(0.0, [0.0]) is None
    assert metrics.penalised_i_rr(0.0, [0.0]) is metrics.drop_rate(0.0, 0.0) is metrics.drop_rate(0.5, None) is None
    assert metrics.ae(2.0, [2.0, 1.0]) is metrics.ae(None, [1.0]) is metrics.ae(1.0, []) is None
    assert metrics.pool([]) == (None, [])


def test_missing_attacks_are_dropped_not_counted_as_zero():
    assert metrics.rr(0.7, [0.4, None, 0.2]) == metrics.rr(0.7, [0.4, 0.2])
    assert metrics.ae(1.0, [5.0, None, 9.0]) == metrics.ae(1.0, [5.0, 9.0]) == pytest.approx(75)


def test_percent_instead_of_shares_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"found 69\.95: divide percent by 100"):
        metrics.rr(69.95, [0.3, 0.2])
    with pytest.raises(InputError, match="between 0 and 1, found nan"):
        metrics.i_rr(0.5, [float("nan")])


@pytest.mark.parametrize(
    ("clean", "attacked", "costs", "sentence"),
    [
        (*VULCAN, (), "Clean minus worst accuracy is 0.50 points"),
        (*VULCAN, (), "5 of 6 attacks leave accuracy above clean"),
        (0.4332, [0.47, 0.45], (), "Every attack lands above clean"),
        (0.7, [0.3], (), "needs two; there is 1"),
        (0.7, [0.3, None, 0.2], (), "1 of 3 attacks have no value"),
        (0.7, [0.3, 0.7], (), "exactly the clean accuracy"),
        (0.7, [0.3, 0.2], [1.0, 9.0], "slowest attack takes 90 %"),
    ],
)
def test_figures_that_mislead_come_with_a_sentence(clean, attacked, costs, sentence):
    assert any(sentence in found for found in metrics.warnings(clean, attacked, costs))


def test_sound_figures_come_without_a_warning():
    assert metrics.warnings(0.7, [0.3, 0.2], [4.0, 4.0]) == []


def test_the_worst_case_counts_an_image_only_when_no_attack_fools_the_network():
    outcomes = {
        "clean": [[1, 1, 0], [1, 1, 1]],
        "pgd": [[1, 0, 1], [1, 1, 0]],
        "cw": np.array([[0, 1, 1], [1, 1, 1]], np.uint8),
    }
    assert metrics.worst_case(outcomes).tolist() == [[False, False, False], [True, True, False]]
    assert metrics.worst_case({"pgd": [1, 0]}).tolist() == [True, False]
    with pytest.raises(InputError, match=r"a \[2\], b \[3\]"):
        metrics.worst_case({"a": [1, 1], "b": [1, 0, 1]})
    with pytest.raises(InputError, match="found none"):
        metrics.worst_case({})


def test_every_metric_of_a_group_has_a_definition():
    group = digest.summarise(evaluation())["groups"][0]
    named = {"norm", "eps", "targeted", "keys", "worst_key", "warnings", "drop_rate_average"}
    assert set(group) - named <= set(metrics.DEFINITIONS)
    assert all(len(row) == 3 and all(row) for row in metrics.DEFINITIONS.values())


def row(key, seed, accuracy, *, eps="2/255", norm="Linf", targeted=False, seconds=1.0, forwards=1, backwards=0, **more):
    attack = key.split("@")[0].removesuffix("-targeted")
    return {
        "method": "c2r",
        "network": "convnet-48",
        "training": "pgd-at",
        "protocol": "custom",
        "split": "test",
        "key": key,
        "label": key,
        "attack": attack,
        "seed": seed,
        "accuracy": accuracy,
        "eps": eps,
        "norm": norm,
        "targeted": targeted,
        "seconds": seconds,
        "forwards": forwards,
        "backwards": backwards,
        "n": 1000,
    } | more


def evaluation():
    rows = []
    for seed, shift in ((0, 0.0), (1, 0.02)):
        rows += [
            row("clean", seed, 0.50 + shift, eps="", norm=""),
            row("clamp", seed, 0.45, eps="", norm=""),
            row("fgsm", seed, 0.34 + shift, seconds=2.0, forwards=2, backwards=1),
            row("pgd", seed, 0.29 + shift, seconds=5.0, forwards=11, backwards=10),
            row("pgd@4/255", seed, 0.10 + shift, eps="4/255", seconds=5.0, forwards=11, backwards=10),
            row("pgd-l2", seed, 0.40 + shift, eps="2/255", norm="L2"),
            row("pgd-targeted", seed, 0.41 + shift, targeted=True, success=0.2),
            row("cw-l2", seed, 0.01, eps="unbounded", norm="L2"),
        ]
    return rows


def test_seeds_are_averaged_per_attempt_and_a_single_run_has_no_spread():
    rows = [
        {"attack": a, "label": a, "accuracy": v, "n": 9, "eps": "2/255"}
        for a, v in (("clean", 0.5), ("pgd", 0.2), ("clean", 0.7))
    ]
    found = by_attack(rows)
    assert found["clean"]["mean"] == pytest.approx(0.6)
    assert found["clean"]["std"] == pytest.approx(0.2 / 2**0.5)
    assert found["pgd"]["std"] is None
    assert found["pgd"]["interval"] == wilson(2, 9)
    assert found["pgd"]["passes"] is None


def test_attempts_of_one_attack_at_two_radii_stay_apart():
    found = by_attack(evaluation())
    assert found["pgd"]["mean"] == pytest.approx(0.30)
    assert found["pgd@4/255"]["mean"] == pytest.approx(0.11)
    assert found["pgd-targeted"]["success"] == pytest.approx(0.2)
    assert found["pgd"]["passes"] == 21


def test_a_digest_never_mixes_norms_radii_goals_or_unbounded_attacks():
    found = digest.summarise(evaluation())
    assert [(group["norm"], group["eps"], group["targeted"], group["keys"]) for group in found["groups"]] == [
        ("Linf", "2/255", False, ["fgsm", "pgd"]),
        ("Linf", "4/255", False, ["pgd@4/255"]),
        ("L2", "2/255", False, ["pgd-l2"]),
        ("Linf", "2/255", True, ["pgd-targeted"]),
    ]
    assert found["unbounded"] == ["cw-l2"]
    assert found["controls"] == ["clamp"]
    assert (found["seeds"], found["n"]) == (2, 1000)


def test_a_digest_holds_the_figures_of_the_formulas():
    found = digest.summarise(evaluation())
    group = found["groups"][0]
    assert found["clean"]["mean"] == pytest.approx(0.51)
    assert (group["average"], group["worst"], group["worst_key"]) == (pytest.approx(0.325), pytest.approx(0.30), "pgd")
    assert group["drop_rate"] == pytest.approx(100 * 0.21 / 0.51)
    assert group["drop_rate_average"] == pytest.approx(100 * 0.185 / 0.51)
    assert group["rr"] == pytest.approx(100 * 0.025 / 0.21)
    assert group["i_rr"] == pytest.approx(100 * (1 - 0.185 * 0.21 / 0.51**2))
    assert group["ae"] == pytest.approx(100 * 2.5 / 4)
    assert group["ae_passes"] == pytest.approx(100 * (12 - 1) / (21 - 1))
    assert group["crei"] == pytest.approx((group["rr"] + group["ae"]) / 2)
    assert group["i_crei"] == pytest.approx((group["i_rr"] + group["ae"]) / 2)
    assert group["worst_image"] is None


def test_a_digest_takes_the_per_image_worst_case_from_outcomes():
    outcomes = {"clean": [[1, 1, 0, 1]], "fgsm": [[1, 0, 1, 1]], "pgd": [[1, 1, 1, 0]]}
    found = digest.summarise(evaluation(), outcomes)
    assert found["groups"][0]["worst_image"] == {"accuracy": 0.25, "n": 4, "networks": 1}
    assert found["groups"][1]["worst_image"] is None


def test_an_unfinished_or_mixed_evaluation_says_so():
    half = evaluation()[:-5]  # the second network has run clean and FGSM only
    told = digest.summarise(half)["groups"][0]["warnings"]
    assert any("finish the evaluation" in sentence for sentence in told)
    assert digest.summarise([])["groups"] == []
    no_clean = digest.summarise([values for values in evaluation() if values["attack"] != "clean"])
    assert (no_clean["clean"], no_clean["groups"][0]["rr"], no_clean["groups"][0]["worst"]) == (
        None,
        None,
        pytest.approx(0.30),
    )
    with pytest.raises(InputError, match="found training pgd-at and standard"):
        digest.summarise([*evaluation(), row("clean", 0, 0.5, training="standard")])
