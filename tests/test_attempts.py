"""The attempts of an evaluation: names, the worst one, shares of images, tables; each against values worked out by
hand."""

import numpy as np
import pytest
from fake_run import make_evaluation, make_run

from app import attempts, cache, pictures
from c2r.evaluation.attempts import figures, names
from c2r.evaluation.metrics import wilson
from c2r.evaluation.outcomes import shares_right, worst_share
from c2r.store import runs
from c2r.store.headline import worst


def row(key, accuracy, *, label="", norm="Linf", eps="2/255", targeted=False, seed=0):
    """One result row of an attempt."""
    attack = key.partition("@")[0].removesuffix("-targeted")
    return {
        "key": key,
        "attack": attack,
        "label": label or attack.upper(),
        "norm": norm,
        "eps": eps,
        "targeted": targeted,
        "seed": seed,
        "accuracy": accuracy,
        "n": 100,
    }


ROWS = [
    row("pgd", 0.5, label="PGD-10"),
    row("clean", 0.9, label="clean", norm="", eps=""),
    row("pgd@8/255", 0.1, label="PGD-10", eps="8/255"),
    row("cw-l2", 0.0, label="CW-100 L2", norm="L2", eps="unbounded"),
    row("pgd-targeted", 0.2, label="PGD-10 targeted", targeted=True),
    row("autoattack", 0.4, label="AutoAttack"),
    row("autoattack", 0.44, label="AutoAttack", seed=1),
]


def test_clean_comes_first_and_a_sweep_is_named_by_its_radii():
    called = names(figures(ROWS))
    assert list(called)[0] == "clean"
    assert called == {
        "clean": "Clean",
        "pgd": "PGD-10 at 2/255",
        "pgd@8/255": "PGD-10 at 8/255",
        "cw-l2": "CW-100 L2",
        "pgd-targeted": "PGD-10 targeted",
        "autoattack": "AutoAttack",
    }


def test_the_worst_attack_is_never_unbounded_targeted_or_of_another_radius():
    found = figures(ROWS)
    assert worst(found) == "autoattack" and found["autoattack"]["mean"] == pytest.approx(0.42)
    assert worst(figures([row("clean", 0.9), row("deepfool", 0.0, norm="L2", eps="unbounded")])) is None
    assert worst(figures([row("clean", 0.9), row("clamp", 0.1, norm="", eps="")])) is None


def test_rows_that_lack_a_value_are_left_out():
    assert list(figures([*ROWS, {"key": "square", "attack": "square"}])) == list(figures(ROWS))


def test_a_link_may_name_an_attempt_by_its_key_or_by_its_name():
    called = names(figures(ROWS))
    assert attempts.asked_for("autoattack", called) == attempts.asked_for("AutoAttack", called) == "autoattack"
    assert attempts.asked_for("tickle", called) is None
    assert (
        attempts.preferred(called) == "pgd"
        and attempts.preferred(["clean", "square"]) == "square"
        and attempts.preferred([]) == "clean"
    )


def test_accuracy_of_one_image_is_the_share_of_networks_that_are_right():
    hits = {"clean": np.array([[1, 1], [1, 0], [0, 0], [1, 1]], np.uint8), "odd": np.ones((2, 7), np.uint8)}
    assert {key: value.tolist() for key, value in shares_right(hits, 2).items()} == {"clean": [0.75, 0.5]}
    assert shares_right(None, 2) == {}


def test_the_worst_share_of_an_image_leaves_out_what_may_not_be_called_worst():
    shares = {"clean": np.array([0.1]), "pgd": np.array([0.6]), "autoattack": np.array([0.3]), "cw-l2": np.array([0.0])}
    assert worst_share(shares, figures(ROWS)).tolist() == [0.3]
    assert worst_share({"clean": np.array([0.1]), "fgsm": np.array([0.5])}, {}).tolist() == [0.5]
    assert worst_share({"clean": np.array([0.1])}, figures(ROWS)) is None


def test_broken_on_a_network_means_any_and_broken_on_most_more_than_half():
    share = np.array([1.0, 2 / 3, 0.5, 1 / 3, 0.0])
    assert attempts.broken(share, attempts.SOME).tolist() == [False, True, True, True, True]
    assert attempts.broken(share, attempts.MOST).tolist() == [False, False, False, True, True]
    assert attempts.broken(share, attempts.ANY) is None and attempts.broken(None, attempts.MOST) is None


def test_the_table_of_an_image_has_its_interval_and_the_figure_of_the_whole_set():
    outcomes = {"autoattack": np.array([[1, 0], [0, 0], [1, 0]]), "clean": np.ones((3, 2), int)}
    table = attempts.image_table(outcomes, 0, figures(ROWS))
    low, high = wilson(2, 3)
    assert table["Attack"] == ["Clean", "AutoAttack"] and table["Threat"] == ["", "L∞ 2/255"]
    assert table["Correct"] == [3, 2] and table["Networks (n)"] == [3, 3] and table["This image"] == [100.0, 66.67]
    assert table["95 % interval"][1] == f"{100 * low:.1f}–{100 * high:.1f} %" == "20.8–93.9 %"
    assert table["Test images"] == [90.0, 42.0]


def test_the_table_of_the_set_gives_mean_spread_and_threat_of_every_attempt():
    table = attempts.table(figures(ROWS))
    line = table["Attack"].index("AutoAttack")
    assert table["Accuracy"][line] == 42.0 and table["± std"][line] == 2.83 and table["Networks"][line] == 2
    assert table["Threat"][table["Attack"].index("CW-100 L2")] == "L2 unbounded"


def test_the_list_of_evaluations_names_protocol_state_and_worst_attack(tmp_path):
    run = make_run(tmp_path / "run", steps=2)
    make_evaluation(
        run, "20261120-0937-12-pixel-2-255-pgd-at", tried={"clean": 0.8, "autoattack": 0.5}, protocol="pixel-2/255"
    )
    make_evaluation(run, "20261120-1200-00-guard-1-255-pgd-at", state="failed", protocol="guard-1/255")
    found = runs.evaluations(run)
    table = attempts.evaluation_table(found, [cache.own_rows(one.path) for one in found], ["", ""])
    lines = dict(
        zip(
            table["Protocol"],
            zip(*[table[name] for name in ("State", "n", "Clean", "Worst attack", "Worst by")], strict=True),
            strict=True,
        )
    )
    assert lines["DD-RobustBench, pixel space, 2/255"] == ("done", 359, 81.0, 51.0, "AutoAttack, 2/255")
    assert lines["GUARD, pixel space, 1/255"][:4] == ("failed", None, None, None)
    assert table["Note"][table["Protocol"].index("GUARD, pixel space, 1/255")].startswith("The disk is full")
    assert (
        attempts.title(runs.open_run(run / "evaluations" / "20261120-0937-12-pixel-2-255-pgd-at"))
        == "pixel-2/255, pgd-at, 2026-11-20 09:37:12"
    )
    assert attempts.title(runs.open_run(run)) == "custom, pgd-at, with the run"


def test_what_a_bar_shows_is_said_in_words():
    assert (
        attempts.bar_words({"clean": 1.0, "pgd": 1 / 3}, {"clean": "Clean", "pgd": "PGD-10"})
        == "Clean 100 %, PGD-10 33 %"
    )


def test_bars_are_as_high_as_their_shares_and_the_chosen_one_is_opaque():
    picture = pictures.bars([1.0, 0.5, 0.0], ["#0072b2", "#d55e00", "#d55e00"], chosen=1, width=30, height=20)
    columns = picture[:, [2, 12, 22]]
    assert picture.shape == (20, 30, 4) and [(columns[:, i, 3] > 100).sum() for i in range(3)] == [20, 10, 3]
    assert columns[-1, 1].tolist() == [0xD5, 0x5E, 0x00, 255] and columns[-1, 0, 3] == 130 and columns[0, 2, 3] == 48
