"""The Learn page: tasks open views, the address names what deviates, and a reveal waits for a prediction."""

import pytest
from test_pages import open_page, store, text  # noqa: F401 - `store` is a fixture

from app import teaching, toybox, words
from c2r.base.errors import InputError
from c2r.learn import given

RECORDED = {"classes": 2, "frames": []}


@pytest.fixture(autouse=True)
def answers(monkeypatch, store):  # noqa: ARG001, F811
    """A worker that answers at once; returns what it was asked."""
    asked = []
    monkeypatch.setattr(toybox, "record", lambda one: asked.append(one) or RECORDED)
    monkeypatch.setattr(toybox, "students", lambda one: asked.append(("students", one)) or {"at": {}})
    found = {"holds": True, "figures": [["What is so", "3 of 9"]]}
    monkeypatch.setattr(toybox, "claim", lambda name, *both: asked.append((name, *both)) or found)
    return asked


def query(app):
    """What the address says of the toy."""
    return {
        key: value[0] if isinstance(value, list) else value
        for key, value in app.query_params.items()
        if key not in ("run", "step")
    }


def learn(**asked):
    app = open_page("learn", **asked)
    assert not app.exception, [entry.message for entry in app.exception]
    return app


def test_without_any_run_both_panels_differ_in_one_switch(answers):
    app = learn()
    one, other = answers
    assert {name for name in one if one[name] != other[name]} == {"crl"} and query(app) == {}
    assert app.title[0].value.startswith("Learn") and all(
        term.term in text(app) for term in teaching.glossary().values()
    )


@pytest.mark.parametrize("name", teaching.ORDER)
def test_a_link_opens_a_task_with_its_view(answers, name):
    app, lesson = learn(task=name), teaching.lessons()[name]
    one, other = answers
    assert all(one[key] == value for key, value in lesson.view.items())
    assert {key for key in one if one[key] != other[key]} == {lesson.switch}
    assert lesson.title in text(app) and query(app) == {"task": name, "at": "0.4"}
    assert app.button(key="reveal").disabled and words.plain(lesson.reveal) not in text(app)


def test_a_reveal_waits_for_the_prediction_and_shows_the_figures_of_this_view(answers):
    app = learn(task="wrong-space")
    lesson = teaching.lessons()["wrong-space"]
    app.radio(key="predicted-wrong-space").set_value(lesson.choices[0]).run()
    app.button(key="reveal").click().run()
    assert not app.exception
    assert words.plain(lesson.reveal) in text(app) and f"It is another one: {lesson.choices[2]}" in text(app)
    name, one, other = answers[-1]
    assert name == lesson.claim and (one["space"], other["space"]) == ("input", "normalised")
    assert "3 of 9" in str(app.dataframe[0].value) and "Done" in text(app)


def test_the_address_names_what_deviates_and_a_link_brings_it_back(answers):
    app = learn()
    app.selectbox(key="toy-data").set_value("spirals")
    app.toggle(key="toy-crl").set_value(False)
    app.slider(key="toy-per_class").set_value(3)
    app.selectbox(key="toy-apart").set_value("aac").run()
    named = {"toy-data": "spirals", "toy-crl": "off", "toy-per_class": "3", "toy-apart": "aac"}
    assert query(app) == named
    answers.clear()
    again = learn(**named)
    assert query(again) == named and answers[0]["data"] == "spirals" and answers[0]["crl"] is False
    assert (answers[0]["aac"], answers[1]["aac"]) == (True, False)
    again.button(key="toy-best-known").click().run()
    assert query(again) == {"toy-apart": "aac"}


@pytest.mark.parametrize(
    "asked", [{"toy-eps": "9"}, {"toy-given": "a1.1"}, {"toy-data": "<b>"}, {"toy-apart": "seed"}, {"task": "none"}]
)
def test_what_a_link_asks_for_in_vain_is_left_out(answers, asked):
    learn(**asked)
    assert answers[0]["data"] == "moons" and answers[0]["eps"] == 0.06 and answers[0]["crl"] != answers[1]["crl"]


def test_teach_mode_keeps_the_settings_of_the_address(answers):
    app = learn(teach="1", task="wrong-space", **{"toy-data": "blobs"})
    assert answers[0]["data"] == "blobs" and "Networks normalise" not in text(app)  # it is larger than the page's text
    assert [button.label for button in app.button if "teach" in button.label.lower()] == ["Leave teach mode"]


def test_a_worker_that_fails_is_said_in_its_own_words(monkeypatch):
    def fails(_one):
        raise InputError("The process that computes the toy ended.")

    monkeypatch.setattr(toybox, "record", fails)
    app = learn()
    assert "ended" in app.error[0].value and "Logit margin" in text(app)


def test_fresh_networks_are_trained_on_request_only(answers):
    app = learn()
    assert not [asked for asked in answers if isinstance(asked, tuple)]
    app.toggle(key="toy-fresh").set_value(True).run()
    assert len([asked for asked in answers if isinstance(asked, tuple)]) == 2 and query(app) == {"toy-fresh": "on"}


ENOUGH = "".join(f"a{i}.10b{i}.90" for i in range(5))


def test_placed_points_stand_in_the_address_and_reach_the_core(answers):
    app = learn(**{"toy-data": "given", "toy-given": ENOUGH})
    assert query(app) == {"toy-data": "given", "toy-given": ENOUGH} and len(answers) == 2
    assert answers[0]["given"][:2] == [[0.0, 0.1, 0], [0.0, 0.9, 1]] and len(answers[1]["given"]) == 10
    assert app.text_area(key="toy-given-lines").value.splitlines()[1] == "0 0.9 2"
    app.selectbox(key="toy-data").set_value("moons").run()
    assert query(app) == {} and answers[-1]["data"] == "moons" and answers[-1]["given"] == []
    app.selectbox(key="toy-data").set_value("given").run()
    assert query(app)["toy-given"] == ENOUGH


def test_too_few_placed_points_start_nothing_and_say_what_is_missing(answers):
    app = learn(**{"toy-data": "given", "toy-given": "a10.10a20.20"})
    assert not answers
    assert "Place 3 more of class 1 and 5 more of class 2" in str(
        [component.proto.json for component in app.get("bidi_component")]
    )
    app.text_area(key="toy-given-lines").set_value(given.lines(given.read(ENOUGH))).run()
    assert query(app)["toy-given"] == ENOUGH and len(answers) == 2


@pytest.mark.parametrize("text", ["<b>", "a101.3", "d1.1", "a1.1" * 61, "a5.5" * 5000])
def test_points_that_an_address_asks_for_in_vain_are_one_sentence(answers, text):
    app = learn(**{"toy-data": "given", "toy-given": text})
    assert not answers and len(app.warning) == 1 and "toy-given" not in query(app)
    app.text_area(key="toy-given-lines").set_value("0.1 7 1").run()
    assert "between 0 and 1" in app.warning[0].value and not answers
