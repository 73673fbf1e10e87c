"""The player of replays in Chromium: on a page with nothing else (tests/replay_app.py), in the app, and as a file.

Run: pytest tests/test_browser_replay.py
"""

import json
import os

import pytest
from browser import ROOT, browser, chromium, open_page, server, settled
from fake_run import make_run

from app import state
from c2r.__main__ import main

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None and not os.environ.get("CI"), reason="no Chromium here"),
]
SEEN = "(canvas) => canvas.toDataURL()"
PANELS = ("histogram", "order", "map", "gallery")


@pytest.fixture(scope="module")
def chrome():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    make_run(folder / "large", steps=200, n=1000, classes=10, evaluated=False)
    make_run(folder / "one", steps=12, n=40, classes=4)
    make_run(folder / "two", steps=7, n=40, classes=4, seed=3)
    return folder


@pytest.fixture(scope="module")
def address(store):
    with server(store, script=ROOT / "tests" / "replay_app.py") as found:
        yield found


@pytest.fixture(scope="module")
def app(store):
    with server(store) as found:
        yield found


def told(page):
    return page.locator(".replay").first.evaluate("(root) => root.replay")


def ready(page):
    settled(page)
    page.locator(".replay[aria-busy=false]").first.wait_for(timeout=40_000)


def drawn(page):
    """What each panel shows, as a text."""
    return [canvas.evaluate(SEEN) for canvas in page.locator(".replay canvas").all()]


def runs_of_the_script(page):
    return int(page.get_by_test_id("stCaptionContainer").first.inner_text().split()[-1])


def test_a_thousand_images_play_ten_steps_a_second_without_a_run_of_the_script(chrome, address):
    page, errors = open_page(chrome, f"{address}/?run=large")
    ready(page)
    page.locator(".again").check()
    if not told(page)["playing"]:  # a slow machine was at the end before it could be told to begin anew
        page.locator(".play").click()
    runs, shown = runs_of_the_script(page), drawn(page)
    before = told(page)["drawn"]
    began = page.evaluate("performance.now()")
    page.wait_for_timeout(5000)
    now = told(page)
    rate = 1000 * (now["drawn"] - before) / (page.evaluate("performance.now()") - began)
    times = {kind: (round(time["sum"] / time["n"], 1), round(time["most"], 1)) for kind, time in now["times"].items()}
    print(json.dumps({"steps a second": round(rate, 1), "ms of a panel, mean and most": times}))
    assert now["playing"] and rate >= 10
    assert set(times) == set(PANELS) and max(mean for mean, _ in times.values()) <= 100
    assert runs_of_the_script(page) == runs and not errors
    assert all(a != b for a, b in zip(shown, drawn(page), strict=True))


def test_the_keyboard_plays_steps_and_jumps_and_leaves_text_fields_alone(chrome, address):
    page, errors = open_page(chrome, f"{address}/?run=one&step=30")
    ready(page)
    assert told(page) | {"times": 0, "drawn": 0} == {"times": 0, "drawn": 0, "step": 30, "playing": False}
    field = page.get_by_role("textbox")
    field.fill("a b")
    field.press("Home")
    field.press("ArrowRight")
    field.press("Space")
    assert field.input_value() == "a  b" and told(page)["step"] == 30 and not told(page)["playing"]
    page.locator(".replay").first.focus()
    for key, step in (("ArrowRight", 40), ("ArrowLeft", 30), ("End", 110), ("Home", 0)):
        page.keyboard.press(key)
        assert told(page)["step"] == step, key
    assert page.locator(".where").inner_text() == "Step 0 of 110"
    page.keyboard.press("Space")
    assert told(page)["playing"] and page.locator(".play").inner_text() == "Pause"
    page.keyboard.press("Space")
    assert not told(page)["playing"] and not errors


def test_a_run_of_the_script_neither_stops_nor_turns_back_what_plays(chrome, address):
    page, errors = open_page(chrome, f"{address}/?run=large")
    ready(page)
    runs, step = runs_of_the_script(page), told(page)["step"]
    page.get_by_role("textbox").fill("anything")
    page.get_by_role("textbox").press("Enter")
    page.get_by_text(f"Runs of this script: {runs + 1}").wait_for()
    assert told(page)["playing"] and told(page)["step"] >= step and not errors


def test_the_figures_of_all_steps_can_be_read(chrome, address):
    page, errors = open_page(chrome, f"{address}/?run=one&beside=two&step=0")
    ready(page)
    page.locator(".replay summary").click()
    rows = page.locator(".replay table tr")
    assert rows.count() == 1 + 12 + 7 and rows.nth(1).inner_text().split("\t")[:2] == ["A", "0"] and not errors


def test_only_a_step_where_one_stays_goes_back_to_the_script(chrome, address):
    page, errors = open_page(chrome, f"{address}/?run=one&step=30")
    ready(page)
    runs = runs_of_the_script(page)
    page.locator(".replay").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert runs_of_the_script(page) == runs
    page.get_by_text("Position: 60").wait_for()
    assert runs_of_the_script(page) == runs + 1 and told(page)["step"] == 60 and not errors


def test_an_image_is_followed_through_all_panels(chrome, address):
    page, errors = open_page(chrome, f"{address}/?run=one&step=30")
    ready(page)
    before = drawn(page)
    page.locator(".gallery canvas").click(position={"x": 12, "y": 12})
    said = page.locator(".reading").inner_text()
    assert "gallery?run=one&step=30&sample=" in page.locator(".inspect").get_attribute("href")
    assert "rank 0 of 40" in said and "adversarial (logits)" in said
    after = drawn(page)
    assert [a != b for a, b in zip(before, after, strict=True)] == [False, True, True, True]
    page.locator(".replay").first.focus()
    page.keyboard.press("Escape")
    page.mouse.move(2, 2)
    assert drawn(page) == before
    page.locator(".gallery canvas").hover(position={"x": 12, "y": 12})
    assert page.locator(".reading").inner_text() == said and drawn(page) != before
    page.mouse.move(2, 2)
    assert drawn(page) == before and not errors


def test_two_runs_stay_at_one_step_also_on_a_telephone(chrome, address):
    page, errors = open_page(chrome, f"{address}/?run=one&beside=two&step=50")
    page.set_viewport_size({"width": 400, "height": 900})
    ready(page)
    assert page.locator("canvas").count() == 8
    page.locator(".replay").first.focus()
    page.keyboard.press("End")
    figures = page.locator(".figures").all_inner_texts()
    assert not figures[0].startswith("Nearest") and figures[1].startswith("Nearest recorded step 60.")
    assert page.evaluate("document.documentElement.scrollWidth <= 400") and not errors


def test_who_wants_less_motion_gets_a_still_picture(chrome, address):
    page = chrome.new_context(reduced_motion="reduce").new_page()
    page.goto(f"{address}/?run=one")
    ready(page)
    page.wait_for_timeout(600)
    assert not told(page)["playing"] and told(page)["step"] == 110 and told(page)["drawn"] <= 3
    page.locator(".play").click()
    assert told(page)["playing"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_in_the_app_a_stopped_replay_is_in_the_address_and_home_moves(chrome, app, dark):
    page, errors = open_page(chrome, app, dark)
    ready(page)
    shown = drawn(page)
    page.wait_for_timeout(900)
    assert len(shown) == 2 and all(a != b for a, b in zip(shown, drawn(page), strict=True))
    page.get_by_role("link", name="Open the whole replay").click()
    page.get_by_role("heading", name="Replay", exact=True).wait_for()
    ready(page)
    page.locator(".replay").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**step=8*")
    assert "run=Sample" in page.url
    link, _ = open_page(chrome, page.url, dark)
    ready(link)
    assert told(link)["step"] == 8 and not told(link)["playing"] and not errors


def test_a_refusal_is_shown_as_the_sentence_it_is(chrome, address):
    page, _ = open_page(chrome, f"{address}/?run=nowhere")
    settled(page)
    page.wait_for_selector(".status.problem")
    assert page.locator(".status").inner_text().startswith("There is no run 'nowhere'")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_exported_file_plays_without_a_server_and_asks_nobody(chrome, tmp_path, dark):
    file = tmp_path / "replay.html"
    assert main(["replay", str(state.sample_path()), "--out", str(file)]) == 0 and file.stat().st_size < 10e6
    page, errors = open_page(chrome, "about:blank", dark)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"file://{file}")
    page.locator(".panel").first.wait_for()
    shown = drawn(page)
    page.wait_for_timeout(1500)
    assert told(page)["playing"] and all(a != b for a, b in zip(shown, drawn(page), strict=True))
    assert [url for url in asked if not url.startswith("data:")] == [f"file://{file}"] and not errors
    page.goto(f"file://{file}#step=96")
    page.reload()
    assert told(page)["step"] == 96 and not told(page)["playing"]
