"""Downloads: through pooch, with a downloader of our own that goes on where an interrupted one stopped."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch
import requests

from ..errors import OutputError, Stopped, WeightsError, writing

TRIES = 6
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each next try
_TIMEOUT = (10.0, 30.0)  # seconds to connect, and between two pieces
_PIECE = 1 << 16
_BRIEF = {408, 425, 429, 500, 502, 503, 504}  # answers that may well be others a moment later
Tell = Callable[[int, int | None], bool]  # (bytes there, bytes in all if known) -> whether to stop

pooch.get_logger().setLevel(logging.WARNING)  # it would announce each file on the console


def download(address: str, target: Path, tell: Tell, sha256: str = "") -> Path:
    """The file at an address, complete and, where its whole hash is known, verified.

    What an interrupted call has got stays beside `target` as `<name>.part`, and the next call goes on from there if
    the server still has the same file.

    Args:
        target: where to put it; it appears there whole. If it is there already, nothing is downloaded.
        tell: called for every piece; True stops the download.
        sha256: 64 hexadecimal digits; "" if unknown.

    Raises:
        WeightsError: if the server cannot be reached, refuses, or sends something else.
        OutputError: if the disk is full or the place cannot be written.
        Stopped: if `tell` said so.
    """
    fetcher = _Resuming(target.with_name(target.name + ".part"), tell)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            pooch.retrieve(address, known_hash=f"sha256:{sha256}" if sha256 else None, fname=target.name,
                           path=target.parent, downloader=fetcher)
        except requests.RequestException as error:  # an OSError, too, which `writing` would take for the disk's
            raise WeightsError(f"Cannot download {address}: {_reason(error)}", "Try again later: it goes on where it "
                               "stopped. Behind a proxy, set HTTPS_PROXY") from error
        except ValueError as error:  # pooch: the hash is not the known one; nothing was put in place
            raise WeightsError(f"What {address} sent is not the published file ({error})",
                               "Try again later; if that does not help, do not use it") from error
    return target


class _Resuming:
    """A downloader as pooch wants it: tries again, each time from where the one before has stopped.

    A part is taken up only if its server named it (an ETag or a date) and still has the same: `If-Range` of RFC 9110,
    section 13.1.5. Otherwise the download begins anew.
    """

    def __init__(self, part: Path, tell: Tell) -> None:
        self._part = part
        self._note = part.with_name(part.name + ".json")
        self._tell = tell

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        for number in range(TRIES):
            try:
                self._attempt(url)
                break
            except requests.RequestException as error:
                status = error.response.status_code if error.response is not None else None
                if number + 1 == TRIES or (status is not None and status not in _BRIEF):
                    raise
                self._wait(WAITS[min(number, len(WAITS) - 1)])
        self._note.unlink(missing_ok=True)
        os.replace(self._part, output_file)

    def _attempt(self, url: str) -> None:
        begun, headers = self._begun(url)
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == 416 or (answer.status_code == 206 and not _begins_at(answer, begun)):
                self._forget()
                raise requests.ConnectionError("the rest that was asked for did not come")
            answer.raise_for_status()
            _stay_encrypted(answer)
            if answer.status_code != 206:
                begun = 0
            total = _length(answer, begun)
            self._room_for(total, begun)
            if not begun:
                self._forget()  # never an old part beside a new note
                self._remember(url, answer)
            self._receive(answer, begun, total)

    def _receive(self, answer: requests.Response, begun: int, total: int | None) -> None:
        have = begun
        with open(self._part, "ab" if begun else "wb") as file:
            for piece in answer.iter_content(_PIECE):
                file.write(piece)
                have += len(piece)
                if self._tell(have, total):
                    raise Stopped
        if total is not None and have != total:
            raise requests.ConnectionError(f"it ended after {have:,} of {total:,} bytes")

    def _begun(self, url: str) -> tuple[int, dict[str, str]]:
        """How many bytes are there already, and the headers that ask for the rest."""
        headers = {"Accept-Encoding": "identity"}  # lengths and ranges are then those of the file
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            size = self._part.stat().st_size
        except (OSError, ValueError):
            return 0, headers
        if not size or note.get("address") != url or not note.get("validator"):
            return 0, headers
        return size, {**headers, "Range": f"bytes={size}-", "If-Range": note["validator"]}

    def _remember(self, url: str, answer: requests.Response) -> None:
        etag = answer.headers.get("ETag", "")
        validator = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")
        self._note.write_text(json.dumps({"address": url, "validator": validator}), encoding="utf-8")

    def _forget(self) -> None:
        self._note.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)

    def _room_for(self, total: int | None, begun: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if total is not None and total - begun > free:
            raise OutputError(f"The disk is full: {self._part.parent} has {free / 1e6:.0f} MB left, the download needs "
                              f"{(total - begun) / 1e6:.0f} MB", "Free some space, or move everything with "
                              "UNDERSTUDY_HOME")

    def _wait(self, seconds: float) -> None:
        try:
            have = self._part.stat().st_size
        except OSError:
            have = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._tell(have, None):
                raise Stopped
            time.sleep(min(0.1, seconds))


def _stay_encrypted(answer: requests.Response) -> None:
    """
    Raises:
        WeightsError: if a redirection led from https to an address that anybody on the way can read and change.
    """
    steps = [step.url for step in (*answer.history, answer)]
    if steps[0].startswith("https:") and not all(step.startswith("https:") for step in steps):
        raise WeightsError(f"{steps[0]} leads to {steps[-1]} without encryption", "Try again later")


def _begins_at(answer: requests.Response, begun: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {begun}-")


def _length(answer: requests.Response, begun: int) -> int | None:
    """The whole file's length as this answer tells it."""
    try:
        return begun + int(answer.headers["Content-Length"])
    except (KeyError, ValueError):
        return None


def _reason(error: requests.RequestException) -> str:
    """The error in a few words; the library's own name addresses of objects."""
    if error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    inner = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    return str(inner).rpartition(": ")[2] or type(error).__name__
