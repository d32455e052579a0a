"""Extracted faces as files: PNGs with our header or faceswap's, DeepFaceLab's aligned JPEGs and PNGs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import AlignmentsError, FacesError
from ..faces.chunks import SIGNATURE
from ..faces.png import FaceHeader, read_header
from ..media.listing import list_images
from . import deepfacelab
from .nouns import ForeignFace, ForeignFile, ForeignFrame

JPEG = b"\xff\xd8\xff"
_HINT = "Name a folder of faces that extract, faceswap or DeepFaceLab has written"
_MOST_HEAD = 1024 * 1024  # bytes of a JPEG in which its size stands


def read_folder(folder: Path) -> ForeignFile:
    """A folder of extracted faces; pictures that are none are named as problems.

    Raises:
        AlignmentsError: if there are no pictures in it.
    """
    try:
        names = list_images(folder)
    except OSError as error:
        raise AlignmentsError(f"Cannot read {folder} ({error.strerror})", _HINT) from error
    if not names:
        raise AlignmentsError(f"There are no pictures in {folder}", _HINT)
    problems: list[str] = []
    return ForeignFile("pictures of faces", len(names), _each(folder, names, problems), problems)


def _each(folder: Path, names: list[str], problems: list[str]) -> Iterator[ForeignFrame]:
    for name in names:
        try:
            yield read_picture(folder / name)
        except (AlignmentsError, FacesError) as error:
            problems.append(error.message)


def read_picture(path: Path) -> ForeignFrame:
    """The frame, with the one face, that a picture of a face is from.

    Raises:
        AlignmentsError: if it says nothing of it, or what it says is damaged.
        FacesError: the same, where its header is ours or faceswap's.
    """
    try:
        with path.open("rb") as file:
            is_png = file.read(len(SIGNATURE)) == SIGNATURE
            file.seek(0)
            data = deepfacelab.png_dict(file) if is_png else deepfacelab.jpeg_dict(file)
        if data is not None:
            return deepfacelab.read_face(data, path.name, _side(path, is_png))
    except (OSError, ValueError, OverflowError, struct.error, np.linalg.LinAlgError) as error:
        raise AlignmentsError(f"Cannot read the face data of {path}: {error}", _HINT) from error
    if not is_png:
        raise AlignmentsError(f"{path} is no extracted face: it holds no face data", _HINT)
    return _with_header(read_header(path))


def _side(path: Path, is_png: bool) -> int | None:
    with path.open("rb") as file:
        head = file.read(32 if is_png else _MOST_HEAD)
    try:
        width, height = struct.unpack(">II", head[16:24]) if is_png else deepfacelab.jpeg_size(head)
    except (ValueError, IndexError, struct.error):
        return None
    return width if width == height and width > 0 else None


def _with_header(header: FaceHeader) -> ForeignFrame:
    face = ForeignFace(header.box, header.landmarks, header.masks,
                       {kind: np.array(vector, np.float32) for kind, vector in header.identities.items()},
                       uuid=header.uuid)
    # Of a video another tool's header gives the number in the frame's name; ours counts for both kinds of source.
    return ForeignFrame(header.frame_name, (face,), index=header.frame if header.uuid and header.frame >= 0 else None)
