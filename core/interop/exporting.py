"""The task `alignments export`: a clip's alignments for other programs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import AlignmentsError, Stopped, UsageError, writing
from ..faces.nouns import Face
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter, SilentReporter
from ..media.listing import list_images
from ..options.interop import FORMATS, ExportOptions
from ..partials import partial_path
from .faceswap import to_dict
from .fsa import write_fsa

_STEP = 100  # frames between two looks at the reporter


def run(options: ExportOptions, reporter: Reporter) -> dict[str, Any]:
    """Write a store's faces in another program's shape, atomically.

    Returns, raises:
        as `export_alignments`, with the same in words; Stopped after the person's wish: nothing is written then.
    """
    if not options.out.strip():
        raise UsageError("No file to write is named", "Name it after the alignments")
    made = export_alignments(Path(options.alignments).expanduser(), Path(options.out).expanduser(), options.format,
                             reporter, Path(options.source).expanduser() if options.source.strip() else None)
    return {**made, "text": f"Wrote {made['faces']} faces in {made['frames']} frames to {made['path']}."}


def export_alignments(store_path: Path | str, out: Path | str, format: str = "understudy",
                      reporter: Reporter | None = None, images: Path | None = None) -> dict[str, Any]:
    """Write a store's faces as a file, atomically.

    `understudy`: {"source", "frames": {"<0-based index>": [{"id", "box": [x, y, w, h], "landmarks": [[x, y] x 68],
    "score", "person", "state", "masks": [kind …]}]}}; frame pixels, centres at integers; frames that were looked at and
    hold no face have an empty list. `faceswap`: {"<frame file>": [{"detected": [left, top, right, bottom],
    "landmarks_2d": [[x, y] x 68]}]}. `fsa`: that tool's own file, version 2.4, with masks, identities and thumbnails.

    Args:
        images: the folder that the frames are in, for the names of those that extraction did not look at.

    Returns:
        {"path", "frames", "faces", "format"}.

    Raises:
        AlignmentsError: if the store cannot be read.
        OutputError: if `out` cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(format)
    out = Path(out)
    with AlignmentsStore.open(store_path) if _writable(store_path) else AlignmentsStore.readonly(store_path) as store:
        export = _Export(store, reporter or SilentReporter(), images)
        if format == "fsa":
            write_fsa(out, export.fsa())
        else:
            _write_json(out, export.understudy() if format == "understudy" else export.faceswap())
        counts = store.counts()
    return {"path": str(out), "frames": len(counts), "faces": sum(counts.values()), "format": format}


def _writable(path: Path | str) -> bool:
    # A writer's connection waits for a running transaction instead of showing what it knew last.
    return os.access(path, os.W_OK) and os.access(Path(path).absolute().parent, os.W_OK)


def _write_json(out: Path, data: dict[str, Any]) -> None:
    temporary = partial_path(out)
    with writing(out):
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(data, ensure_ascii=False, allow_nan=False), encoding="utf-8")
            os.replace(temporary, out)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


class _Export:
    """A store's faces in each of the shapes."""

    def __init__(self, store: AlignmentsStore, reporter: Reporter, images: Path | None) -> None:
        self._store, self._reporter = store, reporter
        self._source = store.source
        self._names = store.frame_names()
        self._images = _images(images) if self._source.kind == "images" else []

    def understudy(self) -> dict[str, Any]:
        people = self._store.people()
        frames: dict[str, list[dict[str, Any]]] = {str(index): [] for index in sorted(self._store.frames_seen())}
        for index, faces in self._frames():
            frames[str(index)] = [{
                "id": face.uuid, "box": [_short(v) for v in face.box], "landmarks": _points(face),
                "score": _short(face.score), "person": people.get(face.person) if face.person is not None else None,
                "state": face.state, "masks": self._store.mask_kinds(face.uuid)} for face in faces]
        source = self._source
        return {"source": {"name": source.name, "fingerprint": source.fingerprint, "width": source.width,
                           "height": source.height, "rate": source.rate, "length": source.length,
                           "kind": source.kind},
                "frames": frames}

    def faceswap(self) -> dict[str, Any]:
        return {self._file(index): [{"detected": _corners(face), "landmarks_2d": _points(face)} for face in faces]
                for index, faces in self._frames()}

    def fsa(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every frame that was looked at, also without faces, as that tool's files have it."""
        meta = self._store.video_meta()
        empty = sorted(self._store.frames_seen() - set(self._store.counts()), reverse=True)
        for index, faces in self._frames():
            while empty and empty[-1] < index:
                yield self._entry(empty.pop(), [], meta)
            yield self._entry(index, faces, meta)
        for index in reversed(empty):
            yield self._entry(index, [], meta)

    def _entry(self, index: int, faces: list[Face], meta: dict[int, tuple[int | None, bool | None]]
               ) -> tuple[str, dict[str, Any]]:
        pts, keyframe = meta.get(index, (None, None))
        told = {"pts_time": pts, "keyframe": keyframe}
        store = self._store
        written = [to_dict(face.box, face.landmarks, store.packed_masks(face.uuid), store.identities_of(face.uuid),
                           store.thumbnail(face.uuid) or b"") for face in faces]
        return self._file(index), {"faces": written, "video_meta": {k: v for k, v in told.items() if v is not None}}

    def _frames(self) -> Iterator[tuple[int, list[Face]]]:
        total = len(self._store.counts())
        for done, (index, faces) in enumerate(self._store.iterate()):
            if done % _STEP == 0 and self._reporter.progress(done, total, "frames", "Exporting"):
                raise Stopped
            yield index, faces
        self._reporter.progress(total, total, "frames", "Exporting")

    def _file(self, index: int) -> str:
        """What faceswap calls a frame: the picture's file name, or clip name, 1-based number and the clip's ending."""
        if self._source.kind == "images":
            name = self._names.get(index) or (self._images[index] if index < len(self._images) else "")
            if not name:
                raise AlignmentsError(f"{self._store.path} does not know the file name of frame {index}",
                                      "Name the folder of images with --source")
            return name
        clip = Path(self._source.name)
        return f"{clip.stem}_{index + 1:06d}{clip.suffix}"


def _images(folder: Path | None) -> list[str]:
    if folder is None:
        return []
    try:
        return list_images(folder)
    except OSError as error:
        raise AlignmentsError(f"Cannot read {folder} ({error.strerror})", "Name the folder of images") from error


def _corners(face: Face) -> list[float]:
    x, y, w, h = face.box
    return [_short(x), _short(y), _short(x + w), _short(y + h)]


def _points(face: Face) -> list[list[float]]:
    return [[_short(x), _short(y)] for x, y in face.landmarks]


def _short(value: float) -> float:
    return round(float(value), 3)
