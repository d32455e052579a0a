"""What the service answers: each request is a function of plain values (dicts from JSON) to a plain result.

The libraries are imported by the request that needs them; models stay loaded between two requests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..errors import SourceError, UsageError
from ..options.rows import ALIGNERS
from .messages import Reporter

Request = Callable[[dict[str, Any], Reporter], dict[str, Any]]


def ping(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Sends the values back, with the process's number; {"crash": true} ends the process without a word, for tests."""
    if values.get("crash"):
        os._exit(70)
    return {**values, "pid": os.getpid(), "python": sys.version.split()[0]}


def probe(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """What a source is: {"path"} -> {"path", "kind", "frames", "size": [w, h], "rate": [numerator, denominator],
    "constant_rate", "fingerprint", "has_audio", "times"}.

    "times": seconds of every frame from the first, for a variable rate; else empty. Building the index of a long file
    takes seconds, the first time.
    """
    from ..media.source import open_source

    with open_source(_text(values, "path")) as source:
        constant = source.constant_rate
        return {"path": str(source.path), "kind": source.kind, "frames": len(source), "size": list(source.size),
                "rate": [source.rate.numerator, source.rate.denominator], "constant_rate": constant,
                "fingerprint": source.fingerprint, "has_audio": source.has_audio,
                "times": [] if constant else [source.time(index) for index in range(len(source))]}


def align(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Landmarks inside a box: {"path", "frame", "box": [x, y, w, h], "aligner"?} -> {"landmarks": [[x, y] × 68]}.

    Box and landmarks in frame pixels, pixel centres at integers.
    """
    frame = _frame(_text(values, "path"), int(values["frame"]))
    box = tuple(float(v) for v in values["box"])
    if len(box) != 4 or not (box[2] > 0 and box[3] > 0):
        raise UsageError(f"A box is [x, y, width, height], not {values['box']}", "Draw the box anew")
    (landmarks,) = _aligner(values.get("aligner", ALIGNERS[0].name)).align([frame.pixels], [box])
    return {"landmarks": [[round(float(x), 3), round(float(y), 3)] for x, y in landmarks]}


def proxy(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Where a proxy's pictures lie over the footage's: {"path", "frame", "proxy"} -> {"size": [w, h], "matrix"}.

    "proxy" is Blender's film, or the folder of its pictures; "size" is the size of its pictures, "matrix" that of
    `media.proxies.Registration`, [] where it cannot be told.
    """
    from ..media import proxies

    found, size = proxies.measure(_frame(_text(values, "path"), int(values["frame"])), _text(values, "proxy"))
    return {"size": list(size), "matrix": [] if found is None else found.matrix.tolist()}


def faces_sheet(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """A page of a clip's faces as one picture: see `core.browsing.answers`."""
    from ..browsing import answers

    return answers.faces_sheet(values, reporter)


def faces_measure(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Measure some more faces of a clip: see `core.browsing.answers`."""
    from ..browsing import answers

    return answers.faces_measure(values, reporter)


def convert_frame(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """A frame as conversion would make it now, as a picture; see `conversion.preview.convert_frame`."""
    from ..conversion import preview

    return preview.convert_frame(values, reporter)


def convert_faces(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Five faces from all over the clip before and after, as a picture; see `conversion.preview.convert_faces`."""
    from ..conversion import preview

    return preview.convert_faces(values, reporter)


REQUESTS: dict[str, Request] = {"ping": ping, "probe": probe, "align": align, "proxy": proxy,
                                "faces_sheet": faces_sheet, "faces_measure": faces_measure,
                                "convert_frame": convert_frame, "convert_faces": convert_faces}


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"The request lacks {name!r}", "Update the extension")
    return value


@lru_cache(maxsize=1)
def _source(path: str, stamp: int) -> Any:
    from ..media.source import open_source

    return open_source(path)


def _frame(path: str, index: int) -> Any:
    """One frame; the last source stays open, since corrections come one frame after the other."""
    try:
        source = _source(path, os.stat(path).st_mtime_ns)
    except OSError as error:
        raise SourceError(f"Cannot read {path} ({error.strerror})", "Relink the strip") from error
    if not 0 <= index < len(source):
        raise SourceError(f"{path} has no frame {index}: it has {len(source)}", "Choose a frame inside the clip")
    return source.read(index)


@lru_cache(maxsize=1)
def _aligner(name: str) -> Any:
    if name not in [row.name for row in ALIGNERS]:
        raise UsageError(f"There is no aligner {name!r}", f"Known: {', '.join(row.name for row in ALIGNERS)}")
    from ..extraction.aligners.refine import make_aligner
    from ..models.device import choose_device

    return make_aligner(name, str(choose_device("auto")))
