"""From a frame and its faces to a `ConvertedFrame`: cut, predict, match colours, mask, lay back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import AlignmentsError, UsageError
from ..extraction.protocols import Masker
from ..faces.crop import crop
from ..faces.geometry import Alignment, mean_scale
from ..faces.nouns import AlignedFace, Face
from ..media.depth import depth_of
from ..media.frame import Frame
from ..models.base import Side
from ..models.folder import TrainedModel
from ..options import find
from ..options.convert import ConvertOptions
from ..options.maskers import DRAWN, PREDICTED
from ..options.rows import COLOURS, MASKERS
from . import mask as masks
from .composite import compose, scaled
from .grain import Grain, grainy, measured
from .motion import Motion, blurred
from .neighbours import Neighbours
from .nouns import ConvertedFrame, Patch
from .protocols import ColourMethod, Statistics
from .sharpening import sharpened
from .steadying import Steady
from .stored_masks import Correction, StoredMasks


@dataclass(frozen=True, eq=False)
class Cut:
    """A face cut from its frame for the model, and what is known of it besides.

    Attributes:
        face: uuid of the stored face.
        feed: float32 [I, I, 3], RGB 0..1: what the model is given.
        reference: float32 [S, S, 3], RGB 0..1: the original in the crop that the model's answer fills.
        mask: [S, S] over the reference crop: uint8, 0 outside to 255 inside the face, as drawn; or float32 0..1, as
            stored and blurred. None: the model predicts it.
        matrix: float64 [2, 3], frame -> reference crop.
        frame_width: of the frame, pixels.
        position: number of the stored face within its frame.
        correction: what a person drew into the mask.
        statistics: for the colour method, smoothed over time; None: those of this frame.
        motion, grain: for the steps called so, where they are asked for.
    """

    face: str
    feed: np.ndarray
    reference: np.ndarray
    mask: np.ndarray | None
    matrix: np.ndarray
    frame_width: int
    position: int = 0
    correction: Correction | None = None
    statistics: Statistics | None = None
    motion: Motion | None = None
    grain: Grain | None = None


class Swapper:
    """Everything that stays the same from frame to frame.

    `cut` is for one thread at a time, with steady colours in ascending order of frames; `predict` and all else for any
    number.

    Args:
        model: the trained model; its settings say how crops are cut.
        options: the rest.
        masks: where masks are taken from that are not drawn; needed for those only.
        neighbours: the faces' motion; without it nothing moves.
        steady: statistics smoothed over time; without it those of each frame count.

    Raises:
        UsageError: the model has learned no mask, or no alignments are given to take one from.
    """

    def __init__(self, model: TrainedModel, options: ConvertOptions, masks: StoredMasks | None = None,
                 neighbours: Neighbours | None = None, steady: Steady | None = None) -> None:
        self.model = model
        self.options = options
        self._masks, self._neighbours, self._steady = masks, neighbours, steady
        settings = model.settings
        self._placement = (settings.centering, settings.coverage, settings.vertical_offset)
        self._colour: ColourMethod = find(COLOURS, options.color).load()(options)
        self._masker: Masker | None = None
        if options.mask_type == PREDICTED:
            if not settings.learn_mask:
                raise UsageError("The model has learned no mask, so that it cannot predict one",
                                 "Choose another mask; models learn masks where they are made with learn-mask")
        elif options.mask_type in DRAWN:
            self._masker = find(MASKERS, options.mask_type).load()()
        elif options.mask_type != "none" and masks is None:
            raise UsageError(f"The mask {options.mask_type} is stored, and no alignments are given",
                             f"Choose one of {', '.join(DRAWN)}")

    def cut(self, frame: Frame, faces: Sequence[Face]) -> tuple[Cut, ...]:
        """The faces of a frame, in their order, cut at the model's input and output size; removed ones are left out.

        Raises:
            AlignmentsError: landmarks that cannot be a face.
            SourceError: from looking ahead for steady colours.
        """
        return tuple(self._cut(frame, face) for face in faces if face.state != "removed")

    def _cut(self, frame: Frame, face: Face) -> Cut:
        try:
            alignment = Alignment(face.landmarks)
            reference = crop(frame.pixels8, alignment, self.model.output_size, *self._placement)
        except ValueError as error:
            raise AlignmentsError(f"The landmarks of face {face.position} in frame {frame.index} cannot be used "
                                  f"({error})", "Remove that face or correct its landmarks") from error
        feed = reference
        if self.model.input_size != self.model.output_size:
            feed = crop(frame.pixels8, alignment, self.model.input_size, *self._placement)
        matrix, size = reference.matrix, reference.size
        correction = self._masks.correction(face.uuid, matrix, size) if self._masks is not None else None
        grain = None
        if self.options.grain > 0:
            grain = measured(frame.pixels8, matrix, size, (frame.index, face.position))
        return Cut(face.uuid, _unit(feed.pixels), _unit(reference.pixels), self._mask(face, reference), matrix,
                   frame.pixels.shape[1], face.position, correction,
                   self._steady.of(face) if self._steady is not None else None, self._motion(face), grain)

    def _mask(self, face: Face, cut: AlignedFace) -> np.ndarray | None:
        if self._masker is not None:
            return self._masker.mask([cut])[0]
        if self.options.mask_type == PREDICTED:
            return None
        if self._masks is not None and self._masks.kind:
            return self._masks.laid(face.uuid, cut.matrix, cut.size)
        return np.full((cut.size, cut.size), 255, np.uint8)

    def _motion(self, face: Face) -> Motion | None:
        if not self.options.motion_blur or self._neighbours is None:
            return None
        places: list[np.ndarray | None] = []
        for other in self._neighbours.beside(face):
            try:
                places.append(None if other is None else
                              Alignment(other.landmarks).matrix(self.model.output_size, *self._placement))
            except ValueError:
                places.append(None)  # that frame will say so itself
        return Motion(*places)

    def predict(self, cuts: Sequence[Cut]) -> list[np.ndarray]:
        """The model's answer for each cut, at most `options.batch_size` at a time.

        Returns:
            float32 [S, S, 3] RGB 0..1 each, or [S, S, 4] where the model has learned a mask.
        """
        side: Side = "a" if self.options.swap_model else "b"
        answers: list[np.ndarray] = []
        for start in range(0, len(cuts), self.options.batch_size):
            batch = np.stack([cut.feed for cut in cuts[start:start + self.options.batch_size]])
            answers.extend(self.model.predict(batch, side))
        return answers

    def raw_mask(self, cut: Cut, answer: np.ndarray) -> np.ndarray:
        """The mask as chosen, blurred and with what a person drew, float32 [S, S] 0..1; not yet eroded."""
        raw = np.clip(answer[..., 3], 0.0, 1.0) if cut.mask is None else _unit(cut.mask)
        if self._masker is not None or cut.mask is None:
            raw = masks.blur(raw, self.options.mask_blur, self.options.mask_kernel, self.options.mask_passes)
        return raw if cut.correction is None else cut.correction.of(raw)

    def statistics(self, cut: Cut, answer: np.ndarray) -> Statistics | None:
        """What the colour method measures of a face in this frame."""
        return self._colour.measure(_rgb(answer), cut.reference, self.raw_mask(cut, answer))

    def patch(self, cut: Cut, answer: np.ndarray) -> Patch:
        """The model's answer with its colours, mask and detail, ready to be laid back."""
        options, raw = self.options, self.raw_mask(cut, answer)
        rgb = self._colour.adjusted(_rgb(answer), cut.reference, raw, cut.statistics)
        mask = masks.blended(raw, options, with_box=options.mask_type != "none")
        size = mask.shape[0]
        matrix = scaled(cut.matrix, size, options.face_scale)
        matrix[1, 2] -= options.face_shift / 100.0 * size
        rgb = sharpened(rgb, options, cut.frame_width, mean_scale(matrix))
        if cut.motion is not None:
            rgb, (mask, raw) = blurred(rgb, [mask, raw], cut.motion.instants(cut.matrix, size, options.motion_blur))
        patch = Patch(rgb, mask, matrix, cut.face, raw, cut.position, options.super_sampling)
        return patch if cut.grain is None else grainy(patch, cut.grain, options.grain / 100.0)

    def finish(self, frame: Frame, cuts: Sequence[Cut], answers: Iterable[np.ndarray]) -> ConvertedFrame:
        """The frame with its swapped faces laid over in order."""
        return laid_over(frame, tuple(self.patch(cut, answer) for cut, answer in zip(cuts, answers, strict=True)))


def laid_over(frame: Frame, patches: tuple[Patch, ...]) -> ConvertedFrame:
    """The frame with these patches over it, which may be several models': a later one lies over those before it."""
    height, width = frame.pixels.shape[:2]
    return ConvertedFrame(frame, patches, compose(patches, width, height, depth=depth_of(frame.pixels)))


def _unit(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.float32 else pixels.astype(np.float32) / np.float32(255)


def _rgb(answer: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.clip(answer[..., :3], 0.0, 1.0), np.float32)


def convert_frame(frame: Frame, faces: Sequence[Face], model: TrainedModel, options: ConvertOptions,
                  masks: StoredMasks | None = None, neighbours: Neighbours | None = None) -> ConvertedFrame:
    """One frame by itself, as a live preview needs it; see `pipeline` for many. Its colours are its own: not steadied.

    Args:
        frame: the picture.
        faces: the faces stored for it, landmarks in its pixels.
        model, options: as for the whole task; sources, output and writer do not matter here.
        masks, neighbours: as for `Swapper`.

    Raises:
        AlignmentsError: landmarks that cannot be a face.
        UsageError: as for `Swapper`.
    """
    swapper = Swapper(model, options, masks, neighbours)
    cuts = swapper.cut(frame, faces)
    return swapper.finish(frame, cuts, swapper.predict(cuts))
