"""Every page with every kind of run store: no exception, the text a person needs, and links that select or fall
back."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_run import break_run, make_evaluation, make_run
from streamlit.testing.v1 import AppTest

from app import cache, charts, jobs, state
from c2r.base.errors import InputError
from c2r.store import describing
from c2r.store.files import save_arrays
from c2r.store.runs import frame_steps, read_arrays, read_frame

MAIN = Path(__file__).resolve().parents[1] / "app" / "script.py"
PAGES = ("home", "start", "live", "replay", "embeddings", "gallery", "compare")
TITLES = {
    "home": "C2R: watch a robust data set form",
    "start": "Start a run",
    "live": "Live: margins and curriculum",
    "replay": "Replay",
    "embeddings": "Embeddings",
    "gallery": "Gallery",
    "compare": "Compare",
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty run store without a sample run; both places are `tmp_path`'s."""
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample_run"))
    return tmp_path / "runs"


def open_page(page: str, /, **query: str) -> AppTest:
    """What a link to the page shows: no other page was open before."""
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run() if page == "home" else app.switch_page(f"../pages/{page}.py").run()


def text(app: AppTest) -> str:
    """All words on the page, one per line; links to the glossary as the words they are."""
    kinds = (app.title, app.markdown, app.caption, app.info, app.warning, app.error, app.subheader)
    said = "\n".join(str(element.value) for kind in kinds for element in kind)
    return re.sub(r"\[([^]]*)\]\(learn\?term=[^)]*\)", r"\1", said)


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
    assert len(app.get("plotly_chart")) == 6 and "of what moves the images" in text(app)
    assert "LS-PGD reused the start of 24 as it was" in text(app)
    assert app.dataframe[0].value["Moved"].abs().is_monotonic_decreasing


def test_the_live_figures_belong_to_the_chosen_step(store):
    make_run(store / "one", steps=7)
    first, last = open_page("live", step="0"), open_page("live")
    assert first.metric[3].value == "–" and last.metric[3].value == "5.50"
    assert float(first.metric[0].value.removesuffix(" logits")) < float(last.metric[0].value.removesuffix(" logits"))


def test_the_home_table_lists_every_run_with_its_figures(store):
    make_run(store / "one")
    make_run(store / "two", state="failed", evaluated=False)
    make_run(store.parent / "sample_run", n=24, classes=3, steps=2)
    table = open_page("home").dataframe[0].value.set_index("Folder")
    assert (
        set(table.index) == {"one", "two", "sample_run"} and table.loc["sample_run", "Run"] == "Sample run (recorded)"
    )
    assert table.loc["one", "State"] == "done" and table.loc["one", "Clean"] == pytest.approx(87.0)
    assert table.loc["one", "Worst attack"] == pytest.approx(67.0)
    assert table.loc["two", "State"] == "failed" and table.loc["two", "Note"].startswith("The disk is full")


def test_the_embedding_page_offers_umap_and_pca_and_the_separation_figures(store):
    make_run(store / "one", scorers="ce")
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
    assert "40 of 40 images at step 60" in text(
        app
    ) and "share of evaluation networks (seeds) that still classify every part" in text(app)
    second = open_page("gallery", page="2")
    assert sum(button.label == "Details" for button in second.button) == 16


def finished(path: Path, **changes) -> Path:
    """A run that has ended with its set and without an evaluation."""
    run = make_run(path, evaluated=False, **changes)
    arrays = read_frame(run, frame_steps(run)[-1], ("images", "labels"))
    save_arrays(run, "synthetic", dict(arrays))
    return run


def test_the_gallery_before_the_evaluation_says_so_and_offers_it(store):
    finished(store / "one")
    app = open_page("gallery")
    check(app, "gallery")
    assert "No per-attack figures yet" in text(app) and "Attacks: to choose from once the set is evaluated." in text(
        app
    )
    assert not app.button(key="start-evaluation").disabled and "About" in text(app)


def test_a_link_opens_the_details_of_one_image(store):
    make_run(store / "one", n=40, classes=4)
    app = open_page("gallery", sample="12")
    check(app, "gallery")
    assert "Under attack" in text(app)
    assert any(metric.label == "Robust margin" for metric in app.metric)
    details = next(table.value for table in app.table if "Networks right" in table.value)
    assert (
        details["Attack"].tolist() == ["Clean", "FGSM", "PGD-10"]
        and details["Networks right"].str.contains("of 3").all()
    )


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
        assert [b.label for b in app.button if str(b.key).startswith("run-")] == ["Pause run", "Step", "Stop run"]


@pytest.mark.parametrize(
    ("status", "offered", "said"),
    [
        ({"asked": "pause"}, ["Resume", "Step", "Stop run"], "asked to pause…"),
        ({"asked": "step"}, ["Pause run", "Resume", "Stop run"], "pauses at the next step…"),
        ({"state": "stopping"}, [], "stopping…"),
    ],
)
def test_what_a_run_was_asked_for_stands_beside_its_buttons_until_it_is_done(store, status, offered, said):
    run = make_run(store / "busy", state="running", evaluated=False, mapped=False)
    (run / "status.json").write_text(json.dumps(json.loads((run / "status.json").read_text()) | status))
    app = open_page("live")
    check(app, "live")
    assert [b.label for b in app.button if str(b.key).startswith("run-")] == offered
    assert said in text(app)


def test_a_paused_run_offers_resume(store):
    make_run(store / "resting", state="paused", evaluated=False, mapped=False)
    labels = [button.label for button in open_page("live").button]
    assert "Resume" in labels and "Pause run" not in labels


@pytest.mark.parametrize(
    ("state", "sentence"),
    [("failed", "The disk is full"), ("lost", "Its process is gone"), ("stopped", "stopped on request")],
)
def test_a_run_that_ended_badly_says_why_and_keeps_its_figures(store, state, sentence):
    make_run(store / "over", state=state, evaluated=False, mapped=False)
    app = open_page("live")
    check(app, "live")
    assert sentence in text(app)
    assert len(app.get("plotly_chart")) == 5
    assert [button.label for button in app.button if str(button.key).startswith("run-")] == ["Resume"]


def test_resume_on_the_page_goes_on_with_the_shown_run(store, monkeypatch):
    make_run(store / "over", state="lost", evaluated=False, mapped=False)
    asked = []
    monkeypatch.setattr("app.jobs.resume", lambda path, kind: asked.append((path.name, kind)))
    app = open_page("live")
    next(button for button in app.button if button.label == "Resume").click().run()
    check(app, "live")
    assert asked == [("over", "distill")]


def test_a_fork_fills_the_start_page_with_the_runs_settings_and_its_images(store):
    make_run(store / "one", n=40, classes=4, eta=0.3)
    app = open_page("live", run="one", step="30")
    next(button for button in app.button if button.label == "Fork").click().run()
    assert app.title[0].value == TITLES["start"]
    assert "it starts from the images at step 30" in text(app) and "A fork of C2R · digits · seed 0" in text(app)
    code = "\n".join(block.value for block in app.code)
    assert "eta=0.3" in code and "parent=one@30" in code and "one-step30-" in code


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
    "no frames": {
        "live": "has no frames/000010",
        "embeddings": "has no frames/000010",
        "gallery": "has no frames/000010",
    },
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


def test_a_link_to_the_first_step_stays_there_after_a_reload(store):
    make_run(store / "one")
    app = open_page("live", run="one", step="0")
    assert app.session_state["view"].step == 0 and app.query_params["step"] in ("0", ["0"])
    again = open_page("live", **{key: app.query_params[key] for key in app.query_params})
    assert again.session_state["view"].step == 0


@pytest.mark.parametrize("page", PAGES)
def test_a_bad_link_falls_back_with_a_plain_note(store, page):
    make_run(store / "one", n=24, classes=3, steps=3)
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    for key, value in {"run": "../../etc", "step": "17", "attack": "tickle", "class": "dragon"}.items():
        app.query_params[key] = value
    app.run()
    notes = text(app)
    assert "The link asks for run '../../etc', which is not here: showing C2R · digits · seed 0 · " in notes
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


def grow(run: Path, until: int) -> None:
    """Give the living run of four recorded steps its later steps up to `until`, as its process would."""
    whole = make_run(run.parent.parent / "whole", n=24, classes=3, steps=until // 10 + 1)
    shutil.copytree(whole / "frames", run / "frames", dirs_exist_ok=True)
    shutil.copy(whole / "events.jsonl", run / "events.jsonl")


def test_freezing_a_living_run_stays_where_its_figures_are_and_unfreezing_follows_again(store):
    run = make_run(store / "one", n=24, classes=3, steps=3, state="running", evaluated=False, mapped=False)
    app = open_page("live")
    grow(run, 60)
    app.session_state["shown"] = (str(run), 50)  # the timer's fragment moved on without the page
    app.toggle(key="freeze").set_value(True).run()
    check(app, "live")
    assert app.select_slider(key="step").value == 50 and app.toggle(key="follow").value is False
    assert app.query_params["step"] == "50"
    app.switch_page("../pages/gallery.py").run()
    assert "images at step 50" in text(app)
    app.switch_page("../pages/live.py").run()
    assert app.toggle(key="freeze").value is True
    app.toggle(key="freeze").set_value(False).run()
    check(app, "live")
    assert app.toggle(key="follow").value is True and app.session_state["view"].step == 60


def test_freezing_a_living_run_at_the_step_of_a_link_stays_there(store):
    make_run(store / "one", n=24, classes=3, steps=5, state="running", evaluated=False, mapped=False)
    app = open_page("live", run="one", step="10")
    app.toggle(key="freeze").set_value(True).run()
    assert app.select_slider(key="step").value == 10


def test_switching_follow_off_on_a_living_run_stays_at_the_newest_step(store):
    make_run(store / "one", n=24, classes=3, steps=5, state="running", evaluated=False, mapped=False)
    app = open_page("gallery")
    app.toggle(key="follow").set_value(False).run()
    assert app.select_slider(key="step").value == 40 and "images at step 40" in text(app)


def test_the_address_always_names_the_run_and_a_newer_run_does_not_replace_it(store):
    make_run(store / "one", n=24, classes=3, steps=3)
    app = open_page("live")
    assert app.query_params["run"] == "one"
    make_run(store / "two", n=24, classes=3, steps=3)
    assert app.run().selectbox(key="run").value == "one"
    reloaded = open_page("live", run=app.query_params["run"])
    shown = reloaded.selectbox(key="run").options
    assert reloaded.selectbox(key="run").value == "one" and len({*shown}) == len(shown) == 2
    app.selectbox(key="run").set_value("two").run()
    assert app.query_params["run"] == "two"


def test_a_link_to_an_unrecorded_step_shows_the_nearest_one_and_says_which(store):
    make_run(store / "one", n=24, classes=3, steps=5)
    near = open_page("gallery", run="one", step="27")
    assert "images at step 30" in text(near)
    assert "The link asks for recorded step '27', which is not here: showing 30." in text(near)
    again = open_page("gallery", **{key: near.query_params[key] for key in near.query_params})
    assert near.query_params["step"] in ("30", ["30"]) and "images at step 30" in text(again)
    assert "images at step 40" in text(open_page("gallery", run="one", step="9" * 5000))
    nonsense = open_page("gallery", run="one", step="abc")
    assert "images at step 40" in text(nonsense) and "recorded step 'abc', which is not here: showing 40." in text(
        nonsense
    )


def test_a_run_whose_figures_were_cut_says_how_many_are_missing(store):
    run = make_run(store / "one", n=24, classes=3, steps=5)
    lines = (run / "events.jsonl").read_text().splitlines(keepends=True)
    (run / "events.jsonl").write_text("".join(lines[:3]) + lines[3][:40])
    app = open_page("live")
    assert "events.jsonl of run one has no line for 2 of its 5 recorded steps" in text(app) and not app.exception
    (run / "events.jsonl").write_text("".join(lines))
    assert "has no line" not in text(open_page("live"))


def test_the_slider_of_a_living_run_appears_with_the_second_recorded_step(store, monkeypatch):
    run = make_run(store / "one", n=24, classes=3, steps=1, state="running", evaluated=False, mapped=False)
    app = open_page("gallery")
    assert "Follows the newest recorded step." in text(app)
    keep = state.keep

    def keep_and_grow(view: state.View) -> None:
        """The run records while the page is drawn: after the sidebar, before the strip looks."""
        keep(view)
        if len(view.steps) < 2:
            grow(run, 40)

    monkeypatch.setattr(state, "keep", keep_and_grow)
    app.run()
    check(app, "gallery")
    assert app.toggle(key="follow").value is True and "images at step 40" in text(app)


def test_a_link_to_an_image_that_is_not_there_says_so(store):
    make_run(store / "one", n=24, classes=3, steps=3)
    app = open_page("gallery", sample="9999")
    check(app, "gallery")
    assert "The link asks for image '9999', which is not here: showing no image." in text(app)
    assert "The link asks" not in text(open_page("gallery", sample="12"))


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
    field(app, "Attack strength ε").set_value("lots").run()
    check(app, "start")
    assert app.button(key="start").disabled
    assert "Setting 'eps' expects a radius such as 2/255" in text(app)


def test_the_start_form_changes_the_command(store):  # noqa: ARG001
    app = open_page("start")
    assert not app.button(key="start").disabled
    field(app, "Images per class").set_value("3").run()
    assert "--set ipc=3" in app.code[0].value


def test_a_settings_file_becomes_the_form(store):  # noqa: ARG001
    app = open_page("start")
    app.file_uploader(key="load-json").upload("config.json", b'{"ipc": 7, "eps": "5/255"}').run()
    check(app, "start")
    assert field(app, "Images per class").value == "7" and field(app, "Attack strength ε").value == "5/255"


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
    name = r"\*\*bold\*\* \<b\>\:red\[x\]"
    assert f" · {name}**" in text(app)
    assert f":small[{name}]" in text(open_page("embeddings"))


def field(app, name):
    return next(f for f in app.text_input if f.label.split(" (")[0] == name)


def all_settings(app):
    """The Start page with 'All settings' open."""
    app.session_state["all-settings"] = True
    return app.run()


@pytest.mark.parametrize("method", ["UMAP", "PCA"])
def test_the_heading_of_every_map_is_the_figure_of_the_original_space(store, method):
    make_run(store / "one", scorers="ce")
    app = open_page("embeddings", **{"map-method": method})
    assert next(c for c in app.get("segmented_control") if c.label == "Map").value == method
    assert "Under attack, 24 % of the images are nearest to another class".replace("24 %", "24\u00a0%") in text(app)
    assert "measured in the original space, not on the map" in text(app)
    assert "Double-click" not in text(app)


def test_above_two_hundred_steps_histogram_and_curriculum_state_the_same_share(store):
    make_run(store / "one", n=24, classes=3, steps=230)
    for step in (570, 1140):
        app = open_page("live", step=str(step))
        shares = re.findall(r"\*\*At least (\d+)\u00a0% of the images are broken", text(app))
        assert len(shares) == 2 and shares[0] == shares[1]


def test_a_chosen_class_says_which_figures_are_of_it(store):
    make_run(store / "one", n=24, classes=3, steps=3)
    assert "All other figures are of all images" in text(open_page("live", **{"class": "one"}))
    assert "All other figures are of all images" not in text(open_page("live"))


def test_the_ranks_shown_can_be_selected_without_moving_the_handles(store):
    make_run(store / "one", n=40)
    app = open_page("live")
    app.toggle(key="freeze").set_value(True).run()
    assert app.button(key="select-ranks").label == "Select"
    app.button(key="select-ranks").click().run()
    assert "10 of 40 images selected" in text(app) and "ranks 0 to 9 at step 60" in text(app)
    assert app.button(key="select-ranks").disabled


def test_what_is_typed_into_the_form_outlives_the_page_and_another_preset(store):  # noqa: ARG001
    app = open_page("start")
    field(app, "Images per class").set_value("3").run()
    app.switch_page("../pages/home.py").run()
    app.switch_page("../pages/start.py").run()
    assert field(app, "Images per class").value == "3" and "--set ipc=3" in app.code[0].value
    preset = next(c for c in app.get("segmented_control") if c.label == "Preset")
    preset.set_value("cifar10-small").run()
    assert field(app, "Images per class").value == "10"
    next(c for c in app.get("segmented_control") if c.label == "Preset").set_value("demo").run()
    assert field(app, "Images per class").value == "3"
    app.button(key="unload").click().run()
    assert field(app, "Images per class").value == "10" and "--set" not in app.code[0].value


def test_a_partial_settings_file_is_applied_over_the_preset_and_says_so(store):  # noqa: ARG001
    app = open_page("start")
    app.file_uploader(key="load-json").upload("mine.json", b'{"seed": 7, "steps": 16}').run()
    assert "--set steps=16" in app.code[0].value and "--set seed=7" in app.code[0].value
    assert app.code[0].value.count("--set") == 2
    assert "Loaded 2 settings from mine.json over the preset demo: seed, steps." in text(app)


def test_unknown_data_shows_dashes_and_no_zeros(store):  # noqa: ARG001
    app = open_page("home")
    app.session_state["form-demo-0-data"] = "/nowhere/at/all"
    app.switch_page("../pages/start.py").run()
    figures = {metric.label: metric.value for metric in app.metric}
    assert app.button(key="start").disabled
    assert figures["Estimated time"] == figures["Memory"] == figures["Disk"] == "–"


PIXEL = {"clean": 0.86, "fgsm": 0.71, "pgd": 0.66, "cw": 0.64, "vmi-fgsm": 0.65, "jitter": 0.67, "autoattack": 0.4}


def evaluated_twice(path: Path) -> Path:
    """A run with its own evaluation and a later one by pixel-2/255, which a person made its headline."""
    run = make_run(path, n=40, classes=4)
    make_evaluation(run, "20261120-0937-12-pixel-2-255-pgd-at", tried=PIXEL, protocol="pixel-2/255")
    describing.describe(run, headline="20261120-0937-12-pixel-2-255-pgd-at")
    return run


def test_every_attempt_of_the_headline_evaluation_is_offered_shown_and_linked(store):
    evaluated_twice(store / "one")
    app = open_page("gallery", attack="autoattack", broken="Broken on most networks", sort="Worst attack, lowest first")
    check(app, "gallery")
    assert app.selectbox(key="attack").value == "autoattack" and len(app.selectbox(key="attack").options) == len(PIXEL)
    assert "The link asks" not in text(app) and "Under AutoAttack" in [box.label for box in app.selectbox]
    kept = int(re.search(r"(\d+) of 40 images at step 60", text(app)).group(1))
    outcomes = read_arrays(store / "one" / "evaluations" / "20261120-0937-12-pixel-2-255-pgd-at", "outcomes")
    assert kept == int((outcomes["autoattack"].mean(0) < 0.5).sum()) > 0
    assert "Clean, FGSM, PGD-10, CW-10 L∞, VMI-FGSM-10, Jitter-10, **AutoAttack**" in text(app)


def test_another_evaluation_can_be_chosen_and_a_link_to_an_unknown_attack_says_so(store):
    evaluated_twice(store / "one")
    app = open_page("gallery", attack="autoattack", evaluation="custom, pgd-at, with the run")
    assert next(group for group in app.get("button_group") if group.key == "attack").options == [
        "Clean",
        "FGSM",
        "PGD-10",
    ]
    assert "The link asks for attack 'autoattack', which is not here: showing PGD-10." in text(app)
    app.selectbox(key="evaluation").set_value("Headline").run()
    assert len(app.selectbox(key="attack").options) == len(PIXEL)


def test_the_home_table_names_the_worst_attack_of_the_headline_evaluation(store):
    evaluated_twice(store / "one")
    status = store / "one" / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"message": "network 3 of 3: PGD-10 on test images"}))
    table = open_page("home").dataframe[0].value.set_index("Folder")
    assert (
        table.loc["one", "Note"] == ""
        and table.loc["one", "Worst attack"] == pytest.approx(41.0)
        and table.loc["one", "Worst by"] == "AutoAttack, 2/255"
    )


def test_the_details_list_every_attempt_with_interval_and_the_figure_of_the_whole_set(store):
    evaluated_twice(store / "one")
    details = next(table.value for table in open_page("gallery", sample="12").table if "Networks right" in table.value)
    assert len(details) == len(PIXEL) and details["95 % interval"].str.endswith("%").all()
    assert details["Networks right"].str.fullmatch(r"\d of 3: \d+ %").all()
    assert details.set_index("Attack").loc["AutoAttack", "Test images"] == "41.0 %"


def test_starting_an_evaluation_passes_what_the_form_says(store, monkeypatch):
    finished(store / "one", eps="2/255")
    started = []
    monkeypatch.setattr(jobs, "evaluate", lambda path, settings: started.append((path, settings)))
    app = open_page("gallery")
    protocol = next(box for box in app.selectbox if box.label == "Protocol")
    assert protocol.value == "pixel-2/255" and not [box for box in app.multiselect if box.label == "Attacks"]
    protocol.set_value("beard-legacy").run()
    assert "the clamp alone, without any attack" in "\n".join(box.value for box in app.warning)
    next(box for box in app.selectbox if box.label == "Protocol").set_value("custom").run()
    field(app, "Radii of the attacks").set_value("2/255,4/255").run()
    field(app, "Evaluation networks").set_value("2").run()
    app.button(key="start-evaluation").click().run()
    assert not app.exception
    path, settings = started[0]
    assert path == store / "one" and settings.protocol == "custom" and settings.eval_seeds == 2
    assert settings.eval_eps == pytest.approx((2 / 255, 4 / 255))


def test_a_protocol_with_another_radius_than_the_runs_says_so(store):
    finished(store / "one", eps="32/255")
    app = open_page("gallery")
    assert "This run is made for" not in text(app)
    next(box for box in app.selectbox if box.label == "Protocol").set_value("pixel-2/255").run()
    assert (
        "This run is made for ε = 32/255, which adversarial training uses too; the protocol attacks within 2/255."
        in text(app)
    )


def test_wrong_radii_block_the_evaluation_with_a_sentence(store):
    finished(store / "one")
    app = open_page("gallery")
    field(app, "Radii of the attacks").set_value("lots").run()
    assert app.button(key="start-evaluation").disabled
    assert "Setting 'eval\\_eps' expects radii such as 2/255,4/255, each above 0" in text(app)


def test_an_evaluation_that_cannot_start_says_why(store, monkeypatch):
    finished(store / "one")

    def refuse(_path, _settings):
        raise InputError("No room on the disk: free some space.")

    monkeypatch.setattr(jobs, "evaluate", refuse)
    app = open_page("gallery")
    app.button(key="start-evaluation").click().run()
    assert "No room on the disk: free some space." in text(app)


def test_an_evaluation_at_work_shows_what_it_does_with_its_buttons_and_no_second_form(store):
    run = make_run(store / "one", n=24, classes=3, steps=3)
    out = make_evaluation(run, "20261120-0937-12-pixel-2-255-pgd-at", state="running", protocol="pixel-2/255")
    status = json.loads((out / "status.json").read_text())
    doing = {
        "phase": "evaluate",
        "step": 412,
        "total": 1000,
        "eta_s": 190.0,
        "message": "network 2 of 3: AutoAttack on test images",
    }
    (out / "status.json").write_text(json.dumps(status | doing))
    app = open_page("gallery")
    check(app, "gallery")
    assert "Evaluating: DD-RobustBench, pixel space, 2/255; adversarial training" in text(app)
    assert (
        app.get("progress")[0].proto.text == "network 2 of 3: AutoAttack on test images · 41 % · about 3 min 10 s left"
    )
    assert [b.label for b in app.button if str(b.key).startswith("evaluation-")] == [
        "Pause evaluation",
        "Stop evaluation",
    ]
    assert not [b for b in app.button if b.key == "start-evaluation"]
    app.button(key="evaluation-stop").click().run()
    assert (out / "control").read_text() == "stop"


def test_a_failed_evaluation_says_why_and_can_be_started_again(store):
    run = make_run(store / "one", n=24, classes=3, steps=3)
    make_evaluation(run, "20261120-0937-12-pixel-2-255-pgd-at", state="failed", protocol="pixel-2/255")
    app = open_page("gallery")
    assert (
        "The last evaluation (DD-RobustBench, pixel space, 2/255; adversarial training) failed. The disk is full"
        in text(app)
    )
    assert not app.button(key="start-evaluation").disabled


def test_the_recorded_sample_is_never_evaluated(store):
    finished(store.parent / "sample_run", n=24, classes=3, steps=3)
    app = open_page("gallery")
    assert "It cannot be evaluated now: the recorded sample run stays as it is" in text(app)
    assert not [b for b in app.button if b.key == "start-evaluation"]


def test_settings_of_the_custom_protocol_are_hidden_under_another_one(store):  # noqa: ARG001
    app = all_settings(open_page("start"))
    lists = lambda: [box.label for box in app.multiselect]  # noqa: E731
    assert field(app, "Radii of the attacks").value == "" and "Attacks" in lists()
    protocol = next(box for box in app.selectbox if box.label == "Protocol")
    protocol.set_value("guard-1/255").run()
    check(app, "start")
    assert "Attacks" not in lists() and "--set protocol=guard-1/255" in app.code[0].value
    assert "GUARD's attacks at ε = 1/255" in text(app)


def test_a_list_of_radii_and_a_switch_reach_the_command(store):  # noqa: ARG001
    app = all_settings(open_page("start"))
    field(app, "Radii of the attacks").set_value("16/255,32/255").run()
    next(box for box in app.toggle if box.label == "Targeted attacks too").set_value(True).run()
    assert "--set eval_eps=16/255,32/255" in app.code[0].value and "--set eval_targeted=true" in app.code[0].value


NORMALISED = '{"question": "normalisation", "guesses": ["cifar10-dc", "cifar10"], "low": -2.4, "high": 2.7}'
FOUND = (
    '{"format": "dc-pt", "shape": [20, 3, 32, 32], "classes": 10, "mean": [0.5], "soft": false, "partition": 2, '
    '"facts": {"data": "cifar10", "partition_reason": "a seam"}}'
)


def test_an_uploaded_set_is_read_by_a_child_asked_about_and_becomes_the_chosen_run(store, monkeypatch):
    make_run(store / "old", n=24, classes=3, steps=3)
    asked, started = [], []

    def ask(words):
        asked.append(words)
        return jobs.Answer(NORMALISED, "They look normalised.") if "ask" in words else jobs.Answer(FOUND)

    def begin(words, path):
        started.append(words)
        make_run(path, n=24, classes=3, steps=3)

    monkeypatch.setattr(jobs, "ask", ask)
    monkeypatch.setattr(jobs, "import_set", begin)
    app = opened_import(b"not unpickled here")
    assert "The values of the images go from -2.4 to 2.7, so they are normalised" in text(app)
    assert app.selectbox(key="import-normalisation").value is None and not started
    app.selectbox(key="import-normalisation").select("cifar10-dc").run()
    assert "20 images of 3 × 32 × 32, 2 × 2 parts each" in text(app)
    assert app.selectbox(key="import-data").value == "cifar10" and app.selectbox(key="import-partition").value == 2
    app.button(key="import").click().run()
    assert not app.exception
    assert started[0][1:] == [
        "--format",
        "auto",
        "--normalisation",
        "cifar10-dc",
        "--data",
        "cifar10",
        "--set",
        "partition=2",
    ] and started[0][0].endswith("dc.pt")
    assert app.title[0].value == TITLES["live"] and "imported-cifar10-ipc2" in app.selectbox(key="run").value


def test_a_set_that_was_not_distilled_here_shows_its_order_and_no_course(store):
    make_run(store / "real", method="random-real", steps=1, n=12, classes=3)
    app = open_page("live")
    check(app, "live")
    assert "This set was not distilled here" in text(app) and "stays at" not in text(app)
    assert [metric.label for metric in app.metric] == ["Median robust margin", "Share robust", "Share clean"]
    assert len(app.get("plotly_chart")) == 2 and app.dataframe[0].value["Rank"].tolist() == list(range(12))


@pytest.mark.parametrize(
    ("method", "attack", "said", "term"),
    [
        ("c2r", "LS-PGD", "mini-batches are cut in this order, hardest first", "contrastive (CRL)"),
        ("c2r of before", "LS-PGD", "mini-batches are cut in this order, hardest first", "contrastive (CRL)"),
        ("c2r-pgd of before", "PGD-10", "mini-batches are cut in this order, hardest first", "contrastive (CRL)"),
        ("c2r-pgd", "PGD-10", "mini-batches are cut in this order, hardest first", "contrastive (CRL)"),
        ("c2r-no-aac", "LS-PGD", "cuts its mini-batches in random order", "contrastive (CRL)"),
        ("c2r-class-mean", "LS-PGD", "mini-batches are cut in this order, hardest first", "class-mean alignment"),
        ("c2r-no-crl", "LS-PGD", "mini-batches are cut in this order, hardest first", "matching"),
        ("random-real", "LS-PGD", "Nothing is trained here", ""),
    ],
)
def test_attack_order_and_losses_are_named_by_what_the_method_ran(store, method, attack, said, term):
    name, _, of_before = method.partition(" ")
    steps = 1 if name == "random-real" else 3
    make_run(store / "one", n=24, classes=3, steps=steps, method=name, of_before=bool(of_before))
    for page in ("live", "gallery"):
        app = open_page(page)
        specs = "".join(figure.proto.spec for figure in app.get("plotly_chart"))
        words = (
            text(app) + "".join(metric.help or "" for metric in app.metric) + specs.encode().decode("unicode_escape")
        )
        assert attack in words
        assert ("LS-PGD" in words) == (attack == "LS-PGD"), page
        if page == "live":
            assert "values of two steps need not compare" in text(app) or not term
            assert said in text(app) and term in words and ("contrastive" in words) == (term == "contrastive (CRL)")


def test_what_a_manifest_says_of_its_method_is_shown_though_no_table_knows_it(store):
    run = make_run(store / "one", n=24, classes=3, steps=3, state="running", evaluated=False)
    told = json.loads((run / "manifest.json").read_text())
    told["method"] |= {"name": "new", "label": "A new method"}
    told["phases"] = [{"name": "distill", "label": "Growing", "brief": "Grown", "unit": "epochs", "share": 1.0}]
    told["series"] = [
        {"name": "crl", "label": "KL divergence", "unit": "nats", "axis": "Divergence", "weight": None},
        {"name": "match", "label": "student accuracy", "unit": "", "axis": "Accuracy", "weight": None},
    ]
    told["margins"] = {"attack": "NEW-7", "order": ""}
    (run / "manifest.json").write_text(json.dumps(told))
    app = open_page("live")
    check(app, "live")
    assert "Growing · at epoch 20 of 20" in text(app) and "This method cuts no mini-batches by them" in text(app)
    assert [metric.label for metric in app.metric][3] == "KL divergence" and app.metric[3].value.endswith(" nats")
    assert "KL divergence of each update" in text(app) and "student accuracy of each update" in text(app)
    assert "NEW-7" in text(app) and "LS-PGD" not in text(app) and "NEW-7" in text(open_page("gallery"))
    assert "Grown 20/20" in open_page("home").dataframe[0].value["Progress"].iloc[0]
    told["series"] = []
    (run / "manifest.json").write_text(json.dumps(told))
    bare = open_page("live")
    assert len(bare.metric) == 3 and "This method hands out no figure of its own" in text(bare)


def test_series_that_are_shares_of_one_whole_say_which_one_is_the_largest(store):
    run = make_run(store / "one", n=24, classes=3, steps=3)
    told = json.loads((run / "manifest.json").read_text())
    told["series"] = [
        {"name": name, "label": label, "unit": "%", "axis": "What moves it", "weight": None, "stacked": True}
        for name, label in (("match", "pixels"), ("crl", "teacher"))
    ]
    (run / "manifest.json").write_text(json.dumps(told))
    app = open_page("live")
    check(app, "live")
    assert "At step 20, pixels is 75\u00a0% of what moves it" in text(app)


def test_a_phase_that_nobody_knows_is_shown_by_its_name(store):
    run = make_run(store / "one", state="running", steps=3, evaluated=False)
    status = json.loads((run / "status.json").read_text()) | {"phase": "kneading"}
    (run / "status.json").write_text(json.dumps(status))
    app = open_page("live")
    check(app, "live")
    assert "kneading" in text(app)


def test_of_two_scorers_each_has_its_own_margins_map_and_separation(store):
    make_run(store / "one", n=24, classes=3, steps=3, scorers="ce,ce-crl", method="c2r-no-queue")
    first, other = open_page("live"), open_page("live", scorer="ce-crl")
    check(other, "live")
    assert first.selectbox(key="scorer").options == ["ce", "ce-crl"] and other.selectbox(key="scorer").value == "ce-crl"
    shown = [float(app.metric[0].value.removesuffix(" logits")) for app in (first, other)]
    assert shown[0] - shown[1] == pytest.approx(0.5, abs=0.11)
    assert "under this scorer" in text(other) and "under this scorer" not in text(first)
    gallery = open_page("gallery", scorer="ce-crl", sample="3")
    check(gallery, "gallery")
    assert "trained with cross-entropy and the contrastive loss" in text(gallery)
    assert "attacked for the first scorer of the run" in "".join(str(one.proto) for one in gallery.get("image"))
    maps = open_page("embeddings", scorer="ce-crl")
    check(maps, "embeddings")
    assert maps.button_group(key="map-method").options == ["UMAP", "PCA"]
    assert "the contrastive loss" in text(maps) and not open_page("start").get("error")


def test_two_scorers_stand_side_by_side_with_their_figures_and_a_sentence_and_nothing_is_a_choice(store):
    make_run(store / "one", n=24, classes=3, steps=3, scorers="ce,ce-crl")
    app = open_page("embeddings")
    check(app, "embeddings")
    assert app.selectbox(key="beside").options == ["nothing", "ce-crl", "another run"]
    assert len(app.get("plotly_chart")) == 5
    said = text(app)
    assert "A · trained with cross-entropy: " in said and "B · trained with cross-entropy and the contrastive" in said
    assert "At step 20, none of the six measures is higher under" in said and "six are lower" in said
    assert "Each map has a frame of its own" in said and "A 0.95 clean, 0.76 adversarial; B 0.82 clean" in said
    other = open_page("embeddings", scorer="ce-crl", selected="2-4", colour="Robust margin")
    assert other.selectbox(key="beside").value == "ce" and "all six measures are higher" in text(other)
    assert all("selectedpoints" in chart.proto.spec for chart in other.get("plotly_chart")[:2])
    assert open_page("embeddings", beside="nonsense").selectbox(key="beside").value == "ce-crl"
    alone = open_page("embeddings", beside="nothing")
    assert len(alone.get("plotly_chart")) == 4 and "of the six" not in text(alone)


def test_the_hardest_on_two_maps_are_the_same_images_by_the_first_scorer(store, monkeypatch):
    run = make_run(store / "one", n=90, classes=3, steps=3, scorers="ce,ce-crl")
    for file in (run / "frames").iterdir():
        arrays = read_arrays(file.parent, file.stem)
        save_arrays(file.parent, file.stem, arrays | {"margin_adv@ce-crl": -arrays["margin_adv"]})
    drawn, draw = [], charts.embedding_map

    def noted(points, colouring, emphasis, *more, **named):
        drawn.append(sorted(np.asarray(points.ids)[emphasis.lines].tolist()))
        return draw(points, colouring, emphasis, *more, **named)

    monkeypatch.setattr(charts, "embedding_map", noted)
    app = open_page("embeddings", lines="The 20 hardest")
    check(app, "embeddings")
    order = cache.margins(run, 20)["order"]
    assert drawn == [sorted(order[:20].tolist())] * 2
    assert (
        "The 20 hardest images are those of the run's first scorer, trained with cross-entropy, on both maps"
        in text(app)
    )
    drawn.clear()
    open_page("embeddings", lines="The 20 hardest", scorer="ce-crl", beside="nothing")
    assert drawn == [sorted(order[-20:].tolist())], "a map alone shows its own scorer's"


def test_another_run_of_the_same_data_stands_beside_at_its_nearest_step(store):
    make_run(store / "one", n=24, classes=3, steps=3, scorers="ce,ce-crl")
    make_run(store / "two", n=30, classes=3, steps=2, every=7, method="c2r-no-crl", scorers="ce", mapped=False)
    make_run(store / "else", n=40, classes=4, steps=3)
    app = open_page("embeddings", run="one", scorer="ce-crl", beside="another run", selected="2-4", lines="Selection")
    check(app, "embeddings")
    assert app.selectbox(key="beside-run").options == ["two"]
    said = text(app)
    assert "B has no step 20: its nearest one, 7, is shown. B has no scorer ce-crl: its scorer ce is shown." in said
    assert "and step 7 of 'C2R without CRL · digits" in said and "n = 24 and 30 images" in said
    unknown = open_page("embeddings", run="one", **{"beside": "another run", "beside-run": "../two"})
    check(unknown, "embeddings")
    assert unknown.selectbox(key="beside-run").value == "two"
    own, other = app.get("plotly_chart")[:2]
    assert "selectedpoints" in own.proto.spec and "selectedpoints" not in other.proto.spec
    assert "another run" not in text(open_page("embeddings", run="else")).lower()
    assert "No other run of the same data and classes" in text(
        open_page("embeddings", run="else", beside="another run")
    )


def test_a_second_map_that_cannot_be_read_leaves_the_first_one(store):
    make_run(store / "one", n=24, classes=3, steps=3, scorers="ce")
    make_run(store / "two", n=24, classes=3, steps=3)
    for frame in (store / "two" / "frames").iterdir():
        frame.write_bytes(frame.read_bytes()[:100])
    app = open_page("embeddings", run="one", beside="another run")
    check(app, "embeddings")
    assert app.error and "no map of step 20 can be drawn" in app.info[0].value and len(app.get("plotly_chart")) == 4


def test_one_scorer_is_no_choice_and_an_unknown_one_is_said(store):
    make_run(store / "one", n=24, classes=3, steps=3, scorers="ce")
    assert not [box for box in open_page("live").selectbox if box.key == "scorer"]
    make_run(store / "two", n=24, classes=3, steps=3, scorers="ce,ce-crl")
    app = open_page("live", run="two", scorer="nonsense")
    assert "The link asks for scorer 'nonsense', which is not here: showing the first scorer." in text(app)


def test_a_run_that_failed_before_anything_was_recorded_says_what_to_mend_and_folds_its_log(store):
    make_run(store / "wrong", state="failed", steps=0, evaluated=False, mapped=False)
    app = open_page("live")
    check(app, "live")
    assert "start again with what the message names mended" in text(
        app
    ) and "Resume tries the same settings once more" in text(app)
    assert [log.value for log in app.code] == [log.value for log in app.expander[0].code]


def test_a_queued_run_says_what_it_waits_for_instead_of_a_log(store):
    run = make_run(store / "late", state="queued", steps=0, evaluated=False, mapped=False)
    status = run / "status.json"
    waits = "Waiting for one: one run at a time on this device, 2 ahead."
    status.write_text(json.dumps(json.loads(status.read_text()) | {"message": waits}))
    app = open_page("live")
    check(app, "live")
    assert text(app).count(waits.removesuffix(".")) == 1 and "Queued" in app.info[0].value and not app.code


def test_a_bad_upload_gets_its_one_sentence(store, monkeypatch):  # noqa: ARG001
    monkeypatch.setattr(
        jobs, "ask", lambda _words: jobs.Answer("", "dc.pt is cut off: expected a whole file; download it again.")
    )
    app = opened_import(b"torn")
    assert "dc.pt is cut off: expected a whole file; download it again." in text(app)
    assert not [b for b in app.button if b.key == "import"]


def opened_import(content: bytes) -> AppTest:
    """The Home page with the import opened and one file uploaded."""
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    app.session_state["import-set"] = True
    app.run()
    return app.file_uploader(key="import-files").upload("dc.pt", content).run()


def test_downloads_are_offered_for_the_set_and_with_an_evaluation_for_its_rows(store):
    make_run(store / "one", n=24, classes=3, steps=3)
    labels = [button.label for button in open_page("gallery").get("download_button")]
    assert labels[:4] == ["safetensors", "npz", "PNG pictures (zip)", "Training script"]
    assert "Result rows, CSV" in labels and "Result rows, JSON" in labels
    finished(store / "two", n=24, classes=3, steps=3)
    assert "Result rows, CSV" not in [button.label for button in open_page("gallery", run="two").get("download_button")]


def test_the_pt_file_is_made_by_a_child_and_then_offered(store, monkeypatch):
    make_run(store / "one", n=24, classes=3, steps=3)
    asked = []

    def ask(words):
        asked.append(words)
        Path(words[words.index("--out") + 1]).write_bytes(b"made")
        return jobs.Answer("")

    monkeypatch.setattr(jobs, "ask", ask)
    app = open_page("gallery", step="10")
    app.button(key="export-make-dc-pt").click().run()
    check(app, "gallery")
    assert asked[0][:4] == ["export", str(store / "one"), "--format", "dc-pt"] and asked[0][-2:] == ["--step", "10"]
    assert "Download the DC-style .pt" in [button.label for button in app.get("download_button")]
