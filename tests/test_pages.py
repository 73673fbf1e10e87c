"""Every page with every kind of run store: no exception, the text a person needs, and links that select or fall back."""

from pathlib import Path

import pytest
from fake_run import break_run, make_run
from streamlit.testing.v1 import AppTest

MAIN = Path(__file__).resolve().parents[1] / "app" / "main.py"
PAGES = ("home", "start", "live", "embeddings", "gallery")
TITLES = {
    "home": "C2R: watch a robust data set form", "start": "Start a run", "live": "Live: margins and curriculum",
    "embeddings": "Embeddings", "gallery": "Gallery",
}  # fmt: skip


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty run store without a sample run; both places are `tmp_path`'s."""
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample_run"))
    return tmp_path / "runs"


def open_page(page: str, /, **query: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    for key, value in query.items():
        app.query_params[key] = value
    if page == "home":
        return app.run()
    app.run()
    return app.switch_page(f"../pages/{page}.py").run()


def text(app: AppTest) -> str:
    """All words on the page, one per line."""
    kinds = (app.title, app.markdown, app.caption, app.info, app.warning, app.error, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def check(app: AppTest, page: str) -> None:
    assert not app.exception, [entry.message for entry in app.exception]
    assert app.title[0].value == TITLES[page]


@pytest.mark.parametrize("page", PAGES)
def test_without_any_run_every_page_says_what_to_do(store, page):  # noqa: ARG001
    app = open_page(page)
    check(app, page)
    labels = [button.label for button in app.button]
    assert "Start a run" in labels or "Start" in labels
    if page != "start":
        assert "There is no run yet, and the recorded sample run is missing" in text(app)


@pytest.mark.parametrize("page", PAGES)
def test_with_the_sample_run_alone_it_is_preselected(store, page):
    make_run(store.parent / "sample_run", n=24, classes=3, steps=3)
    app = open_page(page)
    check(app, page)
    assert app.selectbox(key="run").value == "Sample run (recorded)"
    assert "Finished" in text(app)


def test_a_done_run_fills_the_live_page(store):
    make_run(store / "one")
    app = open_page("live")
    check(app, "live")
    assert [metric.label for metric in app.metric] == ["Median robust margin", "Share robust", "Share clean", "Loss"]
    assert len(app.get("plotly_chart")) == 5
    assert "LS-PGD at this step: 24 warm starts reused as they were" in text(app)
    assert app.dataframe[0].value["Moved"].abs().is_monotonic_decreasing


def test_the_live_figures_belong_to_the_chosen_step(store):
    make_run(store / "one", steps=7)
    first, last = open_page("live", step="0"), open_page("live")
    assert first.metric[3].value == "–" and last.metric[3].value == "5.70"
    assert float(first.metric[0].value) < float(last.metric[0].value)


def test_the_home_table_lists_every_run_with_its_figures(store):
    make_run(store / "one")
    make_run(store / "two", state="failed", evaluated=False)
    make_run(store.parent / "sample_run", n=24, classes=3, steps=2)
    table = open_page("home").dataframe[0].value.set_index("Run")
    assert set(table.index) == {"one", "two", "Sample run (recorded)"}
    assert table.loc["one", "State"] == "done" and table.loc["one", "Clean"] == pytest.approx(87.0)
    assert table.loc["one", "Worst attack"] == pytest.approx(67.0)
    assert table.loc["two", "State"] == "failed" and table.loc["two", "Note"].startswith("The disk is full")


def test_the_embedding_page_offers_umap_and_pca_and_the_separation_figures(store):
    make_run(store / "one")
    app = open_page("embeddings")
    check(app, "embeddings")
    assert next(c for c in app.get("segmented_control") if c.label == "Map").options == ["UMAP", "PCA"]
    assert len(app.get("plotly_chart")) == 4
    assert "must not be read as such" in text(app)


def test_without_a_umap_the_embedding_page_draws_pca_and_offers_to_compute(store):
    make_run(store / "one", mapped=False)
    app = open_page("embeddings")
    check(app, "embeddings")
    assert next(c for c in app.get("segmented_control") if c.label == "Map").options == ["PCA"]
    assert not app.button(key="start-map").disabled


def test_the_gallery_pages_its_tiles(store):
    make_run(store / "one", n=40)
    app = open_page("gallery")
    check(app, "gallery")
    assert sum(button.label == "Details" for button in app.button) == 24
    assert "40 of 40 images at step 60" in text(app) and "share of the evaluation networks" in text(app)
    second = open_page("gallery", page="2")
    assert sum(button.label == "Details" for button in second.button) == 16


def test_the_gallery_before_the_evaluation_says_so_and_offers_it(store):
    make_run(store / "one", evaluated=False)
    app = open_page("gallery")
    check(app, "gallery")
    assert "No per-attack figures yet" in text(app)
    assert not app.button(key="start-evaluate").disabled


def test_a_link_opens_the_details_of_one_image(store):
    make_run(store / "one", n=40, classes=4)
    app = open_page("gallery", sample="12")
    check(app, "gallery")
    assert "Under attack" in text(app)
    assert any(metric.label == "Robust margin" for metric in app.metric)
    details = next(table.value for table in app.dataframe if "Networks (n)" in table.value)
    assert details["Attack"].tolist() == ["Clean", "FGSM", "PGD"] and set(details["Networks (n)"]) == {3}


def test_closing_the_details_is_remembered(store):
    make_run(store / "one", n=40)
    app = open_page("gallery")
    app.button(key="tile-3").click().run()
    assert app.number_input(key="sample").value == 3
    app.number_input(key="sample").set_value(None).run()
    assert "Under attack" not in text(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_running_run_without_frames_shows_what_it_is_doing(store, page):
    make_run(store / "young", state="running", steps=0, evaluated=False, mapped=False)
    app = open_page(page)
    check(app, page)
    assert "Training the pool" in text(app)
    if page == "live":
        assert "pool: network 2 of 6 trained" in app.code[0].value
        assert [b.label for b in app.button if str(b.key).startswith("run-")] == ["Pause", "Step", "Stop"]


def test_a_paused_run_offers_resume(store):
    make_run(store / "resting", state="paused", evaluated=False, mapped=False)
    labels = [button.label for button in open_page("live").button]
    assert "Resume" in labels and "Pause" not in labels


@pytest.mark.parametrize(
    ("state", "sentence"), [("failed", "The disk is full"), ("lost", "Its process is gone"), ("stopped", "stopped on request")]
)
def test_a_run_that_ended_badly_says_why_and_keeps_its_figures(store, state, sentence):
    make_run(store / "over", state=state, evaluated=False, mapped=False)
    app = open_page("live")
    check(app, "live")
    assert sentence in text(app)
    assert len(app.get("plotly_chart")) == 4
    assert not [button for button in app.button if str(button.key).startswith("run-")]


UNREADABLE = ("no status", "torn status", "unknown state", "no config", "unknown setting", "torn manifest")


@pytest.mark.parametrize("how", UNREADABLE)
def test_an_unreadable_run_is_listed_as_damaged_and_opens_with_one_sentence(store, how):
    make_run(store / "hurt", n=24, classes=3, steps=2)
    break_run(store / "hurt", how)
    home = open_page("home")
    check(home, "home")
    assert home.dataframe[0].value["State"].tolist() == ["damaged"]
    assert "Run hurt is damaged." in home.dataframe[0].value["Note"][0]
    live = open_page("live")
    check(live, "live")
    assert [error.value for error in live.error][0].startswith("Run hurt is damaged.")


PARTLY = {
    "no manifest": {},
    "torn events": {"live": "has no readable events.jsonl"},
    "no events": {"live": "has no readable events.jsonl"},
    "truncated frame": {"live": "is damaged", "embeddings": "is damaged", "gallery": "is damaged"},
    "no frames": {"live": "has no frames/000010", "embeddings": "has no frames/000010", "gallery": "has no frames/000010"},
    "truncated map": {"embeddings": "map.safetensors of run hurt is damaged"},
    "no basis": {},
    "torn rows": {},
    "truncated outcomes": {"gallery": "outcomes.safetensors of run hurt is damaged"},
}


@pytest.mark.parametrize("how", PARTLY)
def test_a_partly_damaged_run_shows_the_rest(store, how):
    make_run(store / "hurt", n=24, classes=3, steps=2)
    break_run(store / "hurt", how)
    for page in ("live", "embeddings", "gallery"):
        app = open_page(page)
        check(app, page)
        said = "\n".join(error.value.replace("\\", "") for error in app.error)
        assert PARTLY[how].get(page, "") in said
        assert bool(said) == (page in PARTLY[how]), said


def test_a_link_selects_run_step_attack_and_class(store):
    make_run(store / "one")
    make_run(store / "two", n=40, classes=4, steps=4)
    app = open_page("gallery", run="two", step="20", attack="FGSM", **{"class": "three"})
    check(app, "gallery")
    assert app.selectbox(key="run").value == "two"
    assert "10 of 40 images at step 20" in text(app)
    assert "FGSM" in text(app) and "The link asks" not in text(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_bad_link_falls_back_with_a_plain_note(store, page):
    make_run(store / "one", n=24, classes=3, steps=3)
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    for key, value in {"run": "../../etc", "step": "17", "attack": "tickle", "class": "dragon"}.items():
        app.query_params[key] = value
    app.run()
    notes = text(app)
    assert "The link asks for run '../../etc', which is not here: showing one." in notes
    assert "recorded step '17'" in notes and "attack 'tickle'" in notes and "class 'dragon'" in notes
    app.switch_page(f"../pages/{page}.py").run()
    check(app, page)
    assert app.selectbox(key="run").value == "one"


def test_freezing_makes_ranks_selectable_and_the_selection_follows_to_the_gallery(store):
    make_run(store / "one", n=40)
    app = open_page("live")
    app.toggle(key="freeze").set_value(True).run()
    check(app, "live")
    app.slider(key="ranks").set_value((2, 5)).run()
    assert "4 of 40 images selected" in text(app) and "ranks 2 to 5 at step 60" in text(app)
    assert app.button(key="clear_selection").label == "4 selected: clear"
    app.switch_page("../pages/gallery.py").run()
    check(app, "gallery")
    assert "4 of 40 images at step 60" in text(app)
    assert app.toggle(key="follow").value is False
    app.button(key="clear_selection").click().run()
    assert "40 of 40 images at step 60" in text(app)


def test_the_step_slider_stops_following_and_the_toggle_follows_again(store):
    make_run(store / "one", steps=7)
    app = open_page("gallery")
    app.select_slider(key="step").set_value(20).run()
    assert app.toggle(key="follow").value is False and "images at step 20" in text(app)
    app.toggle(key="follow").set_value(True).run()
    assert "images at step 60" in text(app)


def test_choosing_another_run_starts_at_its_newest_step(store):
    make_run(store / "one", steps=7)
    make_run(store / "two", steps=4)
    app = open_page("gallery", run="one", step="20")
    app.selectbox(key="run").set_value("two").run()
    check(app, "gallery")
    assert "images at step 30" in text(app)


def test_the_start_form_names_what_is_wrong_and_blocks_start(store):  # noqa: ARG001
    app = open_page("start")
    eps = next(field for field in app.text_input if field.label.startswith("eps"))
    eps.set_value("lots").run()
    check(app, "start")
    assert app.button(key="start").disabled
    assert "Setting 'eps' expects a radius such as 2/255" in text(app)


def test_the_start_form_changes_the_command(store):  # noqa: ARG001
    app = open_page("start")
    assert not app.button(key="start").disabled
    ipc = next(field for field in app.number_input if field.label.startswith("ipc"))
    ipc.set_value(3).run()
    assert "--set ipc=3" in app.code[0].value


def test_a_settings_file_becomes_the_form(store):  # noqa: ARG001
    app = open_page("start")
    app.file_uploader(key="load-json").upload("config.json", b'{"ipc": 7, "eps": "5/255"}').run()
    check(app, "start")
    assert next(field for field in app.number_input if field.label.startswith("ipc")).value == 7
    assert next(field for field in app.text_input if field.label.startswith("eps")).value == "5/255"


def test_a_wrong_settings_file_is_refused_with_a_sentence(store):  # noqa: ARG001
    app = open_page("start")
    app.file_uploader(key="load-json").upload("config.json", b'{"colour": "red"}').run()
    check(app, "start")
    assert "Unknown setting 'colour'" in text(app)


def test_class_names_are_text_and_never_markup(store):
    run = make_run(store / "one", n=24, classes=3, steps=2)
    manifest = run / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"zero"', '"**bold** <b>:red[x]"'))
    app = open_page("gallery")
    check(app, "gallery")
    assert r"**\*\*bold\*\* \<b\>\:red\[x\]**" in text(app)
