"""The pictures in a faces folder: found wherever sorting put them, and known by their headers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FacesError
from ..faces.nouns import Face
from ..faces.png import FaceHeader, read_header, replace_header
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from .stores import counted

WAITING = ".renaming"  # ends the names of pictures that wait for another one to leave the name they are to have
_NAMED = 5  # files named in a warning


@dataclass(frozen=True, eq=False)
class Picture:
    """A face's picture as it lies in a folder.

    Attributes:
        path: wherever it is, whatever it is called.
        header: what it says of itself.
    """

    path: Path
    header: FaceHeader

    @property
    def first_name(self) -> str:
        """What extract calls it."""
        return picture_name(Path(self.header.frame_name).stem, self.header.position)


def picture_name(frame_name: str, position: int) -> str:
    """The file name of a face's picture: the frame's name (without ending) and the face's number in the frame."""
    return f"{frame_name}_{position}.png"


def faces_folder(text: str) -> Path:
    """The folder that the person named.

    Raises:
        FacesError: it is not there, or no folder.
    """
    folder = Path(text).expanduser().absolute()
    if not text.strip() or not folder.is_dir():
        raise FacesError(f"There is no faces folder {text or '(none is named)'}",
                         "Name the folder that extract wrote its faces into")
    return folder


def scan(folder: Path, reporter: Reporter) -> list[Picture]:
    """All face pictures below a folder, by path; what is no face picture is left out, with one warning.

    Raises:
        FacesError: there is none at all, or the folder cannot be read.
        Stopped: the person asked to.
    """
    pictures, others = [], []
    for path in counted(reporter, list(_files(folder)), "pictures", "Reading the faces folder"):
        try:
            pictures.append(Picture(path, read_header(path)))
        except FacesError as error:
            others.append((path, error))
    if not pictures:
        why = f"; the first of {len(others)}: {others[0][1].message}" if others else ""
        raise FacesError(f"There are no pictures of faces in {folder}{why}",
                         "Name the folder that extract wrote its faces into")
    if others:
        some = ", ".join(path.name for path, _ in others[:_NAMED]) + (", …" if len(others) > _NAMED else "")
        reporter.warning(f"{len(others)} files in {folder} are no pictures of faces and are left alone: {some}",
                         "\n".join(str(error) for _, error in others))
    return pictures


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise FacesError(f"Cannot read {error.filename} ({error.strerror})", "Check the folder's permissions")

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith((".png", f".png{WAITING}")) and not name.startswith("."):
                yield Path(place, name)


class Owners:
    """Which stored face a picture is of: by its uuid; pictures of other programs by frame, number and landmarks.

    Args:
        faces: of one clip's store.
        source: name of the clip; other programs' pictures of other clips are no one's.
    """

    SAME = 1.0  # px; other programs round the landmarks that they write

    def __init__(self, faces: Iterable[Face], source: str) -> None:
        self._by_uuid: dict[str, Face] = {}
        self._by_place: dict[tuple[int, int], Face] = {}
        self._source = source
        for face in faces:
            self._by_uuid[face.uuid] = face
            self._by_place[face.frame, face.position] = face

    def __call__(self, header: FaceHeader) -> Face | None:
        if header.uuid:
            return self._by_uuid.get(header.uuid)
        face = self._by_place.get((header.frame, header.position))
        if face is None or Path(header.source).stem != Path(self._source).stem:
            return None
        return face if np.abs(face.landmarks - header.landmarks).max() <= self.SAME else None


def all_faces(store: AlignmentsStore) -> Iterator[Face]:
    """Every face of a store that is not removed, by frame and position."""
    for _, faces in store.iterate():
        yield from faces


def retell(path: Path, **changes: Any) -> None:
    """Change what a picture's header says, atomically; its pixels stay bit for bit, and its masks with them.

    Raises:
        FacesError: the file is damaged.
        OutputError: it cannot be written.
    """
    replace_header(path, replace(read_header(path, with_masks=True), **changes))
