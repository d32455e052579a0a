"""The stream through conversion: decode ∥ crop ∥ predict ∥ composite ∥ encode, memory bounded, order kept.

Predictions are batched across frames, since most frames hold one face and networks are faster on many.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import TypeVar

import numpy as np

from ..faces.nouns import Face
from ..media.frame import Frame
from ..media.source import Source
from .nouns import ConvertedFrame
from .protocols import Writer
from .stages import Clock, ahead, spread
from .swap import Cut, Swapper

_AHEAD = 4  # frames that may wait between two stages
_HELD_BYTES = 256 * 2**20  # of frames that wait for a batch to fill
T = TypeVar("T")
R = TypeVar("R")
CutFrame = tuple[Frame, tuple[Cut, ...]]
Answered = tuple[Frame, tuple[Cut, ...], list[np.ndarray]]


def convert(source: Source, indices: Sequence[int], faces_of: Callable[[int], Sequence[Face]], swapper: Swapper,
            writer: Writer, clock: Clock | None = None) -> Generator[ConvertedFrame, None, None]:
    """Convert and write frames; each is yielded once it is written.

    Args:
        source: where frames come from; read by a thread of its own.
        indices: frames to convert, ascending.
        faces_of: the faces of a frame; called from one thread, in order of the frames.
        swapper, writer: do the work.
        clock: takes the time of the stages decode, crop, predict, composite and encode.

    Raises:
        SourceError, AlignmentsError, OutputError: from the stages.
    """
    clock = clock or Clock()
    decoded = ahead(clock.iterate("decode", source.frames(indices)), _AHEAD)
    cut = ahead(_cut(decoded, faces_of, swapper, clock), _AHEAD)
    predicted = ahead(_predict(cut, swapper, clock), _AHEAD)

    def composite(item: Answered) -> ConvertedFrame:
        return clock.timed("composite", swapper.finish, *item)

    def composite_and_write(item: Answered) -> ConvertedFrame:
        converted = composite(item)
        clock.timed("encode", writer.write, converted)
        return converted

    if writer.parallel:
        with closing(spread(composite_and_write, predicted, min(4, os.cpu_count() or 1))) as written:
            yield from written
        return
    with closing(ahead(_each(composite, predicted), _AHEAD)) as composited:
        for converted in composited:
            clock.timed("encode", writer.write, converted)
            yield converted


def _each(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    with closing(items):  # type: ignore[type-var]
        for item in items:
            yield function(item)


def _cut(frames: Iterable[Frame], faces_of: Callable[[int], Sequence[Face]], swapper: Swapper,
         clock: Clock) -> Generator[CutFrame, None, None]:
    with closing(frames):  # type: ignore[type-var]
        for frame in frames:
            yield frame, clock.timed("crop", swapper.cut, frame, faces_of(frame.index))


def _predict(cut_frames: Iterable[CutFrame], swapper: Swapper,
             clock: Clock) -> Generator[Answered, None, None]:
    held: list[CutFrame] = []
    waiting = 0
    with closing(cut_frames):  # type: ignore[type-var]
        for frame, cuts in cut_frames:
            held.append((frame, cuts))
            waiting += len(cuts)
            full = waiting >= swapper.options.batch_size or len(held) * frame.pixels.nbytes >= _HELD_BYTES
            if full or waiting == 0:
                yield from _answered(held, swapper, clock)
                held, waiting = [], 0
        yield from _answered(held, swapper, clock)


def _answered(held: list[CutFrame], swapper: Swapper,
              clock: Clock) -> Generator[Answered, None, None]:
    answers = iter(clock.timed("predict", swapper.predict, [cut for _, cuts in held for cut in cuts]))
    for frame, cuts in held:
        yield frame, cuts, [next(answers) for _ in cuts]
