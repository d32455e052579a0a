"""A face as faceswap's files hold it (.fsa, PNG headers, older JSON), and back (stdlib + numpy).

Masks there have a matrix frame -> stored mask that OpenCV applies, so pixel centres are at integers on both sides as
here. Where a network's mask was shrunk before it was stored, though, the matrix was multiplied by the zoom z alone,
while shrinking (`cv2.resize`) takes pixel centre x to z * x + (z - 1) / 2. Our matrices say where the pixels are, so
those (z - 1) / 2, up to 0.4 of a stored pixel, are added on reading and taken away on writing. They are known for the
networks in `NETWORK_SIZES`; other masks keep their matrix. Matrices of 3x3 lose their last row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..faces.nouns import CENTERINGS, Box, PackedMask
from ..faces.packing import unpack_mask
from .nouns import ForeignFace

DRAWN = ("components", "extended")  # made from landmarks when needed, never kept
NETWORK_SIZES = {"bisenet-fp": 512, "vgg-clear": 300, "vgg-obstructed": 500, "unet-dfl": 256}
# Masks that come in several centrings; there each has its own name, such as bisenet-fp_head.
_WITH_CENTERING = ("bisenet-fp", "custom")
LARGEST_NUMBER = 1e9  # in a file; no coordinate comes near
_LONGEST_NAME = 100
_LARGEST_VECTOR = 8192
_LARGEST_THUMBNAIL = 1024 * 1024
_INTERPOLATORS = range(8)  # cv2.InterpolationFlags


def read_face(data: Any, centering: str = "face") -> ForeignFace:
    """A face from its dict.

    Args:
        centering: of masks that do not say theirs.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if not isinstance(data, dict):
        raise ValueError("it is no face")
    x, y, w, h = (number(data.get(key), key) for key in ("x", "y", "w", "h"))
    landmarks = data["landmarks_xy"] if "landmarks_xy" in data else data.get("landmarksXY")
    masks = {name: _read_mask(name, mask, centering) for name, mask in _named(data.get("mask"), "masks")
             if name not in DRAWN}
    identities = {name: _vector(values) for name, values in _named(data.get("identity"), "identities")}
    return ForeignFace((x, y, w, h), points(landmarks), tuple(_with_our_names(masks)), identities,
                       _thumbnail(data.get("thumb")))


def to_dict(box: Box, landmarks: np.ndarray, masks: Sequence[PackedMask] = (),
            identities: Mapping[str, np.ndarray] | None = None, thumbnail: bytes | None = b"") -> dict[str, Any]:
    """A face's dict, of plain containers, numbers and bytes.

    Args:
        thumbnail: JPEG; b"": the face has none; None: leave it out, as headers of pictures do.
    """
    x, y, w, h = (round(v) for v in box)
    kinds = {mask.kind for mask in masks}
    data: dict[str, Any] = {
        "x": x, "w": w, "y": y, "h": h, "landmarks_xy": np.asarray(landmarks, np.float32).astype(float).tolist(),
        "mask": {_their_name(mask, kinds): _write_mask(mask) for mask in masks},
        "identity": {kind: np.asarray(vector, np.float32).astype(float).tolist()
                     for kind, vector in (identities or {}).items()},
    }
    if thumbnail is not None:
        data["thumb"] = list(thumbnail) or None
    return data


def number(value: Any, name: str) -> float:
    """`value` as a finite float.

    Raises:
        ValueError: naming `name`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < LARGEST_NUMBER:
        raise ValueError(f"its {name} is no number that a frame could have")
    return float(value)


def points(value: Any) -> np.ndarray:
    """Landmarks given as lists, tuples or an array, float32 [68, 2].

    Raises:
        ValueError: saying what they are instead.
    """
    rows = value.tolist() if isinstance(value, np.ndarray) else value
    if rows is None:
        raise ValueError("it has no landmarks")
    if not isinstance(rows, (list, tuple)) or not all(type(row) in (list, tuple) and len(row) == 2 for row in rows):
        raise ValueError("its landmarks are damaged")
    if len(rows) != 68:
        raise ValueError(f"it has {len(rows)} landmarks where 68 are needed")
    return _numbers([v for row in rows for v in row], "landmarks").astype(np.float32).reshape(68, 2)


def _numbers(values: Sequence[Any], name: str) -> np.ndarray:
    """Plain numbers as float64 [N]. Their types are looked at first: numpy would follow lists as deep as they go."""
    if not set(map(type, values)) <= {int, float}:
        raise ValueError(f"its {name} are damaged")
    found = np.array(values, np.float64)
    if not (np.abs(found) < LARGEST_NUMBER).all():
        raise ValueError(f"its {name} are no numbers that a frame could have")
    return found


def matrix(value: Any) -> np.ndarray:
    """A matrix of 2x3 or 3x3 given as lists or an array, float64 [2, 3].

    Raises:
        ValueError: if it is none, or flattens the plane.
    """
    rows = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(rows, (list, tuple)) or len(rows) not in (2, 3):
        raise ValueError("its matrix is damaged")
    if not all(isinstance(row, (list, tuple)) and len(row) == 3 for row in rows):
        raise ValueError("its matrix is damaged")
    found = np.array([[number(v, "matrix") for v in row] for row in rows])
    if len(found) == 3 and not np.allclose(found[2], (0, 0, 1)):
        raise ValueError("its matrix is no affine one")
    return found[:2]


def _named(value: Any, what: str) -> Iterable[tuple[str, Any]]:
    if value is None:
        return ()
    if not isinstance(value, dict) or not all(isinstance(k, str) and 0 < len(k) <= _LONGEST_NAME for k in value):
        raise ValueError(f"its {what} are damaged")
    return value.items()


def _read_mask(name: str, data: Any, centering: str) -> PackedMask:
    if not isinstance(data, dict) or not isinstance(data.get("mask"), bytes):
        raise ValueError(f"its mask {name} is damaged")
    size: Any = data.get("stored_size")
    interpolator = data.get("interpolator", 1)
    centering = data.get("stored_centering", centering)
    if centering not in CENTERINGS or type(interpolator) is not int or interpolator not in _INTERPOLATORS:
        raise ValueError(f"its mask {name} is damaged")
    try:
        unpack_mask(data["mask"], size)
        placed = matrix(data.get("affine_matrix"))
    except ValueError as error:
        raise ValueError(f"its mask {name} is damaged: {error}") from error
    placed[:, 2] += _shrinking(name, size)
    return PackedMask(name, size, data["mask"], placed, centering, interpolator)


def _write_mask(mask: PackedMask) -> dict[str, Any]:
    placed = np.array(mask.matrix, np.float64)
    placed[:, 2] -= _shrinking(mask.kind, mask.size)
    return {"mask": mask.packed, "affine_matrix": placed.tolist(), "interpolator": int(mask.interpolator),
            "stored_size": mask.size, "stored_centering": mask.centering}


def _shrinking(name: str, size: int) -> float:
    """How far the pixels of a stored mask lie from where its matrix alone would have them, stored pixels."""
    for kind, original in NETWORK_SIZES.items():
        if name == kind or name in (f"{kind}_{centering}" for centering in CENTERINGS):
            return (size / original - 1) / 2
    return 0.0


def _with_our_names(masks: dict[str, PackedMask]) -> list[PackedMask]:
    """bisenet-fp_head becomes a head-centred bisenet-fp, unless the face has another mask of that name."""
    wanted = {name: _our_name(mask) for name, mask in masks.items()}
    taken = [*wanted.values()]
    return [PackedMask(ours if taken.count(ours) == 1 else name, mask.size, mask.packed, mask.matrix, mask.centering,
                       mask.interpolator)
            for (name, mask), ours in zip(masks.items(), wanted.values(), strict=True)]


def _our_name(mask: PackedMask) -> str:
    base, _, centering = mask.kind.rpartition("_")
    return base if base in _WITH_CENTERING and centering == mask.centering else mask.kind


def _their_name(mask: PackedMask, kinds: set[str]) -> str:
    name = f"{mask.kind}_{mask.centering}"
    return name if mask.kind in _WITH_CENTERING and name not in kinds else mask.kind


def _vector(value: Any) -> np.ndarray:
    values = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(values, (list, tuple)) or not 0 < len(values) <= _LARGEST_VECTOR:
        raise ValueError("an identity of it is damaged")
    return _numbers(values, "identities").astype(np.float32)


def _thumbnail(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, np.ndarray):
        value = value.tobytes() if value.dtype == np.uint8 else None
    if not isinstance(value, (bytes, list)) or len(value) > _LARGEST_THUMBNAIL:
        raise ValueError("its thumbnail is damaged")
    if not all(type(v) is int and 0 <= v < 256 for v in value):
        raise ValueError("its thumbnail is damaged")
    return bytes(value)
