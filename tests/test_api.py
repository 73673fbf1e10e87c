"""The routes beside the pages: who may ask, what is refused, what comes back. Run: pytest tests/test_api.py"""

import asyncio
import json
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import numpy as np
import pytest
from fake_run import make_run
from safetensors.numpy import load
from starlette.applications import Starlette
from starlette.middleware import Middleware

from app import api, guard, renderer, state
from app.door import Door
from c2r.store.runs import frame_steps
from c2r.work.renderer import framed


def frames(content):
    """Arrays and what is said about them, frame by frame."""
    found = []
    while content:
        size = int.from_bytes(content[:4], "little")
        frame, content = content[4 : 4 + size], content[4 + size :]
        told = json.loads(frame[8 : 8 + int.from_bytes(frame[:8], "little")])["__metadata__"]
        found.append((told["what"], json.loads(told["about"]), load(frame)))
    return found


@pytest.fixture
def store(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("C2R_RUNS", str(folder))
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample_run"))
    for name in (guard.PASSWORD, guard.READ_ONLY):
        monkeypatch.delenv(name, raising=False)
    return folder


class Answer(NamedTuple):
    """What came back."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self):
        return self.content.decode()


class Client:
    """A visitor of an ASGI app, with a cookie."""

    def __init__(self, app):
        self.app, self.cookie = app, ""

    def ask(self, address, method="GET", body=b""):
        path, _, query = address.partition("?")
        sent = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"cookie", self.cookie.encode())],
            "client": ("10.0.0.1", 5),
            "server": ("c2r", 8501),
            "scheme": "http",
        }

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.cookie = headers.get("set-cookie", self.cookie).split(";")[0]
        return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture
def client():
    return Client(Starlette(routes=api.routes(), middleware=[Middleware(Door)]))


class Told:
    """In place of the process: it takes wishes down and answers with frames of a test."""

    def __init__(self, *answers):
        self.answers, self.asked = answers, []

    def frames(self, viewer, ask):
        self.asked.append((viewer, ask))
        for what, about in self.answers:
            if what == "lost":
                raise renderer.Lost("It ended: ask again.")
            yield renderer.Frame(what, about, framed(1, what, {}, about)[4:])


@pytest.fixture
def told(monkeypatch):
    def replaced(*answers):
        made = Told(*answers)
        monkeypatch.setattr(renderer, "SHARED", made)
        return made

    return replaced


@pytest.fixture
def fake(store):
    """A run folder of the store with a file where a network would lie."""
    path = make_run(store / "one", steps=2, n=8, classes=2)
    (path / "networks").mkdir()
    (path / "networks" / "seed0.safetensors").write_bytes(b"")
    return path


def asked(client, **given):
    return client.ask("/api/plane?" + urlencode({"viewer": "a-1"} | given))


WISH = {"run": "one", "step": 10, "sample": 3, "network": "seed0"}


def test_an_address_becomes_an_ask_and_its_answers_bytes(client, fake, told):
    process = told(("record", {"n": 26}), ("record", {"n": 101}), ("end", ""))
    more = {"held": 0, "part": 0, "other": 5, "along": "gradient", "ball": 1, "attacks": 0, "beside_network": "seed0"}
    answer = asked(client, **WISH, **more)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    assert [(what, about) for what, about, _ in frames(answer.content)][:2] == [
        ("record", {"n": 26}),
        ("record", {"n": 101}),
    ]
    assert process.asked == [
        (
            "a-1",
            {"path": str(fake), "network": "seed0", "step": 10, "sample": 3, "held": 0, "part": 0, "other": 5}
            | {"along": "gradient", "ball": True, "attacks": False, "beside": str(fake), "beside_network": "seed0"},
        )
    ]


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"run": "../one"}, 404, "There is no run '../one'"),
        ({"run": "/etc"}, 404, "There is no run '/etc'"),
        ({"run": ".."}, 404, "There is no run"),
        ({"run": "one/../one"}, 404, "There is no run"),
        ({"run": "one\0"}, 404, "There is no run"),
        ({"run": ""}, 400, "expects 'run', found none"),
        ({"network": "../../config"}, 404, "expects a network of run 'one' (seed0)"),
        ({"step": 5}, 404, "expects a recorded step"),
        ({"step": "-1"}, 400, "expects a whole number from 0 on"),
        ({"sample": "²"}, 400, "expects a whole number from 0 on"),
        ({"sample": "9" * 5000}, 400, "expects a whole number from 0 on"),
        ({"along": "path"}, 400, "expects one of images, gradient"),
        ({"ball": "yes"}, 400, "expects one of 0, 1"),
        ({"beside": "two", "beside_network": "seed0"}, 404, "There is no run 'two'"),
        ({"viewer": "a b"}, 400, "letters, digits and hyphens"),
        ({"viewer": "a" * 65}, 400, "letters, digits and hyphens"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_what_an_address_may_not_say_is_refused_in_one_sentence_and_reaches_no_process(
    client, told, change, status, said
):
    process = told(("end", ""))
    answer = asked(client, **WISH | change)
    assert answer.status_code == status and said in answer.text and not process.asked
    assert "\n" not in answer.text and answer.text.endswith(".") and answer.headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("fake")
def test_a_refusal_of_the_process_a_dropped_wish_and_a_lost_process_have_codes_of_their_own(client, told):
    told(("refused", "Run one has images 0 to 7: choose others."))
    answer = asked(client, **WISH)
    assert (answer.status_code, answer.text) == (422, "Run one has images 0 to 7: choose others.")
    told(("dropped", ""))
    assert asked(client, **WISH).status_code == 409
    told(("lost", ""))
    answer = asked(client, **WISH)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    told(("record", {}), ("lost", ""))
    assert len(frames(asked(client, **WISH).content)) == 1


def test_what_attacks_find_on_a_sample_comes_as_json_and_is_refused_like_a_plane(client, fake, told):
    def about(**change):
        return client.ask("/api/sample?" + urlencode({"viewer": "a-2"} | WISH | change))

    process = told(("record", {"kind": "sample"}), ("end", ""))
    answer = about(part=0)
    assert answer.status_code == 200 and json.loads(answer.content) == {"kind": "sample"}
    assert answer.headers["content-type"] == "application/json" and answer.headers["cache-control"] == "no-store"
    ask = {"kind": "sample", "path": str(fake), "step": 10, "sample": 3, "network": "seed0", "part": 0}
    assert process.asked == [("a-2", ask)]
    for change, status in (
        ({"run": "../one"}, 404),
        ({"network": "../x"}, 404),
        ({"step": 5}, 404),
        ({"sample": ""}, 400),
    ):
        assert about(**change).status_code == status
    assert len(process.asked) == 1
    told(("refused", "Choose others."))
    assert (about().status_code, about().text) == (422, "Choose others.")
    told(("dropped", ""))
    assert about().status_code == 409


def test_a_sample_of_a_finished_run_is_attacked_behind_the_route(client, finished, store):
    (store / "run").symlink_to(finished)
    wish = {"run": "run", "step": frame_steps(finished)[-1], "sample": 1, "network": "seed0", "viewer": "a"}
    try:
        answer = client.ask("/api/sample?" + urlencode(wish))
        assert answer.status_code == 200 and json.loads(answer.content)["name"] == "image 1"
    finally:
        renderer.SHARED.close()


@pytest.mark.usefixtures("fake")
def test_only_looking_is_offered(client, told):
    process = told(("end", ""))
    for method in ("POST", "PUT", "DELETE"):
        assert client.ask("/api/plane", method).status_code == 405
    assert not process.asked


@pytest.mark.usefixtures("fake")
def test_the_password_stands_before_the_routes_too(client, told, monkeypatch):
    process = told(("record", {}), ("end", ""))
    monkeypatch.setenv(guard.PASSWORD, "sesame")
    assert asked(client, **WISH).status_code == 401 and not process.asked
    answer = asked(Client(Starlette(routes=api.routes())), **WISH)  # without the door
    assert answer.status_code == 401 and "has a password" in answer.text and not process.asked
    assert client.ask("/api/plane", "POST", b"password=sesame").status_code == 303
    assert asked(client, **WISH).status_code == 200


@pytest.mark.usefixtures("fake")
def test_a_read_only_app_shows_planes_and_an_open_address_without_password_nothing(client, told, monkeypatch):
    process = told(("record", {}), ("end", ""))
    monkeypatch.setattr(guard.st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else "")
    answer = asked(client, **WISH)
    assert answer.status_code == 403 and "listens on 0.0.0.0" in answer.text and not process.asked
    monkeypatch.setenv(guard.READ_ONLY, "1")
    assert asked(client, **WISH).status_code == 200


def test_a_store_that_cannot_be_is_said(client, store, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", "/dev/null")
    answer = asked(client, **WISH)
    assert answer.status_code == 503 and answer.text.startswith("C2R_RUNS expects") and store.is_dir()


def test_the_sample_run_has_the_name_it_has_on_the_pages(client, store, told):
    process = told(("record", {}), ("end", ""))
    sample = make_run(store.parent / "sample_run", steps=1, n=4, classes=2)
    (sample / "networks").mkdir()
    (sample / "networks" / "seed0.safetensors").write_bytes(b"")
    assert asked(client, **WISH | {"run": state.SAMPLE_NAME, "step": 0}).status_code == 200
    assert process.asked[0][1]["path"] == str(sample)
    assert asked(client, **WISH | {"run": "sample_run", "step": 0}).status_code == 404


def test_routes_lie_below_the_base_path_of_the_app(monkeypatch):
    monkeypatch.setattr(api.st, "get_option", lambda name: "/c2r/" if name == "server.baseUrlPath" else None)
    assert [route.path for route in api.routes()] == ["/c2r/api/plane", "/c2r/api/sample", "/c2r/api/replay"]


def test_a_plane_of_a_finished_run_comes_through_the_door_coarse_first(client, finished, store):
    (store / "run").symlink_to(finished)
    wish = {"run": "run", "step": frame_steps(finished)[-1], "sample": 1, "network": "seed0", "attacks": 1}
    try:
        answer = asked(client, **wish)
        assert answer.status_code == 200
        told = frames(answer.content)
        assert [what for what, *_ in told] == ["record"] * 4 + ["end"]
        assert [about["kind"] for _, about, _ in told[:4]] == ["grid"] * 3 + ["landings"]
        coarse, fine = told[0][2], told[2][2]
        assert coarse["classes"].dtype == np.uint8 and coarse["own"].dtype == np.float32
        assert fine["classes"].shape == (101, 101) and np.array_equal(coarse["own"], fine["own"][::4, ::4])
        assert asked(client, **wish | {"sample": 999}).status_code == 422
    finally:
        renderer.SHARED.close()


ENDS_AT_ONCE = "import sys; sys.stdin.readline()"


def test_a_process_that_ends_is_told_and_another_one_is_started(tmp_path):
    own = renderer.Renderer((sys.executable, "-c", ENDS_AT_ONCE))
    for _ in range(2):
        with pytest.raises(renderer.Lost, match="ended: expected an answer; ask again"):
            next(own.frames("a", {}))
    own.close()
    own.program = (sys.executable, str(Path(tmp_path / "absent.py")))
    with pytest.raises(renderer.Lost):
        next(own.frames("a", {}))


def test_a_process_that_keeps_silent_and_too_many_wishes_are_told(monkeypatch):
    own = renderer.Renderer((sys.executable, "-c", "import sys; sys.stdin.read()"))
    monkeypatch.setattr(renderer, "PATIENCE", 0.2)
    with pytest.raises(renderer.Lost, match="took longer than"):
        next(own.frames("a", {}))
    monkeypatch.setattr(renderer, "MOST", 0)
    with pytest.raises(renderer.Lost, match="being drawn already"):
        next(own.frames("a", {}))
    own.close()
