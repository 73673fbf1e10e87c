"""Figures across many runs: what makes a group, paired differences of groups, the views, and the page."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from fake_run import make_evaluation, make_run
from test_pages import check, open_page, store, text

from app import across as shown
from app import charts, theme
from app.charts.across import UNDECIDED, Dot, Words
from app.charts.waterfall import Stair
from c2r import config
from c2r.base.errors import InputError
from c2r.evaluation import ablation, across, groups, literature
from c2r.evaluation.groupfigures import difference, spread
from c2r.evaluation.groups import evaluations_of, grouped
from c2r.evaluation.paired import Difference
from c2r.registry import METHODS
from c2r.store.files import read_arrays, save_arrays
from c2r.store.runs import open_run

__all__ = ["store"]
SMALL = {"n": 24, "classes": 3, "steps": 2}
HIGH = {"clean": 0.8, "fgsm": 0.7, "pgd": 0.6}
LOW = {"clean": 0.8, "fgsm": 0.5, "pgd": 0.4}


def made(folder: Path, name: str, seed: int = 0, **changes):
    return make_run(folder / name, seed=seed, **(SMALL | changes))


def found(*paths):
    """The groups of these runs, in their order."""
    return grouped(evaluated for path in paths for evaluated in evaluations_of(open_run(path)))[0]


def pgd(group):
    return next(iter(across.attempts_of(group)))


def test_a_group_is_the_seeds_of_one_set_up_and_what_changes_no_figure_separates_none(tmp_path):
    paths = [
        made(tmp_path, "a", 0),
        made(tmp_path, "b", 1, device="cpu", threads=2, record_every=1),
        made(tmp_path, "c", 0, eta=0.5),
    ]
    one, two = found(*paths)
    assert one.seeds == (0, 1) and two.seeds == (0,)
    assert groups.labels([one, two]) == [
        "C2R · digits · IPC 8 (contrastive share 0.17)",
        "C2R · digits · IPC 8 (contrastive share 0.5)",
    ]


def test_runs_that_are_looked_at_in_other_ways_are_one_group(tmp_path):
    paths = [
        made(tmp_path, "a", 0, scorers="ce"),
        made(tmp_path, "b", 1, scorers="ce,ce-crl", scorer_eta=0.3, map_points=50),
        made(tmp_path, "c", 2, scorers="ce,on-set", scorer_refresh=7, scorer_set_steps=9, frames_recent=5),
        made(tmp_path, "d", 3, scorers="ce-crl,ce"),
    ]
    one, other = found(*paths)
    assert one.seeds == (0, 1, 2) and other.seeds == (3,), "the first scorer decides the order"


def test_the_same_seed_again_is_counted_once(tmp_path):
    paths = [made(tmp_path, "a", 0), made(tmp_path, "b", 0)]
    everything = [evaluated for path in paths for evaluated in evaluations_of(open_run(path))]
    (group,), repeated = grouped(everything)
    assert repeated == 1 and group.members[0].run == paths[0]


def test_another_evaluation_of_a_run_is_another_group_and_one_that_failed_is_none(tmp_path):
    run = made(tmp_path, "a")
    make_evaluation(run, "longer", eval_steps=600)
    make_evaluation(run, "wider", width=64)
    make_evaluation(run, "broken", state="failed", eval_steps=700)
    made(tmp_path, "b", width=64)
    apart = found(run, tmp_path / "b")
    assert len(apart) == 4 and sum("evaluation: width" in group.values for group in apart) == 1
    assert {group.values["eval_steps"] for group in apart} == {300, 600}


def test_other_data_of_the_same_name_make_another_group(tmp_path):
    one, two = made(tmp_path, "a", 0), made(tmp_path, "b", 1)
    facts = json.loads((two / "facts.json").read_text()) | {"data_hash": "e2" * 8}
    (two / "facts.json").write_text(json.dumps(facts))
    assert len(found(one, two)) == 2


def test_a_figure_is_the_mean_over_seeds_of_the_mean_over_networks(tmp_path):
    (group,) = found(made(tmp_path, "a", 0, tried=HIGH), made(tmp_path, "b", 1, tried=LOW))
    figure = spread(group, pgd(group))
    assert figure.mean == pytest.approx((0.61 + 0.41) / 2) and figure.std == pytest.approx(0.2 / 2**0.5)
    assert (figure.seeds, figure.networks, figure.n) == (2, 6, 359)
    assert figure.basis == "2 distillation seeds, 6 networks, n = 359 test images"


def test_a_figure_that_no_member_has_is_none_and_bytes_count_the_labels(tmp_path):
    (group,) = found(made(tmp_path, "a"))
    assert spread(group, pgd(group)._replace(eps="8/255")) is None
    assert group.bytes == 24 * 64 + 24


def test_groups_are_compared_image_by_image(tmp_path):
    one, two = found(
        made(tmp_path, "a", 0, tried=HIGH),
        made(tmp_path, "b", 1, tried=HIGH),
        made(tmp_path, "c", 0, tried=LOW, eta=0.5),
        made(tmp_path, "d", 1, tried=LOW, eta=0.5),
    )
    gap = difference(one, two, pgd(one))
    assert gap.verdict == "better" and gap.seeds == (2, 2) and gap.networks == (6, 6) and gap.n == 359
    assert difference(two, one, pgd(one)).verdict == "worse"


def subset(path: Path, seed: int) -> None:
    """Let a run have test images of its own."""
    arrays = read_arrays(path, "test")
    chosen = np.random.default_rng(seed).permutation(359)[:200]
    save_arrays(path, "test", {name: a[..., chosen] for name, a in arrays.items()} | {"index": chosen})


def test_where_each_seed_has_test_images_of_its_own_the_seeds_are_compared_one_by_one(tmp_path):
    names = {"a": (0, HIGH, 0.1), "b": (1, HIGH, 0.1), "c": (0, LOW, 0.5), "d": (1, LOW, 0.5)}
    for name, (seed, tried, eta) in names.items():
        subset(made(tmp_path, name, seed, tried=tried, eta=eta), seed)
    one, two = found(*(tmp_path / name for name in names))
    gap = difference(one, two, pgd(one))
    each = [np.mean([read_arrays(tmp_path / a, "test")["correct/pgd"].mean() for a in pair]) for pair in ("ab", "cd")]
    assert gap.value == pytest.approx(each[0] - each[1], abs=0.01) and gap.seeds == (2, 2) and gap.n == 400
    assert gap.verdict == "better" and 0.03 < gap.high - gap.low < 0.3


def test_seeds_that_disagree_decide_nothing(tmp_path):
    names = {"a": (0, HIGH, 0.1), "b": (1, LOW, 0.1), "c": (0, LOW, 0.5), "d": (1, LOW, 0.5)}
    for name, (seed, tried, eta) in names.items():
        subset(made(tmp_path, name, seed, tried=tried, eta=eta), seed)
    one, two = found(*(tmp_path / name for name in names))
    gap = difference(one, two, pgd(one))
    assert gap.verdict == "undecided" and gap.high > 1, "Student's t at one degree of freedom is 12.7"


def test_one_seed_each_with_unlike_images_or_without_outcomes_gives_a_reason(tmp_path):
    first, second = made(tmp_path, "a", 0, tried=HIGH), made(tmp_path, "b", 0, tried=LOW, eta=0.5)
    subset(first, 3)
    one, two = found(first, second)
    assert "test images are not the same" in difference(one, two, pgd(one))
    (second / "test.safetensors").unlink()
    assert "not stored" in difference(one, two, pgd(one))


def test_groups_that_differ_in_more_than_the_view_is_about_are_left_out_with_their_reasons(tmp_path):
    base, *others = found(
        made(tmp_path, "a"),
        made(tmp_path, "b", method="c2r-no-aac"),
        made(tmp_path, "c", method="random-real"),
        made(tmp_path, "d", 0, eval_steps=50),
        made(tmp_path, "e", 1, eval_steps=50),
        made(tmp_path, "f", width=8, eta=0.4),
    )
    kept, left_out = across.comparable([base, *others], base, {"method"})
    assert [group.method for group in kept] == ["c2r", "c2r-no-aac", "random-real"]
    assert left_out == "Not comparable, so left out: 2 runs with another eval_steps; 1 run with another eta and width."
    assert across.comparable([base], base, {"method"}).left_out == ""


def test_a_sweep_is_over_the_numbers_in_which_equal_groups_differ(tmp_path):
    every = found(
        made(tmp_path, "a", eta=0.6),
        made(tmp_path, "b", eta=0.0),
        made(tmp_path, "c", eta=0.2, method="c2r-no-aac"),
        made(tmp_path, "d", eta=0.6, tau=0.5),
        made(tmp_path, "e", eta=0.6, tau=0.9),
        made(tmp_path, "f", method="random-real"),
    )
    assert across.sweepable(every, every[0], pgd(every[0])) == {"tau": 3, "eta": 2}
    points, left_out = across.sweep(every, every[0], "eta", pgd(every[0]))
    assert [(point.group.method, point.at) for point in points] == [("c2r", 0.0), ("c2r", 0.6), ("c2r-no-aac", 0.2)]
    assert "2 runs with another tau" in left_out and "1 run of methods that do not read eta left out." in left_out
    lines = shown.lines_of(points, "PGD-10")
    assert list(lines) == ["C2R"] and shown.alone(points) == ["C2R without AAC"]


def test_the_drop_rate_is_taken_seed_by_seed(tmp_path):
    (group,) = found(made(tmp_path, "a", 0, tried=HIGH), made(tmp_path, "b", 1, tried=LOW))
    rate = across.drop(group, across.clean_of(group), pgd(group))
    assert rate.mean == pytest.approx(((0.81 - 0.61) / 0.81 + (0.81 - 0.41) / 0.81) / 2) and rate.seeds == 2


def test_time_is_told_of_sets_of_equal_size_judged_alike_on_one_device(tmp_path):
    paths = [made(tmp_path, "a"), made(tmp_path, "b", steps=5, tau=0.5), made(tmp_path, "c", n=48)]
    paths += [made(tmp_path, "d", eval_steps=50), made(tmp_path, "e", tau=0.9)]
    manifest = paths[-1] / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"device": "cpu"', '"device": "cuda"'))
    every = found(*paths)
    points, left_out = across.timed(every, every[0], pgd(every[0]))
    assert [point.at for point in points] == [3.9, pytest.approx(8.1)]
    assert "another device" in left_out and "eval_steps" in left_out and "ipc" in left_out


def test_every_printed_row_stands_in_the_literature_and_the_methods_we_have_in_the_table():
    names = {cell["method"] for cell in literature.rows(ablation.TABLE)}
    assert {row.row for row in ablation.PRINTED} == names
    assert {row.method for row in ablation.PRINTED} <= {*METHODS}
    table, share = across.PUBLISHED_DROP
    assert f"drop rate below {100 * share:.1f} %" in " ".join(literature.about(table)["faults"])
    with_contrast = {row.row for row in ablation.PRINTED if row.contrast}
    assert with_contrast == {name for name in names if "CRL" not in name}


def test_the_ablation_stands_in_the_order_of_the_paper_with_its_figures_and_what_is_missing(tmp_path):
    every = found(
        made(tmp_path, "full", tried=HIGH),
        made(tmp_path, "without", method="c2r-no-aac", tried=LOW),
        made(tmp_path, "other", method="random-real"),
        made(tmp_path, "longer", method="c2r-no-crl", eval_steps=999),
    )
    base = ablation.anchor(every, every[2])
    assert base.method == "c2r"
    rows, left_out = ablation.rows(every, base, across.clean_of(base), pgd(base))
    by_method = {row.method: row for row in rows}
    assert [row.method for row in rows][-4:] == ["c2r-no-aac", "c2r", "c2r-no-queue", "c2r-pgd"]
    assert by_method["c2r-no-aac"].difference.verdict == "worse" and by_method["c2r"].difference is None
    assert by_method["c2r-no-aac"].printed_difference == pytest.approx(0.2604 - 0.2841)
    assert left_out == "Not comparable, so left out: 1 run with another eval_steps."
    assert ablation.statement(rows) == "Against C2R, worse: C2R without AAC"
    columns = ablation.as_columns(rows, "PGD-10", "CIFAR-10")
    assert columns["PGD-10 (%)"][-1] == "no run" and columns["Paper, CIFAR-10 (%) †"][-1] == "28.6"
    assert ablation.missing(rows, base).count("\n") == len(rows) - 3


def words_of(line: str) -> config.RunConfig:
    """The settings that a command of the page makes."""
    words = shlex.split(line)
    changes = config.parse_assignments([words[i + 1] for i, word in enumerate(words) if word == "--set"])
    method = {"method": words[words.index("--method") + 1]} if "--method" in words else {}
    return config.load(words[words.index("--preset") + 1], changes | method)


def test_a_command_makes_the_very_run_that_is_missing(tmp_path):
    (group,) = found(made(tmp_path, "a", 4, eps="8/255"))
    wanted = config.validate(group.first.made.model_dump(mode="json") | {"method": "c2r-pgd"})
    assert words_of(across.needed(group, {"method": "c2r-pgd"})) == wanted
    assert across.needed(group, {"eta": 7}) == ""


def test_several_seeds_are_one_loop(tmp_path):
    (group,) = found(made(tmp_path, "a", 4), made(tmp_path, "b", 7))
    text = across.needed(group, {"ipc": 50})
    head, line, tail = text.split("; ")
    assert head == "for seed in 4 7" and tail == "done" and line.endswith('--set seed="$seed"')
    assert words_of(line.removeprefix("do ").replace('"$seed"', "7")).seed == 7


WORDS = Words("Said", "noted", "accuracy (%)", "eta")


def test_rows_are_drawn_with_intervals_and_what_is_undecided_in_grey():
    rows = {"one": {"a": Dot(1, 0, 2, "sure")}, "two": {"a": Dot(-1, -3, 1, "not", UNDECIDED)}, "none": {}}
    figure = charts.row_dots(rows, {"a": {"colour": "#123456", "symbol": "circle"}}, WORDS, difference=True)
    (trace,) = figure.data
    assert trace.marker.color == ("#123456", theme.tokens(False).muted) and list(trace.y) == [0, 1]
    assert [note.text for note in figure.layout.annotations] == ["one", "two", "none"]
    with pytest.raises(InputError, match="at least one figure"):
        charts.row_dots({"none": {}}, {}, WORDS)


def test_lines_are_named_at_their_end_and_wide_numbers_stand_on_a_logarithmic_axis():
    lines = {"one": {1.0: Dot(10, 9, 11, ""), 50.0: Dot(20, 19, 21, "")}}
    figure = charts.number_lines(lines, WORDS, level=(66.8, "paper"))
    assert figure.layout.xaxis.type == "log" and figure.layout.yaxis.range[1] > 66.8
    assert {note.text for note in figure.layout.annotations} == {"one", "paper"}
    assert charts.number_lines({"one": {0.0: Dot(1, 1, 1, "")}}, WORDS).layout.xaxis.type is None


def test_a_waterfall_tells_steps_apart_by_colour_and_pattern():
    stairs = [
        Stair("start", 40.0, text="40 %"),
        Stair("missing", None, text="no run yet"),
        Stair("up", 50.0, 40.0, 5.0, 15.0, "better", "50 %"),
        Stair("down", 45.0, 50.0, -8.0, -2.0, "worse", "45 %"),
        Stair("so", 46.0, 45.0, -1.0, 3.0, "undecided", "46 %"),
    ]
    bars = [trace for trace in charts.waterfall(stairs, WORDS).data if trace.type == "bar"]
    assert [bar.name for bar in bars] == ["better", "worse", "undecided"]
    assert len({(bar.marker.color, bar.marker.pattern.shape) for bar in bars}) == 3
    told = charts.waterfall(stairs, WORDS).layout.annotations
    assert [(note.text, note.x, note.xref) for note in told[1:3]] == [
        ("<b>missing</b>  no run yet", 0, "paper"),
        ("<b>up</b>  50 %", 0, "paper"),
    ], "what is told of a rung begins at the left edge, so that it fits a narrow page"
    assert bars[1].base == (50.0,) and bars[1].x == (-5.0,) and bars[1].error_x.array == (3.0,)
    with pytest.raises(InputError, match="at least one measured rung"):
        charts.waterfall([Stair("missing", None)], WORDS)


VIEWS = ("Ablation", "Setting sweep", "Drop rate", "Time", "Ladder")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_a_picture_or_says_what_is_needed(store, view):
    for seed in (0, 1):
        made(store, f"full-{seed}", seed)
    app = open_page("compare", across=view)
    check(app, "compare")
    said = text(app)
    commands = "\n".join(code.value for code in app.code)
    assert "Across runs" in said and app.get("plotly_chart")
    assert "python -m c2r distill" in commands or "python -m c2r ladder" in commands


def test_the_page_says_how_many_runs_are_left_out_and_why(store):
    for seed in (0, 1):
        made(store, f"full-{seed}", seed)
        made(store, f"bare-{seed}", seed, method="c2r-no-aac")
    made(store, "longer", eval_steps=999)
    app = open_page("compare", across="Ablation", run="full-0")
    check(app, "compare")
    assert "Not comparable, so left out: 1 run with another eval_steps." in text(app).replace("\\", "")
    assert "never ranked with ours" in text(app) and "Second hand" in text(app)


def test_a_view_without_runs_of_the_family_names_the_command(store):
    made(store, "real", method="random-real")
    app = open_page("compare", across="Ablation")
    check(app, "compare")
    assert "No run of the family" in text(app) and app.code[0].value.startswith("python -m c2r distill")


def test_the_recorded_sample_alone_fills_the_section(store):
    make_run(store.parent / "sample_run", **SMALL)
    app = open_page("compare")
    check(app, "compare")
    assert "Across runs" in text(app) and "no run yet" in json.dumps([c.proto.spec for c in app.get("plotly_chart")])


def test_an_unknown_view_in_the_address_shows_the_first(store):
    made(store, "one")
    app = open_page("compare", across="nonsense")
    check(app, "compare")
    assert "Rows without a run would be made by:" in text(app)


def test_undecided_is_said_of_a_difference_whose_interval_holds_zero():
    gap = Difference(0.01, -0.02, 0.04, 100, (2, 2), (1, 1))
    row = ablation.Row("c2r-pgd", "Other", None, None, None, gap, None, None)
    assert shown.differences_of([row], "paper")["Other: no run yet"][shown.MEASURED].drawn == UNDECIDED
    assert ablation.statement([row]) == "Against C2R, 1 undecided"


def test_the_points_of_a_view_can_be_read_as_a_table(tmp_path):
    every = found(made(tmp_path, "a", 0, eta=0.6), made(tmp_path, "b", 1, eta=0.6), made(tmp_path, "c", eta=0.0))
    points, _ = across.sweep(every, every[0], "eta", pgd(every[0]))
    table = across.as_columns(points, "Contrastive share", "Accuracy (%)")
    assert table["Contrastive share"] == ["0", "0.6"] and table["Distillation seeds"] == ["0", "0, 1"]
    assert table["Accuracy (%)"][0] == "67.0" and table["Test images (n)"] == [359, 359]


def test_a_setting_that_came_after_a_run_has_no_known_value_and_so_equals_none(tmp_path):
    now, before, too = made(tmp_path, "now", 0), made(tmp_path, "before", 1), made(tmp_path, "too", 2)
    for run in (before, too):
        values = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps({name: v for name, v in values.items() if name != "tau"}))
    one, old = found(now, before, too)
    assert one.seeds == (0,) and old.seeds == (1, 2) and old.values["tau"] == groups.UNRECORDED
    assert across.comparable([old], one, {"method"}).left_out.endswith("2 runs with another tau.")
    assert across.warning(one) == "" and "before there were tau" in across.warning(old)
