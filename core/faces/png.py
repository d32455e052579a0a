"""The header of an extracted face's PNG: our JSON chunk and faceswap's (stdlib + numpy).

Both are iTXt chunks before the first IDAT (PNG specification, third edition, 11.3.3.4). Ours has the keyword
`understudy` and JSON; the other `faceswap` and a Python literal, which is parsed as data and never evaluated.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FacesError, writing
from ..interop.faceswap import matrix as read_matrix
from ..interop.faceswap import number, points, read_face, to_dict
from ..interop.literal import parse_literal
from ..partials import partial_path
from .chunks import read_texts, text_chunk, without_texts
from .nouns import PackedMask

KEYWORD, FACESWAP_KEYWORD = "understudy", "faceswap"
FACESWAP_ALIGNMENTS_VERSION = 2.4
_LARGEST_HEADER = 2 * 1024 * 1024  # bytes; a larger text is no face header


@dataclass(frozen=True, eq=False)
class FaceHeader:
    """What an extracted face's picture says of itself.

    Attributes:
        uuid: the face's, as in the store; "" where another tool wrote the picture.
        landmarks: float32 [68, 2] in the frame's pixels, centres at integers.
        box: (x, y, w, h) in the frame's pixels.
        matrix: float64 [2, 3], frame -> picture; None where another tool wrote it (the landmarks give it).
        source: name of the clip or image folder.
        source_is_video: False for image sequences.
        frame: index of the frame, from 0; -1 where another tool wrote the picture of an image sequence.
        frame_name: file name of the frame's picture (videos: clip name and number).
        frame_size: (width, height) of the frame, pixels.
        position: number of the face within its frame.
        centering, size: of the picture.
        detector, aligner: rows that made the face.
        identities: what tells the person, by identity model.
        every: the folder was cut from every so many frames of the clip.
        least_size: of faces in their frame, pixels, below which the folder was to have no pictures.
        masks: in the other tool's chunk only, which needs them there; read where they are asked for.
    """

    uuid: str
    landmarks: np.ndarray
    box: tuple[float, float, float, float]
    matrix: np.ndarray | None
    source: str
    source_is_video: bool
    frame: int
    frame_name: str
    frame_size: tuple[int, int]
    position: int = 0
    centering: str = "head"
    size: int = 512
    detector: str = ""
    aligner: str = ""
    identities: Mapping[str, Sequence[float]] = field(default_factory=dict)
    every: int = 1
    least_size: float = 0.0
    masks: tuple[PackedMask, ...] = ()

    def to_json(self) -> str:
        data = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "masks"}
        data["landmarks"] = [[float(x), float(y)] for x, y in self.landmarks]
        data["matrix"] = None if self.matrix is None else [[float(v) for v in row] for row in self.matrix]
        data["identities"] = _shortened(self.identities)
        return json.dumps({"version": 1, **data}, allow_nan=False)

    def to_faceswap(self) -> str:
        """The same in that tool's shape: a Python dict as text."""
        clip = Path(self.source)
        name = f"{clip.stem}_{self.frame + 1:06d}{clip.suffix}" if self.source_is_video else self.frame_name
        face = to_dict(self.box, self.landmarks, self.masks, thumbnail=None)
        face["identity"] = _shortened(self.identities)
        return repr({
            "alignments": face,
            "source": {"alignments_version": FACESWAP_ALIGNMENTS_VERSION,
                       "original_filename": f"{Path(name).stem}_{self.position}.png",
                       "face_index": self.position, "source_filename": name,
                       "source_is_video": self.source_is_video,
                       "source_frame_dims": (self.frame_size[1], self.frame_size[0])},
        })


def write_face(path: Path | str, png: bytes, header: FaceHeader) -> None:
    """Write an encoded PNG with both header chunks, atomically.

    Args:
        path: where to; its folder exists.
        png: the encoded picture.

    Raises:
        OutputError: if the place cannot be written.
    """
    path = Path(path)
    chunks = text_chunk(KEYWORD, header.to_json()) + text_chunk(FACESWAP_KEYWORD, header.to_faceswap())
    place = png.index(b"IDAT") - 4
    temporary = partial_path(path)
    with writing(path):
        try:
            temporary.write_bytes(png[:place] + chunks + png[place:])
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def replace_header(path: Path | str, header: FaceHeader, copy: Path | str | None = None) -> None:
    """Give a face's picture another header, atomically; the picture itself stays as it is.

    Args:
        copy: where the picture with that header is to go; None: into the place of the one read.

    Raises:
        FacesError: if the file cannot be read as a PNG.
        OutputError: if the place cannot be written.
    """
    path = Path(path)
    try:
        bare = without_texts(path.read_bytes(), (KEYWORD, FACESWAP_KEYWORD))
    except (OSError, ValueError, struct.error) as error:
        raise FacesError(f"Cannot read {path} ({error})", _HINT) from error
    write_face(copy or path, bare, header)


def read_header(path: Path | str, with_masks: bool = False) -> FaceHeader:
    """The header of an extracted face, without decoding the picture.

    Args:
        with_masks: read the masks as well, which takes as long again.

    Raises:
        FacesError: if the file cannot be read, is no PNG, or has neither header, or a damaged one.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            texts = read_texts(file, (KEYWORD, FACESWAP_KEYWORD), _LARGEST_HEADER)
    except (OSError, ValueError, struct.error) as error:
        raise FacesError(f"Cannot read the header of {path} ({error})", _HINT) from error
    try:
        if KEYWORD in texts:
            header = _from_json(json.loads(texts[KEYWORD]))
            if with_masks and FACESWAP_KEYWORD in texts:
                header = replace(header, masks=read_face(parse_literal(texts[FACESWAP_KEYWORD])["alignments"]).masks)
            return header
        if FACESWAP_KEYWORD in texts:
            return _from_faceswap(parse_literal(texts[FACESWAP_KEYWORD]))
    except KeyError as error:
        raise FacesError(f"The header of {path} is damaged (it lacks {error})", _HINT) from error
    except (ValueError, TypeError, OverflowError, AttributeError, RecursionError) as error:
        raise FacesError(f"The header of {path} is damaged ({error})", _HINT) from error
    raise FacesError(f"{path} is not an extracted face: it has no face header", _HINT)


_HINT = "Use the folder that extract wrote its faces into; other programs drop the header when they save a picture"


_TEXTS = ("uuid", "source", "frame_name", "centering", "detector", "aligner")
_NUMBERS = ("frame", "position", "size", "every")


def _from_json(data: Any) -> FaceHeader:
    if not isinstance(data, dict) or data.pop("version") != 1:
        raise ValueError("its version is unknown")
    if not all(isinstance(data[name], str) for name in _TEXTS if name in data) \
            or not all(type(data[name]) is int for name in _NUMBERS if name in data) \
            or not isinstance(data["source_is_video"], bool):
        raise ValueError("a value in it is of the wrong kind")
    data["landmarks"] = points(data["landmarks"])
    data["matrix"] = None if data["matrix"] is None else read_matrix(data["matrix"])
    x, y, w, h = data["box"]
    data["box"] = (number(x, "box"), number(y, "box"), number(w, "box"), number(h, "box"))
    data["frame_size"] = _size(data["frame_size"])
    data["identities"] = _identities(data.get("identities", {}))
    data["least_size"] = number(data.get("least_size", 0.0), "least_size")
    if data.get("every", 1) < 1:
        raise ValueError("it is of every 0 frames")
    known = {f.name for f in fields(FaceHeader)} - {"masks"}
    return FaceHeader(**{name: value for name, value in data.items() if name in known})  # a later version may say more


def _from_faceswap(data: Any) -> FaceHeader:
    if not isinstance(data, dict) or not isinstance(data["source"], dict):
        raise ValueError("it is no face header")
    face, source = read_face(data["alignments"]), data["source"]
    name, is_video = source["source_filename"], bool(source["source_is_video"])
    if not isinstance(name, str):
        raise ValueError("a value in it is of the wrong kind")
    digits = Path(name).stem.rpartition("_")[2]
    is_numbered = is_video and digits.isascii() and digits.isdecimal() and len(digits) < 10
    height, width = _size(source["source_frame_dims"][:2])
    return FaceHeader(
        uuid="", landmarks=face.landmarks, matrix=None, box=face.box,
        source=name.rpartition("_")[0] if is_video else "",
        source_is_video=is_video, frame=int(digits) - 1 if is_numbered else -1, frame_name=name,
        frame_size=(width, height), position=int(number(source["face_index"], "face_index")), size=0, masks=face.masks,
        identities={kind: tuple(vector.tolist()) for kind, vector in face.identities.items()})


def _size(values: Any) -> tuple[int, int]:
    first, second = values
    return int(number(first, "frame size")), int(number(second, "frame size"))


def _shortened(identities: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """As plain numbers, with the six digits that tell two vectors apart rather than the 17 of a double."""
    return {kind: [float(f"{value:.6g}") for value in vector] for kind, vector in identities.items()}


def _identities(values: Any) -> dict[str, tuple[float, ...]]:
    vectors = {str(kind): np.array(vector, np.float32) for kind, vector in values.items()}
    if any(vector.ndim != 1 or not np.isfinite(vector).all() for vector in vectors.values()):
        raise ValueError("not identity vectors")
    return {kind: tuple(vector.tolist()) for kind, vector in vectors.items()}
