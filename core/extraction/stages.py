"""What is done to a few frames at a time, in whichever thread: detect, align, filter, identify, mask, cut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from time import thread_time
from typing import Any

import numpy as np

from ..faces.crop import crop
from ..faces.geometry import Alignment
from ..faces.nouns import AlignedFace, Detection, Face, StoredMask
from ..media.frame import Frame
from ..options import find
from ..options.extract import ExtractOptions
from ..options.rows import ALIGNERS, DETECTORS, IDENTITIES, MASKERS
from ..weights.files import weights_file
from .aligners.refine import make_aligner
from .cores import Costs
from .detectors.rotation import Rotated, Upright, parse_angles
from .filters import Limits, broken_rule, limits_of
from .maskers.stored import to_store
from .pictures import thumbnail
from .protocols import Aligner, Detector, Identity, Masker
from .references import ReferenceReader, References

_IDENTITY_BATCH = 16
# Even so a face must be one that can be cut upright at all.
_NO_LIMITS = Limits(features=False, min_scale=0, max_scale=0, distance=0, roll=0)
# Draws a face's picture from its frame; b"" where the face is to have none.
Draw = Callable[[np.ndarray, Alignment], bytes]


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face before it is stored.

    Attributes:
        vector: what tells the person.
        thumbnail: JPEG.
        pictures: what each of the examiner's `draws` made of it.
    """

    face: Face
    vector: np.ndarray
    thumbnail: bytes
    pictures: tuple[bytes, ...]
    masks: tuple[StoredMask, ...]


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """A frame that was looked at; its pixels are gone by then.

    Attributes:
        size: (width, height).
        left_out: for each face that a filter left out, the rule that it broke (`filters.RULES`, `references.RULES`).
    """

    index: int
    size: tuple[int, int]
    faces: tuple[SeenFace, ...]
    left_out: tuple[str, ...] = ()

    @property
    def weight(self) -> int:
        """About how many bytes are held."""
        return sum(len(face.thumbnail) + sum(map(len, face.pictures)) for face in self.faces)


@dataclass(frozen=True, eq=False)
class Tools:
    """What one thread looks with."""

    detector: Detector
    aligner: Aligner
    identity: Identity
    maskers: dict[str, Masker]


def make_tools(options: ExtractOptions, device: str) -> Tools:
    """The chosen detector, aligner, identity and maskers.

    Raises:
        WeightsError: if the weights of one are missing or damaged.
        UsageError: angles that cannot be read.
    """
    angles = parse_angles(options.rotate_images)
    detector: Detector = find(DETECTORS, options.detector).load()(
        options.detection_size, options.confidence or None, device)
    aligner = make_aligner(options.aligner, device, options.normalization, options.decoding, options.re_feed,
                           options.re_align)
    return Tools(Rotated(detector, angles, options.detection_size) if angles else detector, aligner,
                 find(IDENTITIES, options.identity).load()(device),
                 {name: find(MASKERS, name).load()(options, device) for name in stored_masks(options)})


def require_weights(options: ExtractOptions) -> None:
    """Make sure, in a moment, that all weights that were chosen are there.

    Raises:
        WeightsError: saying which are missing and how to get them.
    """
    rows = [find(DETECTORS, options.detector), find(ALIGNERS, options.aligner), find(IDENTITIES, options.identity),
            *(find(MASKERS, name) for name in options.masker)]
    for name in dict.fromkeys(name for row in rows for name in row.weights):
        weights_file(name)


def stored_masks(options: ExtractOptions) -> tuple[str, ...]:
    """The chosen maskers whose masks are stored; those drawn from landmarks never are."""
    return tuple(name for name in dict.fromkeys(options.masker) if not find(MASKERS, name).load().is_drawn)


class Examiner:
    """Looks at frames. Safe for several threads: each gets tools of its own, which share their networks.

    Args:
        options: which tools, and the limits on faces.
        device: torch's name of where networks compute.
        costs: where processor time is booked.

    Attributes:
        references: whom the filters keep and leave out; None: they are not used.

    Raises:
        WeightsError, UsageError: as `make_tools`.
        SourceError, FacesError: reference pictures that cannot be used.
    """

    def __init__(self, options: ExtractOptions, device: str, costs: Costs) -> None:
        self._options, self._device = options, device
        self.costs = costs
        self._own = threading.local()
        self._mutex = threading.Lock()
        tools = make_tools(options, device)
        self._spare = [tools]  # for the first thread that asks
        self._limits = limits_of(options)
        self.references = _references(options, tools)
        self.batch_size = tools.detector.batch_size

    def _tools(self) -> Tools:
        if not hasattr(self._own, "tools"):
            with self._mutex:
                tools = self._spare.pop() if self._spare else None
            self._own.tools = tools or make_tools(self._options, self._device)
        return self._own.tools

    def look(self, frames: Sequence[Frame], draws: Sequence[Draw] = ()) -> list[SeenFrame]:
        """Find, align, identify and cut the faces of some frames of one size.

        Args:
            draws: what pictures to make of each face.
        """
        tools = self._tools()
        height, width = frames[0].pixels.shape[:2]
        clock = thread_time()
        found = [(frame, detection) for frame, detections in
                 zip(frames, tools.detector.detect([frame.pixels for frame in frames]), strict=True)
                 for detection in detections if self._right_size(detection, width, height)]
        clock = self.costs.add("detect", clock)
        left_out: list[tuple[int, str]] = []
        faces = self._aligned(tools.aligner, found, left_out)
        clock = self.costs.add("align", clock)
        vectors = _in_batches(tools.identity.vectors, _IDENTITY_BATCH,
                              [tools.identity.chip(frame.pixels, face.landmarks) for frame, face in faces])
        if self.references is not None and faces:
            rules = self.references.broken_rules(np.stack(vectors))
            left_out += [(frame.index, rule) for (frame, _), rule in zip(faces, rules, strict=True) if rule]
            kept = [rule is None for rule in rules]
            faces, vectors = list(compress(faces, kept)), list(compress(vectors, kept))
        clock = self.costs.add("identify", clock)
        alignments = [Alignment(face.landmarks) for _, face in faces]
        masks = self._masks(tools.maskers, [(frame.pixels, alignment) for (frame, _), alignment in
                                            zip(faces, alignments, strict=True)])
        if tools.maskers:
            clock = self.costs.add("mask", clock)
        seen = [(frame.index, SeenFace(face, vector, thumbnail(frame.pixels, alignment),
                                       tuple(draw(frame.pixels, alignment) for draw in draws), tuple(own)))
                for (frame, face), vector, alignment, own in zip(faces, vectors, alignments, masks, strict=True)]
        self.costs.add("cut", clock)
        return [SeenFrame(frame.index, (width, height), tuple(face for index, face in seen if index == frame.index),
                          tuple(rule for index, rule in left_out if index == frame.index)) for frame in frames]

    def _right_size(self, detection: Detection, width: int, height: int) -> bool:
        percent = max(detection.box[2:]) / min(width, height) * 100
        return self._options.min_size <= percent and percent <= (self._options.max_size or percent)

    def _aligned(self, aligner: Aligner, found: Sequence[tuple[Frame, Detection]],
                 left_out: list[tuple[int, str]]) -> list[tuple[Frame, Face]]:
        """The faces of detections with their landmarks; those that break a rule go to `left_out`, by frame."""
        views = [Upright.of(frame.pixels, detection) for frame, detection in found]
        landmarks = _in_batches(aligner.align, aligner.batch_size, [view.pixels for view in views],
                                [view.box for view in views])
        faces = [(frame, Face(frame.index, detection.box, view.in_frame(points), self._options.detector,
                              self._options.aligner, detection.score))
                 for (frame, detection), view, points in zip(found, views, landmarks, strict=True)]
        kept = []
        for frame, face in faces:
            rule = broken_rule(face, frame.pixels.shape[1::-1], self._limits or _NO_LIMITS)
            if rule is None:
                kept.append((frame, face))
            else:
                left_out.append((frame.index, rule))
        return kept

    def _masks(self, maskers: dict[str, Masker],
               faces: Sequence[tuple[np.ndarray, Alignment]]) -> list[list[StoredMask]]:
        masks: list[list[StoredMask]] = [[] for _ in faces]
        crops: dict[tuple[int, str], list[AlignedFace]] = {}
        for kind, masker in maskers.items():
            wanted = masker.size, masker.centering
            if wanted not in crops:
                crops[wanted] = [crop(pixels, alignment, *wanted) for pixels, alignment in faces]
            drawn = _in_batches(masker.mask, masker.batch_size, crops[wanted])
            for own, mask, cut, (pixels, _) in zip(masks, drawn, crops[wanted], faces, strict=True):
                own.append(to_store(kind, mask, cut, pixels.shape[1::-1], self._options.mask_size))
        return masks


def _references(options: ExtractOptions, tools: Tools) -> References | None:
    reader = ReferenceReader(tools.detector, tools.aligner, tools.identity, options.identity)
    threshold = options.ref_threshold or find(IDENTITIES, options.identity).same_person
    return reader.read(options.filter, options.nfilter, threshold)


def _in_batches(work: Callable[..., Any], size: int, *items: Sequence[Any]) -> list[Any]:
    """What `work` makes of the items, at most `size` at a time; [] without asking it where there are none."""
    made: list[Any] = []
    for start in range(0, len(items[0]), size):
        made.extend(work(*(some[start:start + size] for some in items)))
    return made
