"""The ladder of a run: which rungs it has, how they are found by all their settings, and how missing ones are made."""

import json
import shutil

import pytest
from fake_run import make_evaluation, make_run
from test_across import HIGH, LOW, found, made, pgd

from app import across as shown
from c2r import config
from c2r.__main__ import main
from c2r.base.errors import InputError
from c2r.base.fields import setting
from c2r.evaluation import across, ladder
from c2r.evaluation.groups import DATA
from c2r.evaluation.paired import Difference
from c2r.registry import METHODS, Method
from c2r.settings import RunConfig, Settings
from c2r.store import runs
from c2r.store.writing import RunWriter


class LabelSettings(Settings):
    """Labels"""

    labels: str = setting("hard", "Labels", "hard or soft")


class SoftConfig(LabelSettings, RunConfig):
    """The settings of a method with labels of its own."""


def names(**changes):
    return [rung.label for rung in ladder.rungs(config.load("demo", changes))]


def test_every_part_of_a_run_is_a_rung_and_the_last_is_the_run_itself():
    whole = config.load("demo", {"partition": 2, "seed": 5, "labels": "soft"})
    rungs = ladder.rungs(whole)
    assert [rung.label for rung in rungs] == [
        "Random real images, half the training",
        "+ 2 × 2 parts",
        "+ optimised pixels",
        "+ AAC",
        "+ CRL",
        "+ soft labels",
        "+ longer training",
    ]
    assert [rung.config.method for rung in rungs] == [
        *("random-real", "random-real", "c2r-neither", "c2r-no-crl", "c2r", "c2r", "c2r")
    ]
    assert rungs[-1].config == whole and {rung.config.eval_steps for rung in rungs[:-1]} == {150}
    assert [rung.config.partition for rung in rungs] == [1, 2, 2, 2, 2, 2, 2]
    assert [getattr(rung.config, "labels", "") for rung in rungs] == ["", "", "hard", "hard", "hard", "soft", "soft"]
    assert {rung.config.seed for rung in rungs} == {5}


@pytest.mark.parametrize(
    ("method", "between"),
    [
        ("c2r-neither", ["+ optimised pixels"]),
        ("c2r-no-crl", ["+ optimised pixels", "+ AAC"]),
        ("c2r-no-aac", ["+ optimised pixels", "+ CRL"]),
        ("c2r-pgd", ["+ optimised pixels", "+ AAC", "+ the rest of C2R with T-step PGD"]),
        ("c2r-class-mean", ["+ optimised pixels", "+ AAC", "+ the rest of C2R with class means for CRL"]),
        ("c2r-literal", ["+ optimised pixels"]),
        ("rome", ["+ optimised pixels"]),
        ("random-soft", ["+ soft labels"]),
        ("random-real", []),
    ],
)
def test_a_part_that_a_method_has_not_is_no_rung(method, between):
    assert names(method=method)[1:-1] == between


def test_a_method_that_the_table_lacks_hands_its_part_to_the_next_rung(monkeypatch):
    monkeypatch.delitem(METHODS, "c2r-neither", raising=False)
    assert names()[1:-1] == ["+ optimised pixels, AAC", "+ CRL"]


def test_a_method_of_another_family_is_one_rung_and_soft_labels_are_another(monkeypatch):
    row = Method("Toy", "Toys", "Moves", settings="test_ladder:SoftConfig", phases=METHODS["c2r"].phases)
    monkeypatch.setitem(METHODS, "toy", row)
    rungs = ladder.rungs(config.load("demo", {"method": "toy", "labels": "soft"}))
    assert [rung.label for rung in rungs][1:] == ["+ optimised pixels", "+ soft labels", "+ longer training"]
    assert [rung.config.labels for rung in rungs[1:]] == ["hard", "soft", "soft"]
    assert names(method="toy", labels="hard")[1:] == ["+ optimised pixels", "+ longer training"]


def test_random_images_are_real_ones_whatever_the_run_started_from(monkeypatch):  # noqa: ARG001
    start = ladder.rungs(config.load("demo", {"init": "noise", "imported": "set.safetensors", "parent": "run@3"}))[0]
    assert (start.config.init, start.config.imported, start.config.parent) == ("real", "", "")


@pytest.mark.parametrize("method", ["imported", "full-data"])
def test_what_starts_from_no_real_images_has_no_ladder(method):
    with pytest.raises(InputError, match="A ladder begins with random real images"):
        ladder.rungs(config.load("demo", {"method": method}))


def test_rungs_are_found_by_all_their_settings_and_the_data(tmp_path):
    run = made(tmp_path, "run", eval_steps=300)
    make_evaluation(run, "half", eval_steps=150)
    real = made(tmp_path, "real", method="random-real", eval_steps=150, ls_tries=2)
    near = made(tmp_path, "near", method="c2r-no-crl", eval_steps=150, eval_rate=0.03)
    groups = found(run, real, near)
    rungs = ladder.rungs(runs.open_run(run).config)
    there = ladder.find(rungs, groups, "d1" * 8)
    assert [rung.label for rung, group in zip(rungs, there, strict=True) if group] == [
        *("Random real images, half the training", "+ CRL", "+ longer training")
    ], "what random images do not read tells nothing apart, another learning rate does"
    assert ladder.find(rungs, groups, "e2" * 8) == [None] * len(rungs)


def test_a_step_is_told_against_the_last_measured_rung(tmp_path):
    run = made(tmp_path, "run", tried=HIGH)
    make_evaluation(run, "half", eval_steps=150, tried=LOW)
    groups = found(run)
    rungs, base = ladder.rungs(runs.open_run(run).config), groups[0]
    there = ladder.find(rungs, groups, base.values[DATA])
    steps = ladder.measured(rungs, there, across.clean_of(base), pgd(base))
    assert [step.group is None for step in steps] == [True, True, True, False, False]
    last = steps[-1]
    assert last.below == "+ CRL" and isinstance(last.difference, Difference) and last.difference.verdict == "better"
    assert ladder.statement(steps, "PGD-10").startswith("The largest step is 'longer training': +2")
    table = ladder.as_columns(steps, "PGD-10")
    assert [cell.endswith("(missing)") for cell in table["Rung"]] == [True] * 3 + [False] * 2
    assert table["Rung"][-1] == "+ longer training (seed 0; 1.56 kB)" and len(table) == 4
    stairs = shown.stairs(steps)
    assert stairs[0].text == "no run yet" and stairs[-1].before == pytest.approx(41) and stairs[-1].verdict == "better"


@pytest.fixture
def store(finished, tmp_path):
    """A store with the tiny run alone."""
    shutil.copytree(finished, tmp_path / "store" / "run")
    return tmp_path / "store"


def said(capsys, *words, code=0):
    assert main(["ladder", *map(str, words)]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err.strip()


def test_the_command_tells_what_is_missing_and_how_to_make_it(store, capsys):
    text = said(capsys, store / "run", "--store", store)
    assert "+ longer training" in text and "14 of 15 runs are missing" in text and "--make" in text.splitlines()[-1]
    plain = json.loads(said(capsys, store / "run", "--store", store, "--seeds", 1, "--json", "--attack", "fgsm"))
    assert plain["attack"] == "FGSM" and [bool(rung["seeds"]) for rung in plain["rungs"]] == [*[False] * 4, True]


def test_missing_rungs_are_made_once_and_a_run_that_was_begun_is_gone_on_with(store, capsys):
    rungs = ladder.rungs(runs.open_run(store / "run").config)
    writer = RunWriter(store / "begun", rungs[1].config)
    writer.status(state="stopped")
    del writer
    plain = json.loads(said(capsys, store / "run", "--store", store, "--seeds", 1, "--make", "--json"))
    assert all(rung["seeds"] == [0] for rung in plain["rungs"]) and all(rung["bytes"] for rung in plain["rungs"])
    assert runs.open_run(store / "begun").state == "done"
    folders = sorted(path.name for path in store.iterdir() if runs.is_run(path))
    assert len(folders) == 4, "the run, the one that was begun, random real images, and one with AAC"
    assert len(runs.evaluations(store / "run")) == 1, "the set of the run was judged again and not made again"
    again = said(capsys, store / "run", "--store", store, "--seeds", 1, "--make")
    assert "missing" not in again and sorted(p.name for p in store.iterdir() if runs.is_run(p)) == folders


def test_bad_words_are_told_in_a_sentence(store, tmp_path, capsys):
    assert "Unknown attack 'autoattack'" in said(capsys, store / "run", "--attack", "autoattack", code=2)
    bare = make_run(tmp_path / "bare", evaluated=False, n=24, classes=3, steps=2)
    assert "has no finished evaluation" in said(capsys, bare, code=2)
    imported = make_run(tmp_path / "imported", method="imported", n=24, classes=3, steps=1)
    assert "A ladder begins with random real images" in said(capsys, imported, code=2)
    assert "There is no run folder" in said(capsys, tmp_path / "nothing", code=2)
