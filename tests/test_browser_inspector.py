"""From a bar to the boundary and back by link, in Chromium: select, inspect, send. Run: pytest
tests/test_browser_inspector.py"""

import os
import re
from urllib.parse import parse_qs, urlparse

import pytest
from browser import browser, chromium, open_page, server, settled

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None and not os.environ.get("CI"), reason="no Chromium here"),
]
RUN = "run=Sample run (recorded)"
DRAWN = ".st-key-inspector .whole[aria-busy=false]"


@pytest.fixture(scope="module")
def chrome():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with server(tmp_path_factory.mktemp("store")) as found:
        yield found


def drawn(page):
    """The plane is there, without a problem; what it says."""
    settled(page)
    page.locator(DRAWN).wait_for(timeout=60_000)
    assert not page.locator(".st-key-inspector .problem").count()
    return page.locator(".st-key-inspector .title").first.inner_text(), page.locator(".name").first.inner_text()


def head(page):
    """Which image of which step the inspector is about."""
    return page.locator(".st-key-inspector p").first.inner_text()


def choose(page, label, option):
    page.get_by_label(label, exact=True).last.click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_a_bar_leads_to_its_boundary_and_the_link_of_it_to_the_same_view_in_a_fresh_browser(chrome, address):
    page, errors = open_page(chrome, f"{address}/live?{RUN}&step=120")
    page.set_viewport_size({"width": 1280, "height": 1400})
    settled(page)
    page.get_by_text("Freeze").click()
    settled(page)
    bars = page.locator(".js-plotly-plot").first.locator(".barlayer .point path")
    boxes = [box for i in range(bars.count()) if (box := bars.nth(i).bounding_box())]
    tallest = max(boxes, key=lambda box: box["height"])
    x, y = tallest["x"] + tallest["width"] / 2, tallest["y"] + tallest["height"] * 0.6
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    page.get_by_text("of 100 images selected").wait_for()
    settled(page)
    thumbnail = page.locator("[class*=st-key-open-] button").first
    number = thumbnail.inner_text()
    thumbnail.click()
    settled(page)
    assert head(page).startswith(f"{number} · ") and head(page).endswith("step 120")
    drawn(page)
    choose(page, "Network", "seed2")
    title, network = drawn(page)
    assert title.startswith(f"Image {number[1:]} ") and network == "Evaluation network, seed 2"
    page.locator(".st-key-playback-last button").first.click()
    page.locator(".st-key-inspector p", has_text="step 240").first.wait_for()
    title, _ = drawn(page)
    assert page.get_by_text("the plane stays that of step 120").is_visible()
    page.get_by_role("button", name="Copy link").click()
    page.wait_for_function("document.querySelector('.copy')?.dataset.link || true")
    link = page.locator(".copy").get_attribute("data-link")
    asked = {key: values[0] for key, values in parse_qs(urlparse(link).query).items()}
    assert (asked["sample"], asked["step"], asked["network"], asked["held"]) == (number[1:], "240", "seed2", "120")
    fresh, others = open_page(chrome, link)
    assert (drawn(fresh), head(fresh)) == ((title, network), head(page))
    assert fresh.get_by_text("the plane stays that of step 120").is_visible()
    assert errors == others == []
    fresh.context.close()
    page.context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_attacks_on_request_are_drawn_with_what_they_found_and_follow_the_image(chrome, address, dark):
    page, errors = open_page(chrome, f"{address}/gallery?{RUN}&sample=44&network=ce", dark)
    drawn(page)
    page.get_by_role("button", name="Attack it now").click()
    found = page.locator(".found:not([hidden])")
    found.wait_for(timeout=60_000)
    assert re.match(r"PGD-10 breaks image 44 from [\d.]+/255 on, beyond ε of the run", found.inner_text())
    assert found.locator("svg").count() == 2 and "margin (logits)" in found.locator("svg").first.get_attribute(
        "aria-label"
    )
    assert "LS-PGD reaches a loss of" in found.inner_text() and "recorded at step 232" in found.inner_text()
    page.get_by_role("button", name="Next", exact=True).click()
    settled(page)
    number = head(page).split(" ")[0][1:]
    page.locator(".found .title", has_text=re.compile(f"mage {number} ")).wait_for(timeout=60_000)
    assert number != "44" and errors == []
    page.context.close()


def test_on_a_telephone_the_inspector_comes_first_and_fits_and_beside_a_long_gallery_it_stays_in_sight(chrome, address):
    page, errors = open_page(chrome, f"{address}/gallery?{RUN}&sample=44")
    drawn(page)
    page.locator("[data-testid=stMain]").evaluate("(main) => main.scrollTo(0, 1200)")
    page.wait_for_timeout(300)
    box = page.locator(".st-key-inspector").bounding_box()
    assert 0 <= box["y"] < 120 and box["y"] + box["height"] <= 900
    page.set_viewport_size({"width": 400, "height": 900})
    settled(page)
    inspector, tile = (page.locator(f".st-key-{key}").bounding_box() for key in ("inspector", "tile-84"))
    assert inspector["y"] + inspector["height"] <= tile["y"] and inspector["width"] <= 400
    assert page.evaluate("document.documentElement.scrollWidth <= 400") and errors == []
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator(".st-key-inspector").wait_for(state="detached")
    assert "sample" not in parse_qs(urlparse(page.url).query)
    page.context.close()
