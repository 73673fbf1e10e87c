"""What is looked at: runs, steps, class names, links that point nowhere, and the selection that pages share."""

import pytest
from fake_run import break_run, make_evaluation, make_run

from app import contestants, links, state
from c2r.store import describing, runs
from c2r.store.results import headline_folder, own_rows, read_rows


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample_run"))
    return tmp_path / "runs"


@pytest.fixture
def session(monkeypatch):
    """A session state that is a plain dictionary."""
    values: dict = {}
    monkeypatch.setattr(state.st, "session_state", values)
    monkeypatch.setattr(state.st, "query_params", {})
    return values


def test_the_sample_run_is_listed_last_under_its_own_name(store):
    make_run(store / "one", steps=1)
    make_run(store.parent / "sample_run", steps=1)
    assert [state.run_name(run) for run in state.all_runs()] == ["one", "Sample run (recorded)"]


def test_a_new_session_opens_on_the_newest_run_that_has_something_to_show(store):
    make_run(store / "good", steps=2, n=8)
    failed = make_run(store / "failed", state="failed", steps=0, evaluated=False, mapped=False)
    (store / "torn").mkdir()
    (store / "torn" / "config.json").write_text("{")
    assert state.first_shown(state.all_runs()).id == "good"
    assert state.first_shown([runs.open_run(failed)]).id == "failed"
    make_run(store / "waiting", state="running", steps=0, evaluated=False, mapped=False)
    assert state.first_shown(state.all_runs()).id == "waiting"


def test_an_empty_store_without_a_sample_has_no_runs(store):  # noqa: ARG001
    assert state.all_runs() == []


def test_damaged_runs_stay_in_the_list_with_their_problem(store):
    break_run(make_run(store / "hurt", steps=1), "no config")
    assert "config.json is missing" in state.all_runs()[0].problem


def test_one_can_go_to_the_steps_that_have_a_frame_and_without_any_to_those_with_figures(store):
    run = make_run(store / "one", steps=4)
    (run / "frames" / "000010.safetensors").unlink()
    assert state.recorded_steps(run) == (0, 20, 30)
    break_run(run, "no frames")
    assert state.recorded_steps(run) == (0, 10, 20, 30)


def test_class_names_fall_back_to_numbers_when_the_manifest_is_gone(store):
    run = make_run(store / "one", steps=2, classes=3, n=12)
    assert state.names_of(runs.open_run(run), (0, 10)) == ("zero", "one", "two")
    break_run(run, "no manifest")
    assert state.names_of(runs.open_run(run), (0, 10)) == ("class 0", "class 1", "class 2")


def test_a_damaged_first_frame_does_not_hide_the_class_names(store):
    run = make_run(store / "one", steps=2, classes=3, n=12)
    (run / "frames" / "000000.safetensors").write_bytes(b"torn")
    assert state.names_of(runs.open_run(run), (0, 10)) == ("zero", "one", "two")


def test_a_link_to_nothing_gives_one_sentence_per_value():
    notes = links.fallback_notes(
        {"run": "../../etc", "step": "10", "class": "<b>"},
        {"run": ["one"], "step": ["0", "10"], "class": ["All classes"]},
        {"run": "one", "step": "10", "class": "All classes"},
    )
    assert notes == [
        "The link asks for run '../../etc', which is not here: showing one.",
        r"The link asks for class '\<b\>', which is not here: showing All classes.",
    ]


def test_notes_about_a_link_last_until_another_run_is_chosen(session, monkeypatch):
    monkeypatch.setattr(state.st, "query_params", {"step": "17", "sort": "x"})
    first, again = links.link_values(), links.link_values()
    assert first == {"step": "17"} and again == {}
    offered, shown = {"step": ["0"]}, {"step": "0"}
    assert links.link_notes(first, offered, shown) == links.link_notes({}, offered, shown) != []
    session["run"] = "two"
    state.run_changed()
    assert links.link_notes({}, offered, shown) == []


def test_a_selection_belongs_to_one_run_and_forgets_numbers_that_do_not_exist(session):  # noqa: ARG001
    state.select("one", [3, 1, 40, -1], "a bar")
    assert state.selection("one", 40) == [3, 1]
    assert state.selection("two", 40) == []
    assert state.selection_reason() == "a bar"
    state.select("one", [], "nothing")
    assert state.selection("one", 40) == [] and state.selection_reason() == ""


def test_another_run_starts_at_its_newest_step_with_all_classes(session):
    session.update({"run": "one", "position": 20, "class": 2, "sample": 5, "page": 3})
    state.choose_run("two")
    state.apply_wishes()
    assert session["run"] == "two" and session["freeze"] is False
    assert not {"position", "class", "sample", "page"} & set(session)


def test_a_newer_run_does_not_replace_the_one_shown_but_the_address_can(session, monkeypatch):
    address: dict[str, str] = {}
    monkeypatch.setattr(state.st, "query_params", address)
    links.place_run(["one"], "one")
    links.address(run=session["run"])
    assert address == {"run": "one"}
    links.place_run(["two", "one"], "two")
    assert session["run"] == "one"
    session["run"] = "two"
    links.place_run(["two", "one"], "two")
    links.address(run=session["run"])
    assert address == {"run": "two"} == {"run": session["run"]}
    address["run"] = "one"
    links.place_run(["two", "one"], "two")
    assert session["run"] == "one"


def test_an_evaluation_of_earlier_images_stands_neither_for_the_run_nor_before_its_own(store):
    run = make_run(store / "one", steps=4)
    first = make_evaluation(run, "20261120-0937-12-custom-pgd-at", step=10, tried={"clean": 0.1})
    assert headline_folder(run) == run and read_rows(run) == own_rows(run)
    found = state.result_folders(runs.open_run(run)).folders
    assert list(found) == ["custom, pgd-at, with the run", "custom, pgd-at, 2026-11-20 09:37:12, of step 10"]
    assert [(token, offer.folder) for token, offer in contestants.offers([runs.open_run(run)]).items()] == [
        ("one", run),
        (f"one/{first.name}", first),
    ]
    second = make_evaluation(run, "20261120-0938-12-custom-pgd-at", step=30)
    describing.describe(run, headline=second.name)
    assert headline_folder(run) == second
    assert list(contestants.offers([runs.open_run(run)])) == ["one", "one/own", f"one/{first.name}"]


def test_without_an_evaluation_of_the_newest_images_a_run_has_no_figures(store):
    run = make_run(store / "one", steps=4, evaluated=True)
    make_evaluation(run, "20261120-0937-12-custom-pgd-at", step=10)
    (run / "rows.jsonl").unlink()
    assert headline_folder(run) == run and read_rows(run) == []
    assert "one" not in contestants.offers([runs.open_run(run)])


def test_finished_evaluations_are_offered_headline_first_then_newest_first(store):
    run = make_run(store / "one", steps=1)
    make_evaluation(run, "20261120-0937-12-pixel-2-255-pgd-at", protocol="pixel-2/255")
    make_evaluation(run, "20261120-1200-00-guard-1-255-pgd-at", state="failed", protocol="guard-1/255")
    found = state.result_folders(runs.open_run(run)).folders
    assert list(found) == ["custom, pgd-at, with the run", "pixel-2/255, pgd-at, 2026-11-20 09:37:12"]
    assert list(found.values()) == [run, run / "evaluations" / "20261120-0937-12-pixel-2-255-pgd-at"]
    describing.describe(run, headline="20261120-0937-12-pixel-2-255-pgd-at")
    assert list(state.result_folders(runs.open_run(run)).folders.values()) == list(found.values())[::-1]
    assert state.result_folders(runs.open_run(make_run(store / "two", steps=1, evaluated=False))).folders == {}


def test_the_attack_of_a_link_wins_once_and_stays_until_another_is_chosen(session, monkeypatch):
    address = {"attack": "AutoAttack"}
    monkeypatch.setattr(links.st, "query_params", address)
    called = {"clean": "Clean", "pgd": "PGD-10", "autoattack": "AutoAttack"}
    links.address(attack=links.place_attack(called))
    assert session["attacked"] == "autoattack" and address == {"attack": "autoattack"}
    session["attack"] = "clean"
    links.attack_chosen()
    assert links.place_attack(called) == "clean"
    assert links.place_attack({"clean": "Clean", "square": "Square-5000"}) == "clean"
    session["attacked"] = "autoattack"
    assert links.place_attack({"clean": "Clean", "square": "Square-5000"}) == "square"
