"""The step that is looked at: chosen on the playback bar, named in the address, played, frozen; the same on every page
with the bar."""

import pytest
from fake_run import make_run
from test_pages import check, grow, open_page, store, text  # noqa: F401 - `store` is a fixture

from app import links, position, state
from app.components import playback

STEPS = (0, 10, 20, 30)
BARS = ("live", "embeddings", "gallery")


@pytest.fixture
def address(monkeypatch):
    """The address of a session whose state is a plain dictionary."""
    values: dict = {}
    monkeypatch.setattr(position.st, "session_state", values)
    monkeypatch.setattr(position.st, "query_params", found := {})
    return found


def visit(found, *, linked=False):
    """One run of the script: what the address newly names is taken over, and what is shown is named there; returns the
    shown step."""
    position.place()
    shown = position.resolved(STEPS, linked=linked)
    links.address(run="one", step=position.spoken())
    return shown, found.get("step")


def test_a_new_session_shows_the_newest_step_and_the_address_says_last(address):
    assert visit(address) == (30, "last")


@pytest.mark.parametrize(
    ("asked", "shown", "named"),
    [("10", 10, "10"), ("0", 0, "0"), ("12", 10, "10"), ("-7", 0, "0"), ("abc", 30, "last"), ("last", 30, "last")],
)
def test_a_link_shows_its_step_or_the_nearest_and_the_address_says_which(address, asked, shown, named):
    address["step"] = asked
    assert visit(address, linked=True) == (shown, named)
    assert "notes" not in position.st.session_state


def test_back_shows_the_step_of_the_address_again_and_another_page_keeps_the_step(address):
    visit(address)
    position.press(STEPS, 10)
    assert visit(address) == (10, "10")
    address["step"] = "last"
    assert visit(address) == (30, "last")
    position.settle(STEPS, 20)
    visit(address)
    address.clear()
    assert visit(address) == (20, "20")


def test_a_step_whose_frame_was_thinned_away_is_said(address):
    position.go(12)
    assert visit(address) == (10, "10")
    assert position.st.session_state["notes"] == [
        "The images of step 12 are not kept any more, as of most old steps: showing step 10."
    ]


def test_the_newest_step_is_followed_from_the_bar_and_a_frozen_page_does_not_follow(address):  # noqa: ARG001
    position.settle(STEPS, 30)
    assert position.chosen() is None
    position.st.session_state["freeze"] = True
    position.settle(STEPS, 30)
    assert position.chosen() == 30


def test_playing_goes_through_the_steps_leaves_the_address_alone_and_ends_at_the_newest(address):
    visit(address)
    position.play(STEPS, 30)
    seen = [visit(address)]
    while position.playing():
        position.advance(STEPS)
        seen.append(visit(address))
    assert seen == [(0, "last"), (10, "last"), (20, "last"), (30, "last")]
    position.play(STEPS, 10)
    position.advance(STEPS)
    position.settle(STEPS, 20)
    assert visit(address) == (20, "20") and not position.playing()


def test_what_a_lagging_browser_says_along_with_a_pressed_button_moves_nothing(address):
    visit(address)
    position.press(STEPS, 20)
    position.st.session_state.update(step=30, follow=True)
    position.scrubbed(STEPS)
    position.follow_switched(30)
    assert visit(address) == (20, "20")
    position.scrubbed(STEPS)
    assert visit(address) == (30, "last")


def test_back_ends_the_play(address):
    position.go(10)
    visit(address)
    position.go(20)
    visit(address)
    position.play(STEPS, 20)
    address["step"] = "10"
    assert visit(address) == (10, "10") and not position.playing()


def test_freezing_stays_at_the_step_shown_last_and_unfreezing_follows_again(address, tmp_path):  # noqa: ARG001
    position.note_shown(tmp_path, 20)
    position.freeze(tmp_path, STEPS)
    assert position.chosen() == 20
    position.unfreeze()
    assert position.chosen() is None
    position.freeze(tmp_path / "other", STEPS)
    assert position.chosen() == 30
    position.unfreeze()
    position.go(10)
    position.freeze(tmp_path / "other", STEPS)
    position.unfreeze()
    assert position.chosen() == 30


@pytest.mark.parametrize("page", BARS)
def test_every_page_with_a_step_has_the_same_bar_in_step_with_address_and_page(store, page):  # noqa: F811
    make_run(store / "one", n=24, classes=3, steps=4)
    app = open_page(page)
    check(app, page)
    bar = [button.key for button in app.button if str(button.key).startswith("playback-")]
    assert bar == [f"playback-{name}" for name in ("first", "back", "play", "on", "last")]
    assert app.select_slider(key="step").value == 30 and app.query_params["step"] in ("last", ["last"])
    app.button(key="playback-back").click().run()
    assert app.select_slider(key="step").value == 20 and app.query_params["step"] in ("20", ["20"])
    assert app.toggle(key="follow").value is False and app.session_state["view"].step == 20
    app.select_slider(key="step").set_value(10).run()
    assert app.query_params["step"] in ("10", ["10"])
    app.button(key="playback-first").click().run()
    assert app.session_state["view"].step == 0 and app.button(key="playback-back").disabled
    app.toggle(key="follow").set_value(True).run()
    assert app.select_slider(key="step").value == 30 and app.query_params["step"] in ("last", ["last"])
    check(app, page)


def test_play_shows_pause_and_pause_stays_at_the_step_it_came_to(store):  # noqa: F811
    run = make_run(store / "one", n=24, classes=3, steps=4)
    app = open_page("gallery")
    app.button(key="playback-play").click().run()
    assert app.session_state["view"].step == 0 and app.query_params["step"] in ("last", ["last"])
    app.session_state["position"] = 20  # the timer's doing
    app.run()
    assert "images at step 20" in text(app)
    app.button(key="playback-pause").click().run()
    assert app.query_params["step"] in ("20", ["20"]) and app.button(key="playback-play")
    assert state.recorded_steps(run) == STEPS


def test_a_followed_living_run_moves_the_page_when_a_step_is_recorded(store, monkeypatch):  # noqa: F811
    run = make_run(store / "one", n=24, classes=3, steps=3, state="running", evaluated=False, mapped=False)
    looks = []
    monkeypatch.setattr(playback, "timer", lambda seconds, look: looks.append((seconds, look)))
    app = open_page("gallery")
    grow(run, 40)
    assert looks[-1][0] == playback.TICK
    again = []
    monkeypatch.setattr(playback.st, "rerun", lambda: again.append(True))
    looks[-1][1]()
    assert again
    app.run()
    assert "images at step 40" in text(app)
    app.button(key="playback-back").click().run()
    count = len(looks)
    app.run()
    assert len(looks) == count, "a chosen step needs no timer"


def test_on_live_the_bar_of_a_followed_run_leads_back_and_to_the_newest_step_again(store):  # noqa: F811
    run = make_run(store / "one", n=24, classes=3, steps=4, state="running", evaluated=False, mapped=False)
    app = open_page("live")
    assert app.select_slider(key="step").disabled and app.toggle(key="follow").value is True
    assert app.selectbox(key="every").value == 2 and not [box for box in app.selectbox if box.key == "speed"]
    app.button(key="playback-back").click().run()
    check(app, "live")
    assert app.select_slider(key="step").value == 20 and not app.select_slider(key="step").disabled
    assert app.session_state["view"].step == 20 and [box.key for box in app.selectbox if box.key == "speed"]
    grow(run, 60)
    app.button(key="playback-last").click().run()
    app.toggle(key="follow").set_value(True).run()
    assert app.session_state["view"].step == 60 and app.query_params["step"] in ("last", ["last"])
    check(app, "live")


def test_controls_of_the_sidebar_stand_on_the_pages_where_they_act(store):  # noqa: F811
    make_run(store / "one", n=24, classes=3, steps=3)
    found = {}
    for page in ("home", "start", "live", "embeddings", "gallery", "compare"):
        sidebar = open_page(page).sidebar
        found[page] = {"class" for box in sidebar.selectbox if box.key == "class"} | {
            "attack" for group in sidebar.get("button_group") if group.key == "attack"
        }
    nothing = dict.fromkeys(("home", "start", "compare"), set())
    assert found == nothing | {"live": {"class"}, "embeddings": {"class"}, "gallery": {"class", "attack"}}


def test_the_selection_stands_in_the_address_and_a_link_reproduces_it(store):  # noqa: F811
    make_run(store / "one", n=40)
    app = open_page("live")
    app.toggle(key="freeze").set_value(True).run()
    app.slider(key="ranks").set_value((2, 5)).run()
    said = app.query_params["selected"]
    again = open_page("gallery", run="one", selected=said if isinstance(said, str) else said[0])
    assert "4 of 40 images at step 60" in text(again)
    assert again.session_state["selection"]["ids"] == sorted(app.session_state["selection"]["ids"])
    again.button(key="clear_selection").click().run()
    assert "selected" not in again.query_params and "40 of 40 images at step 60" in text(again)
