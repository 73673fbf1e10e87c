"""Routes beside the pages, for what moves without a run of the script: planes and replays as bytes.

They stand behind the door like the pages, refuse where pages refuse, and only read. What an address says is data: a run
is found by comparing its name with those of the store. A refusal is one sentence of plain text.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app import guard, links, renderer, replays, state
from c2r.base import paths
from c2r.base.errors import InputError, quoted
from c2r.store import kinds, networks, runs

LONGEST = 64  # letters of a viewer
DIRECTIONS = ("images", "gradient")
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
BINARY = "application/octet-stream"
DROPPED = "A newer wish of this viewer took its place: expected one at a time; wait for that one."


class Refused(Exception):
    """What an address asks for is not given: a status code and one sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


def routes() -> list[Route]:
    """All routes of the app besides those of Streamlit, below its base path."""
    answers = {"plane": plane, "sample": sample, "replay": replay}
    return [Route(links.route(name), answer, methods=["GET"]) for name, answer in answers.items()]


def guarded(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A route that refuses where pages do, and says every refusal as one sentence."""

    @wraps(answer)
    def asked(request: Request) -> Response:
        try:
            if problem := guard.address_problem(st.get_option("server.address")):
                raise Refused(403, problem)
            if not guard.admitted(request.cookies):
                raise Refused(401, "This app has a password: expected a visitor who gave it; open a page first.")
            if problem := paths.store_problem():
                raise Refused(503, problem)
            return answer(request)
        except Refused as refused:
            return PlainTextResponse(str(refused), refused.status, HEADERS)
        except renderer.Lost as lost:
            return PlainTextResponse(str(lost), 503, HEADERS | {"Retry-After": "1"})
        except InputError as error:
            return PlainTextResponse(str(error), 422, HEADERS)

    return asked


@guarded
def plane(request: Request) -> Response:
    """The plane of one image as frames, coarse first: each four bytes of length (little-endian) and safetensors.

    ``run``, ``step``, ``sample`` and ``network`` say which; ``part``, ``held``, ``other``, ``along``, ``ball``,
    ``attacks``, ``beside`` and ``beside_network`` are as in `c2r.work.planepoints.Ask`, with runs by their names;
    ``viewer`` is who asks: an older wish of the same viewer is dropped and gets 409.
    """
    given = request.query_params
    frames = renderer.SHARED.frames(_viewer(given), asked_plane(given))
    return StreamingResponse(_bytes(_first(frames), frames), 200, HEADERS, BINARY)


@guarded
def sample(request: Request) -> Response:
    """What attacks find on one image under one network, as JSON: see `c2r.work.sampleattacks.attacked`.

    ``run``, ``step``, ``sample``, ``network``, ``part`` and ``viewer`` are as for a plane.
    """
    given = request.query_params
    path, ask = _asked_sample(given)
    frames = renderer.SHARED.frames(_viewer(given), {"kind": "sample", "path": str(path)} | ask)
    try:
        return JSONResponse(_first(frames).about, 200, HEADERS)
    finally:
        frames.close()  # type: ignore[attr-defined]  # a generator


def _first(frames: Iterator[renderer.Frame]) -> renderer.Frame:
    """The first record of an answer. Raises Refused where there is none."""
    first = next(frames)
    if first.what == "refused":
        raise Refused(422, str(first.about))
    if first.what != "record":
        raise Refused(409, DROPPED)
    return first


@guarded
def replay(request: Request) -> Response:
    """All recorded steps of the run that ``run`` names, as `c2r.look.replay` lays them out."""
    return Response(replays.content(_run(request.query_params, "run")), 200, HEADERS, BINARY)


def _asked_sample(given: Mapping[str, str]) -> tuple[Path, dict[str, Any]]:
    """The run that an address names, and of an Ask the step, the image and the network. Raises Refused."""
    path = _run(given, "run")
    steps = runs.frame_steps(path)
    if not steps:
        raise Refused(404, f"Run '{quoted(given['run'])}' has no recorded step yet: expected one; wait for the first.")
    ask: dict[str, Any] = {"step": _step(given, "step", steps), "sample": _whole(given, "sample")}
    ask |= {"network": _network(given, "network", path)}
    return path, ask | ({"part": _whole(given, "part")} if "part" in given else {})


def asked_plane(given: Mapping[str, str]) -> dict[str, Any]:
    """The fields of an Ask that an address names, checked as far as can be without opening the run. Raises Refused."""
    path, wanted = _asked_sample(given)
    steps = runs.frame_steps(path)
    ask: dict[str, Any] = {"path": str(path)} | wanted
    ask |= {"other": _whole(given, "other")} if "other" in given else {}
    ask |= {"held": _step(given, "held", steps)} if "held" in given else {}
    ask |= {name: _flag(given, name) for name in ("ball", "attacks") if name in given}
    if "along" in given:
        ask["along"] = _one_of(given, "along", DIRECTIONS)
    if "beside_network" in given:
        second = _run(given, "beside") if "beside" in given else path
        ask |= {"beside": str(second), "beside_network": _network(given, "beside_network", second)}
    return ask


def _bytes(first: renderer.Frame, others: Iterator[renderer.Frame]) -> Iterator[bytes]:
    """Records one after the other; what else comes, also a refusal in the middle, as a last frame without arrays."""
    frame: renderer.Frame | None = first
    try:
        while frame is not None:
            yield len(frame.content).to_bytes(renderer.LENGTH, "little") + frame.content
            frame = next(others, None)
    except renderer.Lost:
        return
    finally:
        others.close()  # type: ignore[attr-defined]  # a generator


def _run(given: Mapping[str, str], key: str) -> Path:
    """The folder of a run that an address names as the pages do. Raises Refused."""
    name = _text(given, key)
    if name == state.SAMPLE_NAME and runs.is_run(state.sample_path()):
        return state.sample_path()
    if (found := kinds.named(runs.default_store(), name)) is None:
        raise Refused(404, f"There is no run '{quoted(name)}': expected one of the store; choose another.")
    return found


def _network(given: Mapping[str, str], key: str, path: Path) -> str:
    name, known = _text(given, key), networks.kept(path)
    if name not in known:
        offered = ", ".join(known) or "none: it keeps no network yet"
        raise Refused(
            404, f"Setting '{key}' expects a network of run '{path.name}' ({offered}), found '{quoted(name)}'."
        )
    return name


def _step(given: Mapping[str, str], key: str, steps: list[int]) -> int:
    step = _whole(given, key)
    if step not in steps:
        raise Refused(404, f"Setting '{key}' expects a recorded step with a frame, found {step}: choose another.")
    return step


def _whole(given: Mapping[str, str], key: str) -> int:
    text = _text(given, key)
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Refused(400, f"Setting '{key}' expects a whole number from 0 on, found '{quoted(text)}': change it.")
    return int(text)


def _flag(given: Mapping[str, str], key: str) -> bool:
    return _one_of(given, key, ("0", "1")) == "1"


def _one_of(given: Mapping[str, str], key: str, known: tuple[str, ...]) -> str:
    text = _text(given, key)
    if text not in known:
        raise Refused(400, f"Setting '{key}' expects one of {', '.join(known)}, found '{quoted(text)}': choose one.")
    return text


def _viewer(given: Mapping[str, str]) -> str:
    name = _text(given, "viewer")
    if not name.isascii() or not name.replace("-", "").isalnum() or len(name) > LONGEST:
        raise Refused(400, f"Setting 'viewer' expects at most {LONGEST} letters, digits and hyphens: choose others.")
    return name


def _text(given: Mapping[str, str], key: str) -> str:
    if not given.get(key):
        raise Refused(400, f"The address expects '{key}', found none: add {key}=… to it.")
    return given[key]
