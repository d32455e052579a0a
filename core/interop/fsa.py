"""faceswap's alignments files, `.fsa`: zlib of a pickle (stdlib + numpy).

The data are {"__meta__": {"version": 2.4}, "__data__": {frame's file: {"faces": [...], "video_meta": {...}}}}; files of
2020 hold the inner dict alone, and a list of faces for each frame. Versions 2.0 to 2.4 differ in what faces carry.
"""

from __future__ import annotations

import io
import os
import pickle
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import AlignmentsError, writing
from ..faces.packing import inflate
from ..partials import partial_path
from .faceswap import read_face
from .nouns import ForeignFace, ForeignFile, ForeignFrame
from .unpickle import Refused, loads

VERSION = 2.4
_OLDEST, _NEWEST = 2.0, 3.0  # from the first on, up to and without the second
# Real files unpack to five or ten times their size. What claims more is built to fill the memory.
_MOST_INFLATION, _FREE_BYTES, _MOST_BYTES = 32, 8 * 1024**2, 2 * 1024**3
_PROTOCOL = 3  # the last without frames around its values, which `_fragment` would have to undo


def read_fsa(path: Path, data: bytes) -> ForeignFile:
    """An `.fsa` file, or the bare pickle that still older versions wrote.

    Raises:
        AlignmentsError: if it is none, is damaged, or asks for more than plain data; nothing in it is ever run.
    """
    try:
        if data[:1] == b"\x78":
            data = inflate(data, min(_FREE_BYTES + _MOST_INFLATION * len(data), _MOST_BYTES))
        frames, version = _frames(loads(data))
    except Refused as error:
        raise AlignmentsError(f"{path} is refused: {error}", "Use a file that faceswap itself has written") from error
    except ValueError as error:
        raise AlignmentsError(f"Cannot read {path}: {error}", "Use an .fsa file that faceswap has written") from error
    problems: list[str] = []
    name = "faceswap's alignments of 2020" if version is None else f"faceswap's alignments, version {version}"
    # Before 2.0 faces were cut, and their masks made, around the legacy centre.
    centering = "legacy" if version is None else "face"
    return ForeignFile(name, len(frames), read_frames(frames, problems, centering), problems)


def _frames(data: Any) -> tuple[dict[str, Any], float | None]:
    version: Any = None
    if isinstance(data, dict) and "__data__" in data:
        meta = data.get("__meta__")
        version = meta.get("version") if isinstance(meta, dict) else None
        if type(version) not in (int, float) or not _OLDEST <= version < _NEWEST:
            raise ValueError(f"its version is {str(version)[:20]}, and 2.0 to {VERSION} are known")
        data = data["__data__"]
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ValueError("it holds no frames")
    return data, version


def read_frames(frames: dict[str, Any], problems: list[str], centering: str = "face") -> Iterator[ForeignFrame]:
    """The frames of a dict in faceswap's shape, each let go of once it is read.

    Args:
        problems: takes a line for each face that cannot be read.
        centering: of masks that do not say theirs.
    """
    for name in list(frames):
        entry = frames.pop(name)
        faces = entry.get("faces") if isinstance(entry, dict) else entry
        meta = entry.get("video_meta") if isinstance(entry, dict) else None
        if not isinstance(faces, list):
            problems.append(f"{name}: holds no list of faces")
            continue
        pts, keyframe = (meta.get("pts_time"), meta.get("keyframe")) if isinstance(meta, dict) else (None, None)
        yield ForeignFrame(name, tuple(readable(name, faces, problems, centering)),
                           pts=pts if type(pts) is int and abs(pts) < 2**63 else None,
                           keyframe=keyframe if isinstance(keyframe, bool) else None)


def readable(name: str, faces: list[Any], problems: list[str], centering: str = "face") -> Iterator[ForeignFace]:
    """Those of a frame's faces that can be read; `problems` takes a line for each other."""
    for number, face in enumerate(faces):
        try:
            yield read_face(face, centering)
        except (ValueError, OverflowError) as error:
            problems.append(f"{name}, face {number}: {error}")


def write_fsa(path: Path, frames: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Write frames (name, {"faces", "video_meta"}) as a file of version 2.4, atomically, one frame in memory at a time.

    Raises:
        OutputError: if it cannot be written there.
    """
    temporary = partial_path(path)
    packer = zlib.compressobj()
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                for part in _pickled(frames):
                    file.write(packer.compress(part))
                file.write(packer.flush())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _pickled(frames: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[bytes]:
    """The pickle of the whole file in pieces: {"__meta__": ..., "__data__": {name: frame, ...}}."""
    yield (pickle.PROTO + bytes([_PROTOCOL]) + pickle.EMPTY_DICT + _fragment("__meta__")
           + _fragment({"version": VERSION}) + pickle.SETITEM + _fragment("__data__") + pickle.EMPTY_DICT)
    for name, frame in frames:
        yield _fragment(name) + _fragment(frame) + pickle.SETITEM
    yield pickle.SETITEM + pickle.STOP


def _fragment(value: Any) -> bytes:
    """The instructions that put a value onto the stack: its pickle without what begins and ends one."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, _PROTOCOL)
    pickler.fast = True  # no memo, whose numbers would be those of another fragment
    pickler.dump(value)
    return file.getvalue()[2:-1]
