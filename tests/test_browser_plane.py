"""The plane in Chromium, on a page with nothing else (tests/plane_app.py). Run: pytest tests/test_browser_plane.py"""

import os

import pytest
from browser import ROOT, browser, chromium, open_page, server, settled
from streamlit.testing.v1 import AppTest

from app import state
from app.components import plane
from c2r.store.runs import frame_steps, open_run

NONE_HERE = pytest.mark.skipif(chromium() is None and not os.environ.get("CI"), reason="no Chromium here")
COLOURS = """(canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
  for (let i = 0; i < pixels.length; i += 4 * 97) seen.add(pixels.slice(i, i + 4).join());
  return seen.size;
}"""
WATCHED = """(whole) => {
  window.same = whole.querySelector("canvas");
  window.titles = [];
  const told = () => window.titles.push(whole.querySelector(".title").textContent);
  new MutationObserver(told).observe(whole, { childList: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def chrome():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with server(tmp_path_factory.mktemp("store"), script=ROOT / "tests" / "plane_app.py") as found:
        yield found


def drawn(page):
    settled(page)
    page.locator(".whole[aria-busy=false]").wait_for(timeout=40_000)
    assert not page.locator(".problem").count()


def runs_of_the_script(page):
    return int(page.get_by_test_id("stCaptionContainer").first.inner_text().split()[-1])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.browser
@NONE_HERE
def test_the_plane_is_drawn_and_read_out_without_a_run_of_the_script(chrome, address, dark):
    page, errors = open_page(chrome, f"{address}/?sample=44&attacks=1", dark)
    drawn(page)
    assert page.locator(".title").inner_text().startswith("Image 44 stays class 4 for all 27.7 levels")
    canvas = page.locator("canvas")
    assert "Image 44 at 0.0, 0.0: class 4, margin +" in canvas.get_attribute("aria-label")
    assert canvas.evaluate(COLOURS) > 100
    assert page.locator(".status").inner_text().startswith("101 × 101 points")
    for said in ("Share within [0, 1]", "margin of class 4 is 0", "within ε = 32/255", "leaves [0, 1]", "attacks on"):
        assert said in page.locator(".key").inner_text()
    before = runs_of_the_script(page)
    canvas.hover()
    assert "levels: class" in page.locator(".reading").inner_text()
    canvas.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert page.locator(".reading").inner_text().startswith("At 0.0, 0.0 levels: class 4, leads by")
    page.keyboard.press("ArrowUp")
    assert page.locator(".reading").inner_text().startswith("At 0.0, +")
    page.locator("summary").click()
    assert page.locator("table tr").count() == 1 + 3 + 5 and "PGD-10" in page.locator("table").inner_text()
    assert runs_of_the_script(page) == before and not errors


@pytest.mark.browser
@NONE_HERE
def test_the_picture_stays_until_the_next_one_is_there(chrome, address):
    page, errors = open_page(chrome, f"{address}/?sample=44")
    drawn(page)
    page.locator(".whole").evaluate(WATCHED)
    page.get_by_role("button", name="Another image").click()
    page.locator(".title", has_text="Image 13 ").wait_for(timeout=40_000)
    drawn(page)
    assert page.locator("canvas").evaluate("(canvas) => window.same === canvas")
    assert all(title.startswith(("Image 44 ", "Image 13 ")) for title in page.evaluate("window.titles")) and not errors


@pytest.mark.browser
@NONE_HERE
def test_two_networks_stand_beside_each_other_with_their_agreement_also_on_a_telephone(chrome, address):
    page, errors = open_page(chrome, f"{address}/?sample=44&network=ce&beside_network=ce-crl")
    page.set_viewport_size({"width": 400, "height": 900})
    drawn(page)
    assert page.locator("canvas").count() == 2
    assert "The two networks agree on 9" in page.locator(".agreement").inner_text()
    assert [panel.inner_text().split("\n")[0] for panel in page.locator(".panel").all()] == [
        "Scorer ce: trained with cross-entropy",
        "Scorer ce-crl: trained with cross-entropy and the contrastive loss",
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= 400") and not errors


@pytest.mark.browser
@NONE_HERE
def test_a_refusal_is_shown_as_the_sentence_it_is(chrome, address):
    page, errors = open_page(chrome, f"{address}/?sample=999")
    settled(page)
    page.wait_for_selector(".status.problem")
    assert "has images 0 to 99" in page.locator(".status").inner_text()
    assert page.locator(".title").inner_text() == "No plane can be shown"
    assert [said for said in errors if "422" not in said] == []


def test_the_element_is_told_what_to_ask_and_how_classes_look(monkeypatch):
    monkeypatch.delenv("C2R_SAMPLE", raising=False)
    at = AppTest.from_file(str(ROOT / "tests" / "plane_app.py"), default_timeout=20).run()
    assert not at.exception
    run = open_run(state.sample_path())
    view = state.View(run, step=frame_steps(run.path)[-1])
    assert list(plane.offered(view)) == ["ce", "ce-crl", "seed0", "seed1", "seed2"]
    assert plane.offered(view)["seed2"] == "evaluation network, seed 2"
    asked = plane.wish(view, 3, "seed0", attacks=1)
    assert asked == {
        "run": state.SAMPLE_NAME,
        "step": "240",
        "sample": "3",
        "network": "seed0",
        "attacks": "1",
    }
