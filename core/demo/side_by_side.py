"""Before and after in one video: a clip on the left, the same frames with the swapped face on the right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError, Stopped
from ..jobs.messages import Reporter
from ..media.source import Source, open_source
from ..media.writers import VideoWriter

WIDEST = 960  # pixels of each half


def write(before: Source, after: Iterator[np.ndarray], path: Path, reporter: Reporter) -> None:
    """Write the video; `after` gives uint8 [H, W, 3] RGB for every frame of `before`, in order.

    Raises:
        SourceError, OutputError: footage that cannot be read, a place that cannot be written.
        Stopped: the person asked to stop; nothing is left.
    """
    width, height = before.size
    scale = min(1.0, WIDEST / width)
    half = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    with VideoWriter(path, before) as writer:
        for frame, other in zip(before.frames(), after, strict=False):
            pair = [cv2.resize(p, half, interpolation=cv2.INTER_AREA) for p in (frame.pixels, other)]
            writer.write(frame.index, np.hstack(pair))
            if reporter.progress(frame.index + 1, len(before), "frames", "Putting before and after side by side"):
                raise Stopped


def rendered(video: Path) -> Iterator[np.ndarray]:
    """The frames of a rendered video."""
    with open_source(video) as source:
        for frame in source.frames():
            yield frame.pixels


def composited(before: Source, overlays: list[Path]) -> Iterator[np.ndarray]:
    """What the sequencer shows: each overlay (RGBA, straight alpha) over its frame."""
    with ExitStack() as stack:
        frames = before.frames()
        stack.callback(getattr(frames, "close", lambda: None))
        for frame, path in zip(frames, overlays, strict=True):
            layer = read_rgba(path).astype(np.float32)
            alpha = layer[..., 3:] / 255
            mixed = frame.pixels * (1 - alpha) + layer[..., :3] * alpha
            yield np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def read_rgba(path: Path) -> np.ndarray:
    """uint8 [H, W, 4] of an overlay's picture.

    Raises:
        SourceError: it is none.
    """
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
        raise SourceError(f"{path} is no picture with transparency", "Delete it and run the same command again")
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
