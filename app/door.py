"""The door before the app: who gives the launch password gets a signed cookie, everybody else gets the form that asks
for it.

Pages, uploads, pictures and connections of Streamlit lie behind it. The cookie is out of reach of scripts (HttpOnly)
and ends with the
browser, after `guard.HOURS`, or with the server; so a reload or a link asks nobody twice. Without a password everybody
passes, and what
may be uploaded is limited all the same (`guard.upload_problem`).
"""

import asyncio
import hmac
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from html import escape
from ipaddress import ip_network
from urllib.parse import parse_qs, quote

import streamlit as st
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app import guard

HEALTH = "/_stcore/health"  # says nothing but that the server lives
UPLOAD = "/_stcore/upload_file/"
LONGEST = 4096  # bytes of a filled-in form
PAUSE = 1.0  # seconds that a wrong password takes
WINDOW = 60.0  # seconds in which attempts are counted
MOST, MOST_IN_ALL = 5, 60  # attempts from one address, and from all of them, in that time
WRONG = "That is not the password of this app: ask whoever started it."
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors"
    " 'self'"
)
FORM = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>C2R: password</title>
<link rel="icon" href="data:,"><style>
:root {{ color-scheme: light dark; font: 16px sans-serif }}
body {{ max-width: 22rem; margin: 18vh auto; padding: 0 1rem;
  background: light-dark(#ffffff, #0e1117); color: light-dark(#1a1f26, #e8ebf0) }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit }}
input, button {{ margin: .4rem 0 1rem; padding: .55rem .7rem;
  border: 1px solid light-dark(#6b7480, #8b95a3); border-radius: .375rem }}
button {{ background: #0068a3; border-color: #0068a3; color: #ffffff; cursor: pointer }}
</style></head><body><main><h1>C2R</h1><form method="post"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button>Enter</button></form><p role="status">{said}</p></main></body></html>"""


class Attempts:
    """The passwords that were tried within the last minute, and from where: few enough that guessing is hopeless."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock, self._tried = clock, deque[tuple[float, str]]()

    def wait(self, address: str) -> int:
        """Seconds until somebody at this address may try again, 0 for now."""
        now = self.clock()
        while self._tried and self._tried[0][0] <= now - WINDOW:
            self._tried.popleft()
        own = [moment for moment, where in self._tried if where == address]
        first = own[-MOST] if len(own) >= MOST else self._tried[0][0] if len(self._tried) >= MOST_IN_ALL else None
        return 0 if first is None else max(1, round(first + WINDOW - now))

    def add(self, address: str) -> int:
        """Count one; returns how many came from this address."""
        self._tried.append((self.clock(), address))
        return sum(where == address for _, where in self._tried)


class Door:
    """ASGI middleware, see above. `attempts` and `pause` are replaced by tests.

    It believes what the server says of a request (`scope`), never an address made of the Host header, which the visitor
    writes.
    """

    def __init__(self, app: ASGIApp, attempts: Attempts | None = None, pause: float = PAUSE):
        self.app, self.attempts, self.pause = app, attempts or Attempts(), pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            known = guard.admitted(HTTPConnection(scope).cookies)
            await (self.app(scope, receive, send) if known else send({"type": "websocket.close", "code": 1008}))
        elif answer := await self._answer(Request(scope, receive)):
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What the door itself says to a request; None lets it through."""
        path, base = request.scope["path"], str(st.get_option("server.baseUrlPath") or "").strip("/")
        if path != f"{'/' if base else ''}{base}{HEALTH}" and not guard.admitted(request.cookies):
            return (
                await self._entry(request)
                if request.method == "POST"
                else _form(status=200 if _wants_page(request) else 401)
            )
        length = (
            None if "transfer-encoding" in request.headers else request.headers.get("content-length")
        )  # chunks have no length
        if UPLOAD in path and (problem := guard.upload_problem(length)):
            return PlainTextResponse(problem, 403)
        return None

    async def _entry(self, request: Request) -> Response:
        """A filled-in form: the page that was asked for, or the form again."""
        address = _address(request)
        if wait := self.attempts.wait(address):
            return _form(f"Too many attempts: wait {wait} seconds and try again.", 429, {"Retry-After": str(wait)})
        count = self.attempts.add(address)  # before anything is awaited, so that many at once are counted, too
        given = await _password(request)
        wanted = os.environ.get(guard.PASSWORD, "")
        if given is None or not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
            _log(f"Wrong password from {address}, attempt {count} of {MOST} within a minute.")
            await asyncio.sleep(self.pause)
            return _form(WRONG)
        _log(f"Admitted {address}.")
        scope = request.scope
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        answer = RedirectResponse(quote("/" + scope["path"].lstrip("/\\")) + query, 303)
        name = (  # browsers share cookies between the ports of a machine
            f"{guard.COOKIE}-{(scope.get('server') or ('', ''))[1] or ''}"
        )
        answer.set_cookie(name, guard.token(), httponly=True, samesite="lax", secure=scope["scheme"] == "https")
        return answer


def _form(
    said: str = "Whoever started this app knows it.", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    more = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(FORM.format(said=escape(said)), status, more | (headers or {}))


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _password(request: Request) -> str | None:
    """What stands in the form; None when it is no form of ours."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            return None
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=8).get("password", [""])[0]
    except ValueError:
        return None


def _address(request: Request) -> str:
    """Where a request comes from; addresses of one IPv6 network, which one person may have by the billion, count as
    one."""
    host = request.client.host if request.client else "unknown"
    return str(ip_network(f"{host}/64", strict=False)) if ":" in host and "%" not in host else host


def _log(text: str) -> None:
    print(f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}", file=sys.stderr, flush=True)
