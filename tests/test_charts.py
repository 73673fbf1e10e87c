"""The charts say what the data say, keep still from step to step, and stay small."""

import tomllib
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from app import charts, pictures, readings, theme
from app.charts.base import broken_statement, faded, number
from app.charts.labels import spread
from app.charts.mapframe import NARROW
from app.charts.margins import cropped
from app.charts.naming import place_names
from c2r.base.errors import InputError
from c2r.evaluation.accuracies import Accuracy
from c2r.evaluation.curves import Sweep
from c2r.look.summary import BIN_EDGES, margin_summary, ranks

CLASSES = [f"kind {k}" for k in range(10)]
STEPS = np.arange(0, 310, 10)
CONFIG = Path(__file__).resolve().parents[1] / "app" / ".streamlit" / "config.toml"


PROFILE = {
    "a": [Accuracy(0.8, 0.01, 0.77, 0.82, 1000), Accuracy(0.5, 0.02, 0.47, 0.53, 1000)],
    "b": [Accuracy(0.7, None, 0.67, 0.73, 1000), None],
}
SWEEP = Sweep(
    "PGD-10",
    "Linf",
    {"b": ([0.0, 2.0, 8.0], [Accuracy(share, 0.01, share - 0.03, share + 0.03, 1000) for share in (0.8, 0.5, 0.1)])},
)
LINE = (np.array([-4.0, 0.0, 4.0]), np.array([0.1, 0.5, 1.0]))
CUMULATIVE = {"a": ((LINE[0] + 2, LINE[1]), LINE), "b": (None, (LINE[0] + 1, LINE[1]))}


def run_of(n=100, seed=0):
    """Plausible margins [S, n], orders and map positions of a run with ten classes."""
    draw = np.random.default_rng(seed)
    adv = draw.normal(0, 2, n) + np.linspace(-1, 2, len(STEPS))[:, None] + draw.normal(0, 0.3, (len(STEPS), n))
    xy = draw.normal(0, 3, (len(STEPS), n, 2))
    return {
        "labels": np.arange(n) % 10,
        "adv": adv,
        "clean": adv + 2,
        "orders": np.argsort(adv, axis=1, kind="stable"),
        "xy_clean": xy,
        "xy_adv": xy + draw.normal(0, 1, xy.shape),
    }


def zero_lines(figure, direction):
    """The shapes at 0: vertical ("x") or horizontal ("y")."""
    return [shape for shape in figure.layout.shapes if shape[f"{direction}0"] == shape[f"{direction}1"] == 0]


def map_of(run, step=3, **more):
    """The map of a recorded step; each of `more` goes to the part of the map that has a field of its name."""

    def part(kind, *first):
        return kind(*first, **{field.name: more.pop(field.name) for field in fields(kind) if field.name in more})

    points = part(charts.Points, run["xy_clean"][step], run["xy_adv"][step], run["labels"], CLASSES)
    return charts.embedding_map(points, *map(part, (charts.Colouring, charts.Emphasis, charts.Plane)), **more)


def histogram(clean, adv, n=100, previous=None, **more):
    return charts.margin_histogram(charts.Counted(clean, adv, BIN_EDGES, n, previous), "LS-PGD", **more)


def loss(steps, total, terms=(), unit=""):
    """A loss over `steps` with its `terms`: label, weight, weighted values."""
    lines = [readings.Line("Loss", 0, total, None)]
    lines += [readings.Line(label, place, values, weight) for place, (label, weight, values) in enumerate(terms, 1)]
    return readings.Curves("Loss", unit, list(steps), lines)


def shares(*values, steps=(0, 10, 20)):
    """Shares of one whole over `steps`: matching, cross-entropy and contrastive (CRL)."""
    labels = ("matching", "cross-entropy", "contrastive (CRL)")
    lines = [
        readings.Line(label, place, list(own), None)
        for place, (label, own) in enumerate(zip(labels, values, strict=True), 1)
    ]
    return readings.Curves("What moves the images", "%", list(steps), lines, stacked=True)


@cache
def all_figures(dark=False):
    """One figure of every function."""
    n, run = 100, run_of(100)
    clean, adv = margin_summary(run["clean"][3]), margin_summary(run["adv"][3])
    quantiles = [margin_summary(m)["quantiles"] for m in run["adv"]]
    rank = np.stack([ranks(order) for order in run["orders"]])
    drawing, few = charts.Drawing(30, dark=dark), charts.Paths(rank[:, :5], run["labels"][:5], CLASSES)
    rows = [
        {"label": label, "attack": attack, "accuracy": accuracy + seed / 100, "n": 1000, "eps": "2/255", "seed": seed}
        for seed in range(3)
        for label, attack, accuracy in (("FGSM", "fgsm", 0.40), ("clean", "clean", 0.60), ("PGD-10", "pgd", 0.35))
    ]
    return {
        "histogram": histogram(clean["counts"], adv["counts"], n=n, dark=dark),
        "bands": charts.margin_bands(STEPS, charts.Quantiles(quantiles, n, np.array(quantiles) + 2), "LS-PGD", drawing),
        "history": charts.margin_history(STEPS, run["clean"][:, 0], run["adv"][:, 0], "LS-PGD", drawing),
        "heatmap": charts.curriculum_heatmap(
            STEPS, charts.rank_matrix(run["orders"], run["adv"])[0], n=n, drawing=drawing
        ),
        "classes": charts.curriculum_classes(STEPS, run["orders"], run["labels"], classes=CLASSES, drawing=drawing),
        "paths": charts.rank_paths(STEPS, few, n=n, drawing=drawing),
        "map": map_of(run, dark=dark),
        "separation": charts.separation_lines(
            charts.Course(STEPS, STEPS / 300, STEPS / 600, n, 30), what="knn", drawing=drawing
        ),
        "losses": charts.series_lines(loss(STEPS, [None, *(5 - STEPS[1:] / 100)]), drawing),
        "shares": charts.share_areas(shares([93.0] * 3, [6.0] * 3, [1.0] * 3), drawing),
        "accuracy": charts.accuracy_bars(rows, dark=dark),
        "profile": charts.accuracy_profile(["Clean", "PGD-10"], PROFILE, statement="Two sets", dark=dark),
        "sweep": charts.accuracy_sweep(SWEEP, ["a", "b"], dark=dark),
        "class heat map": charts.class_heatmap(
            np.linspace(0, 1, 20).reshape(10, 2),
            np.full(10, 100),
            classes=CLASSES,
            attacks=["clean", "PGD-10"],
            name="a",
            dark=dark,
        ),
        "transfer": charts.transfer_heatmap(
            np.array([[0.3, 0.6], [0.5, 0.4]]), ["a", "b"], attack="PGD", eps="2/255", n=1000, dark=dark
        ),
        "storage": charts.storage_bars(
            {"a": {"frames": 3_000_000, "other": 10}}, ("frames", "other"), free=10**9, dark=dark
        ),
        "cumulative": charts.margin_cumulative(CUMULATIVE, ["a", "b"], attack="PGD-10", n=1000, dark=dark),
    }


def text_of(figure):
    return figure.layout.meta["statement"].replace("\u00a0", " ")


@pytest.mark.parametrize("name", all_figures(False))
def test_every_chart_is_transparent_keeps_its_state_and_changes_its_text_with_the_appearance(name):
    light, dark = all_figures(False)[name], all_figures(True)[name]
    for figure in (light, dark):
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.uirevision == "keep" and figure.layout.margin.autoexpand is False
        assert "n = " in charts.alt_text(figure) or name in ("history", "losses", "shares")
    assert (light.layout.font.color, dark.layout.font.color) == (theme.tokens(False).text, theme.tokens(True).text)
    assert light.layout.font.color != dark.layout.font.color


@pytest.mark.parametrize("name", ["histogram", "bands", "history"])
def test_margin_charts_have_a_zero_line_stronger_than_every_grid_line(name):
    (zero,) = zero_lines(all_figures(False)[name], "x" if name == "histogram" else "y")
    assert zero.line.color == theme.tokens(False).zero and zero.line.width >= 2


def test_the_histogram_states_the_share_of_broken_images_and_how_many_there_are():
    adv = np.zeros(60, int)
    adv[BIN_EDGES[:-1] == -0.5] = 31
    adv[BIN_EDGES[:-1] == 0.0] = 69
    figure = histogram(np.full(60, 0), adv)
    assert text_of(figure) == "At least 31 % of the images are broken within ε"
    assert "n = 100" in figure.layout.meta["note"] and "LS-PGD" in figure.layout.meta["note"]


def test_the_statement_names_nothing_and_everything_instead_of_percent():
    assert broken_statement(0.0) == "No image is known to be broken within ε"
    assert broken_statement(1.0) == "Every image is broken within ε"
    assert broken_statement(0.001).replace("\u00a0", " ") == "At least 1 % of the images are broken within ε"


def test_the_previous_step_is_an_outline_from_bin_edge_to_bin_edge():
    counts = np.arange(60)
    figure = histogram(counts, counts, previous=counts[::-1])
    outline = figure.data[2]
    assert outline.line.shape == "hv" and np.allclose(outline.x, BIN_EDGES)
    assert outline.y[:-1].tolist() == counts[::-1].tolist()


def test_cropping_moves_what_lies_outside_into_the_end_bins_and_loses_nothing():
    counts = np.ones(60, int)
    inside, bins = cropped(counts, BIN_EDGES, (-5.0, 10.0))
    assert (bins[0], bins[-1], len(inside)) == (-5.0, 10.0, 30)
    assert (inside[0], inside[-1], inside.sum()) == (21, 11, 60)


def test_the_histogram_axes_do_not_change_from_step_to_step():
    run = run_of()
    counts = [margin_summary(m)["counts"] for key in ("clean", "adv") for m in run[key]]
    span, top = charts.histogram_span(counts, BIN_EDGES), charts.histogram_top(counts)
    figures = [histogram(c, c, span=span, top=top) for c in counts]
    assert len({(figure.layout.xaxis.range, figure.layout.yaxis.range) for figure in figures}) == 1
    assert figures[0].layout.xaxis.range == span and figures[0].layout.yaxis.range[1] >= max(map(max, counts))


def test_the_span_is_in_fives_holds_zero_and_changes_only_when_a_new_bin_leaves_it():
    counts = np.zeros(60, int)
    counts[(BIN_EDGES[:-1] >= 1) & (BIN_EDGES[:-1] < 6)] = 3
    span = charts.histogram_span([counts], BIN_EDGES)
    more = np.zeros(60, int)
    more[BIN_EDGES[:-1] == 9.5] = 1
    assert span == (-5.0, 10.0) == charts.histogram_span([counts, more], BIN_EDGES)
    more[BIN_EDGES[:-1] == 10.0] = 1
    assert charts.histogram_span([counts, more], BIN_EDGES) == (-5.0, 15.0)
    assert charts.histogram_span([], BIN_EDGES) == (-5.0, 5.0)


def test_selected_bars_and_points_come_back_as_bin_and_image_numbers():
    counts = np.ones(60, int)
    figure = histogram(counts, counts, n=60, span=(-5.0, 5.0), selectable=True)
    assert figure.data[0].customdata.tolist() == list(range(20, 40))
    assert charts.selected_numbers([{"customdata": 7}, {"customdata": [3]}, {"x": 1.0}, {"customdata": 7}]) == [3, 7]


def test_the_empty_histogram_has_axes_and_the_zero_line_and_no_bars():
    figure = charts.empty_histogram(edges=BIN_EDGES, dark=True)
    assert len(figure.data) == 0
    assert figure.layout.xaxis.range == (-5.0, 10.0)
    assert any(shape.x0 == shape.x1 == 0 for shape in figure.layout.shapes)


def test_a_selectable_histogram_leaves_the_drag_mode_free_so_that_a_click_selects_a_bar():
    counts = np.ones(60, int)
    plain, selectable = (histogram(counts, counts, n=60, selectable=s) for s in (False, True))
    assert not selectable.layout.dragmode
    assert selectable.layout.clickmode is None
    assert (plain.data[1].unselected.marker.opacity, selectable.data[1].unselected.marker.opacity) == (None, 0.25)


def test_the_bands_state_where_the_median_started_and_where_it_is_at_the_current_step():
    quantiles = np.linspace(-2, 2, len(STEPS))[:, None] + np.array([-2, -1, 0, 1, 2])
    said = lambda found, at=None: text_of(  # noqa: E731
        charts.margin_bands(STEPS, charts.Quantiles(found, 50), "LS-PGD", charts.Drawing(at))
    )
    assert said(quantiles, 300) == "The median robust margin rose from −2.0 to 2.0 logits"
    assert said(quantiles, 150) == "The median robust margin rose from −2.0 to 0.0 logits"
    assert said(quantiles[::-1]) == "The median robust margin fell from 2.0 to −2.0 logits"


@pytest.mark.parametrize(
    ("clean", "adv", "verdict"),
    [(1, 0.5, "withstands LS-PGD"), (1, -0.5, "is broken within ε"), (-1, -2, "is misclassified even unattacked")],
)
def test_the_history_of_an_image_says_whether_it_holds(clean, adv, verdict):
    figure = charts.margin_history([0, 10], [5, clean], [5, adv], "LS-PGD")
    assert text_of(figure) == f"At step 10 this image {verdict}"


def test_rank_matrix_agrees_with_a_slow_loop():
    run = run_of(n=23)
    matrix, edges = charts.rank_matrix(run["orders"], run["adv"], max_ranks=7, max_steps=5)
    kept = charts.thin(len(STEPS), 5)
    assert matrix.shape == (5, 7) and edges[0] == 0 and edges[-1] == 23 and kept[0] == 0 and kept[-1] == len(STEPS) - 1
    for row, step in enumerate(kept):
        for cell in range(7):
            members = [run["adv"][step, run["orders"][step, rank]] for rank in range(edges[cell], edges[cell + 1])]
            assert matrix[row, cell] == pytest.approx(np.mean(members), abs=1e-6)


def test_rank_matrix_keeps_every_rank_and_step_of_a_small_run_and_limits_a_large_one():
    small = run_of(n=100)
    matrix, edges = charts.rank_matrix(small["orders"], small["adv"])
    assert matrix.shape == (31, 100) and np.allclose(matrix, np.sort(small["adv"], axis=1), atol=1e-6)
    large = np.tile(np.arange(1000), (600, 1))
    assert charts.rank_matrix(large, large.astype(float))[0].shape == (100, 200)


def test_the_heat_map_has_symmetric_limits_and_the_line_of_margin_zero():
    run = run_of()
    matrix, _ = charts.rank_matrix(run["orders"], run["adv"])
    figure = charts.curriculum_heatmap(STEPS, matrix, n=100)
    heat, line = figure.data[:2]
    assert heat.zmin == -heat.zmax < 0
    assert np.allclose(line.y, (run["adv"] <= 0).sum(axis=1) - 0.5, atol=1e-4)
    assert figure.layout.yaxis.range == (99.5, -0.5), "rank 0 belongs at the top"
    assert dict(heat.colorscale)[0.5] == theme.MARGIN_MIDDLE[False]


def test_the_class_picture_is_a_strip_a_class_of_its_median_rank_the_hardest_of_the_shown_step_at_the_top():
    orders, labels = np.array([[2, 0, 1, 3], [1, 3, 0, 2]]), np.array([0, 1, 0, 1])
    figure = charts.curriculum_classes([0, 10], orders, labels, classes=["a", "b"], drawing=charts.Drawing(0))
    heat = figure.data[0]
    assert figure.layout.yaxis.ticktext == ("a", "b") and heat.z.tolist() == [[0.5, 2.5], [2.5, 0.5]]
    assert text_of(figure) == "At step 0, a is the hardest class and b the easiest"
    later = charts.curriculum_classes([0, 10], orders, labels, classes=["a", "b"], drawing=charts.Drawing(10))
    assert later.layout.yaxis.ticktext == ("b", "a") and later.data[0].z.tolist() == [[2.5, 0.5], [0.5, 2.5]]
    assert (heat.zmin, heat.zmax) == (later.data[0].zmin, later.data[0].zmax) == (0, 3)


def test_the_axes_over_steps_of_a_run_at_work_reach_to_its_last_step_from_the_start():
    quantiles = np.array([[-2, -1, 0, 1, 2.0]] * 3)
    ends = set()
    for last in (2, 3):
        steps = [0, 10, 20][:last]
        drawing = charts.Drawing(until=100, span=(-5, 5))
        bands = charts.margin_bands(steps, charts.Quantiles(quantiles[:last], 9), "LS-PGD", drawing)
        losses = charts.series_lines(loss(steps, [None, 0.9, 0.7][:last]), drawing)
        heat = charts.curriculum_heatmap(steps, np.ones((last, 9)), n=9, limit=3.0, drawing=charts.Drawing(until=100))
        ends.add(
            (
                *(figure.layout.xaxis.range[1] for figure in (bands, losses, heat)),
                bands.layout.yaxis.range,
                losses.layout.yaxis.range,
            )
        )
        assert heat.data[0].zmax == 3.0
        assert {note.x for note in bands.layout.annotations if note.text.endswith("median")} == {steps[-1]}, (
            "names stand at the lines' end"
        )
    assert len(ends) == 1 and min(next(iter(ends))[:3]) >= 100


def test_rank_paths_name_the_biggest_mover_and_grey_out_other_classes():
    paths = charts.Paths(np.array([[0, 5, 9], [1, 8, 2]]), [0, 1, 0], CLASSES, [4, 6, 8])
    figure = charts.rank_paths([0, 10], paths, n=10, highlight=[1])
    assert text_of(figure) == "kind 0 #8 moved most: from rank 9 to rank 2"
    colours = [trace.line.color for trace in figure.data]
    assert colours[1] == theme.class_colour(1, 10) and colours[0] == colours[2] == faded(theme.tokens(False).muted, 0.3)
    assert [note.text for note in figure.layout.annotations] == ["kind 1 #6"]


def test_end_labels_keep_their_distance_their_order_and_stay_inside():
    placed = spread(np.array([5.0, 6.0, 7.0, 99.0]), 15, 100)
    assert np.diff(placed).min() >= 15 - 1e-9 and placed[0] >= 0 and placed[-1] <= 100
    assert spread(np.array([20.0, 98.0, 99.0]), 15, 100).tolist() == [20, 85, 100], "those at the top are pushed down"


def test_one_class_has_one_colour_on_the_map_and_in_the_paths():
    figures = all_figures(False)
    on_map = {trace.marker.color for trace in figures["map"].data if trace.name == "kind 3"}
    assert on_map == {figures["paths"].data[3].line.color} == {theme.class_colour(3, 10)}


def test_clean_is_a_circle_and_adversarial_a_cross_of_the_same_class_colour():
    figure = map_of(run_of())
    clean, adversarial = (
        [t for t in figure.data if t.type == "scattergl" and f", {word}" in t.hovertemplate]
        for word in ("clean", "adversarial")
    )
    assert {t.marker.symbol for t in clean} == {"circle"} and {t.marker.symbol for t in adversarial} == {"x"}
    assert (
        [t.marker.color for t in clean]
        == [t.marker.color for t in adversarial]
        == [theme.class_colour(k, 10) for k in range(10)]
    )


def test_map_ranges_are_one_square_for_all_steps():
    run = run_of()
    ranges = charts.map_ranges(run["xy_clean"], run["xy_adv"])
    figures = [map_of(run, step, ranges=ranges) for step in range(3)]
    assert len({(figure.layout.xaxis.range, figure.layout.yaxis.range) for figure in figures}) == 1
    (x0, x1), (y0, y1) = ranges
    assert x1 - x0 == pytest.approx(y1 - y0) and figures[0].layout.yaxis.scaleanchor == "x"
    every = np.concatenate([run["xy_clean"].reshape(-1, 2), run["xy_adv"].reshape(-1, 2)])
    assert (every.min(axis=0) > (x0, y0)).all() and (every.max(axis=0) < (x1, y1)).all()
    assert charts.map_ranges(np.full((4, 2), np.nan)) == ((-1.0, 1.0), (-1.0, 1.0))


def test_a_map_of_a_thousand_images_stays_below_200_kilobytes():
    run = run_of(n=1000)
    figure = map_of(
        run,
        values=run["adv"][3],
        by="margin",
        selected=np.arange(50),
        lines=np.arange(50),
        background=np.zeros((1000, 2)),
    )
    assert sum(len(t.x) for t in figure.data if "image" in (t.hovertemplate or "")) == 2000
    assert len(figure.to_json().encode()) < 200_000
    assert {t.x.dtype for t in figure.data if t.type == "scattergl"} == {np.dtype(np.float32)}


def test_a_map_selection_is_outlined_and_counted_and_the_rest_fades():
    figure = map_of(run_of(), selected=[0, 10, 21], lines=[21], ids=np.arange(100) + 500)
    named = {t.name: t for t in figure.data}
    assert (
        list(named["kind 0 (2 of 10)"].selectedpoints) == [0, 1]
        and list(named["kind 2 (0 of 10)"].selectedpoints) == []
    )
    assert named["kind 0 (2 of 10)"].unselected.marker.opacity == pytest.approx(0.1)
    assert len(named["selected"].x) == 6 and len(named["displacement"].x) == 3 and np.isnan(named["displacement"].x[2])
    assert named["kind 1 (1 of 10)"].customdata.tolist() == list(range(501, 600, 10))


def test_a_solo_class_keeps_its_strength_and_the_others_fade():
    figure = map_of(run_of(), solo=4)
    strength = {t.name: t.marker.opacity for t in figure.data if t.name in CLASSES}
    assert strength["kind 4"] > 0.9 and {value for name, value in strength.items() if name != "kind 4"} == {0.1}


def test_hidden_classes_are_neither_drawn_nor_named_nor_joined():
    figure = map_of(run_of(), hidden={4, 5}, selected=[4, 6], lines=[4, 5, 7])
    shown = {int(t.legendgroup): t.visible for t in figure.data if t.legendgroup}
    assert {k for k, visible in shown.items() if visible is False} == {4, 5}
    names = {note.text for note in figure.layout.annotations}
    assert "kind 3" in names and not names & {"kind 4", "kind 5"}
    named = {t.name: t for t in figure.data}
    assert len(named["displacement"].x) == 3 and len(named["selected"].x) == 2


def test_map_colours_of_margin_are_symmetric_and_of_rank_put_the_hardest_farthest_from_the_page():
    run = run_of()
    margin = map_of(run, values=run["adv"][3], by="margin", limit=4).layout.coloraxis
    assert (margin.cmin, margin.cmax) == (-4, 4)
    hardest = {
        dark: map_of(run, values=ranks(run["orders"][3]), by="rank", dark=dark).layout.coloraxis.colorscale[0][1]
        for dark in (False, True)
    }
    assert hardest == {False: "#440154", True: "#fde725"}


def test_the_map_states_a_figure_of_the_original_space_the_same_on_every_map():
    run = run_of()
    figures = [map_of(run, step, method=method, strangers=0.33) for step in (0, 3) for method in ("UMAP", "PCA")]
    assert {text_of(figure) for figure in figures} == {"Under attack, 33 % of the images are nearest to another class"}
    assert all("measured in the original space, not on the map" in figure.layout.meta["note"] for figure in figures)
    assert text_of(map_of(run)) == text_of(map_of(run, strangers=float("nan"))) == "The images, clean and under attack"


def test_umap_axes_carry_no_numbers_and_pca_axes_name_their_share():
    run = run_of()
    umap, pca = map_of(run), map_of(run, method="PCA", explained=(0.41, 0.2))
    assert umap.layout.xaxis.showticklabels is False and "no unit" in umap.layout.meta["note"]
    assert pca.layout.xaxis.title.text.replace("\u00a0", " ") == "first component (41 % of the variance)"


def test_many_classes_are_named_on_the_map_instead_of_in_a_legend():
    labels = np.arange(60)
    xy = np.stack([labels * 10.0, labels * 10.0], axis=1)
    figure = charts.embedding_map(charts.Points(xy, xy, labels, [f"c{k}" for k in labels]))
    written = [note.text for note in figure.layout.annotations]
    assert "c0" in written and len(written) > 30
    assert not any(t.showlegend for t in figure.data if t.name in written)


def test_a_class_name_cannot_smuggle_markup_into_a_chart():
    figure = charts.curriculum_classes([0], [[0, 1]], [0, 1], classes=["<b>x</b>", "y"])
    assert "<b>" not in figure.to_json() and figure.layout.yaxis.ticktext[0] == "&lt;b&gt;x&lt;/b&gt;"
    assert "<b>x</b>" in charts.alt_text(charts.rank_paths([0, 1], charts.Paths([[0], [5]], [0], ["<b>x</b>"]), n=9))


def test_the_map_refuses_an_unknown_colour_and_missing_values_in_one_sentence():
    run = run_of()
    with pytest.raises(InputError, match="Did you mean 'margin'"):
        map_of(run, by="margins")
    with pytest.raises(InputError, match="expects one value per image, found none"):
        map_of(run, by="rank")


def test_separation_lines_state_both_figures_at_the_current_step():
    course = charts.Course([0, 10, 20], [0.1, 0.5, 0.9], [0.0, 0.25, None], 40, 10)
    figure = charts.separation_lines(course, what="silhouette", drawing=charts.Drawing(10))
    assert text_of(figure) == "Silhouette: 0.50 clean, 0.25 adversarial" and len(zero_lines(figure, "y")) == 1
    assert [(t.line.dash, t.marker.symbol) for t in figure.data] == [("solid", "circle"), ("dash", "x")]
    assert charts.separation_table(course) == {
        "Step": [0, 10, 20],
        "Clean": [0.1, 0.5, 0.9],
        "Adversarial": [0.0, 0.25, None],
    }
    with pytest.raises(InputError, match="separation figure 'knm'"):
        charts.separation_lines(course, what="knm")


def test_two_courses_share_axes_and_differ_in_dash_symbol_and_name_not_in_colour_alone():
    first = charts.Course([0, 10], [0.1, 0.5], [0.0, 0.25], 40, 10, "A")
    second = charts.Course([0, 5], [0.2, 3.0], [0.1, 0.75], 20, 5, "B")
    figure = charts.separation_lines(first, second, what="between_within", drawing=charts.Drawing(10))
    assert text_of(figure) == "Between / within: A 0.50 clean, 0.25 adversarial; B 3.00 clean, 0.75 adversarial"
    assert figure.layout.meta["note"].startswith("n = 40 and 20; ") and figure.layout.yaxis.range[1] > 3
    looks = [(trace.name, trace.line.dash, trace.marker.symbol) for trace in figure.data]
    assert [name for name, *_ in looks] == ["clean A", "adversarial A", "clean B", "adversarial B"]
    assert len({dash for _, dash, _ in looks}) == len({symbol for *_, symbol in looks}) == 4
    assert charts.separation_table(first, second) == {
        "Step": [0, 5, 10],
        "Clean A": [0.1, None, 0.5],
        "Adversarial A": [0.0, None, 0.25],
        "Clean B": [0.2, 3.0, None],
        "Adversarial B": [0.1, 0.75, None],
    }


def test_a_set_that_stays_as_it_is_is_a_level_beside_a_course():
    first = charts.Course([0, 10, 20], [0.1, 0.5, 0.6], [0.0, 0.2, 0.3], 40, 20, "A")
    figure = charts.separation_lines(first, charts.Course([0], [0.4], [0.1], 40, 0, "B"), what="knn")
    assert [trace.x.tolist() for trace in figure.data[2:]] == [[0, 20]] * 2
    assert figure.data[2].y.tolist() == pytest.approx([0.4, 0.4]) and len(figure.data[0].x) == 3


def test_one_of_two_maps_says_what_it_is_called_and_leaves_the_legend_to_both():
    run = run_of()
    alone, beside = map_of(run), map_of(run, called="B · with <it>", side=416)
    assert text_of(beside) == "B · with &lt;it&gt;: the images, clean and under attack"
    assert beside.layout.showlegend is False and alone.layout.showlegend is not False
    coloured = [map_of(run, by="margin", values=run["adv"][3], limit=9.0, called=name, side=416) for name in "AB"]
    assert {figure.layout.coloraxis.cmax for figure in coloured} == {9.0}
    assert not any(figure.layout.coloraxis.showscale for figure in coloured)
    assert len({(figure.layout.height, figure.layout.margin.t) for figure in coloured}) == 1
    assert charts.margin_limit([-4.0, 2.0, 4.0]) == 4.0 and charts.margin_limit([0.0]) == 1.0


def test_the_chart_of_a_loss_leaves_a_gap_names_the_weighted_terms_and_states_the_largest_at_the_shown_step():
    terms = [("matching", 0.017, [None, 3.0, 1.0]), ("cross-entropy", 0.83, [None, 1.0, 3.0])]
    curves = loss([0, 10, 20], [None, 4.0, 4.0], terms)
    figure = charts.series_lines(curves, charts.Drawing(10))
    assert np.isnan(figure.data[0].y[0]) and figure.layout.yaxis.type is None
    assert text_of(figure) == "At step 10, matching is 75 % of the loss"
    assert figure.layout.meta["note"] == "0.017 · matching + 0.83 · cross-entropy"
    assert [trace.name for trace in figure.data] == ["Loss", "matching", "cross-entropy"]
    assert [trace.line.color for trace in figure.data] == [mark["colour"] for mark in theme.SERIES_MARKS[False][:3]]
    assert text_of(charts.series_lines(curves, charts.Drawing(20))).startswith("At step 20, cross-entropy is 75 %")


def test_terms_that_are_recorded_with_their_weights_are_named_without_a_factor():
    figure = charts.series_lines(loss([0, 10], [4.0, 3.0], [("matching", 1.0, [3.0, 2.0]), ("CRL", 0.5, [1.0, 1.0])]))
    assert figure.layout.meta["note"] == "matching + 0.5 · CRL"


def test_the_chart_of_a_loss_turns_logarithmic_when_terms_are_far_apart_and_asks_for_a_value():
    far = charts.series_lines(loss([0, 10], [400.0, 300.0], [("matching", 1.0, [4.0, 2.0])]))
    assert far.layout.yaxis.type == "log" and far.layout.yaxis.title.text == "loss, logarithmic"
    with pytest.raises(InputError, match="at least one recorded value"):
        charts.series_lines(loss([0], [None]))


def test_a_series_without_terms_is_named_with_its_unit_and_one_of_many_keeps_a_look():
    curves = readings.Curves("KL divergence", "nats", [0, 8], [readings.Line("teacher", 7, [0.5, 0.25], None)])
    figure = charts.series_lines(curves)
    assert figure.layout.yaxis.title.text == "KL divergence (nats)" and text_of(figure) == "teacher of each update"
    assert figure.data[0].line.color == theme.SERIES_MARKS[False][-1]["colour"]


def test_shares_are_stacked_to_a_whole_and_a_term_that_hardly_acts_is_named():
    curves = shares([None, 93.0, 50.0], [None, 6.0, 0.0], [None, 1.0, 50.0])
    figure = charts.share_areas(curves, charts.Drawing(10))
    assert text_of(figure) == (
        "At step 10, matching is 93 % of what moves the images; contrastive (CRL) is 1 %: hardly anything"
    )
    assert np.sum([trace.y for trace in figure.data], axis=0).tolist() == [100, 100]
    assert {trace.stackgroup for trace in figure.data} == {"shares"} and figure.layout.yaxis.range == (0, 100)
    assert [trace.line.dash for trace in figure.data] == ["dash", "dot", "dashdot"]
    assert [note.text for note in figure.layout.annotations][:3] == ["matching", "cross-entropy", "contrastive (CRL)"]
    assert figure.layout.yaxis.title.text == "what moves the images (%)"
    last = text_of(charts.share_areas(curves, charts.Drawing(20)))
    assert last.endswith("of what moves the images; cross-entropy is 0 %: hardly anything")


def test_a_step_without_shares_and_a_share_far_below_a_percent_are_said():
    curves = shares([None, 0.998, 0.6], [None, 0.001, 0.2], [None, 0.001, 0.2])
    assert text_of(charts.share_areas(curves, charts.Drawing(0))) == (
        "What moves the images: nothing was recorded at step 0"
    )
    said = text_of(charts.share_areas(curves, charts.Drawing(10)))
    assert said.endswith("cross-entropy is under 1 % and contrastive (CRL) is under 1 %: hardly anything")
    assert text_of(charts.share_areas(curves)) == "At step 20, matching is 60 % of what moves the images"
    with pytest.raises(InputError, match="a recorded step with all of them"):
        charts.share_areas(shares([None] * 3, [None] * 3, [None] * 3))


def test_the_share_of_a_term_that_never_was_is_left_out():
    figure = charts.share_areas(shares([None, 80.0, 70.0], [None, 20.0, 30.0], [None] * 3), charts.Drawing(10))
    assert [trace.name for trace in figure.data] == ["matching", "cross-entropy"]
    assert text_of(figure) == "At step 10, matching is 80 % of what moves the images"


def test_accuracy_bars_show_mean_spread_and_every_seed_on_a_fixed_axis():
    figure = all_figures(False)["accuracy"]
    bars, dots = figure.data
    assert list(figure.layout.xaxis.ticktext) == ["Clean", "FGSM", "PGD-10"] and figure.layout.yaxis.range == (0, 100)
    assert np.allclose(bars.y, [61, 41, 36]) and np.allclose(bars.error_y.array, 1.0)
    assert np.allclose(sorted(dots.y), [35, 36, 37, 40, 41, 42, 60, 61, 62])
    assert text_of(figure) == "PGD-10 costs 25.0 points: 61.0 % clean, 36.0 % attacked"
    assert "n = 1000 test images" in figure.layout.meta["note"] and "2/255" in figure.layout.meta["note"]


def test_accuracy_of_a_single_seed_has_no_spread_and_says_so():
    row = {"label": "clean", "attack": "clean", "accuracy": 0.5, "n": 10, "eps": "2/255", "seed": 0}
    figure = charts.accuracy_bars([row])
    assert figure.data[0].error_y.visible is False and "single seed" in figure.layout.meta["note"]
    with pytest.raises(InputError, match="evaluate the run first"):
        charts.accuracy_bars([])


def test_accuracy_bars_slant_long_names_and_shorten_figures_that_would_touch():
    rows = [
        {
            "label": f"VMI-FGSM-{k}",
            "attack": "vmi",
            "key": f"vmi-{k}",
            "accuracy": 0.5 + seed / 50,
            "n": 10,
            "eps": "2/255",
            "norm": "Linf",
            "targeted": False,
            "seed": seed,
        }
        for k in range(6)
        for seed in (0, 1)
    ]
    half, whole = charts.accuracy_bars(rows), charts.accuracy_bars(rows, wide=True)
    assert (half.layout.xaxis.tickangle, whole.layout.xaxis.tickangle) == (-40, 0)
    assert half.layout.annotations[0].text == "<b>51.0</b>" and whole.layout.annotations[0].text == "<b>51.0</b> ± 1.4"


def test_accuracy_bars_keep_radii_apart_and_never_call_an_unbounded_attack_the_worst():
    kinds = (
        ("clean", 0.9, "clean", "", ""),
        ("pgd", 0.6, "PGD-10", "Linf", "2/255"),
        ("pgd@8/255", 0.2, "PGD-10", "Linf", "8/255"),
        ("cw-l2", 0.0, "CW-100 L2", "L2", "unbounded"),
    )
    rows = [
        {
            "key": key,
            "attack": key.partition("@")[0],
            "accuracy": value,
            "label": label,
            "norm": norm,
            "eps": eps,
            "n": 10,
            "seed": 0,
        }
        for key, value, label, norm, eps in kinds
    ]
    figure = charts.accuracy_bars(rows)
    assert list(figure.layout.xaxis.ticktext) == ["Clean", "PGD-10 at 2/255", "PGD-10 at 8/255", "CW-100 L2"]
    assert np.allclose(figure.data[0].y, [90, 60, 20, 0])
    assert text_of(figure) == "PGD-10 at 2/255 costs 30.0 points: 90.0 % clean, 60.0 % attacked"
    assert "L2 unbounded or L∞ 2/255 or L∞ 8/255" in figure.layout.meta["note"]


def test_every_chart_can_be_drawn_after_the_first_step_alone():
    run = run_of()
    order, margins = run["orders"][:1], run["adv"][:1]
    assert charts.curriculum_heatmap([0], charts.rank_matrix(order, margins)[0], n=100, drawing=charts.Drawing(0)).data[
        0
    ].z.shape == (
        100,
        1,
    )
    assert charts.curriculum_classes([0], order, run["labels"]).layout.xaxis.range == (-0.5, 0.5)
    assert "The median robust margin is −0.9 logits" in text_of(
        charts.margin_bands([0], charts.Quantiles([margin_summary(margins[0])["quantiles"]], 100), "LS-PGD")
    )
    assert "from rank 3 to rank 3" in text_of(charts.rank_paths([0], charts.Paths([[3]], [0], CLASSES), n=100))


def test_numbers_have_a_true_minus_and_no_minus_zero():
    assert [number(-1.25, 1), number(-0.04), number(3.0, 0), number(float("nan"))] == ["−1.2", "0.0", "3", "–"]


def test_class_colours_are_all_different_up_to_a_hundred_classes():
    assert [theme.class_colour(k, 10) for k in range(10)] == list(theme.PETROFF10)
    assert len({theme.class_colour(k, 100) for k in range(100)}) == 100


def contrast(one, other):
    """Contrast ratio of two colours (WCAG 2)."""

    def light(colour):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_and_the_zero_line_is_the_strongest_on_both_pages(dark):
    ink = theme.tokens(dark)
    for colour in (
        ink.text,
        ink.muted,
        ink.clean_text,
        ink.adversarial_text,
        *(m["colour"] for m in theme.SERIES_MARKS[dark]),
    ):
        assert contrast(colour, ink.page) >= 4.5
    assert contrast(theme.CLEAN, ink.page) >= 3 and contrast(theme.ADVERSARIAL, ink.page) >= 3
    assert contrast(ink.zero, ink.page) > 5 * contrast(ink.grid, ink.page)


def test_the_config_file_holds_the_palettes_of_the_theme_and_ten_colours_per_scale():
    looks = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"]
    expected = {
        "light": (theme.SEQUENTIAL_LIGHT, theme.MARGIN_LIGHT),
        "dark": (theme.SEQUENTIAL_DARK, theme.MARGIN_DARK),
    }
    for name, (sequential, diverging) in expected.items():
        look, ink = looks[name], theme.tokens(name == "dark")
        assert look["chartCategoricalColors"] == list(theme.PETROFF10)
        assert (look["chartSequentialColors"], look["chartDivergingColors"]) == (list(sequential), list(diverging))
        assert len(sequential) == len(diverging) == 10
        assert (look["backgroundColor"], look["textColor"]) == (ink.page, ink.text)
        assert contrast(look["primaryColor"], "#ffffff") >= 4.5, "white text on primary buttons"


def test_the_config_file_keeps_the_app_on_this_machine():
    settings = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    assert settings["server"]["address"] == "127.0.0.1" and settings["server"]["maxUploadSize"] == 200
    assert settings["browser"]["gatherUsageStats"] is False and settings["client"]["showErrorDetails"] == "type"
    assert settings["client"]["toolbarMode"] == "viewer"


def test_every_setting_in_the_config_file_is_one_that_streamlit_knows():
    from streamlit.config import get_config_options

    def names(table, prefix=""):
        for key, value in table.items():
            yield from names(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]

    unknown = set(names(tomllib.loads(CONFIG.read_text(encoding="utf-8")))) - set(get_config_options())
    assert not unknown


def test_every_run_state_has_an_icon_a_word_and_a_colour():
    from c2r.store.lifecycle import STATES

    assert set(theme.STATE_BADGES) == set(STATES)
    assert (
        len({badge.word for badge in theme.STATE_BADGES.values()})
        == len({badge.icon for badge in theme.STATE_BADGES.values()})
        == len(STATES)
    )


def test_upscaling_repeats_pixels_by_a_whole_factor_and_makes_grey_three_channels():
    image = np.array([[[10, 20], [30, 40]]], dtype=np.uint8)
    big = pictures.upscale(image, to=7)
    assert big.shape == (6, 6, 3)
    assert (big[:3, :3] == 10).all() and (big[3:, 3:] == 40).all() and (big[:3, 3:] == 20).all()
    assert pictures.upscale(np.zeros((3, 200, 100), np.uint8), to=96).shape == (
        200,
        100,
        3,
    ), "a large image is not shrunk"


def test_upscaling_keeps_red_green_and_blue_in_their_places():
    image = np.stack([np.full((2, 2), value, np.uint8) for value in (250, 120, 5)])
    assert (pictures.upscale(image, to=4) == [250, 120, 5]).all()


def test_the_contact_sheet_places_images_row_by_row_with_grey_between():
    images = np.stack([np.full((1, 2, 2), value, np.uint8) for value in (0, 50, 255)])
    sheet = pictures.strip(images, 2, to=4, gap=2)
    assert sheet.shape == (14, 14, 3)
    assert (sheet[2:6, 2:6] == 0).all() and (sheet[2:6, 8:12] == 50).all() and (sheet[8:12, 2:6] == 255).all()
    assert (sheet[:2] == 128).all() and (sheet[8:12, 8:12] == 128).all(), "gaps and the empty place are mid-grey"
    with pytest.raises(InputError, match="at least one image"):
        pictures.strip(images[:0], 2)


def test_the_adversarial_twin_adds_the_difference_in_pixel_units_and_stays_in_the_box():
    image = np.array([[[100, 254, 1]]], dtype=np.uint8)
    delta = np.array([[[2 / 255, 4 / 255, -4 / 255]]], dtype=np.float16)
    assert pictures.adversarial_twin(image, delta).tolist() == [[[102, 255, 0]]]
    with pytest.raises(InputError, match="same shape"):
        pictures.adversarial_twin(image, delta[0])


def test_differences_are_enlarged_ten_times_unless_the_radius_would_leave_the_grey_range():
    radius = lambda eps: pictures.enlargement(eps / 255)  # noqa: E731
    assert [radius(2), radius(8), radius(32), radius(200)] == [10, 10, 3, 1]
    assert pictures.enlargement(0.0) == 10
    assert pictures.difference(np.array([32 / 255]), 3).tolist() == [224]


def test_differences_share_one_scale_around_mid_grey():
    delta = np.array([[[0, 2 / 255, -2 / 255, 1]]], dtype=np.float16)
    assert pictures.difference(delta).tolist() == [[[128, 148, 108, 255]]]
    assert pictures.difference(delta, times=1).tolist() == [[[128, 130, 126, 255]]]


def test_a_png_holds_exactly_the_pixels_it_was_made_from():
    from io import BytesIO

    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(BytesIO(pictures.png(picture)))), picture)


def test_a_picture_of_a_wrong_kind_is_refused_in_one_sentence():
    with pytest.raises(InputError, match="expects uint8 .* found float32"):
        pictures.upscale(np.zeros((3, 4, 4), np.float32))


@pytest.mark.parametrize("colour", ["class", "margin", "broken"])
@pytest.mark.parametrize("method", ["UMAP", "PCA"])
def test_the_plot_of_the_map_is_a_square_with_its_legends_below(colour, method):
    run = run_of()
    layout = map_of(run, method=method, by=colour, values=run["adv"][3], side=500).layout
    plot = layout.height - layout.margin.t - layout.margin.b
    assert plot == 500 - layout.margin.l - layout.margin.r and layout.margin.r == 1
    tops = [
        layout.legend2.y,
        layout.coloraxis.colorbar.y if colour == "margin" else layout.legend.y if colour == "class" else -0.01,
    ]
    assert all(-layout.margin.b / plot < top < 0 for top in tops), "inside the margin, below the plot"
    assert tops[0] < tops[1] and layout.legend2.orientation == "h"


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_names_of_classes_cover_no_point_and_no_other_name_and_lead_to_the_middle_of_their_images(shift):
    """Ten clouds of clean points with their attacked twins, in px of the square that the axes show."""
    draw, side = np.random.default_rng(3), NARROW
    centres = np.stack([120 + 100 * (np.arange(10) % 4), 120 + 120 * (np.arange(10) // 4)], axis=1)
    labels = np.repeat(np.arange(10), 12)
    clean = centres[labels] + draw.normal(0, 8, (120, 2))
    both = np.concatenate([clean, clean + shift * draw.normal(0, 10, (120, 2))])
    figure = charts.embedding_map(
        charts.Points(both[:120], both[120:], labels, CLASSES), plane=charts.Plane(ranges=((0, side), (0, side)))
    )
    notes = figure.layout.annotations
    assert [note.text for note in notes] == list(CLASSES)
    assert np.allclose(
        [(note.x, note.y) for note in notes], [np.median(clean[labels == k], axis=0) for k in range(10)], atol=1e-3
    )
    places = np.array([(note.ax, note.ay) for note in notes])
    assert np.hypot(*(places - centres).T).max() < 80
    halves = np.array([(3.2 * len(name), 7) for name in CLASSES])
    assert not (np.abs(both - places[:, None]) < halves[:, None]).all(2).any(), "a name lies on a point"
    apart = (np.abs(places[:, None] - places) >= halves[:, None] + halves).any(2)
    assert (apart | np.eye(10, dtype=bool)).all(), "two names lie on each other"


def test_a_name_stands_in_the_middle_where_nothing_is_drawn_and_inside_the_frame_elsewhere():
    middles, points = np.array([[50.0, 50], [99, 99]]), np.array([[10.0, 10], [np.nan, np.nan], [99, 99]])
    first, second = place_names(middles, ["cat", "dog"], points, ((0, 100), (0, 100)), 460)
    assert first.place == first.middle == (50, 50)
    assert second.place[0] < 99 and second.place[1] < 99


def test_thinning_keeps_first_last_and_the_position_asked_for():
    for keep in (0, 1, 2, 57, 250, 998, 999):
        kept = charts.thin(1000, 200, keep)
        assert len(kept) <= 200 and (np.diff(kept) > 0).all()
        assert {0, keep, 999} <= set(kept.tolist())


def test_the_class_picture_states_the_shown_step_also_above_its_most_steps():
    orders = np.tile(np.arange(40), (50, 1))
    orders[23] = orders[23][::-1]
    said = {
        step: text_of(
            charts.curriculum_classes(range(50), orders, np.arange(40) // 20, max_steps=5, drawing=charts.Drawing(step))
        )
        for step in (0, 23)
    }
    assert said[0].startswith("At step 0, 0 is the hardest") and said[23].startswith("At step 23, 1 is the hardest")


def test_the_profile_draws_intervals_in_percent_and_leaves_a_gap_where_an_attack_is_missing():
    first, second = all_figures(False)["profile"].data
    assert first.y.tolist() == pytest.approx([80, 50]) and first.error_y.array.tolist() == pytest.approx(
        [2, 3], abs=1e-4
    )
    assert first.error_y.arrayminus.tolist() == pytest.approx([3, 3], abs=1e-4)
    assert second.y[0] == pytest.approx(70) and np.isnan(second.y[1])
    assert first.x[0] < 0 < second.x[0], "two sets stand beside each other"
    with pytest.raises(InputError, match="at least one evaluated attack"):
        charts.accuracy_profile(["Clean"], {"a": [None]}, statement="")


def test_a_set_keeps_its_mark_in_every_chart_of_a_comparison():
    for dark in (False, True):
        mark = theme.SET_MARKS[dark][1]
        sweep, profile = all_figures(dark)["sweep"].data[0], all_figures(dark)["profile"].data[1]
        assert sweep.line.color == mark["colour"] == profile.marker.color and sweep.line.dash == mark["dash"]
        assert profile.marker.symbol == mark["symbol"] and profile.mode == "markers", (
            "attacks have no order, so no line joins them"
        )
        assert mark["colour"] in {
            trace.line.color for trace in all_figures(dark)["cumulative"].data if trace.mode == "lines"
        }


def test_the_sweep_states_what_is_left_at_the_largest_radius():
    assert text_of(all_figures(False)["sweep"]) == "PGD-10 leaves 10.0 % at ε = 8/255"


def test_the_class_heat_map_names_the_weakest_spot():
    accuracy = np.array([[0.9, 0.4], [0.8, 0.23], [np.nan, np.nan]])
    figure = charts.class_heatmap(
        accuracy, np.array([50, 40, 0]), classes=["cat", "<b>dog", "owl"], attacks=["clean", "PGD-10"], name="a"
    )
    assert text_of(figure) == "The weakest spot is &lt;b&gt;dog under PGD-10: 23 % correct"
    few = charts.class_heatmap(np.zeros((1, 1)), np.array([6]), classes=["cat"], attacks=["Clean"], name="a")
    assert (
        text_of(few)
        == "The lowest figure is cat without attack: 0 % correct, of 6 images, too few to call it a weak spot"
    )
    assert "n = 90 test images, 0 to 50 per class" in figure.layout.meta["note"]


def test_the_transfer_heat_map_compares_other_networks_with_the_white_box_diagonal():
    figure = all_figures(False)["transfer"]
    assert text_of(figure) == "Attacks made on other networks leave 20.0 points more than those on a network itself"
    assert figure.data[0].z.tolist() == [pytest.approx([30, 60]), pytest.approx([50, 40])]


def test_the_cumulative_margins_state_which_share_lies_below_zero_and_dash_the_clean_line():
    figure = all_figures(False)["cumulative"]
    assert text_of(figure) == "PGD-10 pushes 40 to 50 % of the test images below a margin of 0"
    assert [trace.line.dash for trace in figure.data if trace.mode == "lines"] == ["dash", "solid", "solid"]
    assert zero_lines(figure, "x")


def test_the_colours_of_six_sets_reach_three_to_one_on_their_page():
    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    for dark in (False, True):
        page = luminance(theme.tokens(dark).page)
        for mark in theme.SET_MARKS[dark]:
            low, high = sorted((luminance(mark["colour"]), page))
            assert (high + 0.05) / (low + 0.05) >= 3
        for what in ("colour", "dash", "symbol"):
            assert len({mark[what] for mark in theme.SET_MARKS[dark]}) == 6
