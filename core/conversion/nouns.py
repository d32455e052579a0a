"""The nouns of conversion: `Patch` (a swapped face), `Layer` (all of a frame's, in place) and `ConvertedFrame`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..media.frame import Frame


@dataclass(frozen=True)
class Patch:
    """One swapped face, colour-matched and masked, still in its square crop.

    Attributes:
        rgb: float32 [S, S, 3], RGB 0..1.
        mask: float32 [S, S], 0..1: how much of the frame each pixel replaces, after erosion, blur and box.
        matrix: float64 [2, 3], frame pixels -> patch pixels (x right, y down, pixel centres at integers), with the
            face scale already in it.
        face: uuid of the stored face it replaces.
        position: number of that face within its frame, as stored.
        raw_mask: float32 [S, S], 0..1: the mask as chosen and blurred, before erosion and box; what the colour method
            measured within. None where a patch is made without one.
        samples: how finely it is sampled when it is laid back; see `composite.warp_back`.
    """

    rgb: np.ndarray
    mask: np.ndarray
    matrix: np.ndarray
    face: str = ""
    raw_mask: np.ndarray | None = None
    position: int = 0
    samples: int = 1


@dataclass(frozen=True)
class Layer:
    """The swapped faces of one frame in frame pixels, as one straight-alpha picture cut to where they are.

    Colours and alpha are those of the frame's depth, so that the full frame and the overlay made from one layer show
    the same thing, and "alpha 0" means untouched in both: over frames of 8 and 16 bits display values, mixed as such
    (Blender's sequencer does the same), over floating-point frames scene-linear light (as compositors mix it).

    Attributes:
        box: (x, y, w, h) integers: which part of the frame the arrays cover.
        rgb: float32 [h, w, 3], RGB 0..1, straight (not multiplied by alpha); defined everywhere in the box.
        alpha: [h, w], the blended mask; 0 leaves the frame as it is. uint8 or uint16 over frames of that type, float32
            0..1 in 65535 steps over floating-point frames.
    """

    box: tuple[int, int, int, int]
    rgb: np.ndarray
    alpha: np.ndarray


@dataclass(frozen=True)
class ConvertedFrame:
    """A frame and what replaces the faces in it; `composite.full_frame` and `composite.overlay` make the pictures.

    Attributes:
        frame: the source's frame, untouched.
        patches: the swapped faces in the order in which they were laid over the frame.
        layer: the same in frame pixels; None where nothing is replaced.
    """

    frame: Frame
    patches: tuple[Patch, ...] = ()
    layer: Layer | None = None

    @property
    def index(self) -> int:
        """The frame's number in its source, counted from 0."""
        return self.frame.index
