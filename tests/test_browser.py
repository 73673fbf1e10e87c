"""The real app in Chromium: start the demo from the page and watch it move, light and dark, console clean.

Run: pytest tests/test_browser.py. Screenshots go to ``screenshots/`` (the README's come from there). Without a browser
the tests fail in CI and are skipped elsewhere.
"""

import os
import re
import time
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from browser import ROOT, browser, chromium, open_page, server, settled
from fake_run import make_run

from c2r.store import runs
from c2r.store.results import read_rows

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium() is None and not os.environ.get("CI"), reason="no Chromium here: apt-get install chromium"
    ),
]
SHOTS = ROOT / "screenshots"
PAGES = ("", "start", "live", "replay", "embeddings", "gallery", "compare")
PATIENCE = 180


@pytest.fixture(scope="module")
def chrome():
    assert chromium(), "expected Chromium on the PATH, found none: apt-get install chromium"
    SHOTS.mkdir(exist_ok=True)
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def address(store):
    with server(store) as found:
        yield found


def shot(page, name):
    """The whole page as a picture: the app scrolls inside the window, so the window is made as high as the page."""
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": 1280, "height": max(900, min(height + 40, 4000))})
    settled(page)
    page.screenshot(path=SHOTS / f"{name}.png")


def text_of(page):
    return page.locator("[data-testid='stMain']").inner_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES, ids=["home", *PAGES[1:]])
def test_every_page_shows_the_recorded_sample_with_a_clean_console(chrome, address, name, dark):
    page, errors = open_page(chrome, f"{address}/{name}", dark)
    settled(page)
    if name in ("live", "embeddings"):
        page.wait_for_selector(".js-plotly-plot")
    shot(page, f"sample-{name or 'home'}-{'dark' if dark else 'light'}")
    assert len(text_of(page)) > 200
    assert page.locator("[data-testid='stException']").count() == 0
    assert errors == []
    page.context.close()


WIDER = """() => [...document.querySelectorAll('[data-testid=stMain] *')]
    .filter((e) => !e.closest('svg, pre') && e.offsetWidth && e.checkVisibility({visibilityProperty: true}))
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => `${e.tagName} ${e.innerText ?? ''}`.slice(0, 60))"""


@pytest.mark.parametrize("name", [*PAGES, "compare?across=Ladder"])
def test_nothing_is_wider_than_a_telephone(chrome, address, name):
    page, errors = open_page(chrome, f"{address}/{name}")
    page.set_viewport_size({"width": 400, "height": 4000})
    settled(page)
    wait_until(lambda: not page.evaluate(WIDER), "everything to fit the window")
    assert errors == []
    page.context.close()


def histogram(page):
    """The bars on screen, as the paths that draw them."""
    return page.eval_on_selector_all(
        ".js-plotly-plot .barlayer path", "paths => paths.map(p => p.getAttribute('d')).join()"
    )


def wait_until(test, what):
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        if found := test():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


def test_a_demo_started_from_the_page_moves_every_picture_and_survives_the_tab(chrome, address, store):
    page, errors = open_page(chrome, f"{address}/start")
    settled(page)
    page.locator("[data-testid='stBaseButton-primary']").get_by_text("Start", exact=True).click()
    page.wait_for_selector(".js-plotly-plot .barlayer path", state="attached")
    first = histogram(page)
    (run,) = runs.list_runs(store)
    assert run.alive
    wait_until(lambda: histogram(page) not in ("", first), "the histogram to change")
    wait_until(lambda: len(runs.frame_steps(run.path)) > 3, "four recorded steps")
    shot(page, "live-running-light")
    assert errors == []
    page.context.close()

    assert runs.open_run(run.path).alive, "closing the tab must not touch the run"
    page, errors = open_page(chrome, f"{address}/live?run={run.id}")
    wait_until(lambda: runs.open_run(run.path).state == "done", "the run to end")
    steps = runs.frame_steps(run.path)
    before, after = (runs.read_frame(run.path, step) for step in (steps[0], steps[-1]))
    assert (before["order"] != after["order"]).any()
    assert (before["images"] != after["images"]).any()
    layout = runs.read_arrays(run.path, "map")
    assert np.abs(layout["umap_adv"][-1] - layout["umap_adv"][0]).max() > 0
    wait_until(lambda: "done" in page.locator("[data-testid='stApp']").inner_text().lower(), "the page to say done")
    assert errors == []
    page.context.close()
    views_differ_between_steps(chrome, address, run.id, steps)

    an_evaluation_is_started_from_the_gallery_and_stopped(chrome, address, run)


def an_evaluation_is_started_from_the_gallery_and_stopped(chrome, address, run):
    """From the page like a run: it appears, says what it does, and Stop ends it; the run's own results stay."""
    page, errors = open_page(chrome, f"{address}/gallery?run={run.id}")
    settled(page)
    page.get_by_text("Evaluate this set again").click()
    settled(page)
    assert press(page, "Start evaluation", lambda: runs.evaluations(run.path)), "no evaluation appeared"
    found = runs.evaluations(run.path)
    wait_until(lambda: runs.open_run(found[0].path).status.get("phase") == "evaluate", "the evaluation to work")
    page.get_by_text("Evaluating:").wait_for()
    settled(page)
    top = page.get_by_role("button", name="Stop evaluation", exact=True).bounding_box()["y"]
    assert 0 < top < page.viewport_size["height"], (
        "progress and its buttons stand where the person who pressed Start looks"
    )
    shot(page, "evaluating-light")
    assert press(page, "Stop evaluation", lambda: not runs.open_run(found[0].path).alive), "the evaluation did not stop"
    assert runs.open_run(found[0].path).state in ("stopped", "done")
    assert read_rows(run.path)
    assert errors == []
    page.context.close()


def views_differ_between_steps(chrome, address, run_id, steps):
    """Map, thumbnails and order on screen are others at the first and the last step."""
    for name, selector in (
        ("embeddings", ".js-plotly-plot"),
        ("gallery", "[data-testid='stImage'] img"),
        ("live", ".js-plotly-plot .barlayer"),
    ):
        seen = []
        for step in (steps[0], steps[-1]):
            page, errors = open_page(chrome, f"{address}/{name}?run={run_id}&step={step}")
            page.wait_for_selector(selector, state="attached")
            shot(page, f"done-{name}-{step}")
            seen.append(page.locator("[data-testid='stMain']").screenshot())
            assert errors == []
            page.context.close()
        assert seen[0] != seen[1], name


MARK = """([number, area]) => {
  const chart = [...document.querySelectorAll(`.st-key-${area} .js-plotly-plot`)].at(-1);
  const holds = trace => trace.meta === "adversarial" && Array.from(trace.customdata).includes(number);
  const trace = chart?._fullData?.find(holds);
  if (!trace) return null;
  chart.scrollIntoView({block: "center", behavior: "instant"});
  const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
  const i = Array.from(trace.customdata).indexOf(number);
  return [box.left + xaxis._offset + xaxis.l2p(trace.x[i]), box.top + yaxis._offset + yaxis.l2p(trace.y[i])];
}"""


def point_at(page, number, area="map-area"):
    """Move the pointer onto the cross of an image on the map; returns what stands beside it, '' for nothing.

    The page may be drawing the map anew at that moment, so that nothing stands there yet: ask again.
    """
    if (place := page.evaluate(MARK, [number, area])) is None:
        return ""
    x, y = place
    page.mouse.move(5, 5)
    page.mouse.move(x + 12, y + 12)
    page.mouse.move(x, y, steps=3)
    page.wait_for_timeout(400)
    tile = page.locator(f".st-key-{area} .tile")
    return tile.inner_text() if tile.is_visible() else ""


def test_the_map_shows_the_picture_under_the_pointer_at_every_step_in_both_appearances_and_by_keyboard(chrome, address):
    page, errors = open_page(chrome, f"{address}/embeddings?run=Sample run (recorded)")
    settled(page)
    page.wait_for_selector(".st-key-map-area .js-plotly-plot")
    first = wait_until(lambda: point_at(page, 42), "the picture of image 42")
    assert first.startswith("#42 · ") and "adversarial (LS-PGD)" in first and "robust margin" in first
    page.screenshot(path=SHOTS / "hover-light.png")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)
    wait_until(lambda: point_at(page, 42) == first, "the same picture in the dark")
    page.locator("[data-testid='stSlider']").filter(has_text="Recorded step").locator("input").first.press("ArrowLeft")
    settled(page)
    wait_until(lambda: point_at(page, 42) not in ("", first), "the picture of another step")
    page.mouse.move(5, 5)
    page.locator(".st-key-map-area .line").press("ArrowRight")
    assert page.locator(".st-key-map-area .tile").is_visible() and page.locator(".st-key-map-area .ring").is_visible()
    assert page.locator(".st-key-map-area .line").get_attribute("aria-valuetext").startswith("#")
    assert errors == []
    page.context.close()


def test_without_the_pictures_the_map_keeps_its_labels(chrome, address):
    page, errors = open_page(chrome, "about:blank")
    page.add_init_script("window.Image = class { constructor() { throw new Error('no pictures here'); } };")
    page.goto(f"{address}/embeddings?run=Sample run (recorded)")
    settled(page)
    page.wait_for_selector(".st-key-map-area .js-plotly-plot")

    def label():
        return point_at(page, 42) == "" and page.locator(".st-key-map-area .hoverlayer").last.text_content()

    wait_until(lambda: "image 42" in (label() or ""), "the label that Plotly draws")
    assert "Error" not in text_of(page) and errors == []
    page.context.close()


def test_a_lasso_lists_all_its_images(chrome, address):
    page, errors = open_page(chrome, f"{address}/embeddings?run=Sample run (recorded)")
    settled(page)
    page.wait_for_selector(".st-key-map-area .js-plotly-plot")
    box = page.locator(".st-key-map-area .js-plotly-plot .nsewdrag").first.bounding_box()
    left, top, right, bottom = box["x"] + 4, box["y"] + 4, box["x"] + box["width"] * 0.6, box["y"] + box["height"] - 4
    page.set_viewport_size({"width": 1280, "height": 1200})
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    page.get_by_text("of 100 images selected").wait_for()
    settled(page)
    shot(page, "lasso-light")
    count = int(re.search(r"(\d+) of 100 images selected", text_of(page)).group(1))
    assert count > 12 and page.locator("[data-testid='stPagination'], nav").count()
    assert errors == []
    page.context.close()


SELECTED = """() => [...document.querySelectorAll("[class*=st-key-map-] .js-plotly-plot")].map(
  chart => (chart._fullData ?? []).reduce((sum, trace) => sum + (trace.selectedpoints?.length ?? 0), 0))"""


@pytest.fixture
def pair(tmp_path):
    """The address of an app whose one run has two scorers."""
    make_run(tmp_path / "pair", scorers="ce,ce-crl")
    with server(tmp_path) as found:
        yield f"{found}/embeddings?run=pair"


def test_two_maps_fit_a_wide_page_stand_below_each_other_on_a_narrow_one_and_share_pictures_and_selection(chrome, pair):
    page, errors = open_page(chrome, pair)
    page.wait_for_selector(".st-key-map-beside-area .js-plotly-plot")
    settled(page)
    own, other = (page.locator(f".st-key-{area} .js-plotly-plot") for area in ("map-area", "map-beside-area"))
    left, right = own.bounding_box(), other.bounding_box()
    assert left["x"] + left["width"] < right["x"] and right["x"] + right["width"] <= 1280
    assert [left[side] for side in ("y", "width", "height")] == [right[side] for side in ("y", "width", "height")]
    for area in ("map-area", "map-beside-area"):
        wait_until(lambda area=area: point_at(page, 7, area).startswith("#7 · "), f"the picture of image 7 on {area}")
    shot(page, "two-maps-light")
    page.goto(f"{pair}&selected=2-5")
    wait_until(lambda: page.evaluate(SELECTED) == [8, 8], "the four images, clean and adversarial, on both maps")
    page.set_viewport_size({"width": 400, "height": 900})
    settled(page)
    assert own.bounding_box()["y"] + 300 < other.bounding_box()["y"] and other.bounding_box()["width"] <= 400
    assert errors == []
    page.context.close()


VISIBLE = """() => [...document.querySelectorAll("[class*=st-key-map-] .js-plotly-plot")].map(
  chart => (chart._fullData ?? []).filter((trace) => trace.meta === "clean" && trace.visible === true).length)"""


def test_a_click_on_a_class_of_the_legend_hides_it_on_both_maps_and_two_show_it_alone(chrome, pair):
    page, errors = open_page(chrome, pair)
    page.wait_for_selector(".st-key-map-beside-area .js-plotly-plot")
    settled(page)
    wait_until(lambda: page.evaluate(VISIBLE) == [4, 4], "the four classes of both maps")
    two, three = (page.get_by_role("button", name=name, exact=True) for name in ("two", "three"))
    two.click()
    wait_until(lambda: page.evaluate(VISIBLE) == [3, 3], "a hidden class on both maps")
    assert two.get_attribute("aria-pressed") == "false"
    for shown in (1, 4):
        three.dblclick()
        wait_until(lambda shown=shown: page.evaluate(VISIBLE) == [shown, shown], f"{shown} classes on both maps")
    assert errors == []
    page.context.close()


def test_frozen_a_click_on_a_bar_leads_to_its_samples(chrome, address):
    page, errors = open_page(chrome, f"{address}/live?run=Sample run (recorded)")
    settled(page)
    page.get_by_text("Freeze").click()
    settled(page)
    bars = page.locator(".js-plotly-plot").first.locator(".barlayer .point path")
    page.locator(".js-plotly-plot").first.scroll_into_view_if_needed()
    boxes = [bars.nth(i).bounding_box() for i in range(bars.count())]
    tallest = max((box for box in boxes if box), key=lambda box: box["height"])
    x, y = tallest["x"] + tallest["width"] / 2, tallest["y"] + tallest["height"] * 0.6
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    page.get_by_text("of 100 images selected").wait_for()
    shot(page, "freeze-light")
    assert "Show on map" in text_of(page)
    assert errors == []
    page.context.close()


def bar(page, name):
    """A button of the playback bar."""
    return page.locator(f".st-key-playback-{name} button").first


def told(page, key):
    """What the address says under `key`."""
    return parse_qs(urlparse(page.url).query).get(key, [""])[0]


def until_told(page, key, text):
    wait_until(lambda: page.wait_for_timeout(50) or told(page, key) == text, f"{key}={text} in {page.url}")
    settled(page)


def test_back_goes_one_view_back_and_a_reload_of_the_newest_step_stays_with_it(chrome, address):
    page, errors = open_page(chrome, f"{address}/live?run=Sample run (recorded)")
    until_told(page, "step", "last")
    for step in ("232", "224"):
        bar(page, "back").click()
        until_told(page, "step", step)
    page.get_by_role("link", name="Gallery").click()
    page.wait_for_url("**/gallery?*step=224*")
    settled(page)
    bar(page, "first").click()
    until_told(page, "step", "0")
    page.go_back()
    until_told(page, "step", "224")
    assert "/gallery" in page.url and "images at step 224" in text_of(page)
    page.go_back()
    page.wait_for_url("**/live?*step=224*")
    for step in ("232", "last"):
        page.go_back()
        until_told(page, "step", step)
    page.reload()
    until_told(page, "step", "last")
    assert errors == []
    page.context.close()


def test_playing_moves_the_steps_without_a_history_and_pause_names_where_it_came_to(chrome, address):
    page, errors = open_page(chrome, f"{address}/gallery?run=Sample run (recorded)&step=0")
    settled(page)
    before = page.evaluate("history.length")
    bar(page, "play").click()
    wait_until(lambda: page.wait_for_timeout(50) or "images at step 16" in text_of(page), "the third step")
    assert told(page, "step") == "0" and page.evaluate("history.length") == before
    bar(page, "pause").click()
    wait_until(lambda: page.wait_for_timeout(50) or told(page, "step") != "0", "the address to name the step")
    settled(page)
    assert f"images at step {told(page, 'step')}" in text_of(page)
    assert errors == []
    page.context.close()


@pytest.mark.parametrize("how", ["Escape", "double click"])
def test_escape_and_a_double_click_on_the_map_clear_a_selection_of_a_link(chrome, address, how):
    page, errors = open_page(chrome, f"{address}/embeddings?run=Sample run (recorded)&step=16&selected=2-5,9")
    page.wait_for_selector(".js-plotly-plot .main-svg", state="attached")
    settled(page)
    assert "5 of 100 images selected" in text_of(page) and told(page, "selected") == "2-5,9"
    page.locator(".js-plotly-plot").first.dblclick() if how == "double click" else page.keyboard.press(how)
    until_told(page, "selected", "")
    assert "images selected" not in text_of(page)
    page.go_back()
    until_told(page, "selected", "2-5,9")
    assert errors == []
    page.context.close()


def test_at_1440_by_900_the_histogram_of_the_live_page_is_whole_and_its_neighbour_as_high(chrome, address):
    page, errors = open_page(chrome, f"{address}/live?run=Sample run (recorded)")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_selector(".js-plotly-plot .barlayer path", state="attached")
    settled(page)
    histogram_box, bands_box = (page.locator(".js-plotly-plot").nth(i).bounding_box() for i in range(2))
    assert histogram_box["y"] + histogram_box["height"] <= 900
    assert (histogram_box["y"], histogram_box["height"]) == (bands_box["y"], bands_box["height"])
    assert page.title() == "Live · Sample run (recorded) · C2R"
    assert errors == []
    page.context.close()


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (768, False)])
def test_the_panel_with_cost_and_start_stands_beside_the_form_where_there_is_room(chrome, address, width, beside):
    page, _ = open_page(chrome, f"{address}/start")
    page.set_viewport_size({"width": width, "height": 900})
    settled(page)
    plain, panel = (page.locator(f".st-key-start-{part}").bounding_box() for part in ("plain", "panel"))
    assert (panel["x"] >= plain["x"] + plain["width"]) == beside
    assert (panel["y"] >= plain["y"] + plain["height"]) == (not beside)
    page.context.close()


def test_the_app_starts_from_any_folder(chrome, store, tmp_path):
    with server(store, folder=tmp_path) as address:
        page, errors = open_page(chrome, address)
        settled(page)
        assert "Start a run" in text_of(page)
        assert errors == []
        page.context.close()


def test_a_run_paused_on_the_page_outlives_browser_and_killed_server_and_is_finished_from_the_next_one(
    chrome, tmp_path
):
    with server(tmp_path, killed=True) as address:
        page, _ = open_page(chrome, f"{address}/start")
        settled(page)
        page.locator("[data-testid='stBaseButton-primary']").get_by_text("Start", exact=True).click()
        page.wait_for_selector(".js-plotly-plot .barlayer path", state="attached")
        (run,) = runs.list_runs(tmp_path)
        asked = press(page, "Pause run", lambda: runs.open_run(run.path).state == "paused")
        assert asked, "the run did not pause"
        page.context.close()
    paused = runs.open_run(run.path)
    assert (paused.state, paused.alive) == ("paused", True)
    with server(tmp_path) as address:
        page, errors = open_page(chrome, f"{address}/live?run={run.id}")
        settled(page)
        assert press(page, "Resume", lambda: runs.open_run(run.path).state != "paused"), "the run did not resume"
        wait_until(lambda: runs.open_run(run.path).state == "done", "the run to end")
        assert read_rows(run.path)
        assert errors == []
        page.context.close()


def press(page, name, test, seconds=60):
    """Click a button once, when it is there; whether what it asks for came true in time."""
    page.get_by_role("button", name=name, exact=True).first.click(timeout=1000 * seconds)
    deadline = time.time() + seconds
    while not test() and time.time() < deadline:
        page.wait_for_timeout(100)
    return bool(test())
