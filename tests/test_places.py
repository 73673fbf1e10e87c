"""Which files the app reads for a person: traversal, links, absolute paths and homes are followed to where they
lead."""

import os
from pathlib import Path

import pytest
from test_pages import open_page, store, text

from app import guard, jobs, places
from c2r import config
from c2r.base.errors import InputError
from c2r.store.runs import open_run

__all__ = ["store"]


@pytest.mark.parametrize("named", ["~nouser/x", "/dev/null", "x" * 300])
def test_a_store_that_cannot_be_is_said_instead_of_any_page(named, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", named)
    app = open_page("home")
    assert not app.exception and [error.value[:17] for error in app.error] == ["C2R_RUNS expects "] and not app.title


@pytest.fixture
def roots(tmp_path, monkeypatch):
    """An allowed root beside a folder that is not allowed, and links between them."""
    for name in ("open", "closed", "runs", "cache", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "open" / "out").symlink_to(tmp_path / "closed")
    (tmp_path / "closed" / "in").symlink_to(tmp_path / "open")
    for folder in ("open", "closed"):
        (tmp_path / folder / "set.npz").write_bytes(b"x")
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("C2R_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "closed"))
    monkeypatch.setenv(places.ROOTS, str(tmp_path / "open"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


INSIDE = [
    "open",
    "open/set.npz",
    "open/none/yet.npz",
    "open/../open/set.npz",
    "closed/in/set.npz",
    "runs/.imports/a.safetensors",
    "cache/cifar10",
]
OUTSIDE = [
    "closed/set.npz",
    "open/../closed/set.npz",
    "open/out/set.npz",
    "open-beside/set.npz",
    "",
    "work/set.npz",
    "closed/in/../set.npz",
]


@pytest.mark.parametrize("path", INSIDE)
def test_what_leads_into_an_allowed_folder_may_be_read(roots, path):
    assert places.problem(str(roots / path)) == ""


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_leads_out_of_the_allowed_folders_is_refused_with_one_sentence(roots, path):
    assert "expects a path inside the folders that this app may read" in places.problem(str(roots / path))


@pytest.mark.parametrize(
    "path",
    [
        "~/set.npz",
        "~root/set.npz",
        "~nobody-at-all/set.npz",
        "../closed",
        "set.npz",
        "/etc/passwd",
        "x" * 5000,
        "/proc/self/environ",
    ],
)
def test_homes_relative_and_absolute_paths_are_refused_too(roots, path):  # noqa: ARG001
    said = places.problem(path)
    assert places.ROOTS in said and "\n" not in said and len(said) < 400


def test_a_nul_byte_is_refused_with_and_without_roots(roots, monkeypatch):
    path = f"{roots / 'open'}\0/../../closed"
    assert "letter that no path has" in places.problem(path)
    monkeypatch.delenv(places.ROOTS)
    assert "letter that no path has" in places.problem(path)


def test_names_of_built_in_data_are_no_paths_but_a_set_of_that_name_is_one(roots):  # noqa: ARG001
    assert places.problem("digits") == places.problem("cifar10") == places.problem("", "imported") == ""
    assert places.problem("digits", "imported")


def test_alone_on_this_machine_everything_may_be_read_and_in_a_class_only_a_few_folders(roots, monkeypatch):
    monkeypatch.delenv(places.ROOTS)
    monkeypatch.setattr(places.st, "get_option", lambda _name: "127.0.0.1")
    assert places.roots() is None and places.problem("/etc/passwd") == ""
    monkeypatch.setenv(guard.PASSWORD, "secret")
    assert (
        places.problem("/etc/passwd")
        and places.problem("set.npz") == ""
        and places.problem(str(roots / "runs" / "a.npz")) == ""
    )
    monkeypatch.delenv(guard.PASSWORD)
    monkeypatch.setattr(places.st, "get_option", lambda _name: "0.0.0.0")
    assert places.problem("/etc/passwd") and places.roots() == tuple(roots / name for name in ("work", "runs", "cache"))


def test_several_roots_are_separated_as_the_system_does(roots, monkeypatch):
    monkeypatch.setenv(places.ROOTS, os.pathsep.join([str(roots / "open"), "", str(roots / "closed")]))
    assert places.problem(str(roots / "closed" / "set.npz")) == "" and places.problem(str(roots / "other"))


@pytest.mark.parametrize("name", ["data", "imported"])
def test_no_child_is_started_for_a_file_elsewhere(roots, monkeypatch, name):
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    elsewhere = str(roots / "closed" / "set.npz")
    wanted = config.load("demo", {name: elsewhere})
    run = roots / "runs" / "one"
    run.mkdir()
    (run / "config.json").write_text(config.to_json(wanted))
    (run / "status.json").write_text('{"state": "stopped"}')
    assert open_run(run).config == wanted
    for action in (
        lambda: jobs.start(wanted, "demo", roots / "runs" / "new"),
        lambda: jobs.resume(run),
        lambda: jobs.evaluate(run, wanted),
        lambda: jobs.check(run),
        lambda: jobs.compute_map(run),
        lambda: jobs.transfer([run], roots / "runs" / "a.json"),
    ):
        with pytest.raises(InputError, match=f"Setting '{name}' expects a path inside"):
            action()
    if name == "data":
        with pytest.raises(InputError, match="Setting 'data' expects a path inside"):
            jobs.import_set(["a.npz", "--data", elsewhere], roots / "runs" / "new")


def test_the_start_page_refuses_a_path_elsewhere_before_it_looks_at_it(store, tmp_path, monkeypatch):
    monkeypatch.setenv(places.ROOTS, str(tmp_path / "allowed"))
    app = open_page("home")
    app.session_state["form-demo-0-data"] = "/etc/passwd"  # as typed: the box of the tests knows its own options only
    app.switch_page("../pages/start.py").run()
    assert "expects a path inside the folders that this app may read, found '/etc/passwd'" in text(app)
    assert app.button(key="start").disabled and not app.exception
    assert not Path(store / "new").exists()


@pytest.mark.parametrize("named", ["x" * 300, "loop", "pipe"])
def test_a_run_store_that_cannot_be_one_gets_a_sentence_on_the_start_page(store, tmp_path, monkeypatch, named):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / named))
    app = open_page("start")
    assert not app.exception
    for button in [one for one in app.button if one.key == "start" and not one.disabled]:
        button.click().run()
    assert not app.exception and "expect" in "".join(error.value for error in app.error) and not store.exists()


def test_data_that_are_none_get_a_sentence_on_the_start_page(store, tmp_path):  # noqa: ARG001
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe.npz")
    for data in (
        "~nobody-at-all",
        "~nobody-at-all/x.npz",
        str(tmp_path / "loop"),
        "x" * 300 + ".npz",
        str(tmp_path / "pipe.npz"),
    ):
        app = open_page("home")
        app.session_state["form-demo-0-data"] = data  # as typed: the box of the tests knows its own options only
        app.switch_page("../pages/start.py").run()
        assert not app.exception and app.button(key="start").disabled and len(app.error) >= 1, data
        assert all("\n" not in error.value for error in app.error)
