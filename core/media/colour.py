"""How a video codes colour, and the conversion from and to RGB.

The code points are those of ITU-T H.273, as FFmpeg numbers them. What a file leaves unsaid is taken as Blender takes
it (BT.601, limited range, whatever the picture's size), so that a picture laid over its own strip does not shift.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

UNSPECIFIED = 2
_BT601 = 5

_QUALITY = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_SUBSAMPLED = re.compile(r"yuvj?(?:420|422|440|411|410)p((?:9|10|12|14|16)le)?")
_PLANAR = {"nv12": "yuv420p", "nv21": "yuv420p", "nv16": "yuv422p", "yuyv422": "yuv422p", "uyvy422": "yuv422p",
           "p010le": "yuv420p10le", "yuva420p": "yuv420p", "yuva422p": "yuv422p"}


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
    """Decoded frames to RGB arrays; keeps swscale's tables between frames. Not for use by two threads at once.

    Every chroma sample is repeated over the pixels that it covers, as Blender 4.5 and 5.0 do: for 8-bit video the
    result is theirs bit for bit (10-bit: within 2/255). swscale would interpolate chroma, which differs by up to 100 at
    edges, or take a short cut (Blender 4.2 does) that is up to 3/255 too dark.
    """

    def __init__(self, colour: Colour) -> None:
        self._matrix = colour.sws_matrix
        self._range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
        self._to_planar = VideoReformatter()
        self._to_rgb = VideoReformatter()
        self._full: av.VideoFrame | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """uint8 [H, W, 3] RGB, upright."""
        turns = round(frame.rotation / 90) % 4
        if frame.format.is_rgb:
            rgb = self._to_rgb.reformat(frame, format="rgb24")
        else:
            planar = _PLANAR.get(frame.format.name)
            if planar:
                frame = self._to_planar.reformat(frame, format=planar)
            rgb = self._to_rgb.reformat(
                self._repeat_chroma(frame), format="rgb24", src_colorspace=self._matrix, src_color_range=self._range,
                dst_color_range=ColorRange.JPEG, interpolation=_QUALITY)
        return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns))

    def _repeat_chroma(self, frame: av.VideoFrame) -> av.VideoFrame:
        match = _SUBSAMPLED.fullmatch(frame.format.name)
        if match is None:
            return frame
        full = self._full
        if full is None or (full.width, full.height) != (frame.width, frame.height):
            full = self._full = av.VideoFrame(frame.width, frame.height, f"yuv444p{match[1] or ''}")
        dtype = np.dtype(np.uint16 if match[1] else np.uint8)
        target = [_plane(p, dtype) for p in full.planes]
        luma, *chroma = (_plane(p, dtype) for p in frame.planes)
        np.copyto(target[0], luma)
        for source, wide in zip(chroma, target[1:], strict=True):
            cv2.resize(source, (frame.width, frame.height), dst=wide, interpolation=cv2.INTER_NEAREST)
        return full


def _plane(plane: av.video.plane.VideoPlane, dtype: np.dtype) -> np.ndarray:
    """The samples of a plane, [height, width], without copying."""
    return np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, :plane.width]


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
