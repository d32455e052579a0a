"""From a frame and its faces to a `ConvertedFrame`: cut, predict, match colours, mask, lay back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import AlignmentsError, UsageError
from ..extraction.protocols import Masker
from ..faces.crop import crop
from ..faces.geometry import Alignment
from ..faces.nouns import AlignedFace, Face
from ..media.depth import depth_of
from ..media.frame import Frame
from ..models.base import Side
from ..models.folder import TrainedModel
from ..options import find
from ..options.convert import ConvertOptions
from ..options.maskers import DRAWN
from ..options.rows import COLOURS, MASKERS
from . import mask as masks
from .composite import compose, scaled
from .nouns import ConvertedFrame, Patch
from .protocols import ColourMethod
from .stored_masks import StoredMasks


@dataclass(frozen=True, eq=False)
class Cut:
    """A face cut from its frame for the model.

    Attributes:
        face: uuid of the stored face.
        feed: float32 [I, I, 3], RGB 0..1: what the model is given.
        reference: float32 [S, S, 3], RGB 0..1: the original in the crop that the model's answer fills.
        mask: uint8 [S, S], 0 outside to 255 inside the face, over the reference crop.
        matrix: float64 [2, 3], frame -> reference crop.
        position: number of the stored face within its frame.
    """

    face: str
    feed: np.ndarray
    reference: np.ndarray
    mask: np.ndarray
    matrix: np.ndarray
    position: int = 0


class Swapper:
    """Everything that stays the same from frame to frame.

    `cut` and `predict` are for one thread each, `finish` for any number.

    Args:
        model: the trained model; its settings say how crops are cut.
        options: the rest.
        masks: where masks are taken from that are not drawn; needed for those only.
    """

    def __init__(self, model: TrainedModel, options: ConvertOptions, masks: StoredMasks | None = None) -> None:
        self.model = model
        self.options = options
        self._masks = masks
        self._colour: ColourMethod = find(COLOURS, options.color).load()()
        self._masker: Masker | None = None
        if options.mask_type in DRAWN:
            self._masker = find(MASKERS, options.mask_type).load()()
        elif options.mask_type != "none" and masks is None:
            raise UsageError(f"The mask {options.mask_type} is stored, and no alignments are given",
                             f"Choose one of {', '.join(DRAWN)}")

    def cut(self, frame: Frame, faces: Sequence[Face]) -> tuple[Cut, ...]:
        """The faces of a frame, in their order, cut at the model's input and output size; removed ones are left out.

        Raises:
            AlignmentsError: landmarks that cannot be a face.
        """
        settings, model = self.model.settings, self.model
        placement = (settings.centering, settings.coverage, settings.vertical_offset)
        cuts = []
        for face in faces:
            if face.state == "removed":
                continue
            try:
                alignment = Alignment(face.landmarks)
                reference = crop(frame.pixels8, alignment, model.output_size, *placement)
            except ValueError as error:
                raise AlignmentsError(f"The landmarks of face {face.position} in frame {frame.index} cannot be used "
                                      f"({error})", "Remove that face or correct its landmarks") from error
            feed = reference
            if model.input_size != model.output_size:
                feed = crop(frame.pixels8, alignment, model.input_size, *placement)
            cuts.append(Cut(face.uuid, _unit(feed.pixels), _unit(reference.pixels), self._mask(face, reference),
                            reference.matrix, face.position))
        return tuple(cuts)

    def _mask(self, face: Face, cut: AlignedFace) -> np.ndarray:
        if self._masker is not None:
            return self._masker.mask([cut])[0]
        if self._masks is not None:
            return self._masks.laid(face.uuid, cut.matrix, cut.size)
        return np.full((cut.size, cut.size), 255, np.uint8)

    def predict(self, cuts: Sequence[Cut]) -> list[np.ndarray]:
        """The model's answer for each cut, float32 [S, S, 3] RGB 0..1, at most `options.batch_size` at a time."""
        side: Side = "a" if self.options.swap_model else "b"
        answers: list[np.ndarray] = []
        for start in range(0, len(cuts), self.options.batch_size):
            batch = np.stack([cut.feed for cut in cuts[start:start + self.options.batch_size]])
            answers.extend(self.model.predict(batch, side)[..., :3])
        return answers

    def patch(self, cut: Cut, answer: np.ndarray) -> Patch:
        """The model's answer with its colours and mask, ready to be laid back."""
        options = self.options
        raw = masks.blur(_unit(cut.mask), options.mask_blur, options.mask_kernel, options.mask_passes)
        rgb = self._colour(np.clip(answer, 0.0, 1.0).astype(np.float32), cut.reference, raw)
        mask = masks.blended(raw, erosion=options.erosion, with_box=options.mask_type != "none",
                             soft_box=options.mask_blur != "none")
        return Patch(rgb, mask, scaled(cut.matrix, mask.shape[0], options.face_scale), cut.face,
                     position=cut.position)

    def finish(self, frame: Frame, cuts: Sequence[Cut], answers: Iterable[np.ndarray]) -> ConvertedFrame:
        """The frame with its swapped faces laid over in order."""
        return laid_over(frame, tuple(self.patch(cut, answer) for cut, answer in zip(cuts, answers, strict=True)))


def laid_over(frame: Frame, patches: tuple[Patch, ...]) -> ConvertedFrame:
    """The frame with these patches over it, which may be several models': a later one lies over those before it."""
    height, width = frame.pixels.shape[:2]
    return ConvertedFrame(frame, patches, compose(patches, width, height, depth=depth_of(frame.pixels)))


def _unit(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255.0


def convert_frame(frame: Frame, faces: Sequence[Face], model: TrainedModel, options: ConvertOptions,
                  masks: StoredMasks | None = None) -> ConvertedFrame:
    """One frame by itself, as a live preview needs it; see `pipeline` for many.

    Args:
        frame: the picture.
        faces: the faces stored for it, landmarks in its pixels.
        model, options: as for the whole task; sources, output and writer do not matter here.
        masks: as for `Swapper`.

    Raises:
        AlignmentsError: landmarks that cannot be a face.
    """
    swapper = Swapper(model, options, masks)
    cuts = swapper.cut(frame, faces)
    return swapper.finish(frame, cuts, swapper.predict(cuts))
