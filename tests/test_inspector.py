"""Everything about one image, beside the figures of three pages. Run: pytest tests/test_inspector.py"""

import json
import re

import numpy as np
import pytest
from fake_run import make_run
from test_pages import check, open_page, store, text

from app import cache, frames, state, views
from app.components import details
from c2r.look.summary import ranks
from c2r.store.runs import frame_steps, open_run, read_frame

__all__ = ["store"]
PAGES = ("live", "embeddings", "gallery")


def asked(app):
    """What the plane of the page is told to fetch; None without a plane."""
    for one in app.get("bidi_component"):
        told = re.search(r"\{.*\}", one.proto.json) if one.proto.json else None
        data = json.loads(told[0]) if told else {}
        if "address" in data and "plane" in data["address"]:
            return data["asked"]
    return None


@pytest.fixture
def sample_run(store, monkeypatch):  # noqa: ARG001 - the store is empty
    """The recorded run of the app, the only one, which keeps its networks."""
    monkeypatch.delenv("C2R_SAMPLE")
    return state.sample_path()


@pytest.mark.parametrize("page", PAGES)
def test_the_same_inspector_opens_on_every_page_and_closes(store, page):
    make_run(store / "one", n=24, classes=3, steps=3)
    app = open_page(page, sample="7")
    check(app, page)
    said = text(app)
    assert "**#7 · " in said and "Nearest image of another class" in said and "Under attack" in said
    assert "No plane: this run keeps no network yet." in said
    assert {"Rank", "Clean margin", "Robust margin", "Score"} <= {metric.label for metric in app.metric}
    assert "Changes are since step 10, the recorded one before." in said
    app.button(key="details-close").click().run()
    assert app.number_input(key="sample").value is None and "Nearest image of" not in text(app)
    assert not app.exception


@pytest.mark.parametrize("page", PAGES)
def test_figures_are_those_of_the_frame_and_change_since_the_step_before(store, page):
    run = make_run(store / "one", n=24, classes=3, steps=3)
    app = open_page(page, sample="7", step="20")
    now, before = (cache.margins(run, step) for step in (20, 10))
    shown = {metric.label: metric for metric in app.metric}
    assert shown["Rank"].value == f"{ranks(now['order'])[7]} of 24"
    assert shown["Robust margin"].value == f"{now['margin_adv'][7]:.2f}"
    moved = float(now["margin_adv"][7] - before["margin_adv"][7])
    assert shown["Robust margin"].delta == (f"{moved:+.2f}" if abs(moved) >= 0.005 else "as before")


def test_the_neighbour_of_another_class_has_its_distance_and_opens_when_it_is_pressed(store):
    run = make_run(store / "one", n=24, classes=3, steps=3)
    frame = read_frame(run, 20, ("labels", "embedding_clean"))
    apart = np.linalg.norm(frame["embedding_clean"].astype(float) - frame["embedding_clean"][7].astype(float), axis=1)
    other = int(np.where(frame["labels"] == frame["labels"][7], np.inf, apart).argmin())
    assert frames.distance(run, 20, (7, other)) == pytest.approx(apart[other], rel=1e-5)
    app = open_page("live", sample="7")
    assert f"{apart[other]:.2f} away (Euclidean" in text(app)
    app.button(key="details-other").click().run()
    assert f"**#{other} · " in text(app)


@pytest.mark.parametrize(
    ("own", "clean", "attacked", "said"),
    [
        (0, 0, 0, "LS-PGD does not push it out of its class."),
        (0, 0, 1, "LS-PGD pushes it to class cat."),
        (0, 2, 1, "Unattacked it is taken for class dog already."),
    ],
)
def test_the_class_that_an_image_is_pushed_to_is_said(store, own, clean, attacked, said):
    view = state.View(open_run(make_run(store / "one", n=6, steps=1)), names=("eel", "cat", "dog"))
    frame = {"labels": np.array([own]), "pred_clean": np.array([clean]), "pred_adv": np.array([attacked])}
    assert details.pushed(view, frame, 0) == said


def test_a_thumbnail_opens_its_image_and_a_selection_of_one_does_at_once(store, monkeypatch):
    make_run(store / "one", n=24, classes=3, steps=3)
    app = open_page("embeddings")
    first = next(button for button in app.button if str(button.key).startswith("open-"))
    first.click().run()
    assert f"**{first.label} · " in text(app)
    values: dict = {}
    monkeypatch.setattr(state.st, "session_state", values)
    state.select("one", [3, 4], "a bar")
    assert "sample" not in values
    state.select("one", [9], "a point")
    assert values["sample"] == 9


def test_the_figures_of_a_run_that_moves_on_have_no_inspector(store):
    make_run(store / "one", n=24, classes=3, steps=3, state="running")
    app = open_page("live", sample="7")
    assert "**#7 · " not in text(app) and "Open image" not in [field.label for field in app.number_input]
    assert "**#7 · " in text(open_page("live", sample="7", step="10"))


def test_the_course_of_a_rank_is_a_sentence():
    said = views.rank_course({0: 4, 10: 1, 20: 4, 30: 9}, 20)
    assert said.startswith("Rank 4 at step 20; over n = 4 recorded steps between 1 (step 10) and 9 (step 30).")


@pytest.mark.parametrize("page", PAGES)
def test_the_plane_goes_through_the_neighbour_under_the_network_of_the_link(sample_run, page):
    app = open_page(page, sample="44", step="120", network="seed1")
    check(app, page)
    other = frames.nearest_other(sample_run, 120, 44)
    wanted = {"run": state.SAMPLE_NAME, "step": "120", "sample": "44", "network": "seed1", "held": "120"}
    assert asked(app) == wanted | {"other": str(other), "along": "images"}
    assert app.selectbox(key="network").options == ["ce", "ce-crl", "seed0", "seed1", "seed2"]


def test_the_plane_stays_that_of_the_step_at_which_the_image_was_opened(sample_run):
    app = open_page("gallery", sample="44", step="120")
    app.select_slider(key="step").set_value(240).run()
    other = str(frames.nearest_other(sample_run, 120, 44))
    assert (asked(app)["step"], asked(app)["held"], asked(app)["other"]) == ("240", "120", other)
    assert "the plane stays that of step 120" in text(app)
    app.button(key="plane-anew").click().run()
    assert asked(app)["held"] == "240"
    app.number_input(key="sample").set_value(45).run().select_slider(key="step").set_value(0).run()
    assert (asked(app)["sample"], asked(app)["held"]) == ("45", "240")
    assert asked(open_page("gallery", sample="44", step="0", held="120"))["held"] == "120"
    assert asked(open_page("gallery", sample="44", step="0", held="7"))["held"] == "0"


def test_two_networks_attacks_and_the_gradient_are_asked_for_by_the_address(sample_run):
    told = asked(open_page("gallery", sample="44", along="Gradient", beside_network="ce-crl", landings="true"))
    assert (told["along"], told["beside_network"], told["attacks"]) == ("gradient", "ce-crl", "1")
    assert "beside_network" not in asked(open_page("gallery", sample="44", beside_network="ce", network="ce"))
    assert asked(open_page("gallery", sample="44", network="../ce"))["network"] == "ce"
    assert frame_steps(sample_run)[-1] == 240
