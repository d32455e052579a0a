"""Alignments as JSON: our documented shape, and the one that faceswap's import reads (stdlib + numpy)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..errors import writing
from .nouns import Face
from .store import AlignmentsStore

FORMATS = ("understudy", "faceswap")


def export_alignments(store_path: Path | str, out: Path | str, format: str = "understudy") -> dict[str, Any]:
    """Write a store's faces as JSON, atomically.

    `understudy`: {"source", "frames": {"<0-based index>": [{"id", "box": [x, y, w, h], "landmarks": [[x, y] x 68],
    "score", "person", "state", "masks": [kind …]}]}}; frame pixels, centres at integers; frames that were looked at and
    hold no face have an empty list. `faceswap`: {"<frame file>": [{"detected": [left, top, right, bottom],
    "landmarks_2d": [[x, y] x 68]}]}.

    Returns:
        {"path", "frames", "faces"}.

    Raises:
        AlignmentsError: if the store cannot be read.
        OutputError: if `out` cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(format)
    out = Path(out)
    with AlignmentsStore.open(store_path) if _writable(store_path) else AlignmentsStore.readonly(store_path) as store:
        data = _ours(store) if format == "understudy" else _faceswap(store)
        counts = store.counts()
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    with writing(out):
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(data, ensure_ascii=False, allow_nan=False), encoding="utf-8")
            os.replace(temporary, out)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return {"path": str(out), "frames": len(counts), "faces": sum(counts.values())}


def _writable(path: Path | str) -> bool:
    # A writer's connection waits for a running transaction instead of showing what it knew last.
    return os.access(path, os.W_OK) and os.access(Path(path).absolute().parent, os.W_OK)


def _ours(store: AlignmentsStore) -> dict[str, Any]:
    people = store.people()
    frames: dict[str, list[dict[str, Any]]] = {str(index): [] for index in sorted(store.frames_seen())}
    for index, faces in store.iterate():
        frames[str(index)] = [{
            "id": face.uuid, "box": [_short(v) for v in face.box], "landmarks": _points(face),
            "score": _short(face.score), "person": people.get(face.person) if face.person is not None else None,
            "state": face.state, "masks": store.mask_kinds(face.uuid)} for face in faces]
    source = store.source
    return {"source": {"name": source.name, "fingerprint": source.fingerprint, "width": source.width,
                       "height": source.height, "rate": source.rate, "length": source.length, "kind": source.kind},
            "frames": frames}


def _faceswap(store: AlignmentsStore) -> dict[str, Any]:
    names, source = store.frame_names(), store.source
    result = {}
    for index, faces in store.iterate():
        result[frame_file(source.name, source.kind, index, names.get(index, ""))] = [
            {"detected": [_short(f.box[0]), _short(f.box[1]), _short(f.box[0] + f.box[2]),
                          _short(f.box[1] + f.box[3])], "landmarks_2d": _points(f)} for f in faces]
    return result


def frame_file(source: str, kind: str, index: int, name: str) -> str:
    """What faceswap calls a frame: the picture's file name, or clip name, 1-based number and the clip's ending."""
    if kind == "images":
        return name
    clip = Path(source)
    return f"{clip.stem}_{index + 1:06d}{clip.suffix}"


def _points(face: Face) -> list[list[float]]:
    return [[_short(x), _short(y)] for x, y in face.landmarks]


def _short(value: float) -> float:
    return round(float(value), 3)
