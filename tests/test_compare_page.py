"""The Compare page: who is compared, what a link may ask for, and that it refuses to rank what is not comparable."""

import json

import pytest
from fake_run import break_run, make_evaluation, make_named
from test_pages import check, open_page, store, text

from app import jobs
from c2r.store import describing

SMALL = {"n": 24, "classes": 3, "steps": 2}
FULL = {"clean": 0.8, "fgsm": 0.6, "pgd": 0.55, "autoattack": 0.5}
SWEEP = {"clean": 0.8, "pgd": 0.55, "pgd@8/255": 0.2}

__all__ = ["store"]


def tables(app):
    """All small tables of the page: heads → columns."""
    return [table.value for table in app.table]


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_the_current_run_and_its_newest_siblings_on_the_same_data_are_compared(store):
    for name in ("one", "two"):
        make_named(store / name, **SMALL)
    other = make_named(store / "other", **SMALL)
    manifest = other / "manifest.json"
    manifest.write_text(manifest.read_text().replace("d1" * 8, "e2" * 8))
    app = open_page("compare", run="one")
    check(app, "compare")
    assert app.multiselect(key="contestants").value == ["one", "two"] and app.query_params["runs"] == "one,two"
    assert "The sets are comparable, and none stands apart" in app.success[0].value


def test_a_link_chooses_the_sets_and_unknown_ones_are_named(store):
    for name in ("one", "two", "three"):
        make_named(store / name, **SMALL)
    make_named(store / "bare", evaluated=False, **SMALL)
    app = open_page("compare", runs="three,../../etc,one,bare")
    check(app, "compare")
    assert app.multiselect(key="contestants").value == ["three", "one"] and app.query_params["runs"] == "three,one"
    assert "The link asks to compare '../../etc', which is not here or has no finished evaluation." in text(app)
    assert "The link asks to compare 'bare'" in text(
        app
    ) and "Without a finished evaluation, so not in the list: bare." in text(app)


def test_another_choice_changes_the_address_and_outlives_the_page(store):
    for name in ("one", "two", "three"):
        make_named(store / name, **SMALL)
    app = open_page("compare", runs="one,two")
    app.multiselect(key="contestants").set_value(["one", "three"]).run()
    assert app.query_params["runs"] == "one,three"
    app.switch_page("../pages/home.py").run()
    app.switch_page("../pages/compare.py").run()
    check(app, "compare")
    assert app.multiselect(key="contestants").value == ["one", "three"]


def test_a_person_can_take_all_sets_out_and_a_link_of_unknown_sets_shows_the_usual_ones(store):
    make_named(store / "one", **SMALL)
    app = open_page("compare", runs="nobody")
    assert app.multiselect(key="contestants").value == ["one"] and "asks to compare 'nobody'" in text(app)
    assert "Shown instead, as without a link: one." in text(app) and "Run of the sidebar:" in text(app)
    app.multiselect(key="contestants").set_value([]).run()
    check(app, "compare")
    assert "Choose two to six sets above." in text(app) and not app.table


def test_comparable_sets_are_ranked_in_the_table(store):
    make_named(store / "good", tried=FULL, **SMALL)
    make_named(store / "bad", tried={key: value - 0.3 for key, value in FULL.items()}, method="random-real", **SMALL)
    app = open_page("compare", runs="bad,good")
    table = tables(app)[0].set_index("Accuracy (%)")
    assert table.loc["Rank"].to_dict() == {"bad": "2", "good": "1"}
    assert table.loc["Clean", "good"] == "81.0 ± 1.0" and table.loc["Under AutoAttack", "bad"] == "21.0 ± 1.0"
    assert "good is first with" in app.success[0].value and not app.warning


def test_sets_that_differ_are_shown_and_not_ranked_with_a_sentence_for_each_reason(store):
    make_named(store / "small", **SMALL)
    make_named(store / "large", **{**SMALL, "n": 48})
    make_named(store / "other", protocol="pixel-2/255", **SMALL)
    app = open_page("compare", runs="small,large,other")
    check(app, "compare")
    (refusal,) = app.warning
    assert (
        "Not ranked." in refusal.value
        and "Stored bytes differ: 1.54 kB (small, other) and 3.07 kB (large)." in refusal.value
    )
    assert "Protocols differ: custom (small, large) and pixel-2/255 (other)." in refusal.value and not app.success
    assert "Rank" not in tables(app)[0]["Accuracy (%)"].tolist() and len(charts(app)[0]["data"]) == 3


def test_another_evaluation_of_a_run_can_stand_beside_its_headline(store):
    run = make_named(store / "one", **SMALL)
    make_evaluation(run, "20261118-1000-00-custom-pgd-at", tried=FULL)
    make_evaluation(run, "20261119-1000-00-custom-pgd-at", tried=SWEEP)
    make_evaluation(run, "20261120-1000-00-custom-pgd-at", state="failed")
    describing.describe(run, headline="20261119-1000-00-custom-pgd-at")
    app = open_page("compare", runs="one,one/20261118-1000-00-custom-pgd-at")
    check(app, "compare")
    assert len(app.multiselect(key="contestants").options) == 3
    assert "Attacks differ: PGD-10 (one) and AutoAttack, FGSM, PGD-10 (one/custom-pgd-at)." in app.warning[0].value
    assert "PGD-10 leaves 22.0 to" not in text(app) and "PGD-10 leaves 21.0" in text(app).replace("\u00a0", " ")


def test_one_set_alone_offers_the_baselines(store):
    make_named(store / "one", **SMALL)
    app = open_page("compare")
    check(app, "compare")
    assert "One set alone says little" in text(app)
    assert not app.button(key="baseline-random-real").disabled and not app.button(key="baseline-full-data").disabled


def test_a_baseline_that_exists_is_offered_to_be_added(store):
    make_named(store / "one", **SMALL)
    make_named(store / "base", method="random-real", **SMALL)
    app = open_page("compare", runs="one")
    app.button(key="add-base").click().run()
    check(app, "compare")
    assert app.multiselect(key="contestants").value == ["one", "base"]
    assert [b.key for b in app.button if str(b.key).startswith(("add-", "baseline-"))] == [
        "baseline-random-soft",
        "baseline-full-data",
    ]


def test_before_any_evaluation_the_page_says_where_evaluations_come_from(store):
    make_named(store / "one", evaluated=False, **SMALL)
    app = open_page("compare")
    check(app, "compare")
    assert "Nothing to compare yet" in text(app) and app.button(key="baseline-random-real")


def test_a_run_recorded_before_checks_and_test_outcomes_is_shown_with_what_it_has(store):
    run = make_named(store / "old", **SMALL)
    for name in ("facts.json", "checks.json", "test.safetensors"):
        (run / name).unlink()
    make_named(store / "new", **SMALL)
    app = open_page("compare", runs="old,new")
    check(app, "compare")
    assert "No checks stored" in text(app) and "The outcomes of single test images are not stored" in text(app)
    table = tables(app)[0].set_index("Accuracy (%)")
    assert table.loc["Worst case per image", "old"] == "not stored" and table.loc["Clean", "old"] == "87.0 ± 1.0"
    assert "no paired comparison is possible" in app.success[0].value, (
        "size, labels and data of an older run follow from its settings"
    )


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("truncated test outcomes", "test.safetensors of run one is damaged"),
        ("torn checks", "checks.json of one is damaged"),
        ("torn facts", "facts.json"),
    ],
)
def test_a_damaged_part_is_named_and_the_rest_is_shown(store, how, said):
    break_run(make_named(store / "one", **SMALL), how)
    app = open_page("compare")
    check(app, "compare")
    assert any(said in error.value.replace("\\", "") for error in app.error), [error.value for error in app.error]
    assert len(tables(app)) == 3, "accuracies, ratios and the ablation"


@pytest.mark.parametrize("closer", ["Classes", "Margins", "Transfer", "Settings", "Published figures", "Export"])
def test_every_closer_look_opens_by_link(store, closer):
    make_named(store / "one", **SMALL)
    make_named(store / "two", ipc=9, **SMALL)
    app = open_page("compare", closer=closer)
    check(app, "compare")
    assert next(c for c in app.get("segmented_control") if c.label == "Look closer").value == closer
    expected = {
        "Classes": "The weakest spot is",
        "Margins": "Measured by the evaluation networks of each set",
        "Transfer": "the evaluation networks are not stored for",
        "Settings": "One setting differs",
        "Published figures": "Known faults of this table",
        "Export": "18 rows",
    }
    assert expected[closer] in text(app)


def test_the_transfer_matrix_is_drawn_when_it_was_computed(store):
    from app import contestants
    from c2r.store.runs import open_run

    offers = [
        contestants.Offer(name, open_run(make_named(store / name, **SMALL)), store / name) for name in ("one", "two")
    ]
    file = contestants.transfer_file(store, offers)
    file.parent.mkdir()
    found = {
        "attack": "pgd",
        "eps": "2/255",
        "n": 100,
        "runs": ["one", "two"],
        "accuracy": [[0.3, 0.6], [0.5, 0.4]],
        "std": None,
        "clean": [0.8, 0.8],
    }
    file.write_text(json.dumps(found))
    app = open_page("compare", closer="Transfer")
    check(app, "compare")
    assert "Attacks made on other networks leave 20.0 points more" in text(app)
    file.write_text(json.dumps(found | {"accuracy": [[0.3]]}))
    assert "does not hold a 2 × 2 matrix" in text(open_page("compare", closer="Transfer"))


def test_the_networks_of_all_real_data_are_a_reference_and_have_no_recorded_steps(store):
    make_named(store / "one", **SMALL)
    make_named(store / "ceiling", method="full-data", **{**SMALL, "steps": 0})
    app = open_page("compare", runs="one,ceiling", run="ceiling")
    check(app, "compare")
    assert tables(app)[0]["ceiling"][0] == "reference" and "one is the only set to rank" in app.success[0].value
    assert app.session_state["view"].step is None


def test_a_baseline_starts_with_the_same_settings_and_its_own_method(store, monkeypatch):
    make_named(store / "one", ipc=7, protocol="pixel-2/255", **SMALL)
    started = []
    monkeypatch.setattr(jobs, "start", lambda settings, preset, path: started.append((settings, preset, path)))
    app = open_page("compare")
    app.button(key="baseline-full-data").click().run()
    ((settings, preset, path),) = started
    assert (settings.method, settings.ipc, settings.protocol, preset) == ("full-data", 7, "pixel-2/255", "demo")
    assert path.parent == store and "full-data" in path.name


def test_the_button_of_the_transfer_matrix_hands_over_the_evaluations_in_the_order_of_the_file(store, monkeypatch):
    for name in ("two", "one"):
        (make_named(store / name, **SMALL) / "networks").mkdir()
    make_evaluation(store / "two", "20261119-1000-00-custom-pgd-at", tried=FULL).joinpath("networks").mkdir()
    describing.describe(store / "two", headline="20261119-1000-00-custom-pgd-at")
    asked = []
    monkeypatch.setattr(jobs, "transfer", lambda folders, out: asked.append((folders, out)))
    app = open_page("compare", closer="Transfer", runs="two,one")
    app.button(key="start-transfer").click().run()
    ((folders, out),) = asked
    assert folders == [store / "one", store / "two" / "evaluations" / "20261119-1000-00-custom-pgd-at"]
    assert out.parent == store / ".compare"


def test_all_checks_can_be_run_only_where_the_networks_are_stored(store, monkeypatch):
    run = make_named(store / "one", **SMALL)
    app = open_page("compare")
    app.session_state["checks"] = True
    assert app.run().button(key="run-checks").disabled and "its networks are not stored" in text(app)
    assert "The best checkpoint was chosen by its test accuracy" in text(app)
    (run / "networks").mkdir()
    asked = []
    monkeypatch.setattr(jobs, "check", asked.append)
    app.run().button(key="run-checks").click().run()
    assert asked == [run]
