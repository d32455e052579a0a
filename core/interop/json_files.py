"""Alignments as JSON: ours, the shape that faceswap imports and exports, and its alignments of old (stdlib + numpy)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from ..errors import AlignmentsError
from ..faces.nouns import STATES
from .faceswap import number, points
from .fsa import read_frames
from .nouns import ForeignFace, ForeignFile, ForeignFrame

_HINT = "Use a JSON file that alignments export or faceswap has written"
_LONGEST_NAME = 200


def read_json(path: Path, data: bytes) -> ForeignFile:
    """A JSON file of alignments.

    Raises:
        AlignmentsError: if it is damaged or of another shape.
    """
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise AlignmentsError(f"Cannot read {path} as JSON ({error})", _HINT) from error
    problems: list[str] = []
    if isinstance(content, dict) and isinstance(content.get("source"), dict) \
            and isinstance(content.get("frames"), dict):
        frames = content["frames"]
        return ForeignFile("Understudy's JSON", len(frames), _ours(content, problems), problems)
    if isinstance(content, dict) and isinstance(content.get("__data__"), dict):
        content = content["__data__"]
    if not isinstance(content, dict) or not content or not all(isinstance(v, (list, dict)) for v in content.values()):
        raise AlignmentsError(f"{path} is JSON, but holds no alignments", _HINT)
    if _is_exported(content):
        return ForeignFile("faceswap's exported JSON", len(content), _exported(content, problems), problems)
    return ForeignFile("faceswap's alignments as JSON", len(content), read_frames(content, problems, "legacy"),
                       problems)


def _is_exported(content: dict[str, Any]) -> bool:
    faces = (face for faces in content.values() if isinstance(faces, list) for face in faces)
    first = next(faces, None)
    return isinstance(first, dict) and ("landmarks_2d" in first or "detected" in first)


def _ours(content: dict[str, Any], problems: list[str]) -> Iterator[ForeignFrame]:
    for name, faces in content["frames"].items():
        if not (name.isascii() and name.isdecimal() and len(name) < 10) or not isinstance(faces, list):
            problems.append(f"{name[:40]}: is no frame's number with a list of faces")
            continue
        yield ForeignFrame(name, tuple(_each(f"frame {name}", faces, problems, _our_face)), index=int(name))


def _exported(content: dict[str, Any], problems: list[str]) -> Iterator[ForeignFrame]:
    for name, faces in content.items():
        if isinstance(faces, list):
            yield ForeignFrame(name, tuple(_each(name, faces, problems, _exported_face)))
        else:
            problems.append(f"{name[:_LONGEST_NAME]}: holds no list of faces")


def _each(name: str, faces: list[Any], problems: list[str], read: Any) -> Iterator[ForeignFace]:
    for place, face in enumerate(faces):
        try:
            if not isinstance(face, dict):
                raise ValueError("it is no face")
            yield read(face)
        except (ValueError, OverflowError) as error:
            problems.append(f"{name[:_LONGEST_NAME]}, face {place}: {error}")


def _our_face(face: dict[str, Any]) -> ForeignFace:
    person, state, uuid = face.get("person") or "", face.get("state"), face.get("id")
    if state is not None and state not in STATES:
        raise ValueError(f"its state is {str(state)[:40]}")
    if not isinstance(person, str) or len(person) > _LONGEST_NAME:
        raise ValueError("its person is no name")
    x, y, w, h = _four(face.get("box"), "box")
    return ForeignFace((x, y, w, h), points(face.get("landmarks")), score=number(face.get("score", 0.0), "score"),
                       person=person, state=state, uuid=uuid if is_uuid(uuid) else "")


def _exported_face(face: dict[str, Any]) -> ForeignFace:
    landmarks = points(face.get("landmarks_2d"))
    if face.get("detected") is None:
        left, top = landmarks.min(axis=0).astype(float)
        right, bottom = landmarks.max(axis=0).astype(float)
    else:
        left, top, right, bottom = _four(face["detected"], "box")
    return ForeignFace((left, top, right - left, bottom - top), landmarks)


def is_uuid(value: Any) -> TypeGuard[str]:
    """Whether it is a face's uuid as the store makes them."""
    return isinstance(value, str) and len(value) == 32 and all(c in "0123456789abcdef" for c in value)


def _four(value: Any, name: str) -> tuple[float, float, float, float]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"its {name} is damaged")
    a, b, c, d = (number(v, name) for v in value)
    return a, b, c, d
