"""Which faces a person means: by frame, by number in the frame, by their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..alignments.pictures import Owners, Picture, all_faces, scan
from ..errors import AlignmentsError, FacesError
from ..faces.nouns import Face
from ..faces.png import read_header
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.ranges import parse_frames


class FaceOptions(Protocol):
    """Options that choose faces."""

    @property
    def frames(self) -> str: ...

    @property
    def position(self) -> int: ...

    @property
    def pictures(self) -> str: ...


def chooses(options: FaceOptions) -> bool:
    """Whether any faces are chosen."""
    return bool(options.frames.strip() or options.position >= 0 or options.pictures.strip())


def chosen_faces(store: AlignmentsStore, options: FaceOptions, reporter: Reporter) -> list[Face]:
    """The faces that are meant, by frame.

    Raises:
        UsageError: frames that the clip does not have.
        FacesError: pictures that are not there, or not of this clip's faces.
        AlignmentsError: there are no such faces.
    """
    frames = parse_frames(options.frames, store.source.length) if options.frames.strip() else None
    faces = [face for _, here in store.iterate(frames) for face in here
             if options.position in (-1, face.position)]
    if options.pictures.strip():
        pictured = _pictured(store, Path(options.pictures).expanduser().absolute(), reporter)
        faces = [face for face in faces if face.uuid in pictured]
    if not faces:
        raise AlignmentsError(f"There are no such faces in {store.path}", "Choose other frames, numbers or pictures")
    return faces


def _pictured(store: AlignmentsStore, place: Path, reporter: Reporter) -> set[str]:
    """The uuids of the faces whose pictures are there."""
    if not place.exists():
        raise FacesError(f"There is no picture or folder {place}", "Name a picture of the faces folder, or a folder")
    pictures: Sequence[Picture] = (scan(place, reporter) if place.is_dir() else [Picture(place, read_header(place))])
    owner = Owners(all_faces(store), store.source.name)
    uuids = {face.uuid for picture in pictures if (face := owner(picture.header)) is not None}
    if not uuids:
        raise FacesError(f"No picture in {place} is of a face in {store.path}", "Name pictures of this clip's faces")
    return uuids
