"""Does a loss predict robustness: rank correlations, ready sets, objectives, the command and the panel. Run: pytest
tests/test_predict.py"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fake_run import make_named, make_run
from scipy.stats import spearmanr
from test_pages import check, open_page, store, text

from app import charts
from c2r.__main__ import main
from c2r.base.errors import InputError
from c2r.cli.predict import as_text
from c2r.core.margins import logit_margin
from c2r.core.threat import Threat
from c2r.data.real import load_on_device
from c2r.distilled import DistilledSet
from c2r.evaluation import predicting, readysets, verdicts
from c2r.evaluation.objectives import OBJECTIVES, values
from c2r.evaluation.predicting import AGAINST, KINDS, PREDICTS, UNDECIDED, UNKNOWN, correlation, findings
from c2r.evaluation.seeing import first_scorer, see
from c2r.formats import archives, opening
from c2r.store import objectives
from c2r.store.files import read_arrays, save_arrays
from c2r.store.runs import frame_steps, open_run, read_frame
from c2r.work import predict as work

__all__ = ["store"]
SMALL = {"n": 24, "classes": 3, "steps": 2}
SETTINGS = {
    "sets": 30,
    "scorer": "ce",
    "attack": "PGD-10",
    "eps": "32/255",
    "norm": "Linf",
    "training": "pgd-at",
    "network": "convnet-32-d2",
    "steps": 150,
    "labels": "hard",
    "n": 445,
    "seed": 0,
    "data_hash": "d1" * 8,
}


def rows_of(**ranks):
    """Thirty sets, five of each kind; `ranks`: kind → a function of the place of a set and a draw that gives the value
    of every objective. Bad kinds reach less."""
    draw, rows = np.random.default_rng(0), []
    for kind, about in KINDS.items():
        for i in range(10):
            reached = (0.2 if about.spoilt else 0.6) + 0.01 * i
            value = ranks.get(kind, lambda _i, draw: draw.normal())(i, draw)
            rows.append(
                {
                    "set": f"{kind} {i}",
                    "kind": kind,
                    "values": dict.fromkeys(OBJECTIVES, float(value)),
                    "robust_loss": 2 - reached,
                    "robust_accuracy": reached,
                    "clean_accuracy": reached + 0.2,
                }
            )
    return rows


# ---- figures


def test_spearman_is_that_of_scipy_also_with_ties_and_for_repeated_pairs():
    draw = np.random.default_rng(1)
    a, b = draw.integers(0, 6, 25).astype(float), draw.normal(size=25).round(1)
    assert predicting.spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    counts = draw.multinomial(25, np.full(25, 1 / 25), 40)
    slow = [spearmanr(a.repeat(count), b.repeat(count)).statistic for count in counts]
    assert np.allclose(predicting._of_counts(a, b, counts), slow)


def test_a_correlation_needs_five_pairs_that_differ_and_is_the_same_for_the_same_seed():
    x = np.arange(20.0)
    assert correlation(x[:4], x[:4]) is None and correlation(x, np.ones(20)) is None
    assert correlation(x, x**3) == (1, 1, 1, 20) and correlation(x, -x).high == -1
    noisy = x + np.random.default_rng(0).normal(0, 8, 20)
    found = correlation(x, noisy)
    assert found == correlation(x, noisy) != correlation(x, noisy, seed=1)
    assert -1 <= found.low < found.value < found.high <= 1
    assert found.turned(-1) == (-found.value, -found.high, -found.low, 20)


def test_the_interval_of_unrelated_values_holds_zero_about_as_often_as_it_says():
    draw = np.random.default_rng(2)
    found = [correlation(draw.normal(size=40), draw.normal(size=40), draws=400) for _ in range(200)]
    assert 0.88 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.99


def test_a_few_bad_sets_make_a_loss_look_predictive_and_the_panel_says_so():
    bad = lambda _i, draw: 50 + draw.normal()  # noqa: E731
    found = findings(rows_of(noised=bad, shuffled=bad))
    groups = found["ce-clean"]
    assert [groups[group].verdict for group in ("all", "sound", "own")] == [PREDICTS, UNDECIDED, UNDECIDED]
    assert "tells spoilt sets from sound ones and no more" in verdicts.verdict(groups)
    said = verdicts.statement(groups)
    assert (
        "predicts robustness: Spearman −" in said and "n = 60 sets; among this run's 10 steps alone it is und" in said
    )
    assert found["margin"]["all"].verdict == AGAINST, "a score that is high for bad sets"
    assert "may do harm" in verdicts.verdict(found["margin"])
    by_loss = findings(rows_of(noised=bad, shuffled=bad), target="robust_loss")["ce-clean"]["all"]
    assert by_loss.verdict == PREDICTS and by_loss.turned == pytest.approx(groups["all"].turned), "a low loss is robust"
    assert "cannot be judged" in verdicts.statement(findings([])["margin"])
    assert verdicts.noise(rows_of(), 445).startswith("This run's 10 steps reach 60.0 to 69.0 % under PGD-10")


def test_every_verdict_has_its_sentence():
    every = [PREDICTS, AGAINST, UNDECIDED, UNKNOWN]
    spans = {PREDICTS: (0.5, 0.2, 0.8, 9), AGAINST: (-0.5, -0.8, -0.2, 9), UNDECIDED: (0.1, -0.2, 0.3, 9)}
    kinds = {word: predicting.Correlation(*spans[word]) if word in spans else None for word in every}
    for whole in every:
        for sound in every:
            for own in every:
                groups = {
                    group: predicting.Finding("margin", group, "robust_accuracy", kinds[word])
                    for group, word in (("all", whole), ("sound", sound), ("own", own))
                }
                assert groups["all"].verdict == whole
                assert verdicts.verdict(groups).endswith(".") and verdicts.statement(groups)
                assert all(verdicts.statement(groups, group) for group in groups)


# ---- ready sets


@pytest.mark.parametrize(("count", "frames"), [(60, 31), (60, 3), (6, 1), (200, 500), (500, 40)])
def test_a_plan_names_every_set_once_spreads_the_steps_and_fills_up_with_real_ones(count, frames):
    steps = [10 * i for i in range(frames)]
    recipes = readysets.plan(count, steps, seed=3)
    assert len({recipe.name for recipe in recipes}) == len({recipe.place for recipe in recipes}) == count
    own = [recipe.step for recipe in recipes if recipe.kind == "step"]
    assert own == sorted(set(own)) and own[-1] == steps[-1] and len(own) == min(frames, round(count / 3))
    assert count < 12 or {recipe.kind for recipe in recipes} == set(KINDS)
    assert readysets.plan(count, steps, seed=3) == recipes


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory):
    """A copy of the tiny run."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("predict") / "tiny")


@pytest.fixture(scope="module")
def looked(run):
    """Settings, data and scorer of the tiny run, and what its sets are made of."""
    config = open_run(run).config
    data = load_on_device(config)
    frame = read_frame(run, 0)
    *_, network = first_scorer(config, data, DistilledSet(frame["images"], frame["labels"]))
    pool = readysets.real_pool(config, data, int(np.bincount(frame["labels"]).max()))
    scores = torch.arange(len(pool)).float()
    return config, data, network, readysets.Sources(run, config, data, pool, scores)


def test_the_scorer_that_is_trained_again_is_the_one_that_recorded_the_run(run, looked):
    _, _, network, _ = looked
    frame = read_frame(run, 0)
    margin = logit_margin(network(torch.from_numpy(frame["images"]).float() / 255), torch.from_numpy(frame["labels"]))
    assert np.allclose(margin, frame["margin_clean"], atol=1e-5)


def test_sets_have_the_run_s_size_and_are_what_their_names_say(run, looked):
    config, data, _, sources = looked
    last = read_frame(run, frame_steps(run)[-1])
    real = {tuple(image.flatten().tolist()) for image in data.images}
    for recipe in readysets.plan(12, frame_steps(run), config.seed):
        images, labels = readysets.make(recipe, sources)
        again = readysets.make(recipe, sources)
        assert torch.equal(images, again[0]) and torch.equal(labels, again[1])
        assert images.shape == last["images"].shape and images.min() >= 0 and images.max() <= 1
        assert torch.equal(labels.sort().values, sources.labels.sort().values), "as many of each class"
        if recipe.kind in ("random", "margin"):
            index = [real_number(data, image) for image in images]
            assert torch.equal(data.labels[index], labels)
        if recipe.kind == "shuffled" and recipe.amount == 1:
            assert (labels != sources.labels).float().mean() > 0.5
        if recipe.kind == "mixed":
            taken = sum(tuple((255 * image).round().byte().flatten().tolist()) in real for image in images)
            assert taken >= round(recipe.amount * len(images))


def real_number(data, image):
    """The number of the real image that a set holds."""
    same = (data.images == (255 * image).round().byte()).flatten(1).all(1)
    return int(same.nonzero()[0])


def test_sets_by_margin_come_from_a_window_of_the_pool(looked):
    config, data, _, sources = looked
    hard, easy = (readysets.Recipe("", "margin", 10, -1, amount) for amount in (0.0, 1.0))
    means = []
    for recipe in (hard, easy):
        images, _ = readysets.make(recipe, sources)
        places = [int((sources.pool == real_number(data, image)).nonzero()[0]) for image in images]
        means.append(float(sources.margins[places].mean()))
    assert means[0] < means[1]


def test_a_run_of_parts_keeps_its_stored_size(looked):
    config, data, _, sources = looked
    parts = replace(sources, config=config.model_copy(update={"partition": 2}))
    images, labels = readysets.make(readysets.Recipe("", "random", 10), parts)
    assert len(images) == len(labels) == 4 * len(sources.labels)


# ---- objectives


def test_objectives_are_what_they_say(looked):
    config, data, network, sources = looked
    images, labels = readysets.make(readysets.Recipe("", "random", 10), sources)
    threat = Threat(config.eps)
    seen = see(network, images, labels, len(data.classes), threat, 0)
    found = values(seen, seen)
    assert found.keys() == OBJECTIVES.keys() and found["match-clean"] == found["match-adversarial"] == 0
    logits = network(images)
    assert found["ce-clean"] == pytest.approx(float(F.cross_entropy(logits, labels)), abs=1e-5)
    assert found["ce-adversarial"] > found["ce-clean"]
    moved = logit_margin(seen.adversarial.logits, labels)
    assert found["margin"] == pytest.approx(float(moved.mean()))
    assert found["share-robust"] == pytest.approx(float((moved > 0).double().mean()))
    features = network.features(images)
    means = torch.stack([features[0][labels == k].mean(0) for k in range(len(data.classes))])
    assert torch.allclose(seen.clean.means[0], means, atol=1e-5)
    noisy = (images + 0.3 * torch.rand(images.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    worse = values(see(network, noisy, labels, len(data.classes), threat, 0), seen)
    assert worse["match-clean"] > 0 and worse["match-adversarial"] > 0 and worse["pixels"] > found["pixels"]


def test_the_contrast_of_a_long_set_is_that_of_its_pieces_and_one_image_a_class_has_no_separation(looked, monkeypatch):
    config, data, network, sources = looked
    images, labels = readysets.make(readysets.Recipe("", "random", 10), sources)
    seen = see(network, images, labels, len(data.classes), Threat(config.eps), 0)
    whole = OBJECTIVES["contrast"].value(seen, seen)
    monkeypatch.setattr("c2r.evaluation.objectives.ANCHORS", 3)
    assert OBJECTIVES["contrast"].value(seen, seen) == pytest.approx(whole, rel=1e-5)
    first = torch.tensor([int((labels == k).nonzero()[0]) for k in range(len(data.classes))])
    few = see(network, images[first], labels[first], len(data.classes), Threat(config.eps), 0)
    assert values(few, seen)["separation"] is None


# ---- the command


def test_the_command_goes_on_where_it_was_killed_and_ends_as_if_it_never_was(run, tmp_path, monkeypatch, capsys):
    whole, cut = (shutil.copytree(run, tmp_path / name) for name in ("whole", "cut"))
    words = ["--sets", "7", "--steps", "3", "--json"]
    assert main(["predict", str(whole), *words]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == objectives.read(whole) and len(printed["rows"]) == 7 and printed["settings"]["steps"] == 3
    made, real = [], work.make

    def until_third(recipe, sources):
        made.append(recipe.name)
        if len(made) == 4:
            raise KeyboardInterrupt
        return real(recipe, sources)

    monkeypatch.setattr(work, "make", until_third)
    assert main(["predict", str(cut), *words]) == 130 and objectives.begun(cut) == 3
    with open(cut / "objectives.jsonl", "a") as file:
        file.write('{"set": "torn')
    assert main(["predict", str(cut), *words]) == 0
    assert len(made) == 8 and len(set(made)) == 7, "what was done is not done again"
    assert (cut / "objectives.json").read_bytes() == (whole / "objectives.json").read_bytes()
    assert not (cut / "objectives.jsonl").exists()
    monkeypatch.setattr(work, "make", None)
    assert main(["predict", str(cut), *words[:-1]]) == 0, "a finished look is only printed"
    said = capsys.readouterr().out
    assert "Matching of adversarial features" in said and "Of 9 objectives" in said
    file = archives.archive(whole, tmp_path / "whole.zip")
    back = opening.open_archive(file, tmp_path / "elsewhere")
    assert objectives.read(back) == printed and not archives.left_out(whole)


def test_other_settings_and_damaged_lines_begin_anew(run, tmp_path):
    place = shutil.copytree(run, tmp_path / "one")
    objectives.begin(place, SETTINGS, rows_of())
    assert len(objectives.known(place, SETTINGS)) == 60 and objectives.known(place, SETTINGS | {"seed": 1}) == []
    objectives.append(place, {"set": "nameless"})
    assert len(objectives.known(place, SETTINGS)) == 60
    (place / "objectives.jsonl").write_text("{")
    (place / "objectives.json").write_text("[]")
    assert objectives.known(place, SETTINGS) == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"state": "running"}, "cannot be looked into"),
        ({"steps": 0, "evaluated": False}, "has no recorded step"),
    ],
)
def test_a_run_that_cannot_be_tried_is_refused_in_a_sentence(tmp_path, capsys, kind, said):
    make_run(tmp_path / "one", **{**SMALL, **kind})
    assert main(["predict", str(tmp_path / "one")]) == 2
    assert said in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "nobody")]) == 2 and "no run folder" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "one"), "--sets", "2"]) == 2


def test_changed_data_are_refused(run, tmp_path, capsys):
    place = shutil.copytree(run, tmp_path / "one")
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["data"]["hash"] = "e2" * 8
    (place / "manifest.json").write_text(json.dumps(manifest))
    assert main(["predict", str(place)]) == 2 and "changed" in capsys.readouterr().err


# ---- what is stored


DAMAGE = {
    "no object": "[1]",
    "torn": '{"settings": {"sets": 30',
    "no rows": json.dumps({"settings": SETTINGS}),
    "no settings": json.dumps({"rows": []}),
    "share above one": json.dumps({"settings": SETTINGS, "rows": [rows_of()[0] | {"robust_accuracy": 2}]}),
    "value of a word": json.dumps({"settings": SETTINGS, "rows": [rows_of()[0] | {"values": {"margin": "high"}}]}),
    "value without limit": json.dumps({"settings": SETTINGS, "rows": [rows_of()[0] | {"values": {"margin": 1e300}}]}),
    "a radius of markup": json.dumps({"settings": SETTINGS | {"eps": "<b>"}, "rows": []}),
    "a row without kind": json.dumps({"settings": SETTINGS, "rows": [{"set": "one"}]}),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_one_sentence_in_the_core_and_on_the_page(store, how):
    path = make_named(store / "one", **SMALL)
    (path / "objectives.json").write_text(DAMAGE[how])
    with pytest.raises(InputError, match=r"objectives.json of run one is damaged.*delete the file"):
        objectives.read(path)
    app = open_page("compare", run="one")
    check(app, "compare")
    assert any("objectives.json of run one is damaged" in e.value.replace("\\", "") for e in app.error)


# ---- the panel


def test_the_panel_and_the_terminal_say_that_a_set_with_soft_labels_was_judged_by_hard_ones(store):
    path = make_named(store / "one", **SMALL)
    objectives.finish(path, SETTINGS, rows_of())
    assert "on hard labels, as the run's set has them." in text(open_page("compare", run="one"))
    last = f"frames/{frame_steps(path)[-1]:06d}"
    save_arrays(path, last, read_arrays(path, last) | {"soft_labels": np.full((24, 3), 1 / 3, np.float16)})
    assert objectives.labels_of(path) == "soft"
    told = verdicts.labelled("hard", "soft")
    assert "the run's set has soft ones" in told and told in text(open_page("compare", run="one"))
    assert told in as_text(objectives.read(path), objectives.labels_of(path))


def test_a_stored_set_says_its_labels_where_steps_do_not(tmp_path):
    path = make_run(tmp_path / "one", **SMALL)
    assert objectives.labels_of(path) == "hard" == objectives.labels_of(tmp_path / "nothing")
    soft = {"soft_labels": np.full((24, 3), 1 / 3, np.float16)}
    save_arrays(path, "synthetic", read_arrays(path, "synthetic") | soft)
    assert objectives.labels_of(path) == "soft"


def test_before_it_is_computed_the_panel_says_how(store):
    path = make_named(store / "one", **SMALL)
    app = open_page("compare", run="one")
    check(app, "compare")
    assert f"python -m c2r predict {path}" in [
        code.value for code in app.code
    ] and "Not computed for this run yet" in text(app)
    objectives.begin(path, SETTINGS, rows_of()[:7])
    assert "7 sets were tried before the command ended" in text(open_page("compare", run="one"))


def test_the_panel_draws_the_chosen_objective_and_all_correlations(store):
    path = make_named(store / "one", **SMALL)
    foreign = rows_of()[0] | {"kind": "<b>unknown</b>"}
    objectives.finish(path, SETTINGS, [*rows_of(), foreign])
    label = OBJECTIVES["margin"].label
    app = open_page("compare", run="one", objective=label)
    check(app, "compare")
    assert app.selectbox(key="objective").value == label
    assert f"{label} says nothing certain of robustness: Spearman" in text(
        app
    ) and "Of 9 objectives, 0 predict" in text(app)
    app.selectbox(key="ready-sets").set_value("this run's steps alone").run()
    check(app, "compare")
    assert "among this run's steps alone: Spearman" in text(app)
    app.selectbox(key="robust-figure").set_value("PGD-10 cross-entropy").run()
    check(app, "compare")
    assert f"{label} says nothing certain of robust loss" in text(app) and "predict robust loss over all" in text(app)
    objectives.finish(path, SETTINGS, [])
    app = open_page("compare", run="one")
    check(app, "compare")
    assert any("expects values of this objective, found none" in error.value for error in app.error)


@pytest.mark.parametrize("dark", [False, True])
def test_kinds_and_groups_differ_by_shape_and_the_dots_are_turned_so_that_right_is_as_promised(dark):
    good, bad = (lambda i, _: i + 1), (lambda _i, _: 0.01)
    rows = rows_of(**{kind: bad if about.spoilt else good for kind, about in KINDS.items()})
    tried, found = charts.Tried(rows, SETTINGS), findings(rows)
    figure = charts.objective_scatter(tried, "margin", found["margin"], dark=dark)
    assert (
        len({trace.marker.symbol for trace in figure.data}) == len({trace.marker.color for trace in figure.data}) == 6
    )
    assert (
        figure.layout.yaxis.title.text == "PGD-10 accuracy (%)" and "n = 445 test images" in figure.layout.meta["note"]
    )
    assert figure.layout.xaxis.type == "log"
    alone = charts.objective_scatter(tried, "margin", found["margin"], group="own", dark=dark)
    assert [trace.name for trace in alone.data] == ["this run's steps"] and alone.layout.xaxis.type is None
    dots = charts.correlation_dots(found, dark=dark)
    assert len({trace.marker.symbol for trace in dots.data}) == 3
    places = list(OBJECTIVES)
    own = dots.data[2]
    assert own.x[places.index("margin")] == 1 and own.x[places.index("ce-clean")] == -1
