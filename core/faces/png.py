"""The header of an extracted face's PNG: our JSON chunk and faceswap's (stdlib + numpy).

Both are iTXt chunks before the first IDAT (PNG specification, third edition, 11.3.3.4). Ours has the keyword
`understudy` and JSON; the other `faceswap` and a Python literal, which is parsed as a literal and never evaluated.
"""

from __future__ import annotations

import ast
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import FacesError, writing

KEYWORD, FACESWAP_KEYWORD = "understudy", "faceswap"
FACESWAP_ALIGNMENTS_VERSION = 2.4
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_LIMIT = 16 * 1024 * 1024  # a larger text chunk is no face header


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

    def to_json(self) -> str:
        data = asdict(self)
        data["landmarks"] = [[float(x), float(y)] for x, y in self.landmarks]
        data["matrix"] = None if self.matrix is None else [[float(v) for v in row] for row in self.matrix]
        data["identities"] = _shortened(self.identities)
        return json.dumps({"version": 1, **data}, allow_nan=False)

    def to_faceswap(self) -> str:
        """The same in that tool's shape: a Python dict as text."""
        x, y, w, h = (round(v) for v in self.box)
        clip = Path(self.source)
        name = f"{clip.stem}_{self.frame + 1:06d}{clip.suffix}" if self.source_is_video else self.frame_name
        return repr({
            "alignments": {"x": x, "w": w, "y": y, "h": h,
                           "landmarks_xy": [[float(a), float(b)] for a, b in self.landmarks],
                           "mask": {}, "identity": _shortened(self.identities)},
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
    chunks = _text_chunk(KEYWORD, header.to_json()) + _text_chunk(FACESWAP_KEYWORD, header.to_faceswap())
    place = png.index(b"IDAT") - 4
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        try:
            temporary.write_bytes(png[:place] + chunks + png[place:])
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def read_header(path: Path | str) -> FaceHeader:
    """The header of an extracted face, without decoding the picture.

    Raises:
        FacesError: if the file cannot be read, is no PNG, or has neither header, or a damaged one.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            texts = dict(_texts(file))
    except (OSError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise FacesError(f"Cannot read the header of {path} ({error})", _HINT) from error
    try:
        if KEYWORD in texts:
            return _from_json(json.loads(texts[KEYWORD]))
        if FACESWAP_KEYWORD in texts:
            return _from_faceswap(ast.literal_eval(texts[FACESWAP_KEYWORD]))
    except (ValueError, TypeError, KeyError, SyntaxError, AttributeError, RecursionError, MemoryError) as error:
        raise FacesError(f"The header of {path} is damaged ({type(error).__name__})", _HINT) from error
    raise FacesError(f"{path} is not an extracted face: it has no face header", _HINT)


_HINT = "Use the folder that extract wrote its faces into; other programs drop the header when they save a picture"


def _from_json(data: dict[str, Any]) -> FaceHeader:
    if data.pop("version") != 1:
        raise ValueError("unknown version")
    data["landmarks"] = _landmarks(data["landmarks"])
    matrix = data["matrix"]
    data["matrix"] = None if matrix is None else np.array(matrix, np.float64).reshape(2, 3)
    data["box"] = tuple(float(v) for v in data["box"])
    data["frame_size"] = tuple(int(v) for v in data["frame_size"])
    data["identities"] = _identities(data.get("identities", {}))
    return FaceHeader(**data)


def _from_faceswap(data: dict[str, Any]) -> FaceHeader:
    face, source = data["alignments"], data["source"]
    name = str(source["source_filename"])
    is_video = bool(source["source_is_video"])
    number = Path(name).stem.rpartition("_")[2]
    height, width = source["source_frame_dims"][:2]
    return FaceHeader(
        uuid="", landmarks=_landmarks(face["landmarks_xy"]), matrix=None,
        box=(float(face["x"]), float(face["y"]), float(face["w"]), float(face["h"])),
        source=name.rpartition("_")[0] if is_video else "", source_is_video=is_video,
        frame=int(number) - 1 if is_video and number.isdigit() else -1,
        frame_name=name, frame_size=(int(width), int(height)), position=int(source["face_index"]),
        size=0, identities=_identities(face.get("identity", {})))


def _landmarks(values: Any) -> np.ndarray:
    points = np.array(values, np.float32)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise ValueError("not 68 landmarks")
    return points


def _shortened(identities: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """As plain numbers, with the six digits that tell two vectors apart rather than the 17 of a double."""
    return {kind: [float(f"{value:.6g}") for value in vector] for kind, vector in identities.items()}


def _identities(values: Any) -> dict[str, tuple[float, ...]]:
    vectors = {str(kind): np.array(vector, np.float32) for kind, vector in values.items()}
    if any(vector.ndim != 1 or not np.isfinite(vector).all() for vector in vectors.values()):
        raise ValueError("not identity vectors")
    return {kind: tuple(vector.tolist()) for kind, vector in vectors.items()}


def _text_chunk(keyword: str, text: str) -> bytes:
    # Keyword, its NUL, then uncompressed (0, 0), no language, no translated keyword.
    body = b"iTXt" + keyword.encode("latin-1") + b"\0" * 5 + text.encode("utf-8")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    if file.read(8) != _SIGNATURE:
        raise ValueError("not a PNG file")
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"IDAT", b"IEND"):
            return
        if kind != b"iTXt":
            file.seek(length + 4, os.SEEK_CUR)
            continue
        if length > _HEADER_LIMIT:
            raise ValueError("a text chunk is too large")
        body, (crc,) = file.read(length), struct.unpack(">I", file.read(4))
        if zlib.crc32(kind + body) != crc:
            raise ValueError("a text chunk is damaged")
        keyword, _, rest = body.partition(b"\0")
        compressed, _method, rest = rest[0], rest[1], rest[2:]
        text = rest.split(b"\0", 2)[2]
        if compressed:
            inflater = zlib.decompressobj()
            text = inflater.decompress(text, _HEADER_LIMIT)
        yield keyword.decode("latin-1"), text.decode("utf-8")
