"""The Learn page in Chromium: it plays without a script run, walks through the five tasks, and a link shows the same
view elsewhere. Run: pytest tests/test_browser_learn.py"""

import os
import re
from statistics import median

import pytest
from browser import browser, chromium, open_page, server, settled

from app import teaching

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium() is None and not os.environ.get("CI"), reason="no Chromium here: apt-get install chromium"
    ),
]
RUNS = """
() => {
  window.runs = 0;
  const app = document.querySelector("[data-testid=stApp]");
  const seen = () => { window.runs += app.dataset.testScriptState === "running"; };
  new MutationObserver(seen).observe(app, {attributes: true, attributeFilter: ["data-test-script-state"]});
}
"""
FRAMES = """
() => new Promise((done) => {
  const gaps = [];
  let last = performance.now();
  const tick = (now) => {
    gaps.push(now - last);
    last = now;
    gaps.length < 40 ? requestAnimationFrame(tick) : done(gaps.slice(1));
  };
  requestAnimationFrame(tick);
})
"""


@pytest.fixture(scope="module")
def chrome():
    assert chromium(), "expected Chromium on the PATH, found none: apt-get install chromium"
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with server(tmp_path_factory.mktemp("store")) as found:
        yield f"{found}/learn"


def opened(chrome, address, dark=False):
    page, errors = open_page(chrome, address, dark)
    settled(page)
    page.wait_for_selector("canvas.plane", timeout=90_000)
    page.wait_for_timeout(300)
    return page, errors


def where(page):
    return int(re.search(r"Step (\d+)", page.locator(".where").inner_text())[1])


def picture(page):
    """The pixels of both planes."""
    return page.eval_on_selector_all("canvas.plane", "planes => planes.map(plane => plane.toDataURL()).join()")


def test_it_plays_without_a_script_run_and_says_where_it_rests(chrome, address):
    page, errors = opened(chrome, address)
    before = picture(page)
    page.evaluate(RUNS)
    page.get_by_role("button", name="Play").click()
    gaps = page.evaluate(FRAMES)
    page.wait_for_timeout(2000)
    assert where(page) >= 10 and page.evaluate("window.runs") == 0
    assert median(gaps) < 100
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(1000)
    settled(page)
    step = where(page)
    assert picture(page) != before and f"at={step}.4" in page.url
    linked, _ = opened(chrome, page.url)
    assert where(linked) == step and picture(linked) == picture(page)
    assert errors == []
    page.context.close()
    linked.context.close()


def test_one_phase_after_the_other_by_keyboard(chrome, address):
    page, errors = opened(chrome, address)
    page.locator(".toy").focus()
    page.keyboard.press("Home")
    assert "begin with the same 10 real points" in page.locator(".headline").inner_text()
    lit = []
    for _ in range(6):
        page.keyboard.press("p")
        lit.append(page.locator(".phase.now").inner_text())
    assert lit == ["Attack", "Score", "Order", "Loss", "Update", "Attack"] and where(page) == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert where(page) == 1 and page.locator(".check").first.inner_text().startswith("✓")
    said = r"(CRL on|Both panels): smallest robust margin [+−]\d+\.\d\d logits.* after 1 update \(n = 10\)"
    assert re.fullmatch(said, page.locator(".headline").inner_text())
    page.keyboard.press(" ")
    page.wait_for_timeout(600)
    page.keyboard.press(" ")
    assert where(page) > 1 and errors == []
    page.locator(".data summary").first.click()
    table = page.locator(".data table").first
    assert table.locator("th").all_inner_texts()[2:5] == ["Class", "x₁", "x₂"] and table.locator("td").count() == 80
    margins = [float(cell.replace("−", "-")) for cell in table.locator("td:nth-child(7)").all_inner_texts()]
    assert margins == sorted(margins) and f"step {where(page)}, 10" in table.locator("caption").inner_text()
    page.context.close()


@pytest.mark.parametrize("name", teaching.ORDER)
def test_a_task_is_predicted_and_revealed(chrome, address, name):
    lesson = teaching.lessons()[name]
    page, errors = opened(chrome, f"{address}?task={name}", dark=name == teaching.ORDER[-1])
    assert page.locator(".title").count() == 2 and page.get_by_role("button", name="Reveal").is_disabled()
    page.locator("label").filter(has_text=lesson.choices[lesson.right]).click()
    settled(page)
    page.get_by_role("button", name="Reveal").click()
    settled(page)
    page.get_by_text("As you predicted").wait_for()
    page.locator("[data-testid=stDataFrame]").wait_for(timeout=60_000)
    said = page.locator("[data-testid=stMain]").inner_text()
    assert "does not hold" not in said and f"task={name}" in page.url
    assert errors == []
    page.context.close()


def test_a_narrow_screen_shows_everything_below_each_other(chrome, address):
    page, errors = opened(chrome, f"{address}?teach=1")
    page.set_viewport_size({"width": 400, "height": 900})
    settled(page)
    edges = page.eval_on_selector_all("canvas", "all => all.map(one => one.getBoundingClientRect().right)")
    assert len(edges) == 4 and max(edges) <= 400 and errors == []
    assert page.locator(".toy.large").count() == 1
    page.context.close()


def test_points_are_placed_by_clicking_and_the_link_shows_them_elsewhere(chrome, address):
    page, errors = open_page(chrome, f"{address}?toy-data=given&toy-per_class=3")
    settled(page)
    square = page.locator(".place canvas")
    square.wait_for()
    for i in range(4):
        square.click(position={"x": 100 + 30 * i, "y": 100})
    page.keyboard.press("Tab")
    page.locator(".kind").first.focus()
    page.keyboard.press("2")
    for i in range(3):
        square.click(position={"x": 100 + 30 * i, "y": 300})
    square.click(position={"x": 101, "y": 101})  # the first one goes
    assert [button.inner_text()[-1] for button in page.locator(".kind").all()] == ["3", "3", "0"]
    page.locator(".panels canvas").first.wait_for(timeout=90_000)
    settled(page)
    assert (
        page.locator(".place .said").inner_text().startswith("6 points")
        and len(re.findall("[ab]", asked(page.url))) == 6
    )
    linked, _ = opened(chrome, page.url)
    assert asked(linked.url) == asked(page.url) and linked.locator(".panels canvas").count() == 4
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("Place 3 more of class 1").wait_for()
    page.get_by_role("button", name="Scatter ten").click()
    page.wait_for_timeout(1200)
    settled(page)
    assert len(re.findall("b", asked(page.url))) == 10 and errors == []
    page.context.close()
    linked.context.close()


def test_a_word_on_another_page_opens_the_glossary_at_it(chrome, address):
    page, errors = open_page(chrome, address.replace("learn", "live"))
    settled(page)
    page.locator("a[href^='learn?term=ls-pgd'] >> visible=true").first.click()
    page.wait_for_selector("canvas.plane", timeout=90_000)
    settled(page)
    page.wait_for_timeout(1000)
    assert "learn?term=ls-pgd" in page.url and len(page.context.pages) == 1
    for shown in (page, opened(chrome, f"{address}?term=ls-pgd")[0]):
        shown.wait_for_timeout(1000)
        place = shown.locator("[id='ls-pgd']").bounding_box()
        assert 0 < place["y"] < 900 and errors == []
        shown.context.close()


def asked(url):
    """The placed points of an address."""
    return (re.search("toy-given=([^&]*)", url) or ["", ""])[1]
