"""Faces folders as arrays: every face cropped once to the size that training needs, with its mask and landmarks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import FacesError, Stopped, writing
from ..extraction.maskers.landmark import draw
from ..extraction.maskers.stored import lay
from ..faces.crop import warp
from ..faces.geometry import Alignment, compose, invert
from ..faces.nouns import StoredMask
from ..faces.packing import unpack_mask
from ..faces.png import FaceHeader, read_header
from ..jobs.messages import Reporter
from ..models.folder import Settings
from ..options.maskers import DRAWN, how_to_get
from .persons import pictures_of

LEAST_FACES, FEW_FACES = 25, 250
MEMORY_BUDGET = 1 << 30  # bytes of crops per side kept in memory; more go to a temporary file
_NAMED = 5  # unreadable files named in a warning
_CHUNK = 64  # faces between two looks at the reporter


@dataclass(frozen=True, eq=False)
class FaceSet:
    """One side's faces.

    Attributes:
        folder: where they came from.
        paths: one file per face.
        crops: uint8 [N, P, P, 4], RGB and mask, as the model is to see them.
        landmarks: float32 [N, 68, 2] in the crops' pixels, centres at integers.
    """

    folder: Path
    paths: list[Path]
    crops: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)


class _Face(NamedTuple):
    crop: np.ndarray
    landmarks: np.ndarray


def load_faces(folder: Path | str, size: int, settings: Settings, reporter: Reporter, label: str,
               only: frozenset[str] | None = None) -> FaceSet:
    """Read a faces folder and crop its faces.

    Args:
        size: side P of the crops in pixels.
        settings: the model's crop and mask.
        label: "A" or "B", for messages.
        only: uuids of the faces that are meant; None: all.

    Raises:
        FacesError: no such folder, or fewer than 25 usable faces in it.
        Stopped: the person asked to stop.
    """
    folder = Path(folder)
    files = pictures_of(list_faces(folder), only)
    _need(len(files), folder, label, "" if only is None else "; the others are of other persons")
    crops = _room(len(files), size)
    paths: list[Path] = []
    landmarks, refused = np.empty((len(files), 68, 2), np.float32), []
    without_mask = 0
    for done, (path, face) in enumerate(_in_threads(lambda file: read_face(file, size, settings), files)):
        if isinstance(face, FacesError):
            refused.append((path, face))
            without_mask += isinstance(face, _NoMask)
        else:
            crops[len(paths)], landmarks[len(paths)] = face
            paths.append(path)
        if done % _CHUNK == 0 and reporter.progress(done, len(files), "faces", f"Reading the faces of {label}"):
            raise Stopped
    if without_mask:
        _tell_missing_masks(without_mask, len(files), folder, settings.mask_type, label, refused)
    why = f"; the first of {len(refused)} unusable files: {refused[0][1].message}" if refused else ""
    _need(len(paths), folder, label, why)
    if refused:
        names = ", ".join(path.name for path, _ in refused[:_NAMED]) + (", …" if len(refused) > _NAMED else "")
        reporter.warning(f"{len(refused)} of {len(files)} files in {folder} cannot be read as faces and are left out: "
                         f"{names}", "\n".join(str(error) for _, error in refused))
    if len(paths) < FEW_FACES:
        reporter.warning(f"Side {label} has {len(paths)} faces only; expect better results from {FEW_FACES} or more, "
                         "with varied expressions, directions and light")
    return FaceSet(folder, paths, crops[: len(paths)], landmarks[: len(paths)])


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
        raise FacesError(f"{folder} holds no faces (PNG files)", "Extract the faces first, or choose another folder")
    return files


def _tell_missing_masks(count: int, total: int, folder: Path, kind: str, label: str,
                        refused: list[tuple[Path, FacesError]]) -> None:
    """Rather than train without some faces that a person wants in.

    Raises:
        FacesError: always, naming some of them.
    """
    names = [path.name for path, error in refused if isinstance(error, _NoMask)]
    raise FacesError(f"{count} of the {total} faces of {label} in {folder} have no mask {kind}: "
                     f"{', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}",
                     f"{how_to_get(kind).replace('SOURCE', str(folder))}. Or choose another mask")


def _need(count: int, folder: Path, label: str, why: str) -> None:
    if count < LEAST_FACES:
        raise FacesError(f"Side {label} has {count} usable faces in {folder} and training needs {LEAST_FACES}{why}",
                         "Extract from a longer clip, or from more frames")


def read_face(path: Path, size: int, settings: Settings, coverage: float | None = None) -> _Face:
    """One face, cropped exactly as conversion crops it from a frame.

    Args:
        size: side of the crop in pixels.
        coverage: in place of the settings', for the surroundings on a preview.

    Raises:
        FacesError: the file is no readable face picture.
    """
    header = read_header(path, with_masks=settings.mask_type not in DRAWN)
    picture = read_picture(path)
    try:
        alignment = Alignment(header.landmarks)
        saved = alignment.matrix(picture.shape[0], "head") if header.matrix is None else header.matrix
        place = (size, settings.centering, coverage or settings.coverage, settings.vertical_offset)
        matrix, points = alignment.matrix(*place), alignment.points(*place)
        rgb = warp(picture, compose(matrix, invert(saved)), size)
    except (ValueError, np.linalg.LinAlgError, cv2.error) as error:
        raise FacesError(f"The landmarks of {path} cannot be used ({error})", "Extract this face again") from error
    mask = _mask(path, header, settings.mask_type, points, matrix, size)
    return _Face(np.dstack((rgb, mask)), points.astype(np.float32))


class _NoMask(FacesError):
    """The picture is a face, but lacks the mask that the model is trained with."""


def _mask(path: Path, header: FaceHeader, kind: str, points: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    if kind in DRAWN:
        return draw(points, size, kind)
    for mask in header.masks:
        if mask.kind == kind:
            pixels = unpack_mask(mask.packed, mask.size)
            return lay(StoredMask(kind, pixels, mask.matrix), matrix, size)
    raise _NoMask(f"{path} has no mask {kind}", f"{how_to_get(kind).replace('SOURCE', str(path.parent))}")


def read_picture(path: Path) -> np.ndarray:
    """A face picture, uint8 [S, S, 3] RGB.

    Raises:
        FacesError: it cannot be decoded.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
    except (OSError, cv2.error):
        picture = None
    if picture is None:
        raise FacesError(f"{path} cannot be decoded", "Extract this face again, or remove the file")
    return picture


def _in_threads(read: Callable[[Path], _Face], files: list[Path]) -> Iterator[tuple[Path, _Face | FacesError]]:
    """The faces in order, decoded in parallel, never more than a chunk ahead; an unusable one as its error."""

    def attempt(path: Path) -> _Face | FacesError:
        try:
            return read(path)
        except FacesError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(files), _CHUNK):
            chunk = files[start: start + _CHUNK]
            yield from zip(chunk, pool.map(attempt, chunk), strict=True)


def _room(count: int, size: int) -> np.ndarray:
    """An empty uint8 [count, size, size, 4]: in memory, or in a nameless temporary file where it would be large."""
    shape = (count, size, size, 4)
    if count * size * size * 4 <= MEMORY_BUDGET:
        return np.empty(shape, np.uint8)
    with writing(Path(tempfile.gettempdir())):
        file = tempfile.TemporaryFile(prefix="understudy_faces_")  # noqa: SIM115 - the array keeps it open
        file.truncate(count * size * size * 4)
    return np.memmap(file, np.uint8, "r+", shape=shape)
