"""Gallery and Embeddings: what stands where, and what every picture and figure says about itself."""

import base64
import json
import re
from io import BytesIO

import numpy as np
import pytest
from fake_run import make_evaluation, make_run
from PIL import Image
from test_pages import check, finished, open_page, store, text

from app import pictures, views
from app.components import evaluation, samples
from c2r.base.errors import InputError
from c2r.store.runs import read_frame

__all__ = ["store"]
EVALUATION = "20261120-0937-12-pixel-2-255-pgd-at"


def in_order(app):
    """Everything of the page as its type and key or text, from top to bottom."""
    return [f"{getattr(element, 'key', None)} {getattr(element, 'value', '')}" for element in app.main]


def place(app, wanted):
    return next(i for i, said in enumerate(in_order(app)) if wanted in said)


def alts(app):
    """What every picture shows, in words."""
    return "\n".join(one.alt for picture in app.get("image") for one in picture.proto.imgs)


def test_the_progress_of_an_evaluation_stands_where_its_form_was_also_in_a_fresh_tab(store):
    run = make_run(store / "one", n=24, classes=3, steps=3)
    before = open_page("gallery")
    assert place(before, "The whole set") < place(before, "start-evaluation")
    make_evaluation(run, EVALUATION, state="running", protocol="pixel-2/255")
    app = open_page("gallery")
    check(app, "gallery")
    assert (
        place(app, "The whole set")
        < place(app, "Evaluations of this set")
        < place(app, "**Evaluating:")
        < place(app, "evaluation-stop")
    )
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


@pytest.mark.parametrize(("page", "query"), [("gallery", {"sample": "2"}), ("embeddings", {})])
@pytest.mark.parametrize(("method", "attack", "partition"), [("c2r", "LS-PGD", 1), ("c2r-pgd", "PGD-10", 2)])
def test_margins_and_adversarial_pictures_say_what_made_them(store, page, query, method, attack, partition):
    make_run(store / "one", n=12, classes=3, steps=2, method=method, pool_steps=77, partition=partition)
    said = text(open_page(page, **query))
    assert f"found by {attack} on the scorer of this run: convnet" in said and "77 steps at ε = 32/255, seed 0." in said
    assert not re.search(r"\w\.[A-Z]", said), "a sentence ends with a space before the next one"
    assert ("LS-PGD" in said) == (attack == "LS-PGD")
    parts = "each of the 2 × 2 parts is attacked as the networks see it; shown at the stored resolution"
    assert (parts in said) == (partition == 2)


def test_pictures_of_a_run_of_before_say_that_stored_pixels_were_attacked(store):
    run = make_run(store / "one", n=12, classes=3, steps=2, partition=2)
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["attacked"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert "an earlier version attacked the stored pixels, not the 2 × 2 parts" in text(
        open_page("gallery", sample="2")
    )


def test_tiles_carry_their_number_and_details_lead_to_the_neighbours_in_the_order_of_the_page(store):
    make_run(store / "one", n=24, classes=3, steps=3)
    app = open_page("gallery", sort="Robust margin, smallest first")
    order = [int(button.key.removeprefix("tile-")) for button in app.button if str(button.key).startswith("tile-")]
    assert all(f"**#{number} " in text(app) for number in order)
    app.button(key=f"tile-{order[3]}").click().run()
    assert "4 of 24 in the order of the page" in text(app)
    app.button(key="details-next").click().run()
    assert app.number_input(key="sample").value == order[4] and f"Clean, image {order[4]} of class" in alts(app)
    app.button(key="details-previous").click().run().button(key="details-previous").click().run()
    assert app.number_input(key="sample").value == order[2]
    app.number_input(key="sample").set_value(order[0]).run()
    assert app.button(key="details-previous").disabled and not app.button(key="details-next").disabled


@pytest.mark.parametrize(
    ("ids", "sample", "found"),
    [([4, 9, 2], 9, (4, 2)), ([4, 9, 2], 4, (None, 9)), ([4, 9, 2], 2, (9, None)), ([4, 9], 7, (None, None))],
)
def test_neighbours_are_those_of_the_list_and_an_image_outside_it_has_none(ids, sample, found):
    assert views.neighbours(ids, sample) == found


def selected(page, ids, **query):
    """The page with the images `ids` of run one selected."""
    app = open_page(page, **query)
    app.session_state["selection"] = {"run": "one", "ids": ids, "why": "the UMAP map at step 20"}
    return app.run()


def test_a_selection_lists_all_its_images_paged_with_their_numbers(store):
    make_run(store / "one", n=40, steps=3)
    app = selected("embeddings", list(range(5, 35)))
    check(app, "embeddings")
    assert "**30 of 40 images selected**" in text(app)
    pages = []
    for page in (1, 2, 3):
        app.get("pagination")[0].set_value(page).run() if page > 1 else None
        pages.append([button.label for button in app.button if str(button.key).startswith("open-")])
    assert [len(found) for found in pages] == [12, 12, 6]
    assert sum(pages, []) == [f"#{i}" for i in range(5, 35)]
    assert app.dataframe[0].value["Sample"].tolist() == list(range(5, 35))
    app.session_state["selection"] = {"run": "one", "ids": list(range(20)), "why": "a smaller one"}
    app.run()
    check(app, "embeddings")
    shown = {button.key for button in app.button}
    assert "open-0" in shown and "open-12" not in shown, "another selection begins at its first page"


def test_a_selection_of_one_is_shown_as_small_as_one_of_many(store, monkeypatch):
    make_run(store / "one", n=40, steps=3)
    widths = []
    monkeypatch.setattr("app.components.samples.images.show", lambda *_, width="stretch", **__: widths.append(width))
    selected("embeddings", [7])
    assert 0 < widths[-1] <= samples.TILE < 100


def cut(sheet, i):
    """Picture `i` of a sheet, as a browser cuts it out."""
    whole, (row, column) = np.asarray(Image.open(BytesIO(sheet.content))), divmod(i, sheet.columns)
    top, left = row * sheet.cell, column * sheet.cell
    return whole[top : top + sheet.side, left : left + sheet.side]


def test_a_sheet_of_few_pictures_holds_their_very_pixels_and_one_of_a_thousand_twins_is_below_700_kb():
    few = np.random.default_rng(0).integers(0, 256, (7, 3, 9, 9), dtype=np.uint8)
    sheet = pictures.sheet(few)
    assert (sheet.jpeg, sheet.side) == (False, 9)
    assert all(np.array_equal(cut(sheet, i), np.moveaxis(few[i], 0, -1)) for i in range(7))
    smooth = np.kron(
        np.random.default_rng(1).integers(0, 256, (2000, 3, 4, 4), dtype=np.uint8), np.ones((8, 8), np.uint8)
    )
    noisy = np.clip(smooth + np.random.default_rng(2).normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
    sheet = pictures.sheet(noisy)
    assert len(sheet.content) < 700_000 and sheet.side == 32 and sheet.cell % 16 == 0
    for i in (0, 44, 45, 1999):
        assert np.abs(cut(sheet, i).astype(int) - np.moveaxis(smooth[i], 0, -1)).mean() < 20


def test_large_pictures_are_made_smaller_until_their_sheet_is_small():
    sheet = pictures.sheet(np.full((400, 3, 224, 224), 90, np.uint8))
    assert sheet.side == 56 and len(sheet.content) < 100_000 and abs(int(cut(sheet, 399).mean()) - 90) < 2


def map_of(app):
    """The figure of the map; what travels as bytes becomes lists."""
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    for trace in figure["data"]:
        found = trace.get("customdata")
        if isinstance(found, dict):
            trace["customdata"] = np.frombuffer(base64.b64decode(found["bdata"]), found["dtype"]).tolist()
    return figure


def broken(*_):
    raise InputError("Frame 10 of run one is damaged: choose another step.")


def shown_beside(app):
    (component,) = pictures_beside(app)
    return json.loads(component.proto.json)


def pictures_beside(app):
    """The component that shows pictures beside the pointer; the page's listener is another one."""
    return [one for one in app.get("bidi_component") if one.key != "listener"]


def test_every_image_on_the_map_has_its_picture_and_figures_beside_the_pointer(store):
    run = make_run(store / "one", n=40, steps=3, method="c2r-pgd")
    app = open_page("embeddings", step="10")
    shown, frame = shown_beside(app), read_frame(run, 10)
    assert shown["numbers"] == frame["order"].tolist() and shown["area"] == ".st-key-map-area"
    i = shown["numbers"].index(7)
    assert shown["names"][shown["classes"][i]] == "zero" and shown["attack"] == "PGD-10"
    assert shown["robust"][i] == f"{frame['margin_adv'][7]:+.2f}".replace("-", "−")
    content = base64.b64decode(shown["sheet"].removeprefix("data:image/png;base64,"))
    sheet = pictures.Sheet(content, jpeg=False, side=shown["side"], cell=shown["cell"], columns=shown["columns"])
    assert np.array_equal(cut(sheet, 2 * i)[..., 0], frame["images"][7, 0])
    assert np.array_equal(
        cut(sheet, 2 * i + 1)[..., 0], pictures.adversarial_twin(frame["images"], frame["delta"])[7, 0]
    )
    assert "compressed" not in text(app) and "Beside the pointer" not in text(app)
    named = {number for trace in map_of(app)["data"] if trace.get("meta") for number in trace["customdata"]}
    assert named == set(shown["numbers"])


def test_compressed_pictures_and_those_left_out_are_said(store, monkeypatch):
    make_run(store / "one", n=200, steps=2, shape=(3, 32, 32), evaluated=False, mapped=False)
    monkeypatch.setattr("app.components.hover.MOST", 150)
    app = open_page("embeddings")
    assert shown_beside(app)["sheet"].startswith("data:image/jpeg") and len(shown_beside(app)["numbers"]) == 150
    assert "Beside the pointer are pictures of the 150 hardest of 200 images. They are compressed" in text(app)


def test_pictures_that_cannot_be_read_leave_the_map_with_its_labels(store, monkeypatch):
    make_run(store / "one", n=12, classes=3, steps=2)
    monkeypatch.setattr("app.components.hover.frames.rows", broken)
    app = open_page("embeddings")
    check(app, "embeddings")
    assert not pictures_beside(app) and map_of(app)["data"][0]["hovertemplate"].startswith("image %{customdata}")


def test_figures_of_another_step_are_called_so_beside_every_picture(store):
    make_run(store / "one", n=12, classes=3, steps=3)
    late = "Per-attack figures are of the images of step 20, not of this one."
    for page, query in (("gallery", {"sample": "2"}), ("embeddings", {"selected": "1-3"})):
        assert late in text(open_page(page, step="10", **query)) and late not in text(
            open_page(page, step="20", **query)
        )


def test_a_link_to_images_that_are_not_there_selects_none(store):
    make_run(store / "one", n=12, classes=3, steps=2)
    app = open_page("embeddings", selected="999999")
    assert (
        "selected: clear" not in " ".join(button.label for button in app.button) and "selected" not in app.query_params
    )
