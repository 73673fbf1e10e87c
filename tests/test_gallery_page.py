"""Gallery and Embeddings: what stands where, and what every picture and figure says about itself."""

from fake_run import make_evaluation, make_run
from test_pages import check, finished, open_page, store, text

from app.components import evaluation

__all__ = ["store"]
EVALUATION = "20261120-0937-12-pixel-2-255-pgd-at"


def in_order(app):
    """Everything of the page as its type and key or text, from top to bottom."""
    return [f"{getattr(element, 'key', None)} {getattr(element, 'value', '')}" for element in app.main]


def place(app, wanted):
    return next(i for i, said in enumerate(in_order(app)) if wanted in said)


def test_the_progress_of_an_evaluation_stands_where_its_form_was_also_in_a_fresh_tab(store):
    run = make_run(store / "one", n=24, classes=3, steps=3)
    before = open_page("gallery")
    assert place(before, "The whole set") < place(before, "start-evaluation")
    make_evaluation(run, EVALUATION, state="running", protocol="pixel-2/255")
    app = open_page("gallery")
    check(app, "gallery")
    assert place(app, "The whole set") < place(app, "Evaluations of this set") < place(app, "**Evaluating:") < place(app, "evaluation-stop")
    assert "at work: [its progress and its buttons](#the-whole-set)" in text(app)
    assert not [button for button in app.button if button.key == "start-evaluation"]


def test_an_evaluation_started_elsewhere_is_noticed_and_a_known_or_finished_one_is_not(store):
    run = finished(store / "one", n=24, classes=3, steps=3)
    assert not evaluation.begun(run, [])
    make_run(store / "two", n=24, classes=3, steps=3)
    make_evaluation(store / "two", EVALUATION)
    assert not evaluation.begun(store / "two", [])
    make_evaluation(store / "two", f"{EVALUATION}-2", state="running")
    assert evaluation.begun(store / "two", [EVALUATION]) and not evaluation.begun(store / "two", [f"{EVALUATION}-2"])
