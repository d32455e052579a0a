"""The task `mask output`: pictures that show masks, to judge them by eye or take them elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..conversion.mask import blur as blurred
from ..conversion.writers.place import Place as Folder
from ..errors import FacesError, OutputError, SourceError, Stopped, UsageError
from ..extraction.cores import one_core_each, worker_count
from ..extraction.maskers.landmark import draw
from ..extraction.maskers.stored import lay
from ..extraction.stream import stream
from ..faces.geometry import transform
from ..faces.nouns import StoredMask
from ..jobs.messages import Reporter
from ..media.images import encode_png, write_file
from ..media.provenance import read_text
from ..options.mask import MaskOutputOptions
from ..options.maskers import DRAWN, how_to_get
from .places import Place, open_place
from .subject import Entry, Subject

_KEY = "understudy-mask"  # the text of each picture that says what it was made from
_VERSION = 1  # raised whenever the same masks and options give other pictures


def run(options: MaskOutputOptions, reporter: Reporter) -> dict[str, Any]:
    """Write one picture per face, or per frame, and kind of mask; those that are there and still true are kept.

    Returns:
        source, output, faces (chosen), written, kept, without (kind -> faces that have no such mask).

    Raises:
        SourceError, AlignmentsError, FacesError, UsageError: bad input, before anything is written.
        FacesError: also where none of the faces has any of the masks.
        OutputError: the folder cannot be written.
        Stopped: the person asked to; running again goes on.
    """
    if not options.output.strip():
        raise UsageError("No output is given", "Name a folder for the pictures")
    folder = Path(options.output).expanduser().absolute()
    with open_place(options, writable=False) as place:
        if folder == Path(place.title):
            raise OutputError(f"The output {folder} is the source itself", "Choose another folder")
        showing, without = _showing(place, options.mask)
        if not showing:
            kinds = " or ".join(options.mask)
            raise FacesError(f"None of the {len(place.entries)} chosen faces of {place.title} has a mask {kinds}",
                             how_to_get(options.mask[0] if options.mask else "extended"))
        for kind, count in without.items():
            reporter.warning(f"{count} of {len(place.entries)} faces have no mask {kind} and are left out there",
                             how_to_get(kind))
        output = Folder(folder)
        output.make()
        try:
            written, kept = _write(place, showing, folder, options, reporter)
        finally:
            output.tidy()
    return {"source": place.title, "output": str(folder), "faces": len(place.entries), "written": written,
            "kept": kept, "without": without}


def _showing(place: Place, kinds: Sequence[str]) -> tuple[dict[Entry, tuple[str, ...]], dict[str, int]]:
    """What each face can show, and how many faces lack which kind."""
    having = {kind: None if kind in DRAWN else place.having(kind) for kind in dict.fromkeys(kinds)}
    showing = {entry: tuple(kind for kind, names in having.items() if names is None or entry.name in names)
               for entry in place.entries}
    lacking = {kind: len(place.entries) - len(names) for kind, names in having.items() if names is not None}
    return ({entry: shown for entry, shown in showing.items() if shown},
            {kind: count for kind, count in lacking.items() if count})


def _write(place: Place, showing: dict[Entry, tuple[str, ...]], folder: Path, options: MaskOutputOptions,
           reporter: Reporter) -> tuple[int, int]:
    if reporter.progress(0, len(showing), "faces"):
        raise Stopped
    written = kept = done = 0
    workers = worker_count()
    artist = _Artist(folder, options)
    with one_core_each(), closing(stream(_groups(place, showing, options.full_frame), artist.draw, workers,
                                         2 * workers)) as results:
        for faces, new, old in results:
            done += faces
            written += new
            kept += old
            if reporter.progress(done, len(showing), "faces") and done < len(showing):
                raise Stopped
    return written, kept


Shown = tuple[Subject, dict[str, StoredMask | None]]


def _groups(place: Place, showing: dict[Entry, tuple[str, ...]],
            by_frame: bool) -> Generator[list[Shown], None, None]:
    """The faces that share a picture: all of a frame, or each by itself. None stands for a mask that is drawn."""
    group: list[Shown] = []
    for subject in place.read(list(showing)):
        if group and not (by_frame and subject.entry.frame == group[0][0].entry.frame >= 0
                          and subject.pixels is group[0][0].pixels):
            yield group
            group = []
        group.append((subject, {kind: None if kind in DRAWN else place.mask(subject.entry, kind)
                                for kind in showing[subject.entry]}))
    if group:
        yield group


class _Artist:
    """Draws the pictures of a group of faces; safe for several threads."""

    def __init__(self, folder: Path, options: MaskOutputOptions) -> None:
        self._folder, self._options = folder, options

    def draw(self, group: list[Shown]) -> tuple[int, int, int]:
        """Returns how many faces, pictures written and pictures kept."""
        written = kept = 0
        for kind in dict.fromkeys(kind for _, masks in group for kind in masks):
            shown = [(subject, masks[kind]) for subject, masks in group if kind in masks]
            first = shown[0][0]
            name = (first.frame_name or first.entry.name) if self._options.full_frame else first.entry.name
            path = self._folder / f"{name}_{kind}.png"
            key = self._key(shown)
            if read_text_or_none(path) == key:
                kept += 1
                continue
            write_file(path, encode_png(self._picture(shown, kind), {_KEY: key}))
            written += 1
        return len(group), written, kept

    def _key(self, shown: list[tuple[Subject, StoredMask | None]]) -> str:
        options = self._options
        digest = hashlib.sha256(repr((_VERSION, options.kind, options.full_frame, options.size, options.blur,
                                      options.threshold)).encode())
        for subject, mask in shown:
            digest.update(np.ascontiguousarray(subject.entry.landmarks, "<f4").tobytes())
            digest.update(np.ascontiguousarray(subject.pixels[::7, ::7]).tobytes())
            if mask is not None:
                digest.update(mask.pixels.tobytes() + np.asarray(mask.matrix, "<f8").tobytes())
        return digest.hexdigest()[:32]

    def _picture(self, shown: list[tuple[Subject, StoredMask | None]], kind: str) -> np.ndarray:
        first = shown[0][0]
        if self._options.full_frame:
            pixels, matrix = first.pixels, first.to_pixels
        else:
            cut = first.crop(self._options.size, "head")
            pixels, matrix = cut.pixels, cut.matrix
        height, width = pixels.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        for subject, stored in shown:
            mask = np.maximum(mask, self._laid(subject, stored, kind, matrix, (width, height)))
        return arrange(pixels, mask, self._options.kind)

    def _laid(self, subject: Subject, stored: StoredMask | None, kind: str, matrix: np.ndarray,
              size: tuple[int, int]) -> np.ndarray:
        if stored is None:
            points = transform(subject.entry.landmarks, matrix)
            drawn = draw(points, max(size), kind)[:size[1], :size[0]]
            return soften(drawn, self._options.blur, self._options.threshold)
        softened = soften(stored.pixels, self._options.blur, self._options.threshold)
        return lay(StoredMask(kind, softened, stored.matrix), matrix, size)


def read_text_or_none(path: Path) -> str | None:
    """What a picture of ours says it was made from; None for none or another's."""
    try:
        return read_text(path).get(_KEY) if path.is_file() else None
    except SourceError:
        return None


def soften(mask: np.ndarray, blur: int, threshold: int) -> np.ndarray:
    """A mask with what is nearly black or white made so, and blurred afterwards.

    Args:
        mask: uint8 [S, S].
        blur: width of the gaussian in pixels, 0: none.
        threshold: percent of the range, at either end.
    """
    if threshold:
        limit = 255 * threshold / 100
        mask = np.where(mask < limit, 0, np.where(mask > 255 - limit, 255, mask)).astype(np.uint8)
    if blur > 1:
        mask = np.rint(blurred(mask.astype(np.float32), "gaussian", blur, 1)).astype(np.uint8)
    return mask


def arrange(pixels: np.ndarray, mask: np.ndarray, kind: str) -> np.ndarray:
    """A picture and its mask as one: "combined", "masked" (RGBA) or "mask"; uint8 [H, W (* 3), 3 or 4]."""
    if kind == "masked":
        return np.dstack((pixels, mask))
    grey = cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB)
    if kind == "mask":
        return grey
    return np.hstack((pixels, cv2.multiply(pixels, grey, scale=1 / 255), grey))
