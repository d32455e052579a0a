"""The job `alignments extract`: face pictures for training, cut anew from alignments that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FacesError, OutputError, Stopped
from ..extraction.cores import worker_count
from ..extraction.folder import FacesFolder
from ..extraction.origin import source_info
from ..extraction.pictures import encode_face
from ..extraction.stream import stream
from ..faces.crop import warp
from ..faces.geometry import SAVED_CENTERING, Alignment, compose
from ..faces.nouns import Face
from ..faces.png import FaceHeader, read_header, write_face
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.frame import Frame
from ..media.source import Source, open_source
from ..options.alignments import ExtractFacesOptions
from .pictures import Owners, Picture, all_faces, faces_folder, scan
from .stores import Plan, chosen, opened

_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)


@dataclass(frozen=True, eq=False)
class _Cut:
    """A picture to make: of which face, where to, how it lies in the frame, and the header of the one it replaces."""

    face: Face
    path: Path
    size: int
    matrix: np.ndarray
    old: FaceHeader | None = None


def run(options: ExtractFacesOptions, reporter: Reporter) -> dict[str, Any]:
    """Write the pictures that are not there yet, or with `update` those that are older than their landmarks.

    Returns:
        {"faces_folder", "written" (or, on a dry run, to be), "current" (there already), "small" (left out), "dry_run",
        "text" (dry run: what would be done)}.

    Raises:
        SourceError, AlignmentsError, UsageError, FacesError, OutputError: as the parts say.
        Stopped: the person asked to; a second run goes on.
    """
    plan = Plan(options.dry_run)
    with open_source(options.source) as source, opened(options, write=False, source=source) as store:
        folder = _folder(options, source)
        wanted = [face for frame, faces in chosen(store, options) if frame % options.every == 0 for face in faces]
        cuts, current, small = (_outdated if options.update else _missing)(options, folder, store, wanted, reporter)
        for cut in cuts:
            plan.say(f"write {cut.path.relative_to(folder.folder)}")
        if cuts and not plan.dry:
            folder.prepare()
            _write(source, folder, store, cuts, reporter)
    return plan.result(faces_folder=str(folder.folder), written=len(cuts), current=current, small=small)


def _folder(options: ExtractFacesOptions, source: Source) -> FacesFolder:
    place = faces_folder(options.faces) if options.update else Path(options.faces).expanduser().absolute()
    if source.path.is_dir() and place.resolve() in (source.path.resolve(), source.path.parent.resolve()):
        raise OutputError(f"The faces folder {place} is the folder of the images themselves",
                          "Choose another faces folder")
    least = options.face_size * options.min_size / 100
    return FacesFolder(place, source, source_info(source), options.face_size, least, every=options.every)


def _missing(options: ExtractFacesOptions, folder: FacesFolder, store: AlignmentsStore, wanted: Sequence[Face],
             reporter: Reporter) -> tuple[list[_Cut], int, int]:
    """Pictures to make, under their first names; how many are there already, and how many faces are too small."""
    least = options.face_size * options.min_size / 100
    cuts, current, small = [], 0, 0
    for face in wanted:
        alignment = Alignment(face.landmarks)
        if alignment.source_size < least:
            small += 1
            continue
        cut = _Cut(face, folder.path(face), options.face_size, _matrix(alignment, options.face_size,
                                                                       options.align_eyes))
        if _is_made(cut):
            current += 1
        else:
            cuts.append(cut)
    return cuts, current, small


def _is_made(cut: _Cut) -> bool:
    try:
        header = read_header(cut.path)
    except FacesError:
        return False
    return (header.uuid == cut.face.uuid and header.size == cut.size and header.matrix is not None
            and np.array_equal(header.landmarks, cut.face.landmarks) and np.allclose(header.matrix, cut.matrix))


def _outdated(options: ExtractFacesOptions, folder: FacesFolder, store: AlignmentsStore, wanted: Sequence[Face],
              reporter: Reporter) -> tuple[list[_Cut], int, int]:
    """Pictures to rewrite where they are: those whose faces have moved since."""
    chosen_faces = {face.uuid for face in wanted}
    owner = Owners(all_faces(store), store.source.name)
    cuts, current = [], 0
    for picture in scan(folder.folder, reporter):
        face = owner(picture.header) if picture.header.uuid else None
        if face is None or face.uuid not in chosen_faces:
            continue
        if np.array_equal(picture.header.landmarks, face.landmarks):
            current += 1
            continue
        size = picture.header.size or options.face_size
        matrix = _matrix(Alignment(face.landmarks), size, _is_level(picture))
        cuts.append(_Cut(face, picture.path, size, matrix, picture.header))
    return sorted(cuts, key=lambda cut: cut.face.frame), current, 0


def _matrix(alignment: Alignment, size: int, align_eyes: bool) -> np.ndarray:
    """Frame -> picture, float64 [2, 3]; with `align_eyes` turned about the picture's middle until they are level."""
    matrix = alignment.matrix(size, SAVED_CENTERING)
    if not align_eyes:
        return matrix
    points = alignment.points(size, SAVED_CENTERING)
    across, down = points[_LEFT_EYE].mean(0) - points[_RIGHT_EYE].mean(0)
    cos, sin = np.array([across, -down]) / np.hypot(across, down)
    turn = np.array([[cos, -sin], [sin, cos]])
    middle = np.full(2, (size - 1) / 2)
    return compose(np.column_stack([turn, middle - turn @ middle]), matrix)


def _is_level(picture: Picture) -> bool:
    """Whether a picture was made with `align_eyes`."""
    header = picture.header
    return header.matrix is not None and not np.allclose(
        header.matrix, Alignment(header.landmarks).matrix(header.size, SAVED_CENTERING), atol=1e-6)


def _write(source: Source, folder: FacesFolder, store: AlignmentsStore, cuts: Sequence[_Cut], reporter: Reporter
           ) -> None:
    """Cut and write pictures, in threads; each appears whole or not at all."""
    by_frame: dict[int, list[_Cut]] = {}
    for cut in cuts:
        by_frame.setdefault(cut.face.frame, []).append(cut)

    def draw(frame: Frame) -> list[tuple[_Cut, bytes, tuple[int, int]]]:
        height, width = frame.pixels.shape[:2]
        return [(cut, encode_face(warp(frame.pixels, cut.matrix, cut.size)), (width, height))
                for cut in by_frame[frame.index]]

    done = 0
    workers = worker_count()
    drawn = stream(source.frames(sorted(by_frame)), draw, workers, 2 * workers + 2)
    try:
        for pictures in drawn:
            if reporter.progress(done, len(cuts), "pictures", "Cutting"):
                raise Stopped
            for cut, png, size in pictures:
                write_face(cut.path, png, _header(folder, store, cut, size))
                done += 1
    finally:
        drawn.close()
    reporter.progress(done, len(cuts), "pictures", "Cutting")


def _header(folder: FacesFolder, store: AlignmentsStore, cut: _Cut, frame_size: tuple[int, int]) -> FaceHeader:
    identities = {kind: vector.tolist() for kind, vector in store.identities_of(cut.face.uuid).items()}
    header = folder.header(cut.face, frame_size, identities, store.packed_masks(cut.face.uuid))
    if cut.old is not None:  # which frames the folder was cut from is not for this run to say
        header = replace(header, every=cut.old.every, least_size=cut.old.least_size)
    return replace(header, matrix=cut.matrix, size=cut.size)
