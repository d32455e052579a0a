"""One face picture, read from its file and cut exactly as conversion cuts the face from a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ...alignments.pictures import Owners
from ...errors import FacesError
from ...extraction.maskers.landmark import draw
from ...extraction.maskers.stored import lay
from ...faces.crop import warp
from ...faces.geometry import SAVED_CENTERING, Alignment, compose, invert
from ...faces.nouns import StoredMask
from ...faces.packing import unpack_mask
from ...faces.png import FaceHeader
from ...models.folder import Settings
from ...options.maskers import DRAWN, how_to_get
from .duplicates import look
from .entries import Entry
from .masks import PARTS, MaskWork, part

UNMASKED = "none"


class NoMask(FacesError):
    """The picture is a face, but lacks the mask that the model is trained with."""


@dataclass(frozen=True)
class Cut:
    """How faces are cut, and which masks come with them.

    Attributes:
        size: side of the crop in pixels.
        settings: of the model: where the crop lies, and the kind of mask.
        work: what is done to the mask.
        parts: whether eyes and mouth have masks of their own.
    """

    size: int
    settings: Settings
    work: MaskWork = field(default_factory=MaskWork)
    parts: bool = False

    @property
    def masks(self) -> tuple[str, ...]:
        """What the crop's channels behind RGB are."""
        return ("face", *PARTS) if self.parts else ("face",)

    @property
    def stored_mask(self) -> str:
        """The kind of mask that has to be stored with the faces; "" for one that is drawn, and for none."""
        return "" if self.settings.mask_type in (*DRAWN, UNMASKED) else self.settings.mask_type

    def place(self, size: int = 0, coverage: float = 0.0) -> tuple[int, str, float, float]:
        """Where the crop lies, as `Alignment.matrix` takes it; of another size or coverage where they are given."""
        settings = self.settings
        return size or self.size, settings.centering, coverage or settings.coverage, settings.vertical_offset


class Known(NamedTuple):
    """What is known of a face before its picture is looked at.

    Attributes:
        path: of its picture.
        uuid, source: of the face and its clip; "" where nobody says.
        alignment: by which it is cut.
        drawn_by: by which the picture was cut: the same unless the landmarks were changed since.
        saved: float64 [2, 3], frame -> picture; None where nobody says.
        size: side in pixels of the picture that `saved` is about; 0: of any.
        mask: the stored mask that is needed; None where it has none.
        kinds: of all its stored masks, as far as somebody looked.
    """

    path: Path
    uuid: str
    source: str
    alignment: Alignment
    drawn_by: Alignment
    saved: np.ndarray | None
    size: int
    mask: StoredMask | None
    kinds: tuple[str, ...]

    @property
    def is_outdated(self) -> bool:
        """Whether the picture is older than its landmarks."""
        return self.drawn_by is not self.alignment


class ReadFace(NamedTuple):
    """A face as training takes it.

    Attributes:
        crop: uint8 [size, size, 3 + masks], RGB and the masks.
        landmarks: float32 [68, 2] in the crop's pixels.
        angles: yaw and pitch in degrees.
        look: uint8 [16, 16, 2], see `duplicates.look`.
    """

    crop: np.ndarray
    landmarks: np.ndarray
    angles: tuple[float, float]
    look: np.ndarray


def known(path: Path, header: FaceHeader | None, entry: Entry | None, kind: str) -> Known:
    """What the picture's header and the alignments that a person named, which count more, say of a face.

    Args:
        header: None: lost, and the picture is taken as extract would have cut it by its entry.
        kind: of the stored mask that is needed; "": none.

    Raises:
        FacesError: landmarks that are none.
    """
    try:
        drawn_by = Alignment(header.landmarks) if header is not None else None
        alignment = drawn_by
        if entry is not None and (header is None or _differ(header, entry)):
            alignment = Alignment(entry.face.landmarks)
    except ValueError as error:
        raise FacesError(f"The landmarks of {path} cannot be used ({error})", "Extract this face again") from error
    assert alignment is not None  # one of the two is there
    masks = header.masks if header is not None else ()
    own = next((StoredMask(kind, unpack_mask(m.packed, m.size), m.matrix) for m in masks if m.kind == kind), None)
    return Known(path, entry.face.uuid if entry is not None else header.uuid if header is not None else "",
                 header.source if header is not None else "", alignment, drawn_by or alignment,
                 header.matrix if header is not None else None, header.size if header is not None else 0,
                 entry.mask if entry is not None else own,
                 entry.kinds if entry is not None else tuple(mask.kind for mask in masks))


def _differ(header: FaceHeader, entry: Entry) -> bool:
    """Whether the picture shows other landmarks than the face has now; other programs round those that they write."""
    return float(np.abs(entry.face.landmarks - header.landmarks).max()) > (0 if header.uuid else Owners.SAME)


def cut_face(face: Known, cut: Cut) -> ReadFace:
    """A face, cut from its picture, with its masks.

    Raises:
        FacesError: the picture or the landmarks cannot be used; `NoMask`: it lacks the mask.
    """
    if cut.stored_mask and face.mask is None:
        raise NoMask(f"{face.path} has no mask {cut.stored_mask}",
                     how_to_get(cut.stored_mask).replace("SOURCE", str(face.path.parent)))
    picture = read_picture(face.path)
    try:
        saved = _saved(face, picture.shape[0])
        matrix, points = face.alignment.matrix(*cut.place()), face.alignment.points(*cut.place())
        rgb = warp(picture, compose(matrix, invert(saved)), cut.size)
        masks = [_face_mask(face, cut, matrix, points), *(part(points, cut.size, name) for name in cut.masks[1:])]
        pose = face.alignment.pose()
    except (ValueError, np.linalg.LinAlgError, cv2.error) as error:
        raise FacesError(f"The landmarks of {face.path} cannot be used ({error})", "Extract this face again") from error
    crop = np.dstack((rgb, *masks))
    return ReadFace(crop, points.astype(np.float32), (pose.yaw, pose.pitch), look(crop))


def _saved(face: Known, side: int) -> np.ndarray:
    """Frame -> picture, for a picture of `side` pixels, which another program may have enlarged."""
    if face.saved is None:
        return face.drawn_by.matrix(side, SAVED_CENTERING)
    factor = side / face.size if face.size else 1.0
    saved = face.saved * factor
    saved[:, 2] += (factor - 1) / 2  # pixel centres are at integers
    return saved


def _face_mask(face: Known, cut: Cut, matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    kind = cut.settings.mask_type
    if kind == UNMASKED:
        return np.full((cut.size, cut.size), 255, np.uint8)
    if face.mask is None or kind in DRAWN:
        return cut.work.drawn(draw(points, cut.size, kind))
    worked = StoredMask(kind, cut.work.stored(face.mask.pixels), face.mask.matrix)
    return lay(worked, matrix, cut.size)


def read_picture(path: Path) -> np.ndarray:
    """A face picture, uint8 [S, S, 3] RGB.

    Raises:
        FacesError: it is gone or cannot be decoded.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
    except FileNotFoundError:
        raise FacesError(f"{path} is gone", "Put it back, or go on without it") from None
    except (OSError, cv2.error):
        picture = None
    if picture is None:
        raise FacesError(f"{path} cannot be decoded", "Extract this face again, or remove the file")
    return picture
