"""Faces folders as arrays: every face cropped once to the size that training needs, with its masks and landmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ...errors import FacesError, Stopped
from ...extraction.cores import core_count
from ...faces.geometry import Alignment
from ...faces.png import FaceHeader, read_header
from ...jobs.messages import Reporter
from ...sorting.names import places
from . import checks, duplicates
from .entries import Entries, open_entries
from .reading import Cut, Known, NoMask, ReadFace, cut_face, known
from .room import room

_CHUNK = 256  # faces whose poses are found at once
_MOST_THREADS = 12  # beyond that, what one thread at a time does is the limit
_STEP = 64  # faces between two looks at the reporter
R = TypeVar("R")
Folders = Path | str | Sequence[Path | str]


class Origin(NamedTuple):
    """Where a face is from.

    Attributes:
        path: of its picture.
        uuid, source: of the face and its clip; "" where nobody says.
        landmarks: float32 [68, 2] in the frame's pixels, by which it is cut.
    """

    path: Path
    uuid: str
    source: str
    landmarks: np.ndarray


@dataclass(frozen=True, eq=False)
class FaceSet:
    """One side's faces.

    Attributes:
        label: "A" or "B".
        folders: where they came from, the first one first.
        cut: how they were cut.
        crops: uint8 [N, P, P, 3 + M], as the model is to see them: RGB and a channel for each of `masks`.
        landmarks: float32 [N, 68, 2] in the crops' pixels, centres at integers.
        angles: float32 [N, 2], yaw and pitch in degrees; yaw > 0 turned to the picture's right, pitch > 0 up.
        looks: uint8 [N, 16, 16, 2], what tells near twins, see `duplicates`.
        origins: where each is from.
        alignments: files whose landmarks and masks count rather than those in the pictures' headers.
        outdated: pictures that were cut by other landmarks than the named alignments now have.
        unusable: the pictures that are left out, and why.
        others: how many faces are left out since they are of other persons.
        kinds: how many faces have which stored mask, if that was asked for.
    """

    label: str
    folders: Sequence[Path]
    cut: Cut
    crops: np.ndarray
    landmarks: np.ndarray
    angles: np.ndarray
    looks: np.ndarray
    origins: Sequence[Origin]
    alignments: Sequence[str] = ()
    outdated: Sequence[Path] = ()
    unusable: Sequence[tuple[Path, FacesError]] = ()
    others: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.origins)

    @property
    def folder(self) -> Path:
        """The first folder: the one to name where one is enough."""
        return self.folders[0]

    @property
    def place(self) -> str:
        """Where they came from, in words."""
        return " and ".join(map(str, self.folders))

    @property
    def paths(self) -> list[Path]:
        """One file per face."""
        return [origin.path for origin in self.origins]

    @property
    def masks(self) -> tuple[str, ...]:
        """What the crops' channels behind RGB are: "face", then "eyes" and "mouth" where they were asked for."""
        return self.cut.masks


def load_faces(folders: Folders, cut: Cut, reporter: Reporter, label: str, persons: Sequence[str] = (),
               alignments: Sequence[str] = ()) -> FaceSet:
    """Read the faces of a side for a training, and say what is wrong with them.

    Args:
        folders: a faces folder, or several of the same performer.
        label: "A" or "B", for messages.
        persons: names of those whose faces are meant; empty: everyone.
        alignments: files whose landmarks and masks count rather than those in the pictures' headers.

    Raises:
        FacesError: no such folder, fewer than 25 usable faces in it, or faces without the mask.
        AlignmentsError: alignments that cannot be read or do not know the persons.
        UsageError: persons are named and no alignments.
        Stopped: the person asked to stop.
    """
    faces = read_faces(folders, cut, reporter, label, persons, alignments)
    lacking = [path for path, error in faces.unusable if isinstance(error, NoMask)]
    if lacking:
        raise checks.missing_masks(lacking, len(faces) + len(faces.unusable), faces.place, label, cut.stored_mask,
                                   "CLIP" if alignments else str(lacking[0].parent))
    checks.require_enough(len(faces), faces.place, label, faces.unusable, faces.others)
    if left_out := checks.about_unusable(faces.unusable, len(faces) + len(faces.unusable), faces.place):
        reporter.warning(left_out, "\n".join(str(error) for _, error in faces.unusable))
    if advice := checks.about_count(len(faces), label):
        reporter.warning(advice)
    return faces


def read_faces(folders: Folders, cut: Cut, reporter: Reporter, label: str, persons: Sequence[str] = (),
               alignments: Sequence[str] = (), with_kinds: bool = False) -> FaceSet:
    """As `load_faces`, whatever is wrong with the faces; what is left out stands in the result.

    Args:
        with_kinds: count the stored masks of each kind, for which all headers are read to their ends.
    """
    given = [folders] if isinstance(folders, str | Path) else folders
    chosen = list(dict.fromkeys(Path(folder).expanduser() for folder in given))
    files = [path for folder in chosen for path in list_faces(folder)]
    crops = room((len(files), cut.size, cut.size, 3 + len(cut.masks)))
    landmarks = np.empty((len(files), 68, 2), np.float32)
    angles = np.empty((len(files), 2), np.float32)
    looks = np.empty((len(files), duplicates.SIZE, duplicates.SIZE, 2), np.uint8)
    origins: list[Origin] = []
    outdated, unusable, kinds = [], [], Counter[str]()
    with open_entries(alignments, persons, label) as entries:
        for done, (face, read) in enumerate(_read_all(files, cut, entries, with_kinds)):
            if done % _STEP == 0 and reporter.progress(done, len(files), "faces", f"Reading the faces of {label}"):
                raise Stopped
            if isinstance(read, FacesError):
                unusable.append((files[done], read))
            elif face is not None and read is not None:
                place = len(origins)
                crops[place], landmarks[place] = read.crop, read.landmarks
                angles[place], looks[place] = read.angles, read.look
                origins.append(Origin(face.path, face.uuid, face.source, face.alignment.landmarks.astype(np.float32)))
                kinds.update(face.kinds)
                if face.is_outdated:
                    outdated.append(face.path)
    count = len(origins)
    return FaceSet(label, chosen, cut, crops[:count], landmarks[:count], angles[:count], looks[:count], origins,
                   alignments, outdated, unusable, len(files) - count - len(unusable), kinds)


def read_some(paths: Sequence[Path], count: int, cuts: Sequence[Cut], reporter: Reporter,
              alignments: Sequence[str] = ()) -> tuple[list[int], list[np.ndarray]]:
    """The first `count` of some faces that can be read, each cut in several ways, for previews.

    Files that are gone by now, or damaged, are passed over and named in a warning.

    Returns:
        which of the paths these are, and for each cut uint8 [count or fewer, size, size, 3 + masks].
    """
    chosen: list[int] = []
    crops: list[list[np.ndarray]] = [[] for _ in cuts]
    lost: list[tuple[Path, FacesError]] = []
    with open_entries(alignments, (), "") as entries:
        for index, path in enumerate(paths):
            if len(chosen) == count:
                break
            try:
                read = [_read_one(path, cut, entries).crop for cut in cuts]
            except FacesError as error:
                lost.append((path, error))
                continue
            chosen.append(index)
            for column, crop in zip(crops, read, strict=True):
                column.append(crop)
    if lost:
        reporter.warning(f"{checks.counted(len(lost), 'picture')} cannot be read any more and previews do without: "
                         f"{checks.some([path for path, _ in lost])}", "\n".join(str(error) for _, error in lost))
    return chosen, [np.stack(column) if column else np.empty((0, cut.size, cut.size, 3 + len(cut.masks)), np.uint8)
                    for column, cut in zip(crops, cuts, strict=True)]


def _read_one(path: Path, cut: Cut, entries: Entries | None) -> ReadFace:
    header = _attempt(read_header, path, bool(cut.stored_mask))
    face = _known(path, header, entries, cut.stored_mask, with_kinds=False)
    if isinstance(face, FacesError):
        raise face
    assert face is not None  # nobody chose persons
    return cut_face(face, cut)


def list_faces(folder: Path) -> list[Path]:
    """The PNG files of a faces folder, by name.

    Raises:
        FacesError: it is no folder, cannot be read or holds none.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png" and path.name[0] != ".")
    except FileNotFoundError:
        raise FacesError(f"There is no faces folder {folder}", "Extract the faces first") from None
    except OSError as error:
        raise FacesError(f"Cannot read the faces folder {folder} ({error.strerror})", "Choose another folder") from None
    if not files:
        raise FacesError(f"{folder} holds no faces (PNG files)", "Name one of the groups in it into which they were "
                         "sorted, or bring them back with: understudy alignments rename FACES --flatten"
                         if len(places(folder)) > 1 else "Extract the faces first, or choose another folder")
    return files


def _read_all(files: list[Path], cut: Cut, entries: Entries | None, with_kinds: bool
              ) -> Iterator[tuple[Known | None, ReadFace | FacesError | None]]:
    """The faces in order, never more than a chunk ahead: an unusable one as its error, one of another person as None.

    Threads read headers and then pictures; what lies between, many poses at once and the alignments, is one thread's.
    """
    with_masks = bool(cut.stored_mask) or with_kinds

    def header(path: Path) -> FaceHeader | FacesError:
        return _attempt(read_header, path, with_masks)

    def face_of(face: Known | FacesError | None) -> ReadFace | FacesError | None:
        return _attempt(cut_face, face, cut) if isinstance(face, Known) else face

    with ThreadPoolExecutor(min(_MOST_THREADS, core_count())) as pool:
        for start in range(0, len(files), _CHUNK):
            chunk = files[start: start + _CHUNK]
            faces = [_known(path, found, entries, cut.stored_mask, with_kinds)
                     for path, found in zip(chunk, pool.map(header, chunk), strict=True)]
            Alignment.solve_all(face.alignment for face in faces if isinstance(face, Known))
            for face, read in zip(faces, pool.map(face_of, faces), strict=True):
                yield face if isinstance(face, Known) else None, read


def _attempt(read: Callable[..., R], *given: Any) -> R | FacesError:
    try:
        return read(*given)
    except FacesError as error:
        return error


def _known(path: Path, header: FaceHeader | FacesError, entries: Entries | None, kind: str, with_kinds: bool
           ) -> Known | FacesError | None:
    """What is known of a picture; None for one of another person."""
    if entries is None:
        return header if isinstance(header, FacesError) else _attempt(known, path, header, None, kind)
    found = header if isinstance(header, FaceHeader) else None
    entry = entries.of(path, found, kind, with_kinds)
    if entry is None:
        return header if isinstance(header, FacesError) and not path.exists() else FacesError(
            f"{path} has no entry in the alignments", "Name the alignments of its clip as well, or remove the file")
    if entry.face.state == "removed":
        return FacesError(f"The face of {path} was removed from the alignments", "Remove the file as well, or bring "
                          "the face back")
    return _attempt(known, path, found, entry, kind) if entry.is_meant else None
