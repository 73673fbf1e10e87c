"""The door: nothing without the password, which is asked once, slowly and not too often; what may be uploaded, and by
whom."""

import asyncio
import os
import tomllib
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app import guard
from app.components import housekeeping, importing
from app.door import MOST, MOST_IN_ALL, WINDOW, Attempts, Door

ROOT = Path(__file__).resolve().parents[1]
UPLOAD = "/_stcore/upload_file/session/file"


class Browser:
    """A visitor of a door in front of an app that lets everybody in; keeps the cookies it is given."""

    def __init__(self, address="10.0.0.1"):
        self.now, self.address, self.cookie = 0.0, address, ""
        self.door = Door(self.inside, Attempts(lambda: self.now), pause=0.0)

    async def inside(self, scope, _receive, send):
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    def ask(
        self,
        path="/",
        method="GET",
        body=b"",
        kind="http",
        query=b"",
        length=None,
        page=True,
        host=b"c2r:8501",
        chunked=False,
        **more,
    ):
        """Status (or 'accept' and 'close' of a connection) and text of the answer; the headers stay in
        `self.headers`."""
        headers = [(b"cookie", self.cookie.encode()), (b"host", host), *([(b"accept", b"text/html")] if page else [])]
        headers += [] if length is None else [(b"content-length", str(length).encode())]
        headers += [(b"transfer-encoding", b"chunked")] if chunked else []
        scope = {
            "type": kind,
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": headers,
            "client": (self.address, 5),
            "server": ("c2r", 8501),
            "scheme": "ws" if kind == "websocket" else "http",
            "root_path": "",
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(self.door(scope | more, receive, send))
        if kind == "websocket":
            return sent[0]["type"].removeprefix("websocket."), ""
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        if "set-cookie" in self.headers:
            self.cookie = self.headers["set-cookie"].split(";")[0]
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()

    def give(self, password, path="/", **more):
        return self.ask(path, "POST", urlencode({"password": password}).encode(), **more)


@pytest.fixture
def visitor(monkeypatch):
    monkeypatch.setenv(guard.PASSWORD, "sécret & more")
    monkeypatch.delenv(guard.READ_ONLY, raising=False)
    return Browser()


@pytest.mark.parametrize("host", [b"x/_stcore/health?", b"x/_stcore/health#", b"", b"["])
def test_neither_a_host_header_nor_a_tab_in_the_path_makes_another_address(visitor, host):
    assert visitor.ask("/_stcore/host-config", host=host, page=False)[0] == 401
    assert visitor.ask("/_stcore/hea\tlth", page=False)[0] == 401


@pytest.mark.parametrize(
    "path", ["/", "/live", UPLOAD, "/media/x.png", "/_stcore/host-config", "/static/x.js", "/x/_stcore/health"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_a_visitor_without_the_password_gets_the_form_and_nothing_else(visitor, path, method):
    status, said = visitor.ask(path, method, b"x" * 100)
    assert (
        status == 200
        and 'type="password"' in said
        and "inside" not in said
        and visitor.headers["cache-control"] == "no-store"
    )
    assert visitor.ask(path, method, page=False)[0] == 401


def test_a_visitor_without_the_password_gets_no_connection_and_may_ask_whether_the_server_lives(visitor):
    assert visitor.ask("/_stcore/stream", kind="websocket")[0] == "close"
    assert visitor.ask("/_stcore/health") == (200, "inside")


def test_the_password_is_asked_once_and_leads_to_the_page_that_was_asked_for(visitor):
    assert visitor.give("sécret & more", "/live", query=b"run=a&step=3")[0] == 303
    assert visitor.headers["location"] == "/live?run=a&step=3"
    assert {"HttpOnly", "SameSite=lax"} <= set(visitor.headers["set-cookie"].split("; "))
    assert visitor.ask("/") == visitor.ask("/gallery") == (200, "inside")
    assert visitor.ask("/_stcore/stream", kind="websocket")[0] == "accept"
    assert visitor.ask(UPLOAD, "PUT", length=8_000_000) == (200, "inside")


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/live\r\nx: y"])
def test_the_form_never_leads_elsewhere(visitor, path):
    assert visitor.give("sécret & more", path)[0] == 303
    assert visitor.headers["location"].startswith("/") and visitor.headers["location"][1:2] not in ("/", "\\")
    assert "\n" not in visitor.headers["location"]


@pytest.mark.parametrize(
    "cookie", ["c2r-door-8501=", "c2r-door-8501=9999999999.00", "c2r-door-8501=x.y", "c2r-door-8501=é.é", "other=1"]
)
def test_a_made_up_cookie_opens_nothing(visitor, cookie):
    visitor.cookie = cookie
    assert "password" in visitor.ask("/")[1]


def test_a_cookie_ends_with_its_time_the_password_and_the_server(visitor, monkeypatch):
    visitor.give("sécret & more")
    assert visitor.ask("/")[1] == "inside"
    for change in (
        lambda patched: patched.setattr(guard, "_KEY", b"another"),
        lambda patched: patched.setenv(guard.PASSWORD, "new"),
        lambda patched: patched.setattr(guard.time, "time", lambda now=guard.time.time: now() + 3600 * guard.HOURS + 5),
    ):
        with monkeypatch.context() as patched:
            change(patched)
            assert visitor.ask("/")[1] != "inside"
    assert visitor.ask("/")[1] == "inside"


@pytest.mark.parametrize(
    "body",
    [b"", b"password=", b"password=wrong", b"password=" + b"x" * 9000, b"\xff\xfe", b"a=1&" * 40, b"password=%00%ff"],
)
def test_a_wrong_password_is_told_so_and_logged_without_it(visitor, capsys, body):
    status, said = visitor.ask("/", "POST", body)
    assert status == 200 and "That is not the password of this app" in said
    logged = capsys.readouterr().err
    assert (
        f"Wrong password from 10.0.0.1, attempt 1 of {MOST} within a minute." in logged
        and "wrong" not in logged.replace("Wrong", "")
    )


def test_attempts_are_limited_for_each_address_and_then_the_right_one_waits_too(visitor):
    for _ in range(MOST):
        assert visitor.give("guess")[0] == 200
    visitor.now += 10
    for given in ("guess", "sécret & more"):
        status, said = visitor.give(given)
        assert (status, visitor.headers["retry-after"]) == (429, "50") and "wait 50 seconds" in said
    visitor.now += WINDOW
    assert visitor.give("sécret & more")[0] == 303


def test_addresses_of_one_network_count_as_one_and_all_together_are_limited(visitor):
    for number in range(MOST):
        visitor.address = f"2001:db8::{number + 1:x}"
        assert visitor.give("guess")[0] == 200
    visitor.address = "2001:db8::ffff"
    assert visitor.give("guess")[0] == 429
    for number in range(MOST_IN_ALL - MOST):
        visitor.address = f"10.1.0.{number}"
        assert visitor.give("guess")[0] == 200
    visitor.address = "10.2.0.1"
    assert visitor.give("guess")[0] == 429


def test_a_wrong_password_takes_a_second_and_many_at_once_are_counted(visitor, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        assert visitor.door.attempts.wait("10.0.0.1") == 0 and len(visitor.door.attempts._tried) == 1

    monkeypatch.setattr("app.door.asyncio.sleep", sleep)
    visitor.door.pause = 1.0
    visitor.give("guess")
    assert slept == [1.0]


def test_without_a_password_everybody_passes_and_a_read_only_server_takes_only_small_files(visitor, monkeypatch):
    monkeypatch.delenv(guard.PASSWORD)
    assert visitor.ask("/") == visitor.ask(UPLOAD, "PUT", length=8_000_000) == (200, "inside")
    monkeypatch.setenv(guard.READ_ONLY, "1")
    assert visitor.ask(UPLOAD, "PUT", length=1_000_000) == (200, "inside")
    for length in (8_000_000, None, "-1", "²"):
        status, said = visitor.ask(UPLOAD, "PUT", length=length)
        assert status == 403 and "expected an upload of at most 1 MB" in said
    assert visitor.ask(UPLOAD, "PUT", length=5, chunked=True)[0] == 403, (
        "chunks may be longer than what the other header says"
    )


def test_an_open_address_without_password_takes_no_upload(visitor, monkeypatch):
    monkeypatch.delenv(guard.PASSWORD)
    monkeypatch.setattr(guard.st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else "")
    assert visitor.ask(UPLOAD, "PUT", length=10)[0] == 403


def test_what_the_pages_say_of_uploads_is_what_the_server_takes():
    served = tomllib.loads((ROOT / "app" / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["server"][
        "maxUploadSize"
    ]
    assert served == importing.MOST == housekeeping.MOST
    assert not [name for name in os.listdir(ROOT / "app" / ".streamlit") if name != "config.toml"]


def test_the_entry_that_streamlit_runs_stands_behind_the_door(monkeypatch):
    from streamlit import config
    from streamlit.web.server.app_discovery import discover_asgi_app

    monkeypatch.setattr(config, "_main_script_path", str(ROOT / "app" / "main.py"))
    found = discover_asgi_app(ROOT / "app" / "main.py")
    assert found.is_asgi_app and found.app_name == "app"
    from app.main import app

    assert [layer.cls for layer in app._user_middleware] == [Door] and app.script_path == ROOT / "app" / "script.py"
