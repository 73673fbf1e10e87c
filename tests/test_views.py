"""Selections, tables, sorting, texts and files behind the pages, each against values worked out by hand."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_run import make_evaluation, make_run

from app import readings, runlist, views, words
from c2r import config
from c2r.distilled import DistilledSet
from c2r.look.description import Term, description
from c2r.look.summary import BIN_EDGES, margin_summary
from c2r.store import runs

NAMES = ["cat", "dog", "fox"]


@pytest.fixture
def frame():
    """Six images of three classes; image 4 is the hardest, image 0 the easiest."""
    margins = np.array([5.0, 1.0, 0.5, 2.0, -3.0, -0.2], np.float32)
    return {
        "labels": np.array([0, 0, 1, 1, 2, 2]),
        "margin_adv": margins,
        "margin_clean": margins + 1,
        "order": np.argsort(margins),
        "pred_clean": np.array([0, 0, 1, 1, 2, 2]),
        "pred_adv": np.array([0, 0, 1, 1, 0, 1]),
        "images": np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1).repeat(4, 2).repeat(4, 3),
    }


def test_a_bar_holds_exactly_the_samples_that_were_counted_into_it():
    margins = np.array([-20.0, -15.0, -0.1, 0.0, 0.2, 14.9, 15.0, 99.0])
    counts = margin_summary(margins)["counts"]
    for number, count in enumerate(counts):
        ids, _ = views.behind_bars([{"curve_number": 1, "customdata": number}], margins + 100, margins, BIN_EDGES)
        assert len(ids) == count


def test_clean_and_adversarial_bars_join_and_name_their_range():
    clean, adversarial = np.array([1.1, 5.0, 9.0]), np.array([-2.0, 1.2, 9.0])
    bin_of = int(np.searchsorted(BIN_EDGES, 1.1, side="right") - 1)
    points = [{"curve_number": curve, "customdata": [bin_of]} for curve in (0, 1)]
    assert views.behind_bars(points, clean, adversarial, BIN_EDGES) == ([0, 1], "margins from 1 to 1.5 logits")


def test_the_outline_of_the_step_before_selects_nothing():
    assert views.behind_bars([{"curve_number": 2, "x": 0.0}], np.zeros(3), np.zeros(3), BIN_EDGES) == ([], "")


def test_ranks_name_their_samples_hardest_first(frame):
    assert views.at_ranks(frame["order"], 0, 2) == [4, 5, 2]
    assert views.hardest(frame["order"], frame["labels"], 2, class_index=0) == [1, 0]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("Hardest first", [4, 5, 2, 1, 3, 0]),
        ("Easiest first", [0, 3, 1, 2, 5, 4]),
        ("Robust margin, largest first", [0, 3, 1, 2, 5, 4]),
        ("Attack accuracy, lowest first", [3, 4, 5, 2, 1, 0]),
        ("Changed most since the start", [5, 4, 3, 2, 1, 0]),
        ("Worst attack, lowest first", [0, 4, 5, 2, 1, 3]),
        ("Number", [0, 1, 2, 3, 4, 5]),
        ("no such sort", [4, 5, 2, 1, 3, 0]),
    ],
)
def test_the_gallery_sorts_by_what_it_says_and_breaks_ties_by_rank(frame, sort, expected):
    accuracy = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    accuracy[[4, 5]] = 0.5
    change = views.change_between(np.zeros_like(frame["images"]), frame["images"])
    worst = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    values = {"accuracy": accuracy, "change": change, "worst": worst}
    assert views.arrange(frame, sort, values=values) == expected


def test_the_gallery_filters_by_class_and_selection(frame):
    assert views.arrange(frame, "Number", class_index=1) == [2, 3]
    assert views.arrange(frame, "Hardest first", ids=[0, 4, 3]) == [4, 3, 0]
    by_accuracy = {"class_index": 2, "ids": [4, 5], "values": {"accuracy": None}}
    assert views.arrange(frame, "Attack accuracy, lowest first", **by_accuracy) == [4, 5]


def test_the_gallery_keeps_only_what_the_attack_filter_keeps(frame):
    keep = np.array([True, False, True, False, True, False])
    assert views.arrange(frame, "Number", keep=keep) == [0, 2, 4]
    assert views.arrange(frame, "Number", class_index=0, keep=keep) == [0]


def test_pages_never_run_out_of_range():
    ids = list(range(50))
    assert views.pages(ids, 24) == 3 and views.pages([], 24) == 1
    assert views.page_of(ids, 3, 24) == [48, 49] == views.page_of(ids, 99, 24)
    assert views.page_of(ids, 0, 24)[0] == 0 and views.page_of([], 1, 24) == []


def test_the_sample_table_tells_rank_and_what_an_image_is_taken_for(frame):
    table = views.sample_table(frame, [4, 0], NAMES, {"pgd": np.array([1.0, 0, 0, 0, 0.25, 0])}, {"pgd": "PGD-10"})
    assert table["Class"] == ["fox", "cat"] and table["Rank"] == [0, 5]
    assert table["Attacked as"] == ["cat", "cat"] and table["PGD-10 accuracy"] == [0.25, 1.0]


def test_movers_are_sorted_by_how_far_they_moved(frame):
    before = np.array([0, 5, 2, 1, 3, 4])
    table = views.mover_table(before, frame, NAMES, np.ones(6, bool), count=3)
    assert table["Sample"][0] in (0, 4) and sorted(map(abs, table["Moved"]), reverse=True) == [
        abs(m) for m in table["Moved"]
    ]
    assert dict(zip(table["Sample"], table["Moved"], strict=True))[0] == 5
    assert set(views.mover_table(before, frame, NAMES, frame["labels"] == 2)["Class"]) == {"fox"}


def test_far_movers_compare_the_first_order_with_the_last():
    start = np.array([0, 1, 2, 3])
    assert views.far_movers(start, np.array([1, 0, 3, 2]), np.ones(4, bool), 2) == [0, 1]
    assert views.far_movers(start, np.array([0, 3, 2, 1]), np.array([True, False, True, True]), 1) == [3]


def test_a_line_over_many_steps_is_drawn_through_the_first_the_shown_and_the_last():
    events = [{"step": 2 * i} for i in range(5000)]
    drawn = [event["step"] for event in views.drawn(events, 4242)]
    assert len(drawn) == views.MOST_DRAWN and drawn == sorted(set(drawn))
    assert (drawn[0], drawn[-1]) == (0, 9998) and 4242 in drawn
    assert views.drawn(events[:30], 4) == events[:30]


def test_steps_without_figures_are_not_offered_and_a_run_without_frames_offers_all_its_figures():
    events = [{"step": 0}, {"step": 10}, {"step": 20}]
    assert views.with_figures((0, 20, 30), events) == [0, 20]
    assert views.with_figures((), events) == [0, 10, 20]


def test_class_counts_say_selected_and_total(frame):
    assert views.class_counts(frame["labels"], [0, 4, 5], NAMES) == {
        "Class": NAMES,
        "Selected": [1, 0, 2],
        "Total": [2, 2, 2],
    }


def test_kpis_show_the_change_since_the_first_step_with_its_unit_and_a_dash_without_a_loss(tmp_path):
    run = runs.open_run(make_run(tmp_path / "run", steps=3))
    events, method = runs.read_events(run.path), description(run)
    margin, robust, clean, loss = readings.kpis(events, method)
    quantiles = [event["margin_adv"]["quantiles"][2] for event in events]
    moved = round(quantiles[2], 1) - round(quantiles[0], 1)
    assert margin.course == quantiles and margin.delta == f"{moved:+.1f} logits" and margin.since == "since step 0"
    assert (
        margin.value == f"{quantiles[2]:.1f} logits" and robust.value.endswith(" %") and clean.delta.endswith(" points")
    )
    assert loss.value == "5.50" and not loss.course and not loss.delta, "losses of two steps do not compare"
    start = readings.kpis(events[:1], method)
    assert start[3].value == "–" and start[0].delta == ""


def test_kpis_have_no_minus_zero_and_no_sign_where_nothing_moved():
    def event(step, median):
        return {
            "step": step,
            "n": 5,
            "margin_adv": {"quantiles": [0, 0, median, 0, 0]},
            "share_robust": 0.5,
            "share_clean": 1.0,
        }

    margin, robust, *_ = readings.kpis([event(0, 0.02), event(10, -0.01)], description(runs.open_run(SAMPLE)))
    assert (margin.value, margin.delta, robust.delta) == ("0.0 logits", "0.0 logits", "0 points")


def test_the_nearest_image_of_another_class_is_never_of_the_same_class():
    distance = np.array([0.0, 0.01, 25.0, 9.0])
    assert views.nearest_other(distance, np.array([0, 0, 1, 1]), 0) == 3
    assert views.nearest_other(distance, np.zeros(4, int), 0) is None


def test_csv_keeps_values_and_never_starts_a_formula():
    text = views.to_csv({"Class": ["=cmd()", "a,b"], "Rank": [0, -1]})
    assert list(csv.reader(io.StringIO(text))) == [["Class", "Rank"], ["'=cmd()", "0"], ["a,b", "-1"]]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "unknown"), (3.2, "3 s"), (95, "1 min 35 s"), (1800, "30 min"), (7500, "2 h 5 min"), (400_000, "4 days")],
)
def test_durations_read_like_speech(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cat", "cat"),
        ("*a*_b_", r"\*a\*\_b\_"),
        (":red[x]", r"\:red\[x\]"),
        ("<b>$x$", r"\<b\>\$x\$"),
        ("- item", r"\- item"),
        ("a - b", "a - b"),
    ],
)
def test_names_are_text_and_never_markup(name, text):
    assert words.plain(name) == text


def test_the_strip_tells_what_a_living_run_does_and_how_long_it_takes(tmp_path):
    run = runs.open_run(make_run(tmp_path / "run", state="running", steps=3))
    text = words.strip_text(run, run.status["heartbeat"] + 2)
    assert text == "run · Distilling · at update 20 of 20 · about 42 s left · heartbeat 2 s ago"


def test_a_waiting_run_says_what_it_waits_for_and_is_called_queued(tmp_path):
    run = runs.open_run(make_run(tmp_path / "run", state="queued", steps=0))
    run = runs.Run(
        run.path,
        "queued",
        run.config,
        run.status | {"message": "Waiting for one: one run at a time on this device, 2 ahead."},
    )
    said = words.strip_text(run, run.status["heartbeat"])
    assert (
        said.startswith("run · Queued · Waiting for one: one run at a time on this device, 2 ahead · ")
        and "Starting" not in said
    )
    assert words.progress_text(run) == "Queued"


def test_only_runs_that_update_their_images_have_steps(tmp_path):
    assert words.progress_text(runs.open_run(make_run(tmp_path / "own", steps=3))) == "20/20"
    assert words.progress_text(runs.open_run(make_run(tmp_path / "real", steps=1, method="random-real"))) == "–"


def test_a_path_is_shown_by_its_last_part_and_an_age_to_one_unit():
    assert [words.place(text) for text in ("digits", "/data/cifar10/", "C:\\sets\\one.pt")] == [
        "digits",
        "…/cifar10",
        "…/one.pt",
    ]
    assert [words.age(s) for s in (13.2, 250, 7800, 200_000)] == ["13 s", "4 min", "2 h", "2 days"]


def test_strangers_are_what_the_neighbours_in_the_original_space_miss():
    events = [{"step": 0}, {"step": 8, "separation": {"clean": {"knn": 1.0}, "adv": {"knn": 0.67}}}]
    assert views.strangers(events, 8) == pytest.approx(0.33)
    assert views.strangers(events, 0) is None and views.strangers(events, 9) is None
    assert views.strangers([{"step": 8, "separation": {"adv": {"knn": float("nan")}}}], 8) is None


def test_the_strip_of_an_evaluating_run_names_the_attack_and_the_share_done(tmp_path):
    run = runs.open_run(make_run(tmp_path / "run", state="running", steps=3))
    status = run.status | {"phase": "evaluate", "step": 412, "total": 1000, "message": "network 2 of 3: training"}
    evaluating = runs.Run(run.path, "running", run.config, status)
    assert words.strip_text(evaluating, status["heartbeat"]).startswith(
        "run · Evaluating · network 2 of 3: training · 41 % · about 42 s left"
    )
    assert words.progress_text(evaluating) == "Evaluating 41 %"


def test_an_evaluation_says_what_it_is_doing_and_how_long_it_will_take(tmp_path):
    path = make_evaluation(make_run(tmp_path / "run", steps=2), "one", state="running")
    status = {
        "phase": "evaluate",
        "step": 412,
        "total": 1000,
        "eta_s": 190.0,
        "message": "network 2 of 3: AutoAttack on test images",
    }
    assert (
        words.evaluation_text(runs.Run(path, "running", status=status))
        == "network 2 of 3: AutoAttack on test images · 41 % · about 3 min 10 s left"
    )
    assert words.evaluation_text(runs.Run(path, "paused", status=status)).endswith("41 % · paused")
    assert (
        words.evaluation_text(runs.Run(path, "queued", status={"phase": "starting"}))
        == "Starting · time left not known yet"
    )


def test_a_long_run_says_how_much_of_it_is_shown_and_a_short_one_nothing():
    assert (
        words.drawn_sentence(400, 5000, 264)
        == "Of 5,000 recorded steps lines are drawn through 400 and images are kept of 264."
    )
    assert words.drawn_sentence(
        128, 128, 96
    ) == "Of 128 recorded steps images are kept of 96." and not words.drawn_sentence(31, 31, 31)


def test_a_run_whose_set_is_evaluated_again_says_so_in_the_table(tmp_path):
    run = runs.open_run(make_run(tmp_path / "one", steps=2))
    table = runlist.run_table([run, run, run], [[], [], []], ["a", "b", "c"], 1.8e9, ["", "running", "paused"])
    assert table["State"] == ["done", "evaluating", "eval. paused"]


def test_selected_numbers_become_a_short_text_and_come_back():
    assert views.spans([7, 0, 1, 2, 9, 3]) == "0-3,7,9" and views.spans([]) == ""
    assert views.from_spans("0-3,7,9") == [0, 1, 2, 3, 7, 9]
    assert views.from_spans("x,5,2-,-3,0-99999999,7-9") == [5, 7, 8, 9]


SAMPLE = Path(__file__).resolve().parents[1] / "app" / "sample_run"


def test_the_weighted_terms_of_every_recorded_loss_add_up_to_its_total():
    method = description(runs.open_run(SAMPLE))
    recorded = [event for event in runs.read_events(SAMPLE) if event["series"]["total"] is not None]
    assert len(recorded) == 30
    for event in recorded:
        parts = readings.parts(event, method, "Loss")
        assert sum(part.value for part in parts) == pytest.approx(event["series"]["total"], rel=1e-4)
    terms = [recorded[0]["series"][name] for name in ("match", "ce", "crl", "total")]
    said = "{:.2f} matching + {:.2f} cross-entropy + {:.2f} contrastive (CRL) = {:.2f}".format(*terms)
    assert readings.sum_sentence(recorded[0], method) == f"Loss of the update, in weighted terms: {said}"
    loss, moves = readings.curves(recorded, method)
    assert list(loss.table()) == ["Step", "Loss", "matching", "cross-entropy", "contrastive (CRL)"]
    assert list(moves.table()) == ["Step", "matching", "cross-entropy", "contrastive (CRL)"]


def test_terms_of_a_run_of_before_were_recorded_without_their_weights(tmp_path):
    run = runs.open_run(make_run(tmp_path / "one", n=24, classes=3, steps=3, of_before=True, eta=0.17))
    weights = {term.name: term.weight for term in description(run).series}
    assert weights == {"total": None, "match": 0.017, "ce": pytest.approx(0.83), "crl": 0.17}


def told(**changes):
    """The description of a C2R run with these settings."""
    return description(runs.Run(Path("one"), "done", config.load("demo", changes)))


def test_terms_are_named_by_what_ran_and_one_of_weight_zero_is_left_out():
    event = {"step": 8, "series": {"total": 1.0, "match": 2.0, "ce": 3.0, "crl": 4.0}}
    named = lambda **changes: [part.term.label for part in readings.parts(event, told(**changes), "Loss")]  # noqa: E731
    assert named() == ["matching", "cross-entropy", "contrastive (CRL)"]
    assert named(method="c2r-class-mean") == ["matching", "cross-entropy", "class-mean alignment"]
    assert named(method="c2r-no-crl") == ["matching", "cross-entropy"]
    assert named(eta=0.0) == ["matching", "cross-entropy"]
    assert named(eta=1.0, match_weight=0.0) == ["contrastive (CRL)"]
    assert not readings.parts({"step": 0, "series": dict.fromkeys(event["series"])}, told(), "Loss")
    lines = readings.curves([event], told(match_weight=0.0))[0].lines
    assert [(line.label, line.place) for line in lines] == [("Loss", 0), ("cross-entropy", 2), ("contrastive (CRL)", 3)]


def test_shares_of_one_whole_are_stacked_and_look_like_the_terms_they_are_shares_of():
    method = told()
    shares = tuple(Term(f"share-{name}", name, "%", "Shares", None, True) for name in ("matching", "contrastive"))
    events = [{"step": 8, "series": {"match": 2.0, "share-matching": 93.0, "share-contrastive": 7.0}}]
    terms = [term for term in method.series if not term.stacked]
    loss, whole = readings.curves(events, replace(method, series=(*terms, *shares)))
    assert (loss.stacked, whole.stacked, whole.unit) == (False, True, "%")
    assert [(line.label, line.place, line.values) for line in whole.lines] == [
        ("matching", 1, [93.0]),
        ("contrastive", 2, [7.0]),
    ]


def test_soft_labels_name_their_largest_classes_and_none_without_a_share():
    assert views.soft_words(np.array([0.21, 0.62, 0.169, 0.001]), ["a", "b", "c", "d"], 5) == "b 62 %, a 21 %, c 17 %"
    assert views.soft_words(np.array([0.0, 1.0]), ["a"], 2) == "class 1 100 %"


def test_what_a_set_takes_counts_its_labels_with_their_kind():
    images, labels = np.zeros((4, 1, 8, 8), np.uint8), np.zeros(4, np.int64)
    assert words.stored_sentence(DistilledSet(images, labels)) == (
        "Stored: 4 images of 1 × 8 × 8 values, 256 B, and their labels (hard), 4 B: 260 B together."
    )
    soft = DistilledSet(images, labels, np.zeros((4, 4, 3), np.float32), 2)
    assert "labels (soft, one per part), 192 B: 448 B together" in words.stored_sentence(soft)
