"""The faces folder: one PNG per face, named after its frame, with a header that says where it is from."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import numpy as np

from ..errors import FacesError, writing
from ..faces.geometry import SAVED_CENTERING, Alignment
from ..faces.nouns import Face, SourceInfo
from ..faces.png import FaceHeader, read_header, write_face
from ..media.source import Source


class FacesFolder:
    """Where the pictures of one source's faces go.

    Args:
        folder: made when it is not there, by `prepare`.
        size: side of the pictures, pixels.
    """

    def __init__(self, folder: Path, source: Source, info: SourceInfo, size: int) -> None:
        self.folder, self.size = folder, size
        self._source, self._info = source, info

    def prepare(self) -> None:
        """Make the folder and try whether it can be written.

        Raises:
            OutputError: if not.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".{uuid.uuid4().hex}.part"
            probe.write_bytes(b"")
            os.unlink(probe)

    def path(self, face: Face) -> Path:
        return self.folder / f"{self._source.name(face.frame)}_{face.position}.png"

    def write(self, face: Face, picture: bytes, frame_size: tuple[int, int]) -> None:
        """Write a face's encoded picture with its header, atomically."""
        header = FaceHeader(
            uuid=face.uuid, landmarks=face.landmarks, box=face.box,
            matrix=Alignment(face.landmarks).matrix(self.size, SAVED_CENTERING), source=self._info.name,
            source_is_video=self._info.kind == "video", frame=face.frame,
            frame_name=frame_file_name(self._source, face.frame), frame_size=frame_size, position=face.position,
            centering=SAVED_CENTERING, size=self.size, detector=face.detector, aligner=face.aligner)
        write_face(self.path(face), picture, header)

    def is_current(self, face: Face) -> bool:
        """Whether the picture is there, of this face, and cut by its present landmarks at the wanted size."""
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
        if not self.path(face).is_file():
            return None
        try:
            return read_header(self.path(face))
        except FacesError:
            return None


def frame_file_name(source: Source, index: int) -> str:
    """What a frame is called as a file: an image's own name; for videos the frame's name with the clip's ending."""
    files = getattr(source, "files", None)
    return files[index].name if files is not None else f"{source.name(index)}{source.path.suffix}"
