"""A depot of weights on this computer: an HTTP server that can be told to misbehave, and rows that point to it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from understudy.core.weights import download, needs, rows, task
from understudy.core.weights.rows import Weights


class Depot:
    """Files by path, what to do with the next requests for each, and what was asked for and sent.

    Attributes:
        files: path -> content.
        plans: path -> actions, one for each request until they run out: ("cut", n) sends n bytes and hangs up,
            ("status", code), ("redirect", path), ("ignore range",), ("shift range",), ("no length",).
        validators: whether answers carry an ETag.
        asked: (path, Range header) of every request.
        sent: bytes of content that went out.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.plans: dict[str, list[tuple]] = {}
        self.validators = True
        self.asked: list[tuple[str, str | None]] = []
        self.sent = 0
        depot = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                depot.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, asked = request.path, request.headers.get("Range")
        self.asked.append((path, asked))
        action = self.plans[path].pop(0) if self.plans.get(path) else ("send",)
        request.close_connection = True
        if action[0] == "status":
            request.send_error(action[1])
            return
        if action[0] == "redirect":
            request.send_response(302)
            request.send_header("Location", action[1])
            request.send_header("Connection", "close")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        content = self.files[path]
        etag = '"' + hashlib.sha1(content).hexdigest() + '"'
        start = 0
        if asked and action[0] != "ignore range" and request.headers.get("If-Range") == etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                request.send_error(416)
                return
            request.send_response(206)
            shift = 1 if action[0] == "shift range" else 0
            request.send_header("Content-Range", f"bytes {start + shift}-{len(content) - 1}/{len(content)}")
        else:
            request.send_response(200)
        request.send_header("Connection", "close")
        if self.validators:
            request.send_header("ETag", etag)
        if action[0] != "no length":
            request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        body = content[start:start + action[1]] if action[0] == "cut" else content[start:]
        self.sent += len(body)
        try:
            request.wfile.write(body)
        except OSError:
            pass  # the other side has hung up


@pytest.fixture
def depot() -> Iterator[Depot]:
    made = Depot()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Make these rows the whole table, in a home of its own, with short waits between tries."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("UNDERSTUDY_OFFLINE", raising=False)
    monkeypatch.setattr(download, "WAITS", (0.01,))

    def use(*made: Weights) -> None:
        for module in (rows, task, needs):
            monkeypatch.setattr(module, "WEIGHTS", made)

    return use


def weights(name: str = "tiny", file: str = "tiny.pth", **fields: object) -> Weights:
    """A row of the table with the fields that a test is about."""
    plain: dict = {"task": "detection", "origin": "a test", "licence": "MIT", "commercial": "yes"}
    return Weights(name=name, file=file, **{**plain, **fields})


@pytest.fixture(name="weights_row")
def _weights_row() -> Callable[..., Weights]:
    return weights
