"""What is done to one frame, in whichever thread: detect, align, cut."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import thread_time

import cv2
import numpy as np

from ..faces.crop import crop
from ..faces.geometry import SAVED_CENTERING, Alignment
from ..faces.nouns import Detection, Face, StoredMask
from ..media.frame import Frame
from ..options import find
from ..options.extract import ExtractOptions
from ..options.rows import ALIGNERS, DETECTORS, IDENTITIES, MASKERS
from .protocols import Aligner, Detector, Identity, Masker

THUMBNAIL_SIZE, THUMBNAIL_QUALITY = 96, 60
MASK_SIZE = 128  # side of stored masks


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face before it is stored.

    Attributes:
        chip: what the identity network is to look at.
        thumbnail: JPEG.
        picture: encoded PNG of the faces folder, without header; b"" when none is wanted.
    """

    face: Face
    chip: np.ndarray
    thumbnail: bytes
    picture: bytes
    masks: tuple[StoredMask, ...]


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """A frame that was looked at; its pixels are gone by then. `size` is (width, height)."""

    index: int
    size: tuple[int, int]
    faces: tuple[SeenFace, ...]


class Costs:
    """Processor seconds by stage, added up over threads."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self.seconds: dict[str, float] = {}

    def add(self, stage: str, since: float) -> float:
        """Book the time since `since` (this thread's clock); returns the clock, for the next stage."""
        now = thread_time()
        with self._mutex:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
        return now


class Examiner:
    """Looks at frames. Safe for several threads: each gets detector, aligner and maskers of its own.

    Args:
        options: which of them, and the limits on faces.
        with_pictures: whether faces folder pictures are wanted.
        costs: where processor time is booked.
    """

    def __init__(self, options: ExtractOptions, with_pictures: bool, costs: Costs) -> None:
        self._options, self._with_pictures = options, with_pictures
        self._own = threading.local()
        self.identity_name = options.identity
        self.identity: Identity = find(IDENTITIES, options.identity).load()()
        self.costs = costs

    def _tools(self) -> tuple[Detector, Aligner, dict[str, Masker]]:
        if not hasattr(self._own, "tools"):
            options = self._options
            detector = find(DETECTORS, options.detector).load()(options.detection_size, options.confidence)
            aligner = find(ALIGNERS, options.aligner).load()()
            self._own.tools = detector, aligner, network_maskers(options)
        return self._own.tools

    def look(self, frame: Frame) -> SeenFrame:
        """Find, align and cut the faces of a frame."""
        detector, aligner, maskers = self._tools()
        height, width = frame.pixels.shape[:2]
        clock = thread_time()
        detections = [d for d in detector.detect(frame.pixels) if self._large_enough(d, width, height)]
        clock = self.costs.add("detect", clock)
        faces = []
        for detection in detections:
            landmarks = aligner.align(frame.pixels, detection.box)
            clock = self.costs.add("align", clock)
            face = Face(frame.index, detection.box, landmarks, self._options.detector, self._options.aligner,
                        detection.score)
            faces.append(self._cut(frame.pixels, face, maskers))
            clock = self.costs.add("cut", clock)
        return SeenFrame(frame.index, (width, height), tuple(faces))

    def _large_enough(self, detection: Detection, width: int, height: int) -> bool:
        return max(detection.box[2:]) >= self._options.min_size / 100 * min(width, height)

    def _cut(self, pixels: np.ndarray, face: Face, maskers: dict[str, Masker]) -> SeenFace:
        alignment = Alignment(face.landmarks)
        chip = self.identity.chip(pixels, face.landmarks)
        picture = self.picture(pixels, alignment) if self._with_pictures else b""
        masks = []
        for kind, masker in maskers.items():
            cut = crop(pixels, alignment, MASK_SIZE * 2, "head")
            small = cv2.resize(masker.mask(cut), (MASK_SIZE, MASK_SIZE), interpolation=cv2.INTER_AREA)
            masks.append(StoredMask(kind, small, alignment.matrix(MASK_SIZE, "head")))
        return SeenFace(face, chip, thumbnail(pixels, alignment), picture, tuple(masks))

    def picture(self, pixels: np.ndarray, alignment: Alignment) -> bytes:
        """A face's picture for the faces folder, encoded, without header."""
        cut = crop(pixels, alignment, self._options.face_size, SAVED_CENTERING)
        # Measured on face pictures: no other setting is as fast, and only ones of twice the time make smaller files.
        return _encoded(".png", cut.pixels, (cv2.IMWRITE_PNG_COMPRESSION, 1,
                                             cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE))


def thumbnail(pixels: np.ndarray, alignment: Alignment) -> bytes:
    """A small head-centred JPEG of the face, for lists."""
    return _encoded(".jpg", crop(pixels, alignment, THUMBNAIL_SIZE, "head").pixels,
                    (cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY))


def network_maskers(options: ExtractOptions) -> dict[str, Masker]:
    """The chosen maskers whose masks are to be stored; those drawn from landmarks never are."""
    chosen = {name: find(MASKERS, name).load()() for name in dict.fromkeys(options.masker)}
    return {name: masker for name, masker in chosen.items() if not masker.is_drawn}


def _encoded(suffix: str, rgb: np.ndarray, parameters: Sequence[int]) -> bytes:
    done, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), list(parameters))
    if not done:
        raise RuntimeError(f"cv2 cannot encode {suffix}")
    return data.tobytes()
