"""What a comparison says: who may be ranked, ties, worst cases, curves and exports, against values worked by hand."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from app import views
from c2r import config
from c2r.base.errors import InputError
from c2r.evaluation import accuracies, curves, exports, literature, ranking, tables
from c2r.evaluation.baselines import baseline_run, baseline_settings
from c2r.evaluation.comparability import differences, remarks
from c2r.evaluation.contestant import Contestant, stored_bytes
from c2r.evaluation.digest import Threat, group_of, threats
from c2r.evaluation.transfertable import transfer_of
from c2r.store import runs

LINF = Threat("Linf", "2/255", False)


def row(key, accuracy, seed=0, **changes):
    attack = key.partition("@")[0].replace("-targeted", "")
    norm = "" if attack == "clean" else "Linf"
    return {
        "method": "c2r",
        "network": "convnet-32",
        "training": "pgd-at",
        "protocol": "custom",
        "key": key,
        "attack": attack,
        "label": key.upper(),
        "norm": norm,
        "eps": "2/255" if norm else "",
        "targeted": False,
        "options": {},
        "seed": seed,
        "split": "test",
        "accuracy": accuracy,
        "n": 100,
        "interval": [0, 1],
        "forwards": 1.0,
        "backwards": 0.0,
        "seconds": 1.0,
    } | changes


def one(name="a", rows=None, **changes):
    settings = {name: value for name, value in changes.items() if name in config.every_name()}
    facts = {"bytes": 76_800, "labels": "hard", "label_bytes": 100, "data_hash": "d1"}
    given = {"manifest": {"device": "cpu"}, "facts": facts} | {k: v for k, v in changes.items() if k not in settings}
    rows = rows or [
        row("clean", 0.8),
        row("pgd", 0.5),
        row("clean", 0.8, 1),
        row("pgd", 0.5, 1),
        row("clean", 0.8, 2),
        row("pgd", 0.5, 2),
    ]
    return Contestant(name, rows, config.load("demo", {"eval_images": 100} | settings), **given)


def facts(**changes):
    return {"facts": {"bytes": 76_800, "labels": "hard", "label_bytes": 100, "data_hash": "d1"} | changes}


def test_equal_evaluations_of_unlike_methods_may_be_ranked():
    assert differences([one("a"), one("b", method="random-real"), one("c", ipc=20, steps=3)]) == []


UNLIKE = {
    "protocol": (
        one("b", [row("clean", 0.8, protocol="pixel-2/255"), row("pgd", 0.5, protocol="pixel-2/255")]),
        "Protocols differ: custom (a) and pixel-2/255 (b).",
    ),
    "radius": (
        one("b", [row("clean", 0.8), row("pgd", 0.5, eps="8/255")]),
        "Norm and ε differ: L∞ 2/255 (a) and L∞ 8/255 (b).",
    ),
    "norm": (
        one("b", [row("clean", 0.8), row("pgd", 0.5, norm="L2")]),
        "Norm and ε differ: L∞ 2/255 (a) and L2 2/255 (b).",
    ),
    "attacks": (
        one("b", [row("clean", 0.8), row("pgd", 0.5), row("fgsm", 0.6)]),
        "Attacks differ: PGD (a) and FGSM, PGD (b).",
    ),
    "options": (
        one("b", [row("clean", 0.8), row("pgd", 0.5, options={"steps": 20})]),
        "Option 'steps' of PGD (pgd) differs: 10 (a) and 20 (b).",
    ),
    "network": (one("b", width=64), "Evaluation networks differ: convnet-32-d2 (a) and convnet-64-d2 (b)."),
    "bytes": (one("b", **facts(bytes=307_200)), "Stored bytes differ: 76.8 kB (a) and 307 kB (b)."),
    "labels": (one("b", **facts(labels="soft", label_bytes=0)), "Label types differ: hard (a) and soft (b)."),
    "data": (one("b", **facts(data_hash="e2")), "Real data differ: hash d1 (a) and hash e2 (b)."),
    "n": (
        one("b", [row("clean", 0.8, n=50), row("pgd", 0.5, n=50)]),
        "Test images differ: 100, subset of seed 0 (a) and 50, subset of seed 0 (b).",
    ),
    "subset": (one("b", seed=7), "Test images differ: 100, subset of seed 0 (a) and 100, subset of seed 7 (b)."),
}


@pytest.mark.parametrize("what", UNLIKE)
def test_each_thing_that_differs_forbids_a_ranking_with_one_sentence(what):
    other, sentence = UNLIKE[what]
    assert differences([one("a"), other]) == [sentence]


def test_the_training_recipe_includes_the_radius_only_where_it_trains_against_it():
    (sentence,) = differences([one("a", eps="2/255"), one("b", eps="8/255")])
    assert sentence.startswith(
        "Training recipes differ: pgd-at, 300 steps of 64, rate 0.02, 3 PGD steps at ε = 2/255 (a) and"
    )
    assert differences([one(n, eps=e, eval_training="standard") for n, e in (("a", "2/255"), ("b", "8/255"))]) == []


def test_stored_subsets_of_other_images_forbid_a_ranking_although_their_settings_agree():
    indices = [np.arange(100), np.arange(100)[::-1], np.arange(1, 101)]
    sets = [one(name, test={"index": index}) for name, index in zip("abc", indices, strict=True)]
    assert differences(sets[:2]) == []
    assert differences(sets) == ["Test subsets differ: the stored numbers of the test images are not the same."]


def test_a_sweep_on_one_side_does_not_forbid_a_ranking_at_the_radius_both_have():
    swept = one("b", [row("clean", 0.8), row("pgd", 0.5), row("pgd@8/255", 0.1, eps="8/255")])
    assert differences([one("a"), swept], LINF) == []
    assert differences([one("a"), swept]) != []
    norm, attacks = differences([one("a"), swept], Threat("Linf", "8/255", False))
    assert norm == "Norm and ε differ: L∞ 2/255 (a) and L∞ 8/255 (b)." and attacks.startswith("Attacks differ")


def test_three_or_more_sets_that_agree_are_all_others():
    sets = [one("a"), one("b"), one("c", **facts(bytes=307_200)), one("d")]
    assert differences(sets) == ["Stored bytes differ: 307 kB (c) and 76.8 kB (all others)."]


def test_sizes_that_would_read_the_same_are_written_out():
    sets = [one("a"), one("b", **facts(bytes=76_801))]
    assert differences(sets) == ["Stored bytes differ: 76800 (a) and 76801 (b)."]


def test_what_is_not_recorded_cannot_be_compared():
    bare = Contestant("old", [row("clean", 0.8), row("pgd", 0.5)], config.load("demo", {"eval_images": 100}))
    found = differences([one("a"), bare])
    assert (
        "Stored bytes cannot be compared: not recorded for old." in found
        and "Real data cannot be compared: not recorded for old." in found
    )


def test_an_older_run_is_sized_by_its_settings_and_the_shape_of_its_data():
    manifest = {"classes": list("0123456789"), "data": {"shape": [3, 16, 16], "hash": "d1"}}
    assert stored_bytes(Contestant("old", [], config.load("demo", {"ipc": 10}), manifest)) == 76_800
    assert stored_bytes(one(**facts(labels="soft", label_bytes=4000))) == 80_800


def test_all_real_data_are_a_reference_whose_size_does_not_count():
    full = one("full", method="full-data", **facts(bytes=30_720_000))
    assert differences([one("a"), one("b"), full]) == []
    sets = [seen("a", 0.5), seen("b", 0.2), full]
    assert ranking.places(sets, ranking.ranks(sets, LINF)) == ["1", "2", "reference"]


def seen(name, share, n=100, start=0, **changes):
    """A set whose three networks get the same first `share` of n test images right under PGD; clean all of the first 80
    %."""
    hits = {
        key: np.repeat((np.arange(n) < part * n)[None], 3, 0).astype(np.uint8)
        for key, part in (("clean", 0.8), ("pgd", share))
    }
    rows = [row(key, float(right[seed].mean()), seed, n=n) for key, right in hits.items() for seed in range(3)]
    test = {f"correct/{key}": right for key, right in hits.items()} | {
        "labels": np.zeros(n, int),
        "index": np.arange(start, start + n),
    }
    return one(name, rows, test=test, **changes)


def ranked(*sets):
    ranks = ranking.ranks(sets, LINF)
    return ranks, ranking.standing(sets, LINF, ranks)


def test_a_set_ranks_behind_another_only_when_their_paired_difference_is_decided():
    sets = [seen("a", 0.6), seen("b", 0.59), seen("c", 0.5), one("without")]
    assert ranked(*sets[:3])[0] == [
        (1, 2),
        (1, 2),
        (3, 3),
    ], "10 points decide, 1 does not; alone, 50 and 60 % of 100 images would overlap"
    low, high = (accuracies.accuracy_of(accuracies.lines([s], LINF)[1], s, LINF) for s in (sets[2], sets[0]))
    assert high.low < low.high
    ranks, said = ranked(sets[0], sets[3])
    assert ranks == [None, None] and "not stored for without, so no paired comparison is possible" in said


def test_sets_that_saw_other_test_images_have_no_paired_difference():
    sets = [seen("a", 0.6), seen("b", 0.2, start=7)]
    found = ranking.differences(sets, LINF, "a")
    assert all(
        cell.startswith("No paired comparison is possible: the test images are not the same")
        for cell in found["b"].values()
    )
    assert not ranking.any_known(found) and tables.difference_table(found, "a")["b"] == ["not paired"] * 3
    assert ranking.basis(found) == [
        "b: No paired comparison is possible: the test images are not the same (100 and 100)."
    ]


def test_differences_are_taken_line_by_line_from_the_reference_and_say_what_they_rest_on():
    sets = [seen("a", 0.6), seen("b", 0.4)]
    found = ranking.differences(sets, LINF, "a")
    table = tables.difference_table(found, "a")
    cells = dict(zip(table["Minus a (points)"], table["b"], strict=True))
    assert (
        cells["PGD"].startswith("-20.0 (")
        and cells["PGD"].endswith("): worse")
        and cells["Clean"].endswith("undecided")
    )
    (said,) = ranking.basis(found)
    assert said.startswith(
        "b: n = 100 test images; 3 and 3 networks; 1 and 1 distillation seeds. One distillation seed each"
    )


def three_networks():
    """Two networks, four images: clean right on 4 and 3, pgd on 2 and 2, cw on 2 and 1; both attacks and clean on 1 and
    1."""
    correct = {
        "clean": [[1, 1, 1, 1], [1, 1, 1, 0]],
        "pgd": [[1, 1, 0, 0], [1, 0, 0, 1]],
        "cw": [[0, 1, 1, 0], [1, 0, 0, 0]],
    }
    rows = [row(key, float(np.mean(hits[seed])), seed, n=4) for key, hits in correct.items() for seed in (0, 1)]
    test = {f"correct/{key}": np.array(hits, np.uint8) for key, hits in correct.items()} | {
        "labels": np.array([0, 0, 1, 2])
    }
    return one("a", rows, test=test)


def test_the_worst_case_per_image_counts_images_that_withstand_every_attack():
    contestant = three_networks()
    group = group_of(contestant.digest, LINF)
    worst = accuracies.worst_image(contestant, LINF)
    assert worst[:2] == (0.25, 0.0) and worst.n == 4
    assert group["worst"] == pytest.approx(0.375) and group["average"] == pytest.approx(0.4375)
    assert group["worst_image"]["accuracy"] == 0.25
    assert accuracies.worst_image(one("without"), LINF) is None


def test_the_table_holds_means_spreads_and_drop_rates_in_percent():
    contestant = three_networks()
    table = tables.accuracy_table([contestant], LINF)
    cells = dict(zip(table["Accuracy (%)"], table["a"], strict=True))
    assert cells["Clean"] == "87.5 ± 17.7" and cells["Under PGD"] == "50.0 ± 0.0" and cells["Under CW"] == "37.5 ± 17.7"
    assert (cells["Average over attacks"], cells["Worst attack"], cells["Worst case per image"]) == (
        "43.8",
        "37.5 (CW)",
        "25.0 ± 0.0",
    )
    assert (cells["Drop rate, average"], cells["Drop rate, worst attack"]) == ("50.0", "57.1")
    assert (cells["Networks"], cells["Test images (n)"]) == ("2", "4")


def test_accuracy_by_class_is_the_mean_over_networks_and_images_of_the_class():
    accuracy, counts = curves.by_class(three_networks(), ["clean", "pgd"], 4)
    assert counts.tolist() == [2, 1, 1, 0]
    assert accuracy[:3].tolist() == [[1.0, 0.75], [1.0, 0.0], [0.5, 0.5]] and np.isnan(accuracy[3]).all()


def test_a_cumulative_curve_says_which_share_lies_at_or_below_each_margin():
    margins, shares = curves.cumulative(np.array([[3.0, -1.0], [1.0, 0.0]]))
    assert margins.tolist() == [-1, 0, 1, 3] and shares.tolist() == [0.25, 0.5, 0.75, 1.0]
    margins, shares = curves.cumulative(np.arange(30_000.0).reshape(3, -1))
    assert len(margins) == 102 and margins[-1] == 29_999 and shares[-1] == 1 and margins[51] == 15_000


def test_the_share_below_a_margin_of_zero_is_exact_on_a_curve_of_few_points():
    margins = np.concatenate([np.full(2869, -1.0), np.full(7131, 2.0)])
    at, shares = curves.cumulative(margins[None], points=7)
    assert shares[at <= 0].max() == 0.2869


def test_a_sweep_runs_from_clean_over_all_radii_and_leaves_out_sets_with_a_single_radius():
    swept = one("a", [row("clean", 0.8), row("pgd@8/255", 0.1, eps="8/255"), row("pgd", 0.5), row("fgsm", 0.6)])
    sets = [swept, one("b")]
    (sweep,) = curves.sweeps(sets)
    radii, figures = sweep.curves["a"]
    assert (
        list(sweep.curves) == ["a"]
        and radii == pytest.approx([0, 2, 8])
        and [f.mean for f in figures] == [0.8, 0.5, 0.1]
    )


def test_threats_are_kept_apart_and_those_that_most_sets_share_come_first():
    rows = [row("clean", 0.8), *(row(f"pgd-l2-{k}", 0.5, norm="L2", eps="128/255") for k in range(3))]
    unbounded = row("deepfool", 0.0, norm="L2", eps="unbounded")
    mixed = one("b", [*rows, row("pgd", 0.5), row("pgd-targeted", 0.7, targeted=True), unbounded])
    found = threats([one("a").digest, mixed.digest])
    assert found == [LINF, Threat("L2", "128/255", False), Threat("Linf", "2/255", True)]
    assert [threat.label for threat in found] == ["L∞ 2/255", "L2 128/255", "L∞ 2/255, targeted"]
    names = [line.name for line in accuracies.lines([mixed], found[1])]
    assert names == ["Clean", "PGD-L2-0", "PGD-L2-1", "PGD-L2-2", "All attacks, per image"], "deepfool has no radius"


def test_the_verdict_names_the_first_and_says_when_none_stands_apart():
    _, said = ranked(seen("a", 0.6), seen("b", 0.3))
    assert said.startswith(
        "The sets are comparable. a is first with 60.0 % right under every attack at L∞ 2/255: +30.0 ("
    )
    assert "points from b, paired, 95 % interval. One distillation seed each" in said
    assert "none stands apart: their paired differences are undecided" in ranked(seen("a", 0.6), seen("b", 0.6))[1]


def test_remarks_name_few_networks_and_unlike_devices():
    few = one("b", [row("clean", 0.8), row("pgd", 0.5)], manifest={"device": "cuda"})
    assert remarks([one("a"), few]) == [
        "Numbers of networks differ: 3 (a) and 1 (b).",
        "Fewer than 3 networks, so the spread says little: b.",
        "Devices differ, so seconds and AE by the clock do not compare: cpu (a) and cuda (b).",
    ]


def test_only_settings_that_differ_are_listed_with_their_group():
    table = tables.settings_that_differ([one("a", ipc=5), one("b", eps="8/255", **facts(bytes=5))])
    lines = list(zip(table["Group"], table["Setting"], table["a"], table["b"], strict=True))
    assert lines == [
        ("Synthetic set", "ipc", "5", "10"),
        ("Threat model", "eps", "32/255", "8/255"),
        ("Origin", "stored bytes", "76800", "5"),
    ]


def test_the_csv_holds_every_row_with_its_set_and_options_as_json():
    sets = [one("a"), one("=b", [row("clean", 0.8), row("pgd", 0.5, options={"steps": 20})])]
    lines = list(csv.DictReader(io.StringIO(views.to_csv(exports.exported_rows(sets)))))
    assert len(lines) == 8 and {line["set"] for line in lines} == {"a", "'=b"} and lines[-1]["stored_bytes"] == "76800"
    assert json.loads(lines[-1]["options"]) == {"steps": 20} and float(lines[-1]["accuracy"]) == 0.5


def test_the_json_says_why_the_sets_may_not_be_ranked():
    sets = [one("a"), one("b", width=64)]
    found = json.loads(exports.exported(sets, LINF))
    assert found["not_rankable_because"] == ["Evaluation networks differ: convnet-32-d2 (a) and convnet-64-d2 (b)."]
    assert [s["name"] for s in found["sets"]] == ["a", "b"] and found["sets"][1]["settings"]["width"] == 64
    assert found["sets"][0]["summary"]["groups"][0]["worst"] == 0.5


def test_published_cells_with_a_fault_of_their_own_carry_a_dagger_and_a_note():
    table, notes = literature.as_columns("c2r-main")
    cells = {
        (m, d): (pgd, vmi)
        for m, d, pgd, vmi in zip(table["Method"], table["Data"], table["PGD"], table["VMI"], strict=True)
    }
    assert cells["C2R", "CIFAR-10"] == ("28.49 †", "28.49 †") and cells["SRe2L", "CIFAR-10"] == ("13.09", "13.28")
    assert any(note.startswith("C2R, CIFAR-10 IPC 10, PGD:") and "29.12" in note for note in notes)


def test_a_transfer_file_must_hold_a_square_matrix_of_the_sets_asked_for():
    accuracy, std, clean = transfer_of({"accuracy": [[0.1, 0.2], [0.3, 0.4]], "clean": [0.8, 0.9]}, ["a", "b"])
    assert accuracy.tolist() == [[0.1, 0.2], [0.3, 0.4]] and std is None and clean == [0.8, 0.9]
    for damaged in ({}, {"accuracy": [[0.1]]}, {"accuracy": [[0.1, 0.2], [0.3, "x"]]}):
        with pytest.raises(InputError, match="2 × 2 matrix"):
            transfer_of(damaged, ["a", "b"])


def test_a_baseline_is_found_although_its_evaluation_differs_and_not_when_its_set_does():
    settings = config.load("demo", {"ipc": 5})
    wanted = baseline_settings(settings, "random-real")
    assert wanted.method == "random-real" and wanted.ipc == 5
    there = runs.Run(Path("x"), "done", config.load("demo", {"ipc": 5, "method": "random-real", "eval_seeds": 1}))
    other = runs.Run(Path("y"), "done", config.load("demo", {"ipc": 6, "method": "random-real"}))
    failed = runs.Run(Path("z"), "failed", wanted)
    assert baseline_run(wanted, [failed, other, there]) is there
    assert baseline_run(wanted, [failed, other]) is None
    looked = wanted.model_copy(update={"scorers": ("ce", "on-set"), "scorer_refresh": 7, "threads": 3})
    assert baseline_run(looked, [there]) is there, "who looks at a baseline makes no other one"
    longer = wanted.model_copy(update={"steps": wanted.steps + 1, "ls_rounds": 3})
    assert baseline_run(longer, [there]) is there, "what the baseline never reads makes no other baseline"
