"""The alpha of pictures and films, which sources leave out: for those who lay a result over its footage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError

from ..errors import SourceError
from .depth import alpha_to_depth, depth_of, to_depth
from .images import load_image, rgba_tiff
from .indexing import open_video
from .source import check_ascending
from .video import VideoSource

_MAY_HAVE = (".png", ".webp", ".tif", ".tiff")
_HIDDEN = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # beside the picture's own stream; FFmpeg's own decoders pass over it


def read_rgba(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture as `load_image` has it, and its alpha of the same dtype, [H, W]; None where it has none.

    The alpha of an EXR picture is multiplied into its colours, all others' is straight.

    Raises:
        SourceError: as `load_image`.
    """
    suffix = path.suffix.lower()
    if suffix == ".exr":
        from .exr import read_exr

        exr = read_exr(path, alpha=True)
        return exr[..., :3], exr[..., 3] if exr.shape[2] == 4 else None
    if (tiff := rgba_tiff(path)) is not None:
        return tiff[..., :3], tiff[..., 3]
    if suffix in _MAY_HAVE:
        try:
            data = np.fromfile(path, np.uint8)
            found = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        except (OSError, cv2.error):
            found = None  # which `load_image` tells of
        if found is not None and found.ndim == 3 and found.shape[2] == 4:
            rgba = cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA)
            return rgba[..., :3], rgba[..., 3]
    return load_image(path), None


def over(rgb: np.ndarray, alpha: np.ndarray, below: np.ndarray, *, premultiplied: bool) -> np.ndarray:
    """A picture laid over another one of any size, uint8 [H, W, 3] in the size of the other.

    Args:
        rgb, alpha: of one dtype, [h, w, 3] and [h, w]; floats are scene-linear, and are then mixed in linear light.
        below: uint8 [H, W, 3].
        premultiplied: whether alpha is multiplied into the colours.
    """
    depth = depth_of(rgb)
    top = {8: 255.0, 16: 65535.0, 32: 1.0}[depth]
    share = alpha_to_depth(alpha, 32)
    colours = rgb.astype(np.float32) / top
    if not premultiplied:
        colours = colours * share[..., None]
    share, colours = (resized(one, (below.shape[1], below.shape[0])) for one in (share, colours))
    rest = 1.0 - np.clip(share, 0.0, 1.0)[..., None]
    if depth == 32:
        return to_depth((to_depth(below, 32) * rest + colours).astype(np.float32), 8)
    return np.rint(np.clip(below * rest + colours * 255.0, 0, 255)).astype(np.uint8)


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels at a size (w, h): by areas down, cubic up; the same if they have it."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_CUBIC)


def has_alpha(path: Path) -> bool:
    """Whether a film is transparent.

    Raises:
        SourceError: it cannot be read.
    """
    container, stream = open_video(path)
    with container:
        return _hidden(stream) is not None or _is_transparent(stream.codec_context.format)


def alphas(source: VideoSource, indices: Iterable[int]) -> Iterator[np.ndarray]:
    """The alpha of a film's frames, uint8 [H, W] each, for ascending indices.

    Raises:
        SourceError: damaged, or in a codec whose alpha this FFmpeg cannot decode.
    """
    container, stream = open_video(source.path)
    with container:
        frames = _frames(source.path, container, stream)
        number = -1
        for wanted in check_ascending(indices, len(source)):
            while number < wanted:
                try:
                    frame = next(frames)
                except (StopIteration, FFmpegError):
                    raise SourceError(f"Frame {wanted} of {source.path} cannot be decoded",
                                      "The file is damaged there: convert those frames again") from None
                found = None if source.index.ordinal or frame.pts is None else source.index.find(frame.pts)
                number = number + 1 if found is None else found
            yield frame.reformat(format="rgba").to_ndarray()[..., 3].copy()


def _frames(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    hidden = _hidden(stream)
    if hidden is None:
        yield from container.decode(stream)
        return
    try:
        codec = av.VideoCodecContext.create(hidden, "r")
    except (ValueError, FFmpegError):
        raise SourceError(f"The alpha of {path} cannot be read: this FFmpeg lacks {hidden}",
                          "Convert to ProRes, FFV1 or pictures instead") from None
    assert isinstance(codec, av.VideoCodecContext)
    for packet in container.demux(stream):
        yield from codec.decode(packet)


def _hidden(stream: av.VideoStream) -> str | None:
    """The decoder that sees the alpha of a WebM film; None where the ordinary one does, or there is none."""
    name = stream.codec_context.name
    return _HIDDEN.get(name) if stream.metadata.get("alpha_mode") == "1" else None


def _is_transparent(layout: av.VideoFormat | None) -> bool:
    return layout is not None and any(component.is_alpha for component in layout.components)
