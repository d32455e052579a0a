"""The service: one long-lived worker that answers short requests over stdin and stdout (stdlib; requests load more).

A request is one line of JSON, {"id": 3, "request": "probe", "values": {…}}; an answer is a message of `messages` with
the same "id" beside its kind, the last of them `done`. {"cancel": 3} makes request 3's `progress` answer True. The
service ends when stdin closes, so it never outlives its Blender.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import traceback
from typing import Any, TextIO

from ..errors import Stopped, UnderstudyError
from .messages import Done, Error, Message
from .reporter import BaseReporter
from .requests import REQUESTS
from .run import explain
from .worker import lower_priority

_log = logging.getLogger(__name__)


def main() -> int:
    """Answer until stdin closes."""
    # Answers get the pipe for themselves; whatever else prints, C libraries included, goes to the log.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True,
                        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    lower_priority()
    serve(sys.stdin, answers)
    return 0


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer one request after the other, in order, until `requests` ends."""
    waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
    cancelled: set[int] = set()
    closed = threading.Event()

    def listen() -> None:
        for line in requests:
            try:
                data = json.loads(line)
                if "cancel" in data:
                    cancelled.add(int(data["cancel"]))
                else:
                    waiting.put({"id": int(data["id"]), "request": str(data["request"]),
                                 "values": dict(data.get("values", {}))})
            except (ValueError, KeyError, TypeError):
                _log.warning("not a request: %.200s", line)
        closed.set()
        waiting.put(None)

    threading.Thread(target=listen, name="listener", daemon=True).start()
    while (request := waiting.get()) is not None and not closed.is_set():
        _answer(request, _ServiceReporter(request["id"], answers, cancelled, closed))


def _answer(request: dict[str, Any], reporter: _ServiceReporter) -> None:
    try:
        if reporter.stopping():
            raise Stopped
        if request["request"] not in REQUESTS:
            raise UnderstudyError(f"This version of Understudy knows no request {request['request']!r}",
                                  "Update the extension")
        reporter.finish(Done("finished", REQUESTS[request["request"]](request["values"], reporter)))
    except Stopped:
        reporter.finish(Done("stopped"))
    except Exception as error:
        detail = traceback.format_exc()
        told = explain(error)
        if told is None:
            _log.error("internal error in request %s\n%s", request["request"], detail)
        message = str(told) if told else (f"Internal error in {request['request']} ({type(error).__name__}: {error}). "
                                          "Please report it; see the service's log.")
        reporter.fail(Error(message, detail))


class _ServiceReporter(BaseReporter):
    """Messages of one request as lines."""

    def __init__(self, number: int, answers: TextIO, cancelled: set[int], closed: threading.Event) -> None:
        super().__init__()
        self._number = number
        self._answers = answers
        self._cancelled = cancelled
        self._closed = closed

    def stopping(self) -> bool:
        return self._number in self._cancelled or self._closed.is_set()

    def say(self, message: Message) -> None:
        try:
            self._answers.write(f'{{"id": {self._number}, {message.to_json()[1:]}\n')
            self._answers.flush()
        except OSError:
            self._closed.set()  # nobody listens any more
