"""Housekeeping on the Home page: names are text, every change can be seen, undone where it must be, and refused where
it must be."""

import re
from pathlib import Path

import pytest
from fake_run import make_run
from streamlit.testing.v1 import AppTest
from test_housekeeping import zipped

from app import charts, jobs, state
from app.components import housekeeping as component
from c2r.base.errors import InputError
from c2r.formats import archives
from c2r.store import deleting, describing

MAIN = Path(__file__).resolve().parents[1] / "app" / "script.py"
RUDE = "<script>alert(1)</script> **bold** $x$ [a](http://b)"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A run store with one run and no sample."""
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample"))
    make_run(tmp_path / "runs" / "one", n=8, steps=2, mapped=False)
    return tmp_path / "runs"


def home(*opened: str) -> AppTest:
    """The Home page with these expanders open."""
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    for key in opened:
        app.session_state[key] = True
    app.run()
    assert not app.exception, [entry.message for entry in app.exception]
    return app


def rerun(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, [entry.message for entry in app.exception]
    return app


def texts(app: AppTest) -> list[str]:
    return [element.value for element in app.text]


def field(kind, label: str):
    return next(widget for widget in kind if widget.label == label)


def save(app: AppTest, **said: str) -> AppTest:
    """Type into the fields of the chosen run, one after the other, as a person who presses Enter."""
    for what, value in said.items():
        kind = app.text_area if what == "note" else app.text_input
        field(kind, what.title()).set_value(value)
        app = rerun(app)
    return app


def shown(app: AppTest) -> set[str]:
    """Every text of the page but the help of its fields."""
    kinds = (app.markdown, app.caption, app.title, app.subheader, app.info, app.text, app.code, app.error)
    words = {str(element.value) for kind in kinds for element in kind} | {
        option for box in app.selectbox for option in box.options
    }
    return words | {label for kind in (app.button, app.expander) for label in (element.label for element in kind)}


def delete(app: AppTest) -> AppTest:
    """Press Delete, and again the button that takes its place."""
    field(app.button, "Delete").click()
    app = rerun(app)
    next(button for button in app.button if str(button.key).startswith("keep-sure")).click()
    return rerun(app)


def test_the_panels_are_closed_at_first_and_draw_nothing(store):  # noqa: ARG001
    app = home()
    assert [e.label for e in app.expander][:3] == ["Archive, delete", "Open an archived run", "Storage"]
    assert not app.get("plotly_chart") and not texts(app)


def test_name_note_and_tags_are_saved_in_place_and_stand_in_the_file_the_table_and_the_sidebar(store):
    app = save(home(), name="First try", tags='good, "slow, but sure"', note="Look at step 10.")
    assert describing.about(store / "one") == describing.About(
        "First try", "Look at step 10.", ("good", "slow, but sure")
    )
    app = rerun(app)
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["First try"] and table["Notes"].tolist() == [
        "#good #slow, but sure · Look at step 10."
    ]
    assert app.selectbox(key="run").options == ["First try"] and app.selectbox(key="run").value == "one"
    assert app.query_params["run"] in ("one", ["one"]) and texts(app)[0] == "Saved the note of First try."
    assert field(app.text_input, "Tags").value == 'good, "slow, but sure"'


DATED = "20261120-0937-12-c2r-digits-ipc10"


def test_a_run_has_a_readable_name_and_no_page_shows_its_id(store):
    make_run(store / DATED, n=8, steps=3, mapped=False, seed=7)
    app = home("keep-run", "keep-storage")
    table = app.dataframe[0].value
    assert table["Run"][0].startswith("C2R · digits · seed 7 · ") and table["Images"][0].startswith(
        "data:image/png;base64,"
    )
    assert len(table["Margin"][0]) == 3 and not [said for said in shown(app) if DATED in said]
    assert DATED in field(app.text_input, "Name").help
    app = save(app, name="First try")
    for page in ("home", "start", "live", "embeddings", "gallery", "compare"):
        app = rerun(app.switch_page(f"../pages/{page}.py"))
        assert not [said for said in shown(app) if DATED in said and not said.startswith("python -m c2r ")], page


def test_tags_narrow_the_table(store):
    make_run(store / "two", n=8, steps=1, mapped=False)
    describing.describe(store / "one", tags=["good"])
    describing.describe(store / "two", tags=["good", "slow"])
    app = home()
    filter = next(group for group in app.get("button_group") if group.key == "tags")
    assert filter.options == ["good", "slow"] and len(app.dataframe[0].value) == 2
    filter.set_value(["slow"])
    assert rerun(app).dataframe[0].value["Folder"].tolist() == ["two"]
    describing.describe(store / "two", tags=[])
    assert len(rerun(app).dataframe[0].value) == 2


def test_a_sentence_about_runs_calls_them_by_their_names(store):
    make_run(store / DATED, n=8, steps=1, mapped=False, seed=7)
    describing.describe(store / DATED, "First try")
    said = state.in_names(f"Run {DATED} (done) has these very settings; 20990101-0000-00-x is gone.")
    assert said == "Run First try (done) has these very settings; 20990101-0000-00-x is gone."


def test_delete_disarms_when_another_run_is_chosen(store):
    make_run(store / "two", n=8, steps=1, mapped=False)
    app = home("keep-run")
    field(app.button, "Delete").click()
    app = rerun(app)
    assert "keep-sure-two" in [button.key for button in app.button]
    for run in ("one", "two"):
        app.selectbox(key="run").set_value(run)
        app = rerun(app)
        assert f"keep-delete-{run}" in [button.key for button in app.button] and not [
            b for b in app.button if "sure" in str(b.key)
        ]
    assert (store / "one").is_dir() and (store / "two").is_dir()


def test_a_name_with_markup_is_shown_by_nothing_that_knows_markup(store):
    describing.describe(store / "one", RUDE, RUDE, ["<b>t</b>"])
    app = home("keep-run", "keep-storage")
    markup = [
        element.value
        for kind in (app.markdown, app.caption, app.title, app.subheader, app.info, app.warning)
        for element in kind
    ]
    own = [
        re.sub(r"\[([^]<*$]*)\]\(learn\?term=[\w#&=-]*\)", r"\1", str(value)) for value in markup
    ]  # the glossary's links
    assert not [value for value in own if re.search(r"(?<!\\)[<*$\[]\w", value.replace("**", "", 2))]
    assert RUDE in app.dataframe[0].value["Run"].tolist() and field(app.text_area, "Note").value == RUDE
    assert field(app.text_input, "Name").value == RUDE
    chart = next(iter(app.get("plotly_chart"))).proto.spec
    assert "<script>" not in chart and "&lt;script&gt;" in chart.replace("\\u003c", "<").replace("\\u0026", "&")


def test_without_any_tag_there_is_no_filter_and_no_note(store):  # noqa: ARG001
    app = home()
    assert not [group for group in app.get("button_group") if group.key == "tags"] and app.dataframe[0].value[
        "Notes"
    ].tolist() == [""]


def test_a_text_that_is_too_long_is_refused_in_a_sentence(store):
    app = save(home(), tags=",".join(map(str, range(13))))
    assert "would have 13 tags" in app.error[0].value and describing.about(store / "one") == describing.About()


def test_deleting_offers_undo_until_the_next_action_and_undo_brings_the_run_back(store):
    make_run(store / "two", n=8, steps=1, mapped=False, seed=2)
    app = home("keep-run")
    assert app.selectbox(key="run").value == "two"
    name = app.selectbox(key="run").options[0]
    app = delete(app)
    assert not (store / "two").exists() and app.selectbox(key="run").value == "one"
    assert f"{name} was deleted; all pages show another one now." in texts(app)
    app = rerun(rerun(app))
    app.button(key="keep-undo").click()
    app = rerun(app)
    assert (
        (store / "two" / "config.json").exists()
        and app.selectbox(key="run").value == "two"
        and f"{name} is back." in texts(app)
    )
    assert "keep-undo" not in [button.key for button in app.button]


def test_the_last_run_can_be_deleted_and_the_page_still_stands(store):
    app = home("keep-run")
    app = delete(app)
    assert not (store / "one").exists() and app.button(key="keep-undo") and "There is no run yet" in app.info[0].value


def test_a_living_run_cannot_be_deleted_here_and_offers_no_archive(store):
    make_run(store / "two", n=8, steps=1, state="running")
    app = home("keep-run")
    assert app.button(key="keep-delete-two").disabled and not app.get("download_button")


def test_a_run_that_something_is_computed_for_is_not_deleted(store, monkeypatch):
    monkeypatch.setattr(jobs, "busy", lambda path: path == store / "one")
    app = home("keep-run")
    app = delete(app)
    assert "Something is being computed for C2R · digits" in app.error[0].value and (store / "one").is_dir()


def test_the_sample_run_offers_no_changes(store):
    make_run(store.parent / "sample", n=8, steps=1)
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    app.query_params["run"] = state.SAMPLE_NAME
    app = rerun(app)
    assert app.selectbox(key="run").value == state.SAMPLE_NAME
    assert "Archive, delete" not in [e.label for e in app.expander] and not app.text_area


def test_a_read_only_app_changes_nothing(store, monkeypatch):
    before = home("keep-run")  # a page that was open when the app became read-only
    monkeypatch.setenv("C2R_READ_ONLY", "1")
    app = save(before, name="name")
    assert "read-only mode" in app.error[0].value and describing.about(store / "one") == describing.About()
    assert [e.label for e in home().expander] == ["Storage"]


def test_the_storage_view_draws_runs_lists_the_trash_and_empties_it(store):
    make_run(store / "two", n=8, steps=1, mapped=False)
    deleting.delete(store / "two", store)
    app = home("keep-storage")
    assert len(app.get("plotly_chart")) == 1 and any("free on its disk" in caption.value for caption in app.caption)
    assert app.selectbox(key="keep-trash").options[0].startswith("C2R · digits · seed 0 · ")
    app.button(key="keep-back").click()
    app = rerun(app)
    assert (store / "two").is_dir() and "The trash is empty." in [caption.value for caption in app.caption]
    deleting.delete(store / "two", store)
    app = rerun(app)
    app.button(key="keep-empty").click()
    app = rerun(app)
    assert deleting.deleted(store) == [] and "Removed 1 deleted run for good." in texts(app)


class Upload:
    """What an uploader returns."""

    def __init__(self, content: bytes):
        self.content = content

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


def test_an_uploaded_archive_becomes_a_run_and_a_planted_one_is_refused(store, tmp_path):
    file = archives.archive(store / "one", tmp_path / "one.zip")
    assert component._opened(Upload(file.read_bytes()))[0].startswith(
        "The run of that archive is here already: C2R · digits · seed 0"
    )
    deleting.delete(store / "one", store)
    assert component._opened(Upload(file.read_bytes()))[0].startswith("Opened run C2R · digits · seed 0")
    evil = zipped(tmp_path / "evil.zip", {"one/config.json": "{}", "../evil.json": "{}"})
    with pytest.raises(InputError, match="leads out of the archive"):
        component._opened(Upload(evil.read_bytes()))
    assert sorted(path.name for path in store.iterdir()) == [".trash", "one"]


def test_the_download_is_the_archive_and_a_large_run_gets_the_command_instead(store, tmp_path, monkeypatch):
    run = state.runs.open_run(store / "one")
    assert component._archive(run) == archives.archive(store / "one", tmp_path / "one.zip").read_bytes()
    assert [button.label for button in home("keep-run").get("download_button")] == ["Download archive"]
    monkeypatch.setattr(component, "MOST", 0)
    app = home("keep-run")
    assert not app.get("download_button") and "c2r archive" in app.code[0].value


def test_the_bars_are_the_bytes_by_kind_in_one_unit_with_totals():
    runs = {"a": {"frames": 3_000_000, "other": 1_000_000}, "<b>": {"frames": 500_000, "other": 0}}
    figure = charts.storage_bars(runs, ("frames", "other"), free=5_000_000_000)
    assert [list(bar.x) for bar in figure.data] == [[3.0, 0.5], [1.0, 0.0]] and [bar.name for bar in figure.data] == [
        "frames",
        "other",
    ]
    assert figure.layout.meta["statement"] == "2 runs take up 4.5 MB; 5 GB are free"
    assert [note.text for note in figure.layout.annotations] == ["4 MB", "a", "500 kB", "&lt;b&gt;"]
    assert figure.layout.xaxis.title.text == "MB"
    with pytest.raises(InputError, match="at least one run"):
        charts.storage_bars({}, ("frames",), free=0)


def test_a_fork_links_to_its_parent_and_says_what_it_changed(store):
    make_run(store / "fork", n=8, steps=2, mapped=False, parent="one@10", eta=0.3, seed=5)
    app = rerun(home().switch_page("../pages/live.py"))
    assert "It changed: Seed: 0 → 5; Contrastive share: 0.17 → 0.3." in "\n".join(
        c.value.replace("\\", "") for c in app.caption
    )
    links = {link.proto.label.replace("\\", ""): link.proto.query_string for link in app.get("page_link")}
    assert [
        query for label, query in links.items() if label.startswith("Fork of step 10 of C2R · digits · seed 0 · ")
    ] == ["run=one"]
    make_run(store / "orphan", n=8, steps=2, mapped=False, parent="../../etc@10")
    app = rerun(home().switch_page("../pages/live.py"))
    assert "Fork of a run that is not in this store, at its step 10." in [c.value for c in app.caption]
