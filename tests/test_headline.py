"""The one evaluation that stands for a run: its own until a person picks another. Run: pytest tests/test_headline.py"""

import json

import pytest
from fake_run import make_evaluation, make_run
from test_pages import check, open_page, store, text

from app import contestants, runlist, state
from c2r.__main__ import main
from c2r.evaluation.attempts import by_attack
from c2r.store import describing, headline, runs
from c2r.store.results import headline_folder, read_rows

__all__ = ["store"]
SMALL = {"n": 24, "classes": 3, "steps": 2}
OTHER, THIRD = "20261120-0937-12-custom-pgd-at", "20261121-0937-12-custom-pgd-at"


@pytest.fixture
def run(store):
    path = make_run(store / "one", **SMALL)
    make_evaluation(path, OTHER, tried={"clean": 0.3, "pgd": 0.2})
    return path


def figures(path):
    return {
        file: (path / file).read_bytes()
        for file in ("rows.jsonl", "test.safetensors", "facts.json", "checks.json", "status.json", "config.json")
    }


def test_a_second_evaluation_never_becomes_the_headline_in_silence(run):
    assert headline_folder(run) == run
    assert headline_folder(make_run(run.parent / "bare", evaluated=False, **SMALL)).name == "bare"


def test_a_person_picks_another_and_the_own_one_again_without_touching_figures(run):
    before = figures(run)
    describing.describe(run, name="mine")
    assert describing.describe(run, headline=OTHER).headline == OTHER and headline_folder(run).name == OTHER
    assert describing.describe(run, note="x").headline == OTHER, "other changes leave it"
    assert describing.describe(run, headline="").headline == "" and headline_folder(run) == run
    assert figures(run) == before and describing.about(run).name == "mine"


def test_a_deleted_headline_falls_back_to_the_own_one(run):
    describing.describe(run, headline=OTHER)
    for file in sorted((run / "evaluations" / OTHER).rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    (run / "evaluations" / OTHER).rmdir()
    assert headline_folder(run) == run


def test_without_an_own_evaluation_the_first_one_stands_and_a_later_one_does_not_replace_it(run):
    make_evaluation(run, THIRD)
    (run / "rows.jsonl").unlink()
    assert headline_folder(run).name == OTHER


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("nobody", "has no finished evaluation 'nobody'"),
        ("../../one", "has no finished evaluation"),
        (THIRD, "has no finished evaluation"),
    ],
)
def test_only_a_finished_evaluation_of_the_run_can_be_picked(run, asked, said, capsys):
    make_evaluation(run, THIRD, state="failed")
    assert main(["about", str(run), "--headline", asked]) == 2
    sentence = capsys.readouterr().err
    assert said in sentence and OTHER in sentence and headline_folder(run) == run


def test_an_evaluation_of_earlier_images_cannot_be_the_headline(run, capsys):
    make_evaluation(run, THIRD, step=0)
    assert main(["about", str(run), "--headline", THIRD]) == 2 and "step 0" in capsys.readouterr().err


def test_the_command_shows_and_sets_the_headline(run, capsys):
    assert main(["about", str(run), "--headline", OTHER]) == 0 and f"headline: {OTHER}" in capsys.readouterr().out
    assert main(["about", str(run), "--headline", "own"]) == 0 and "headline: own" in capsys.readouterr().out
    assert main(["about", str(run), "--json"]) == 0 and json.loads(capsys.readouterr().out)["headline"] == ""
    (run / "about.json").write_text('{"headline": ["x"]}')
    assert describing.about(run).headline == "" and headline_folder(run) == run


def test_every_evaluation_can_be_compared_the_own_one_too(run):
    names = lambda: {token: offer.folder for token, offer in contestants.offers([runs.open_run(run)]).items()}  # noqa: E731
    assert names() == {"one": run, f"one/{OTHER}": run / "evaluations" / OTHER}
    describing.describe(run, headline=OTHER)
    assert names() == {"one": run / "evaluations" / OTHER, "one/own": run}
    assert state.result_folders(runs.open_run(run)).usual == run / "evaluations" / OTHER


def test_the_words_name_radius_and_n_and_warn_of_few_images():
    row = {
        "attack": "pgd",
        "label": "PGD-10",
        "norm": "Linf",
        "eps": "0.125490196",
        "targeted": False,
        "seed": 0,
        "accuracy": 0.724,
        "n": 445,
    }
    assert headline.text(by_attack([row])) == "72 % at 32/255, n = 445" and headline.warning(by_attack([row])) == ""
    few = by_attack([row | {"n": 1, "accuracy": 1.0}])
    assert headline.text(few) == "100 % at 32/255, n = 1 (few)" and "1 test image" in headline.warning(few)
    assert headline.text(by_attack([row | {"attack": "clean", "norm": "", "eps": ""}])) == "72 % clean, n = 445"
    assert headline.text({}) == "" == headline.warning({})


def test_home_shows_n_and_warns_below_a_hundred(run):
    rows = [{**row, "n": 40} for row in read_rows(run)]
    table = runlist.run_table([runs.open_run(run)], [rows], ["one"], 0)
    assert table["n"] == [40] and "40 test images" in table["Note"][0]
    assert runlist.run_table([runs.open_run(run)], [read_rows(run)], ["one"], 0)["Note"] == [""]


def test_compare_offers_the_pick_and_says_which_evaluation_stands(run):
    app = open_page("compare", runs=f"one,one/{OTHER}")
    check(app, "compare")
    assert "Headline of its run" in text(app)
    app.button(key=f"headline-one/{OTHER}").click().run()
    check(app, "compare")
    assert describing.about(run).headline == OTHER
    assert app.multiselect(key="contestants").value == [
        "one/own",
        "one",
    ], "the same two evaluations, under the names they have now"
