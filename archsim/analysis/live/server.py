"""The page that follows a sweep, served to browsers on this machine while the command runs.

It answers GET of two paths, from memory and from the sweep's own folder, to requests that name this
machine as their host: a page elsewhere whose name was made to point here (DNS rebinding) is
refused. The sweep neither waits for it nor ends with it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from archsim.analysis.live.follow import Follower
from archsim.formats import console

HOST = "127.0.0.1"
NAMES = frozenset({HOST, "localhost"})
"""Under any port: one may be forwarded from another machine (`ssh -L`)."""
PAGE, STATE = "/", "/state"
REQUEST_SECONDS = 10
"""For one request; who is slower is let go."""
LAST_LOOK_SECONDS = 2.5
"""After the last point, for a page that has just asked: it asks every second."""
SCRIPT = ("<script>", "</script>")


@contextmanager
def live(follower: Follower) -> Iterator[str | None]:
    """Serve the page until the block ends, and at its normal end until an open page has seen the
    last point. Gives the page's address; None, with a note, where none can be had."""
    try:
        server = _Server(_View(follower))
    except OSError as error:
        console.note(f"--live: no page, for no port is to be had: {error.strerror or error}")
        yield None
        return
    for work in (follower.catch_up, server.serve_until_closed):
        Thread(target=work, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
        server.view.last_look()
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class _View:
    """What pages are told: the state, and whether the sweep has ended."""

    follower: Follower
    ended: bool = False
    asked_seconds: float = float("-inf")
    told: Event = field(default_factory=Event)

    def state(self, after: int) -> dict[str, Any]:
        """The state for a page that has seen `after` points."""
        ended, self.asked_seconds = self.ended, time.monotonic()
        found = {**self.follower.state(after), "ended": ended}
        if ended and not found["more"]:
            self.told.set()
        return found

    def last_look(self) -> None:
        """Say that the sweep has ended, and wait for the answer to a page that is open."""
        self.ended = True
        if time.monotonic() - self.asked_seconds < LAST_LOOK_SECONDS:
            self.told.wait(LAST_LOOK_SECONDS)


class _Server(ThreadingHTTPServer):
    """On a free port of this machine alone."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, view: _View) -> None:
        self.view = view
        super().__init__((HOST, 0), _Handler)

    def server_bind(self) -> None:
        """Bind, without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def serve_until_closed(self) -> None:
        self.serve_forever(poll_interval=0.1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone is nobody's fault."""


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: _Server
    timeout = REQUEST_SECONDS
    server_version, sys_version = "archsim", ""

    def do_GET(self) -> None:
        """Answer with the page or the state, or refuse."""
        asked = urlsplit(self.path)
        if not _is_here(self.headers.get("Host", "")):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"not this host\n")
        elif asked.path == PAGE:
            self._answer(HTTPStatus.OK, "text/html", _page())
        elif asked.path == STATE:
            self._state(parse_qs(asked.query).get("after", ["0"])[-1])
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"no such page\n")

    def _state(self, after: str) -> None:
        if not (after.isascii() and after.isdecimal() and len(after) < 16):
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", b"after=NUMBER\n")
            return
        text = json.dumps(self.server.view.state(int(after)), ensure_ascii=False, allow_nan=False)
        self._answer(HTTPStatus.OK, "application/json", text.encode())

    def _answer(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": _policy(),
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is the sweep's."""


def _is_here(host: str) -> bool:
    """Whether a request was meant for this machine by name."""
    name, _, port = host.partition(":")
    return name.lower() in NAMES and (not port or port.isdecimal())


@cache
def _page() -> bytes:
    return files(__package__).joinpath("page.html").read_bytes()


@cache
def _policy() -> str:
    """No script but the page's own, and no request but for its state."""
    begin, end = (mark.encode() for mark in SCRIPT)
    script = _page().partition(begin)[2].partition(end)[0]
    digest = base64.b64encode(sha256(script).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
