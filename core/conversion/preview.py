"""Frames converted for a look, with the settings as they are just now: the service's side of the live preview.

What takes long stays between two looks: the decoder, and the models, which are read again when their folders have been
saved to. Pictures go into a folder of the user's cache that belongs to this process.
"""

from __future__ import annotations

import atexit
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..alignments.following import steadied
from ..errors import AlignmentsError, SourceError, Stopped, UsageError
from ..extraction.cores import one_core_each
from ..faces.geometry import Alignment
from ..faces.nouns import Face
from ..folders import user_cache
from ..jobs.messages import Reporter
from ..media.images import write_png
from ..media.provenance import png_mark
from ..media.ranges import parse_frames
from ..media.source import Source, open_source
from ..models.folder import STATE_NAME, TrainedModel
from ..options import make
from ..options.convert import ConvertOptions
from .cast import Cast, load_models, require_faces, roles
from .composite import full_frame
from .nouns import ConvertedFrame, Patch
from .task import neighbours_in, store_of, stored_masks

VIEWS = ("original", "swapped", "raw", "final")
_OLD = 86_400.0  # seconds after which another process's pictures are left over from one that died
_CELL, _AROUND = 256, 64  # pixels of a face in the sheet, and of what surrounds it on each side
_GAP = 4


@dataclass
class _Warm:
    """What is kept from one look to the next."""

    source: Source | None = None
    source_key: tuple[Any, ...] = ()
    models: list[TrainedModel] = field(default_factory=list)
    models_key: tuple[Any, ...] = ()
    folder: Path | None = None
    count: int = 0


_warm = _Warm()


def convert_frame(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """One frame as conversion would make it: {"options", "frame", "views"?} -> {"file", "faces", "note", "size",
    "seconds"}.

    Args:
        values: "options": what `ConvertOptions` holds, as plain values (writer and output do not matter); "frame": its
            number in the source; "views": which pictures, of `VIEWS`, two to a row: the frame as it is, as it becomes,
            the masks as chosen and as blended. All by default.

    Returns:
        "file": a PNG; "note": why nothing is swapped, "" if something is; "size": of the PNG.

    Raises:
        SourceError, AlignmentsError, ModelError, UsageError: bad input.
        Stopped: a newer look is wanted.
    """
    begun = time.perf_counter()
    options = make(ConvertOptions, dict(values["options"]))
    views = [str(view) for view in values.get("views") or VIEWS]
    unknown = [view for view in views if view not in VIEWS]
    if unknown:
        raise UsageError(f"There is no view {unknown[0]!r}", f"Known: {', '.join(VIEWS)}")
    source = _source(options.source)
    index = _inside(source, int(values["frame"]))
    with one_core_each(), ExitStack() as opened:  # one face is too little to share: cores would wait for each other
        look = _Look(options, source, opened)
        faces = look.faces(index)
        _go_on(reporter, "Converting")
        converted = look.converted(index, faces)
        note = "" if faces else look.why_none(index)
    _go_on(reporter, "Drawing")
    picture = _side_by_side([_view(converted, view) for view in views])
    file = _written("frame", picture)
    return {"file": str(file), "faces": len(converted.patches), "note": note, "frame": index,
            "size": [picture.shape[1], picture.shape[0]], "seconds": round(time.perf_counter() - begun, 3)}


def convert_faces(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Five faces from all over the clip, before and after: {"options", "seed"?, "count"?} -> {"file", "frames", "size",
    "seconds"}.

    The frames with faces that are replaced are divided into `count` equal parts, in order; of each a frame is drawn at
    random, and of that its first face. "options" may name "frames" to draw from. The sheet has a column for each: above
    the original, below the swap, each face 256 px wide with 64 px of its surroundings.

    Raises:
        As `convert_frame`; AlignmentsError: there are no faces to replace.
    """
    begun = time.perf_counter()
    options = make(ConvertOptions, dict(values["options"]))
    source = _source(options.source)
    wanted = parse_frames(options.frames, len(source))
    draw = np.random.default_rng(int(values.get("seed", 0)))
    columns, shown = [], []
    with one_core_each(), ExitStack() as opened:
        look = _Look(options, source, opened)
        having = look.with_faces(wanted)
        parts = [part for part in np.array_split(np.array(having), int(values.get("count", 5))) if len(part)]
        for number, part in enumerate(parts):
            if reporter.progress(number, len(parts), "frames", "Converting"):
                raise Stopped
            index = int(draw.choice(part))
            faces = look.faces(index)
            first = min(faces, key=lambda face: face.position)
            converted = look.converted(index, faces)
            columns.append(look.column(converted, first, index))
            shown.append(index)
    picture = np.concatenate([np.pad(column, ((0, 0), (0, 0 if last else _GAP), (0, 0)))
                              for column, last in zip(columns, [False] * (len(columns) - 1) + [True], strict=True)], 1)
    file = _written("faces", picture)
    return {"file": str(file), "frames": shown, "size": [picture.shape[1], picture.shape[0]],
            "seconds": round(time.perf_counter() - begun, 3)}


class _Look:
    """The alignments, masks and models of one look, open as long as `opened`."""

    def __init__(self, options: ConvertOptions, source: Source, opened: ExitStack) -> None:
        self._options, self._source = options, source
        self._store = opened.enter_context(store_of(options, source))
        self._roles = roles(options, self._store)
        self._masks = stored_masks(options, source, opened)
        models = _models(options, self._roles.folders, lambda: load_models(options, self._roles))
        moving = neighbours_in(self._store, options, self._roles, self._masks) if options.motion_blur else None
        self._cast = Cast(models, self._roles, options, self._masks, neighbours=moving)
        self._placement = models[0].settings

    def faces(self, index: int) -> list[Face]:
        """The faces of a frame that are replaced, from the back to the front.

        Raises:
            AlignmentsError: one lacks its mask.
        """
        known = (dict(steadied(self._store, [index])).get(index, []) if self._options.smooth_alignments
                 else self._store.faces(index))
        faces = self._cast_of(known)
        if self._masks is not None and faces:
            self._masks.require({index: faces})
        return faces

    def _cast_of(self, faces: Sequence[Face]) -> list[Face]:
        return self._roles.in_depth(faces)

    def with_faces(self, wanted: Sequence[int]) -> list[int]:
        """Those of the frames that have faces which are replaced."""
        found = {frame: meant for frame, faces in self._store.iterate(wanted) if (meant := self._cast_of(faces))}
        require_faces(found, self._options, self._source.path)
        return sorted(found)

    def why_none(self, index: int) -> str:
        """Why no face of the frame is replaced, as one sentence."""
        if not self._store.is_seen(index):
            return f"Frame {index} was never searched for faces"
        if self._store.faces(index):
            return f"No face in frame {index} is one of the persons that are replaced"
        return f"There is no face in frame {index}"

    def converted(self, index: int, faces: Sequence[Face]) -> ConvertedFrame:
        frame = self._source.read(index)
        parts = self._cast.cut(frame, faces)
        return self._cast.finish(frame, parts, self._cast.predict(parts))

    def column(self, converted: ConvertedFrame, face: Face, index: int) -> np.ndarray:
        """A face before and after, cut from the whole frames, uint8 [H, W, 3]."""
        settings, side = self._placement, _CELL + 2 * _AROUND
        try:
            matrix = Alignment(face.landmarks).matrix(_CELL, settings.centering, settings.coverage,
                                                      settings.vertical_offset)
        except ValueError as error:
            raise AlignmentsError(f"The landmarks of face {face.position} in frame {index} cannot be used ({error})",
                                  "Remove that face or correct its landmarks") from error
        matrix = matrix + np.array([[0.0, 0.0, _AROUND], [0.0, 0.0, _AROUND]])
        cells = [cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_AREA if _shrinks(matrix)
                                else cv2.INTER_CUBIC) for picture in (converted.frame.pixels, full_frame(converted))]
        cv2.putText(cells[0], str(index), (8, side - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(cells[0], str(index), (8, side - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1,
                    cv2.LINE_AA)
        return np.concatenate([cells[0], np.zeros((_GAP, side, 3), np.uint8), cells[1]])


def _shrinks(matrix: np.ndarray) -> bool:
    return abs(float(np.linalg.det(matrix[:, :2]))) < 1.0


# --- what stays warm ----------------------------------------------------------------------------------------------


def _source(path: str) -> Source:
    """The footage, open since the last look unless it has changed."""
    place = Path(path).expanduser()
    try:
        stat = place.stat()
    except OSError as error:
        raise SourceError(f"Cannot read {path} ({error.strerror})", "Relink the strip") from error
    key = (str(place), stat.st_mtime_ns, stat.st_size)
    if _warm.source is None or _warm.source_key != key:
        if _warm.source is not None:
            _warm.source.close()
            _warm.source = None
        _warm.source, _warm.source_key = open_source(place), key
    return _warm.source


def _inside(source: Source, index: int) -> int:
    if not 0 <= index < len(source):
        raise SourceError(f"{source.path} has no frame {index}: it has {len(source)}", "Go to a frame inside the clip")
    return index


def _models(options: ConvertOptions, folders: Sequence[Path],
            read: Callable[[], list[TrainedModel]]) -> list[TrainedModel]:
    """The models, read again when one was saved to, or another device or precision is chosen."""
    key = (tuple((str(folder), _stamp(folder / STATE_NAME)) for folder in folders), options.device, options.precision,
           options.swap_model)
    if not _warm.models or _warm.models_key != key:
        _warm.models = []  # first, so that two never lie in memory at once
        _warm.models, _warm.models_key = read(), key
    return _warm.models


def _stamp(file: Path) -> tuple[int, int]:
    """Changes whenever the file does; reading it will say if it is not there."""
    try:
        stat = file.stat()
        return stat.st_mtime_ns, stat.st_size
    except OSError:
        return -1, -1


def _go_on(reporter: Reporter, text: str) -> None:
    if reporter.progress(0, None, "frames", text):
        raise Stopped


# --- pictures -----------------------------------------------------------------------------------------------------


def _view(converted: ConvertedFrame, view: str) -> np.ndarray:
    """One view of a frame, uint8 [H, W, 3]."""
    pixels = converted.frame.pixels
    if view == "original":
        return pixels
    if view == "swapped":
        return full_frame(converted)
    mask = np.zeros(pixels.shape[:2], np.uint8)
    if view == "raw":
        for patch in converted.patches:
            np.maximum(mask, _raw_mask(patch, mask.shape), out=mask)
    elif converted.layer is not None:
        x, y, w, h = converted.layer.box
        mask[y:y + h, x:x + w] = converted.layer.alpha
    return np.repeat(mask[..., None], 3, axis=2)


def _raw_mask(patch: Patch, shape: tuple[int, ...]) -> np.ndarray:
    """The chosen mask of a patch over the frame, uint8 [H, W]."""
    raw = patch.mask if patch.raw_mask is None else patch.raw_mask
    matrix = patch.matrix * (raw.shape[0] / patch.mask.shape[0])
    laid = cv2.warpAffine(np.asarray(raw, np.float32), matrix, (shape[1], shape[0]),
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.rint(np.clip(laid, 0.0, 1.0) * 255.0).astype(np.uint8)


def _side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one size, two to a row, with a black gap between; a last one alone is followed by black."""
    height, width = pictures[0].shape[:2]
    across, down = min(2, len(pictures)), -(-len(pictures) // 2)
    sheet = np.zeros((down * (height + _GAP) - _GAP, across * (width + _GAP) - _GAP, 3), np.uint8)
    for number, picture in enumerate(pictures):
        y, x = (number // 2) * (height + _GAP), (number % 2) * (width + _GAP)
        sheet[y:y + height, x:x + width] = picture
    return sheet


def _written(name: str, picture: np.ndarray) -> Path:
    """A file of this process's own; the same name each time, so that whoever shows it reads it again."""
    if _warm.folder is None:
        place = user_cache() / "live"
        _tidy(place)
        _warm.folder = place / str(os.getpid())
        atexit.register(shutil.rmtree, _warm.folder, ignore_errors=True)
    file = _warm.folder / f"{name}.png"
    write_png(file, picture, png_mark())
    return file


def _tidy(place: Path) -> None:
    """Remove what processes that died have left."""
    for folder in place.iterdir() if place.is_dir() else ():
        try:
            if time.time() - max(file.stat().st_mtime for file in (folder, *folder.iterdir())) > _OLD:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass
