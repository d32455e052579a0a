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

from .depth import to_depth

UNSPECIFIED = 2
_BT601 = 5

_QUALITY = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_SUBSAMPLED = re.compile(r"yuvj?(?:420|422|440|411|410)p((?:9|10|12|14|16)le)?")
_YUV = re.compile(r"yuvj?4\d\dp(?:(9|10|12|14|16)le)?")
_FINE = re.compile(r"(yuva?)(420|422|444)p(10|12|16)le")
_PLANAR = {"nv12": "yuv420p", "nv21": "yuv420p", "nv16": "yuv422p", "yuyv422": "yuv422p", "uyvy422": "yuv422p",
           "p010le": "yuv420p10le", "p012le": "yuv420p12le", "p210le": "yuv422p10le", "yuva420p": "yuv420p",
           "yuva422p": "yuv422p", "yuva444p": "yuv444p",
           **{f"yuva{kind}p{bits}le": f"yuv{kind}p{bits}le" for kind in (420, 422, 444) for bits in (9, 10, 12, 16)}}
# Luma's share of red and blue by matrix: H.273, table 4 (4 is FCC, 7 SMPTE 240M, 9 and 10 BT.2020).
_SHARES = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
           9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}


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

    Args:
        colour: the video's tags.
        depth: 8, 16 or 32: of the arrays. Video of 8 bits is converted at 8 bits whatever the depth, so that all
            depths show the same; finer video by H.273's equations, since swscale's 16-bit RGB is up to 1/255 too dark.
    """

    def __init__(self, colour: Colour, depth: int = 8) -> None:
        self._colour = colour
        self._depth = depth
        self._matrix = colour.sws_matrix
        self._range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
        self._to_planar = VideoReformatter()
        self._to_rgb = VideoReformatter()
        self._full: av.VideoFrame | None = None
        self._equations: dict[int, np.ndarray] = {}

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """[H, W, 3] RGB, upright: uint8, uint16 or float32 by the depth."""
        turns = round(frame.rotation / 90) % 4
        fine = self._depth > 8 and max((c.bits for c in frame.format.components), default=8) > 8
        rgb = to_depth(self._fine(frame) if fine else self._plain(frame), self._depth)
        return np.ascontiguousarray(np.rot90(rgb, turns))

    def _plain(self, frame: av.VideoFrame) -> np.ndarray:
        """uint8 [H, W, 3] RGB."""
        if frame.format.is_rgb:
            return self._to_rgb.reformat(frame, format="rgb24").to_ndarray()
        return self._to_rgb.reformat(
            self._repeat_chroma(self._planar(frame)), format="rgb24", src_colorspace=self._matrix,
            src_color_range=self._range, dst_color_range=ColorRange.JPEG, interpolation=_QUALITY).to_ndarray()

    def _fine(self, frame: av.VideoFrame) -> np.ndarray:
        """uint16 [H, W, 3] RGB."""
        if frame.format.is_rgb:
            return self._to_rgb.reformat(frame, format="rgb48le").to_ndarray()
        frame = self._planar(frame)
        if not _YUV.fullmatch(frame.format.name):
            frame = self._to_planar.reformat(frame, format="yuv444p16le")
        frame = self._repeat_chroma(frame)
        match = _YUV.fullmatch(frame.format.name)
        bits = int(match[1] or 8) if match else 16
        planes = [_plane(plane, np.dtype(np.uint16)) for plane in frame.planes]
        if bits not in self._equations:
            self._equations[bits] = to_rgb_equations(self._colour, bits, 65535.0)
        return cv2.transform(cv2.merge(planes), self._equations[bits])

    def _planar(self, frame: av.VideoFrame) -> av.VideoFrame:
        planar = _PLANAR.get(frame.format.name)
        return self._to_planar.reformat(frame, format=planar) if planar else frame

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


def to_rgb_equations(colour: Colour, bits: int, top: float) -> np.ndarray:
    """Y', Cb, Cr of `bits` each to R', G', B' of 0..`top`: float64 [3, 4], the last column added (H.273, 8.3)."""
    red, blue = _SHARES[colour.sws_matrix]
    green = 1.0 - red - blue
    unit = np.array([[1, 0, 2 * (1 - red)],
                     [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
                     [1, 2 * (1 - blue), 0]])
    step, full = 2.0 ** (bits - 8), 2.0**bits - 1
    scale = np.array([1 / full] * 3) if colour.full_range else np.array([1 / 219, 1 / 224, 1 / 224]) / step
    offset = np.array([0.0 if colour.full_range else 16 * step, 128 * step, 128 * step])
    linear = unit * scale * top
    return np.column_stack([linear, -linear @ offset])


class FromRGB:
    """RGB arrays to video frames with the colour tags of a source.

    Args:
        colour: the tags.
        pixel_format: what is made: yuv4…p of 8 bits (by swscale) or 10 to 16 (by H.273's equations, chroma averaged
            over the pixels that it covers), or a format of RGB.
    """

    def __init__(self, colour: Colour, pixel_format: str = "yuv420p") -> None:
        self._matrix = colour.sws_matrix
        self._range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
        self._reformatter = VideoReformatter()
        self._format = pixel_format
        match = _FINE.fullmatch(pixel_format)
        self._bits = int(match[3]) if match else 0
        self._kind = match[2] if match else ""
        if match:
            self._peak = 2**self._bits - 1
            forward = to_rgb_equations(colour, self._bits, 65535.0)
            inverse = np.linalg.inv(forward[:, :3])
            self._equations = np.column_stack([inverse, -inverse @ forward[:, 3]])

    def __call__(self, pixels: np.ndarray) -> av.VideoFrame:
        """`pixels`: uint8 or uint16 [H, W, 3] RGB or [H, W, 4] RGBA, its sides even where chroma is shared."""
        layout = {(1, 3): "rgb24", (1, 4): "rgba", (2, 3): "rgb48le", (2, 4): "rgba64le"}
        if self._bits:
            return self._fine(to_depth(pixels, 16))
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels),
                                           format=layout[pixels.dtype.itemsize, pixels.shape[2]])
        return self._reformatter.reformat(
            frame, format=self._format, dst_colorspace=self._matrix, dst_color_range=self._range,
            src_color_range=ColorRange.JPEG, interpolation=_QUALITY)

    def _fine(self, pixels: np.ndarray) -> av.VideoFrame:
        height, width = pixels.shape[:2]
        yuv = np.clip(cv2.transform(pixels[..., :3].astype(np.float32), self._equations), 0.0, self._peak)
        across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[self._kind]
        planes = [yuv[..., 0], *(cv2.resize(yuv[..., n], (width // across, height // down),
                                            interpolation=cv2.INTER_AREA) for n in (1, 2))]
        if pixels.shape[2] == 4:
            planes.append(pixels[..., 3] * (self._peak / 65535.0))
        frame = av.VideoFrame(width, height, self._format)
        for plane, values in zip(frame.planes, planes, strict=True):
            np.copyto(_plane(plane, np.dtype(np.uint16)), np.rint(values).astype(np.uint16))
        return frame
