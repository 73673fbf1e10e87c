"""Who gets in, and what a read-only server refuses. Run: pytest tests/test_guard.py"""

import pytest
from fake_run import make_run
from test_pages import open_page, store, text

from app import guard, jobs
from c2r import config
from c2r.base.errors import InputError
from c2r.store.runs import open_run

__all__ = ["store"]


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_on_this_machine_nothing_is_asked(address, monkeypatch):
    monkeypatch.delenv(guard.PASSWORD, raising=False)
    assert guard.address_problem(address) == ""


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::", "my-server", None, ""])
def test_an_open_address_needs_a_password_or_read_only_mode(address, monkeypatch):
    assert "others could start runs" in guard.address_problem(address)
    with monkeypatch.context() as patched:
        patched.setenv(guard.PASSWORD, "secret")
        assert guard.address_problem(address) == ""
    monkeypatch.setenv(guard.READ_ONLY, "1")
    assert guard.address_problem(address) == ""


def test_an_open_address_without_either_shows_the_reason_and_nothing_else_and_tells_the_terminal_once(
    store, monkeypatch, capsys
):
    make_run(store / "one")
    guard._say.cache_clear()
    monkeypatch.setattr(guard.st, "get_option", lambda _name: "0.0.0.0")
    app = open_page("home")
    assert "others could start runs on this machine" in app.error[0].value
    assert not app.title and not app.selectbox
    app.run()
    assert capsys.readouterr().err.count("others could start runs on this machine") == 1


def test_the_pages_are_drawn_for_nobody_who_did_not_come_through_the_door(store, monkeypatch):
    make_run(store / "one")
    monkeypatch.setenv(guard.PASSWORD, "secret")
    app = open_page("home")
    assert "was not opened through its door" in text(app)
    assert not app.dataframe and not app.selectbox and not app.title
    monkeypatch.setattr(type(guard.st.context), "cookies", {f"{guard.COOKIE}-8501": guard.token()})
    app.run()
    assert app.title[0].value.startswith("C2R: watch")
    assert not app.exception


@pytest.mark.parametrize(
    ("page", "state", "gone"),
    [("live", "running", ("Stop run", "Pause run", "Step")), ("live", "stopped", ("Resume",))],
)
def test_a_read_only_page_offers_no_command(store, monkeypatch, page, state, gone):
    make_run(store / "one", state=state)
    assert set(gone) <= {button.label for button in open_page(page).button}
    monkeypatch.setenv(guard.READ_ONLY, "1")
    app = open_page(page)
    assert not set(gone) & {button.label for button in app.button} and app.button(key="fork").disabled


def test_a_read_only_start_page_says_why_nothing_can_be_started(store, monkeypatch):
    make_run(store / "one")
    monkeypatch.setenv(guard.READ_ONLY, "1")
    app = open_page("start")
    assert app.button(key="start").disabled and "Nothing can be started: this app only shows (read-only mode)." in text(
        app
    )
    assert "It cannot be evaluated now: this app only shows (read-only mode)." in text(open_page("gallery"))


def test_a_read_only_server_starts_commands_and_forks_nothing(store, monkeypatch):
    run = open_run(make_run(store / "one", state="running"))
    monkeypatch.setenv(guard.READ_ONLY, "1")
    for action in (
        lambda: jobs.start(config.load("demo"), "demo", store / "new"),
        lambda: jobs.command(run, "stop"),
        lambda: jobs.force_stop(run),
        lambda: jobs.resume(run.path),
        lambda: jobs.compute_map(run.path),
        lambda: jobs.evaluate(run.path, config.load("demo")),
        lambda: jobs.ask(["list"]),
    ):
        with pytest.raises(InputError, match="read-only mode"):
            action()
    assert not (store / "new").exists()
    assert not (run.path / "control").exists()
    for page in ("home", "start", "live", "gallery", "embeddings", "compare"):
        assert not open_page(page).exception
