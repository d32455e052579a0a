"""How a video codes colour, and the conversion from and to RGB.

The code points are those of ITU-T H.273, as FFmpeg numbers them. What a file leaves unsaid is taken as Blender takes
it (BT.601, limited range, whatever the picture's size), so that a picture laid over its own strip does not shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

UNSPECIFIED = 2
_BT601 = 5

# Full chroma interpolation and accurate rounding: swscale's short cuts without them are off by up to 6/255 at edges.
_QUALITY = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


@dataclass(frozen=True)
class Colour:
    """Colour tags of a video stream.

    Attributes:
        primaries, transfer, matrix: H.273 code points; 1 is BT.709, 2 is unspecified.
        full_range: luma runs over 0..255 rather than 16..235.
        bits: of each component.
        pixel_format: FFmpeg's name for the layout, such as "yuv420p10le".
        tagged_range: whether the file says which range it has (if not, limited is assumed).
    """

    primaries: int = 1
    transfer: int = 1
    matrix: int = 1
    full_range: bool = False
    bits: int = 8
    pixel_format: str = "yuv420p"
    tagged_range: bool = True

    @property
    def sws_matrix(self) -> int:
        """swscale's number for the matrix: BT.601 where none is named or known (as Blender does)."""
        return self.matrix if self.matrix in (1, 4, 5, 6, 7, 9, 10) else _BT601


def colour_of(codec: av.VideoCodecContext) -> Colour:
    """The tags of an opened video stream."""
    pixel_format = codec.pix_fmt or "yuv420p"
    components = codec.format.components if codec.format else ()
    return Colour(
        primaries=int(codec.color_primaries),
        transfer=int(codec.color_trc),
        matrix=int(codec.colorspace),
        # yuvj… is an older way to say full range.
        full_range=int(codec.color_range) == ColorRange.JPEG or pixel_format.startswith("yuvj"),
        bits=max((c.bits for c in components), default=8),
        pixel_format=pixel_format,
        tagged_range=int(codec.color_range) != ColorRange.UNSPECIFIED,
    )


class ToRGB:
    """Decoded frames to RGB arrays; keeps swscale's tables between frames. Not for use by two threads at once."""

    def __init__(self, colour: Colour) -> None:
        self._matrix = colour.sws_matrix
        self._range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """uint8 [H, W, 3] RGB, upright."""
        if frame.format.is_rgb:
            rgb = self._reformatter.reformat(frame, format="rgb24")
        else:
            rgb = self._reformatter.reformat(
                frame, format="rgb24", src_colorspace=self._matrix, src_color_range=self._range,
                dst_color_range=ColorRange.JPEG, interpolation=_QUALITY)
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns))


class FromRGB:
    """RGB arrays to yuv420p frames with the colour tags of a source."""

    def __init__(self, colour: Colour) -> None:
        self._matrix = colour.sws_matrix
        self._range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
        self._reformatter = VideoReformatter()

    def __call__(self, pixels: np.ndarray) -> av.VideoFrame:
        """`pixels`: uint8 [H, W, 3] RGB with even sides."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        return self._reformatter.reformat(
            frame, format="yuv420p", dst_colorspace=self._matrix, dst_color_range=self._range,
            src_color_range=ColorRange.JPEG, interpolation=_QUALITY)
