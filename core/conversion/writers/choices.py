"""What the writing options come to for a clip: how deep its frames are decoded, and how files are coded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from ...errors import UsageError
from ...media import encoding
from ...media.depth import DTYPES, depth_of
from ...media.pictures import DEPTHS, Coding
from ...media.source import Source, open_source
from ...media.video import VideoSource
from ...options.convert_writing import ConvertWritingOptions


def open_clip(path: Path | str, options: ConvertWritingOptions) -> Source:
    """The clip of a conversion, its frames as deep as the writer needs them.

    Raises:
        SourceError: see `open_source`.
        UsageError: options of the writer that do not go together.
    """
    source = open_source(path)
    try:
        source.depth = frame_depth(options, source.bits)
    except UsageError:
        source.close()
        raise
    return source


def frame_depth(options: ConvertWritingOptions, bits: int) -> int:
    """8, 16 or 32: how deep frames of a source of `bits` are needed.

    Raises:
        UsageError: see `coding` and `bits_of_video`.
    """
    if options.writer == "gif":
        return 8
    if options.writer == "video":
        return 8 if bits_of_video(options, bits) == 8 else 16
    return coding(options, bits).frame_depth


def coding(options: ConvertWritingOptions, bits: int) -> Coding:
    """How picture files are coded for a source of `bits`.

    Raises:
        UsageError: a format that cannot be as deep, or not transparent.
    """
    kind = "exr" if options.writer == "layers" else options.image_format
    with_alpha = options.writer in ("overlay", "patch") or (options.writer == "images" and options.transparent)
    if kind == "jpg" and (options.writer == "patch" or (with_alpha and not options.separate_mask)):
        raise UsageError("jpg cannot be transparent", "Choose png, tiff, exr or webp, or a separate mask")
    if kind == "webp" and options.writer == "patch":
        raise UsageError("Patches are written as png, tiff or exr, not as webp", "Choose one of these")
    able = DEPTHS[kind]
    if options.depth != "auto":
        depth = int(options.depth)
        if depth not in able:
            raise UsageError(f"{kind} cannot have {depth} bits", f"Choose {' or '.join(map(str, able))}, or auto")
    elif options.writer == "patch":
        depth = 16
    elif kind == "exr":
        depth = 16 if bits <= 10 else 32  # a half holds 10 bits of display values and no more
    else:
        depth = next((depth for depth in able if depth >= bits), able[-1])
        if depth == 32 and bits < 32:
            depth = 16
    return Coding(kind, depth, options.quality, options.png_level, options.tiff_compression, options.exr_compression)


def bits_of_video(options: ConvertWritingOptions, bits: int) -> int:
    """Bits of the video's components for a source of `bits`.

    Raises:
        UsageError: a codec that cannot be as deep.
    """
    able = encoding.CODECS[options.video_codec].bits
    if options.depth == "auto":
        if options.video_codec == "x264":
            return 8  # few players show its 10 bits, while those of x265 play everywhere that it does
        return next((depth for depth in able if depth >= bits), able[-1])
    if int(options.depth) not in able:
        raise UsageError(f"{options.video_codec} cannot have {options.depth} bits here",
                         f"Choose {' or '.join(map(str, able))}, or auto")
    return int(options.depth)


def reference(options: ConvertWritingOptions, source: Source) -> Source:
    """Where times and sound come from: the source, or for pictures the video that they are of.

    Raises:
        SourceError: the reference cannot be read.
        UsageError: it is no video, or has fewer frames than there are pictures.
    """
    if not options.reference_video.strip() or isinstance(source, VideoSource):
        return source
    video = open_source(options.reference_video)
    if not isinstance(video, VideoSource) or len(video) < len(source):
        what = "is no video" if not isinstance(video, VideoSource) else \
            f"has {len(video)} frames, and there are {len(source)} pictures"
        raise UsageError(f"The reference video {options.reference_video} {what}",
                         "Name the video that the pictures were taken from")
    return video


def scaled_size(size: tuple[int, int], percent: float) -> tuple[int, int]:
    """(width, height) at an output scale: at 100 % as they are, else the nearest even numbers of at least 2."""
    if percent == 100.0:
        return size
    width, height = (max(2, round(Fraction(percent) / 100 * side / 2) * 2) for side in size)
    return width, height


def scaled(pixels: np.ndarray, percent: float) -> np.ndarray:
    """A picture [H, W], [H, W, 3] or [H, W, 4] (straight alpha) at an output scale: cubic up, by areas down."""
    if percent == 100.0:
        return pixels
    size = scaled_size((pixels.shape[1], pixels.shape[0]), percent)
    how = cv2.INTER_CUBIC if percent > 100 else cv2.INTER_AREA
    depth = depth_of(pixels)
    top = {8: 255.0, 16: 65535.0, 32: 1.0}[depth]
    values = pixels.astype(np.float32)
    if pixels.shape[2:] == (4,):
        # Colours count as far as they cover; where nothing does, their own mean keeps the fringe.
        alpha = cv2.resize(values[..., 3], size, interpolation=how)
        premultiplied = cv2.resize(values[..., :3] * (values[..., 3:] / top), size, interpolation=how)
        plain = cv2.resize(values[..., :3], size, interpolation=how)
        share = (alpha / top)[..., None]
        colours = np.where(share > 1e-3, premultiplied / np.maximum(share, 1e-3), plain)
        result = np.concatenate([colours, alpha[..., None]], -1)
    else:
        result = cv2.resize(values, size, interpolation=how)
    if depth == 32:
        return result
    return np.rint(np.clip(result, 0.0, top)).astype(DTYPES[depth])
