"""The faces folder: one PNG per face, named after its frame, with a header that says where it is from."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import FacesError, writing
from ..faces.geometry import SAVED_CENTERING, Alignment
from ..faces.nouns import Face, PackedMask, SourceInfo
from ..faces.png import FaceHeader, read_header, write_face
from ..media.source import Source
from ..partials import sweep_pictures
from ..sorting.names import sorted_pictures
from .pictures import face_picture


class FacesFolder:
    """Where the pictures of one source's faces go.

    Args:
        folder: made when it is not there, by `prepare`.
        size: side of the pictures, pixels.
        least_size: of a face in its frame, pixels; smaller ones get no picture.
        every: from every so many frames of the clip pictures are cut; headers say so.
        chosen: whose faces get pictures; None: everyone's.
    """

    def __init__(self, folder: Path, source: Source, info: SourceInfo, size: int, least_size: float = 0.0,
                 chosen: Callable[[Face], bool] | None = None, every: int = 1) -> None:
        self.folder, self.size, self.chosen, self.every = folder, size, chosen, every
        self._source, self._info, self._least_size = source, info, least_size

    def prepare(self) -> None:
        """Make the folder, try whether it can be written, and clear away what a killed run left half-written.

        Raises:
            OutputError: if it cannot be written.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".{uuid.uuid4().hex}.part"
            probe.write_bytes(b"")
            os.unlink(probe)
        sweep_pictures(self.folder)

    def path(self, face: Face) -> Path:
        """Where the face's picture is, sorted pictures included, or is to be."""
        name = f"{self._source.name(face.frame)}_{face.position}.png"
        own, moved = self.folder / name, self._sorted.get(name)
        if moved is not None and not own.is_file() and _uuid(moved) == face.uuid:
            return moved
        return own

    @cached_property
    def _sorted(self) -> dict[str, Path]:
        try:
            return sorted_pictures(self.folder)
        except OSError:
            return {}

    def draw(self, pixels: np.ndarray, alignment: Alignment) -> bytes:
        """A face's picture, encoded, without header; b"" where the face is too small for one."""
        return face_picture(pixels, alignment, self.size) if alignment.source_size >= self._least_size else b""

    def write(self, face: Face, picture: bytes, frame_size: tuple[int, int],
              identities: Mapping[str, Sequence[float]], masks: Sequence[PackedMask]) -> None:
        """Write a face's encoded picture with its header, atomically; the arguments are those of `header`."""
        write_face(self.path(face), picture, self.header(face, frame_size, identities, masks))

    def header(self, face: Face, frame_size: tuple[int, int], identities: Mapping[str, Sequence[float]],
               masks: Sequence[PackedMask]) -> FaceHeader:
        """What a face's picture is to say of itself.

        Args:
            frame_size: (width, height) of its frame.
            identities: the face's vectors, by identity model.
            masks: its stored masks.
        """
        return FaceHeader(
            uuid=face.uuid, landmarks=face.landmarks, box=face.box,
            matrix=Alignment(face.landmarks).matrix(self.size, SAVED_CENTERING), source=self._info.name,
            source_is_video=self._info.kind == "video", frame=face.frame,
            frame_name=frame_file_name(self._source, face.frame), frame_size=frame_size, position=face.position,
            centering=SAVED_CENTERING, size=self.size, detector=face.detector, aligner=face.aligner,
            identities=identities, every=self.every, least_size=self._least_size, masks=tuple(masks))

    def lacks(self, face: Face) -> bool:
        """Whether the face is to have a picture and has none: not there, or of other landmarks or another size."""
        if self.chosen is not None and not self.chosen(face):
            return False
        return not self._is_current(face) and Alignment(face.landmarks).source_size >= self._least_size

    def _is_current(self, face: Face) -> bool:
        header = self._header(face)
        return (header is not None and header.uuid == face.uuid and header.size == self.size
                and np.array_equal(header.landmarks, face.landmarks))

    def remove(self, face: Face) -> None:
        """Take away the picture of a face that is no longer found; nothing happens if it is another face's."""
        header = self._header(face)
        if header is not None and header.uuid == face.uuid:
            with writing(self.folder):
                self.path(face).unlink(missing_ok=True)

    def _header(self, face: Face) -> FaceHeader | None:
        return _header(self.path(face))


def _header(path: Path) -> FaceHeader | None:
    if not path.is_file():
        return None
    try:
        return read_header(path)
    except FacesError:
        return None


def _uuid(path: Path) -> str:
    header = _header(path)
    return header.uuid if header is not None else ""


def frame_file_name(source: Source, index: int) -> str:
    """What a frame is called as a file: an image's own name; for videos the frame's name with the clip's ending."""
    files = getattr(source, "files", None)
    return files[index].name if files is not None else f"{source.name(index)}{source.path.suffix}"
