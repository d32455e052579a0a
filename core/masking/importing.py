"""The task `mask import`: masks that were drawn by hand or made by another program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import FacesError, SourceError, Stopped, UsageError
from ..extraction.maskers.stored import inside_frame, interpolator
from ..faces.crop import warp
from ..faces.geometry import compose, invert
from ..faces.nouns import StoredMask
from ..jobs.messages import Reporter
from ..media.listing import list_images
from ..options.mask import MaskImportOptions
from ..options.maskers import IMPORTED
from ..sorting.names import without_number
from .places import ClipPlace, Place, open_place
from .subject import Entry, Subject

_NUMBER = re.compile(r"(\d+)$", re.ASCII)
_NAMED = 5  # files named in a warning
_GROUP = 32  # faces written in a transaction


def run(options: MaskImportOptions, reporter: Reporter) -> dict[str, Any]:
    """Store the masks of a folder of images as the faces' imported masks; a backup comes first where there are some.

    Returns:
        source, faces (chosen), imported, without (faces for which there was no image), unused (images that no face
        took), backup (path, or "").

    Raises:
        SourceError, AlignmentsError, FacesError, UsageError: no such place, or no image that fits any face.
        Stopped: the person asked to; running again goes on with what is left.
    """
    if not options.masks.strip():
        raise UsageError("No mask images are given", "Name their folder with --masks")
    folder = Path(options.masks).expanduser().absolute()
    with open_place(options, writable=not options.dry_run) as place:
        images = _images(folder)
        pairs = _pairs(place, images, options.first_number)
        if not pairs:
            raise FacesError(f"None of the {len(images)} images in {folder} bears the name of a frame or face of "
                             f"{place.title}", f"Name them as these are, such as {_expected(place, options)}")
        without, used = len(place.entries) - len(pairs), set(pairs.values())
        result: dict[str, Any] = {"source": place.title, "faces": len(place.entries), "imported": len(pairs),
                                  "without": without, "unused": len(images) - len(used), "backup": ""}
        if options.dry_run:
            return {**result, "dry_run": True}
        if place.having(IMPORTED.name) & {entry.name for entry in pairs}:
            result["backup"] = str(place.backup())
        _store(place, pairs, folder, options, reporter)
        if without:
            reporter.warning(f"{without} of {len(place.entries)} faces got no mask: there is no image for them")
        if unused := sorted(set(images) - used):
            names = ", ".join(unused[:_NAMED]) + (", …" if len(unused) > _NAMED else "")
            reporter.warning(f"{len(unused)} mask images belong to no chosen face: {names}")
        return result


def _images(folder: Path) -> list[str]:
    try:
        names = list_images(folder)
    except OSError as error:
        raise SourceError(f"Cannot read the folder of mask images {folder} ({error.strerror or error})",
                          "Choose another folder") from error
    if not names:
        raise SourceError(f"{folder} holds no images", "Choose the folder of the mask images")
    return names


def _pairs(place: Place, images: list[str], first_number: int) -> dict[Entry, str]:
    """Which image is which face's: by the name of the face, of its frame, or for a video by the frame's number."""
    by_stem = {Path(name).stem: name for name in images}
    by_number: dict[int, str] = {}
    if isinstance(place, ClipPlace) and place.source.kind == "video":
        for name in images:
            found = _NUMBER.search(Path(name).stem)
            if found is not None:
                by_number.setdefault(int(found[1]) - first_number, name)

    def image_of(entry: Entry) -> str | None:
        if not isinstance(place, ClipPlace):
            name = Path(entry.name).name  # as sorting left it, or as the picture was called before
            return by_stem.get(name) or by_stem.get(without_number(name))
        return by_number.get(entry.frame) if by_number else by_stem.get(place.source.name(entry.frame))

    return {entry: image for entry in place.entries if (image := image_of(entry)) is not None}


def _expected(place: Place, options: MaskImportOptions) -> str:
    entry = place.entries[0]
    if not isinstance(place, ClipPlace):
        return f"{Path(entry.name).name}.png"
    if place.source.kind == "video":
        return f"{place.source.path.stem}_{entry.frame + options.first_number:06d}.png"
    return f"{place.source.name(entry.frame)}.png"


def _store(place: Place, pairs: dict[Entry, str], folder: Path, options: MaskImportOptions,
           reporter: Reporter) -> None:
    waiting: list[tuple[Entry, StoredMask]] = []
    if reporter.progress(0, len(pairs), "masks"):
        raise Stopped
    for done, (entry, mask) in enumerate(_placed(place, pairs, folder, options), 1):
        waiting.append((entry, mask))
        stopping = reporter.progress(done, len(pairs), "masks")
        if stopping or len(waiting) >= _GROUP or done == len(pairs):
            place.write(waiting)
            waiting = []
        if stopping and done < len(pairs):
            raise Stopped


def _placed(place: Place, pairs: dict[Entry, str], folder: Path,
            options: MaskImportOptions) -> Iterator[tuple[Entry, StoredMask]]:
    for subject in place.read(list(pairs)):
        path = folder / pairs[subject.entry]
        yield subject.entry, placed(read_mask(path), subject, options.centering, options.mask_size, path)


def placed(mask: np.ndarray, subject: Subject, centering: str, size: int, path: Path) -> StoredMask:
    """A drawn mask as it is stored.

    Args:
        mask: uint8 [H, W], of the shape of the subject's pixels; any other size of the same shape is scaled.

    Raises:
        SourceError: naming `path`, where the shapes differ.
    """
    height, width = subject.pixels.shape[:2]
    if abs(mask.shape[1] * height - mask.shape[0] * width) > max(height, width):
        raise SourceError(f"The mask image {path} has {mask.shape[1]}x{mask.shape[0]} pixels, and what it is to mask "
                          f"{width}x{height}", "Draw masks over the pictures themselves, at their size or a multiple")
    zoom = np.array([[mask.shape[1] / width, 0, 0], [0, mask.shape[0] / height, 0]])
    zoom[:, 2] = (zoom[[0, 1], [0, 1]] - 1) / 2
    matrix = subject.alignment.matrix(size, centering)
    pixels = warp(mask, compose(matrix, invert(compose(zoom, subject.to_pixels))), size)
    return StoredMask(IMPORTED.name, inside_frame(pixels, matrix, subject.frame_size), matrix, centering,
                      interpolator(matrix))


def read_mask(path: Path) -> np.ndarray:
    """A mask image, uint8 [H, W]: its alpha where that says anything, else its brightness.

    Raises:
        SourceError: it cannot be decoded.
    """
    try:
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except (OSError, cv2.error) as error:
        raise SourceError(f"Cannot read the mask image {path} ({error})", "Replace the file, or take it out") from error
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"Not a picture of 8 or 16 bits, or a damaged one: {path}",
                          "Replace the file, or take it out")
    if image.dtype == np.uint16:
        image = ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] == 4 and image[..., 3].min() < 255:
        return np.ascontiguousarray(image[..., 3])
    if image.ndim == 3 and image.shape[2] >= 3:
        return cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(image if image.ndim == 2 else image[..., 0])
