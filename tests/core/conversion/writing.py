"""Writers by themselves: any source, patches made from nothing, no model. References are written from definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from understudy.core.conversion.composite import compose
from understudy.core.conversion.nouns import ConvertedFrame, Patch
from understudy.core.conversion.writers.choices import open_clip
from understudy.core.media.depth import depth_of
from understudy.core.media.frame import Frame
from understudy.core.options import find, make
from understudy.core.options.convert_writing import ConvertWritingOptions
from understudy.core.options.rows import WRITERS


def similarity(scale: float, degrees: float, x: float, y: float, size: int) -> np.ndarray:
    """Frame -> patch: the patch's centre lies at frame position (x, y), `scale` patch pixels per frame pixel."""
    angle = np.radians(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, np.full(2, (size - 1) / 2) - linear @ (x, y)])


def smooth(size: int, seed: int = 0) -> np.ndarray:
    """A smooth colour picture, float32 [S, S, 3] in 0..1."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    waves = [0.5 + 0.45 * np.sin(2 * np.pi * (a * x + b * y + c)) for a, b, c in random.uniform(-1, 1, (3, 3))]
    return np.stack(waves, -1).astype(np.float32)


def soft_disc(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.clip((0.4 * size - np.hypot(x, y)) / (0.15 * size) + 0.5, 0, 1).astype(np.float32)


def patches_of(index: int) -> tuple[Patch, ...]:
    """One face; none in frame 1, two in frame 2, the second stored as number 3."""
    if index == 1:
        return ()
    first = Patch(smooth(48, index), soft_disc(48), similarity(0.9, 11.0, 50.3 + index, 44.6, 48), "one", position=0)
    second = Patch(smooth(48, 9), soft_disc(48), similarity(0.8, -30.0, 100.2, 50.1, 48), "two", position=3)
    return (second, first) if index == 2 else (first,)


def converted(frame: Frame, patches: tuple[Patch, ...]) -> ConvertedFrame:
    height, width = frame.pixels.shape[:2]
    return ConvertedFrame(frame, patches, compose(patches, width, height, depth=depth_of(frame.pixels)))


class Written:
    """What a writer made of a source.

    Attributes:
        frames: index -> what it was given.
        made, warnings: the writer's.
    """

    def __init__(self, source_path: Path, output: Path, frames: Sequence[int] | None = None,
                 patches: Callable[[int], tuple[Patch, ...]] = patches_of, key: str = "k",
                 only: Iterable[int] | None = None, **values: Any) -> None:
        options: ConvertWritingOptions = make(ConvertWritingOptions, values)
        self.frames: dict[int, ConvertedFrame] = {}
        with open_clip(source_path, options) as source:
            indices = list(range(len(source)) if frames is None else frames)
            keys = {index: f"{key}{index}" for index in indices}
            with find(WRITERS, options.writer).load()(output, source, keys, options) as writer:
                self.missing = list(writer.missing())
                self.total = writer.total
                for frame in source.frames(self.missing if only is None else only):
                    self.frames[frame.index] = converted(frame, patches(frame.index))
                    writer.write(self.frames[frame.index])
                if only is None:
                    writer.finish()
            self.result, self.made, self.warnings = writer.result(), writer.made(), writer.warnings
