"""What DeepFaceLab keeps in its aligned faces: a pickled dict in a JPEG's APP15 segment or a PNG's `fcWp` chunk.

Keys read: source_filename, source_rect (left, top, right, bottom), source_landmarks (68 points in the frame),
landmarks (the same in the picture), image_to_face_mat (frame -> picture, 2x3), xseg_mask (an encoded picture).
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np

from ..faces.chunks import read_chunks
from ..faces.geometry import Alignment, compose, invert, transform
from ..faces.nouns import LINEAR, Box, PackedMask
from ..faces.packing import pack_mask
from .faceswap import matrix, number, points
from .nouns import ForeignFace, ForeignFrame
from .unpickle import loads

_CHUNK, _APP15 = b"fcWp", 0xEF
_LARGEST_DICT = 16 * 1024 * 1024
_LARGEST_PICTURE = 2048  # pixels; xseg masks are 256, faces up to 1024
_MASK, _MASK_SIZE, _MASK_CENTERING = "xseg", 256, "face"
_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's start of frame, which holds the size
_START_OF_SCAN, _END = 0xDA, 0xD9


def png_dict(file: BinaryIO) -> dict[str, Any] | None:
    """The dict in a PNG; None where there is none.

    Raises:
        ValueError, struct.error: if the file is damaged, or the dict holds more than plain data.
    """
    for _, data in read_chunks(file, (_CHUNK,), _LARGEST_DICT):
        return _checked(loads(data))
    return None


def jpeg_dict(file: BinaryIO) -> dict[str, Any] | None:
    """The dict in a JPEG, as `png_dict`."""
    if file.read(2) != b"\xff\xd8":
        raise ValueError("not a JPEG file")
    while True:
        start = file.read(2)
        if len(start) < 2 or start[0] != 0xFF:
            raise ValueError("it is cut off or damaged")
        if start[1] in (_START_OF_SCAN, _END):
            return None
        (length,) = struct.unpack(">H", file.read(2))
        data = file.read(max(0, length - 2))
        if len(data) != length - 2:
            raise ValueError("it is cut off or damaged")
        if start[1] == _APP15:
            return _checked(loads(data))


def _checked(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError("its face data are damaged")
    return data


def read_face(data: dict[str, Any], name: str, size: int | None) -> ForeignFrame:
    """The frame that a picture's dict names, with its one face.

    Args:
        name: of the picture, for one that does not name its frame.
        size: side of the picture, pixels; None: unknown, and its mask is left out.

    Raises:
        ValueError: saying what is wrong with the dict.
    """
    to_picture = None if data.get("image_to_face_mat") is None else matrix(data["image_to_face_mat"])
    landmarks = _landmarks(data, to_picture)
    source = data.get("source_filename") or name
    if not isinstance(source, str) or len(source) > 1000:
        raise ValueError("its source_filename is damaged")
    masks: tuple[PackedMask, ...] = ()
    if to_picture is not None and size is not None and data.get("xseg_mask") is not None:
        masks = (_mask(data["xseg_mask"], to_picture, size, landmarks),)
    return ForeignFrame(source, (ForeignFace(_box(data, landmarks), landmarks, masks),))


def _landmarks(data: dict[str, Any], to_picture: np.ndarray | None) -> np.ndarray:
    if data.get("source_landmarks") is not None:
        return points(data["source_landmarks"])
    if to_picture is None:
        raise ValueError("it says neither where in the frame its landmarks are nor where its picture is from")
    if abs(np.linalg.det(to_picture[:, :2])) < 1e-9:
        raise ValueError("its matrix is damaged")
    return transform(points(data.get("landmarks")), invert(to_picture)).astype(np.float32)


def _box(data: dict[str, Any], landmarks: np.ndarray) -> Box:
    rect = data.get("source_rect")
    if rect is None:
        left, top = landmarks.min(axis=0).astype(float)
        right, bottom = landmarks.max(axis=0).astype(float)
    else:
        values = rect.tolist() if isinstance(rect, np.ndarray) else rect
        if not isinstance(values, (list, tuple)) or len(values) != 4:
            raise ValueError("its source_rect is damaged")
        left, top, right, bottom = (number(v, "source_rect") for v in values)
    return left, top, right - left, bottom - top


def _mask(encoded: Any, to_picture: np.ndarray, size: int, landmarks: np.ndarray) -> PackedMask:
    """The mask, drawn anew in a crop of ours: theirs are cut differently, which no store could tell."""
    import cv2

    raw = encoded.tobytes() if isinstance(encoded, np.ndarray) and encoded.dtype == np.uint8 else encoded
    if not isinstance(raw, bytes):
        raise ValueError("its mask is damaged")
    width, height = _picture_size(raw)
    if not 1 <= width == height <= _LARGEST_PICTURE:
        raise ValueError(f"its mask of {width}x{height} pixels is damaged")
    pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise ValueError("its mask is damaged")
    # Shrinking takes a pixel's centre x to z * x + (z - 1) / 2.
    zoom = width / size
    shrunk = compose(np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]]), to_picture)
    if abs(np.linalg.det(shrunk[:, :2])) < 1e-9:
        raise ValueError("its matrix is damaged")
    placed = Alignment(landmarks).matrix(_MASK_SIZE, _MASK_CENTERING)
    drawn = cv2.warpAffine(pixels, compose(placed, invert(shrunk)), (_MASK_SIZE, _MASK_SIZE), flags=cv2.INTER_LINEAR)
    return PackedMask(_MASK, _MASK_SIZE, pack_mask(drawn), placed, _MASK_CENTERING, LINEAR)


def _picture_size(raw: bytes) -> tuple[int, int]:
    """(width, height) that an encoded PNG or JPEG says it has, before anything is decoded."""
    try:
        if raw[:8] == b"\x89PNG\r\n\x1a\n":
            return struct.unpack(">II", raw[16:24])
        return jpeg_size(raw)
    except (struct.error, IndexError) as error:
        raise ValueError("its mask is damaged") from error


def jpeg_size(raw: bytes) -> tuple[int, int]:
    """(width, height) of a JPEG.

    Raises:
        ValueError, struct.error, IndexError: if it is none or is cut off.
    """
    position = 2
    while raw[:2] == b"\xff\xd8" and raw[position] == 0xFF and raw[position + 1] not in (_START_OF_SCAN, _END):
        (length,) = struct.unpack(">H", raw[position + 2:position + 4])
        if raw[position + 1] in _FRAME_HEADERS:
            height, width = struct.unpack(">HH", raw[position + 5:position + 9])
            return width, height
        position += 2 + length
    raise ValueError("it is no JPEG")
