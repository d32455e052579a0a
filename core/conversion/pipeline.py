"""The stream through conversion: decode ∥ crop ∥ predict ∥ composite ∥ encode, memory bounded, order kept.

Predictions are batched across frames, since most frames hold one face and networks are faster on many. On the processor
several batches are computed at once, each on one core: a network that spreads over all cores makes each of them wait
for the slowest at every layer. Threads do: the heavy parts let go of Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from ..extraction.cores import core_count
from ..faces.nouns import Face
from ..media.frame import Frame
from ..media.source import Source
from .cast import Cast, Part
from .nouns import ConvertedFrame
from .protocols import Writer
from .stages import Clock, Room, ahead, spread

_AHEAD = 4  # frames that may wait between two stages
_ROOM = 1 << 30  # bytes of frames on their way, and of what is made of them
_MOST_THREADS = 8  # beyond that, decoding in its one thread is the limit
T = TypeVar("T")
R = TypeVar("R")


@dataclass(eq=False)
class Going:
    """A frame on its way; `size`: bytes that it takes."""

    frame: Frame
    faces: Sequence[Face]
    size: int
    parts: tuple[Part, ...] = ()
    answers: list[np.ndarray] = field(default_factory=list)


class Pipeline:
    """Converts frames of a source.

    Args:
        source: where frames come from; read by a thread of its own.
        faces_of: the faces of a frame, from the back to the front; called from one thread, in order of the frames.
        cast: does the work.
        clock: takes the time of the stages decode, crop, predict, composite and encode.
        room: bytes that may be on their way.
    """

    def __init__(self, source: Source, faces_of: Callable[[int], Sequence[Face]], cast: Cast,
                 clock: Clock | None = None, room: int = _ROOM) -> None:
        self._source, self._faces_of, self._cast = source, faces_of, cast
        self._clock = clock or Clock()
        self._room = Room(room)
        self._threads = max(1, min(_MOST_THREADS, core_count()))

    def write(self, indices: Sequence[int], writer: Writer) -> Generator[ConvertedFrame, None, None]:
        """Convert and write frames (ascending); each is yielded once it is written.

        Raises:
            SourceError, AlignmentsError, OutputError: from the stages; what came before is written.
        """
        def finish_and_write(going: Going) -> tuple[Going, ConvertedFrame]:
            converted = self._finish(going)
            self._clock.timed("encode", writer.write, converted)
            return going, converted

        if writer.parallel:
            with closing(self._stream(indices, finish_and_write)) as written:
                yield from written
            return
        with closing(self.convert(indices)) as frames:
            for converted in frames:
                self._clock.timed("encode", writer.write, converted)
                yield converted

    def convert(self, indices: Sequence[int]) -> Generator[ConvertedFrame, None, None]:
        """Convert frames (ascending) and write nothing; for errors see `write`."""
        yield from self._stream(indices, lambda going: (going, self._finish(going)))

    def _stream(self, indices: Sequence[int],
                finish: Callable[[Going], tuple[Going, ConvertedFrame]]) -> Generator[ConvertedFrame, None, None]:
        decoded = ahead(self._decoded(indices), _AHEAD)
        cut = ahead(_each(partial(self._clock.timed, "crop", self._cut), decoded), _AHEAD)
        computing = 1 if self._cast.on_card else self._threads
        predicted = _flat(spread(self._predicted, self._batches(cut), computing))
        finished = spread(finish, predicted, self._threads)
        try:
            for going, converted in finished:
                yield converted
                self._room.leave(going.size)
        finally:
            self._room.close()  # whoever waits for room could not hear that the stream is over
            finished.close()

    def _decoded(self, indices: Sequence[int]) -> Iterator[Going]:
        for frame in self._clock.iterate("decode", self._source.frames(indices)):
            faces = self._faces_of(frame.index)
            # The frame, the result, and its form in the encoder.
            going = Going(frame, faces, 3 * frame.pixels.nbytes + self._cast.bytes_of(faces))
            if not self._room.enter(going.size):
                return
            yield going

    def _cut(self, going: Going) -> Going:
        going.parts = self._cast.cut(going.frame, going.faces)
        return going

    def _batches(self, cut: Iterable[Going]) -> Iterator[list[Going]]:
        """Frames whose faces make a batch for one of the models; fewer where there is no room to wait for more."""
        held: list[Going] = []
        waiting: dict[int, int] = {}
        size = 0
        with closing(cut):  # type: ignore[type-var]
            for going in cut:
                held.append(going)
                size += going.size
                for part in going.parts:
                    waiting[part.model] = waiting.get(part.model, 0) + 1
                full = max(waiting.values(), default=0) >= self._cast.batch_size
                if full or not waiting or size >= self._room.limit // 4:
                    yield held
                    held, waiting, size = [], {}, 0
            if held:
                yield held

    def _predicted(self, batch: list[Going]) -> list[Going]:
        answers = iter(self._clock.timed("predict", self._cast.predict, [p for going in batch for p in going.parts]))
        for going in batch:
            going.answers = [next(answers) for _ in going.parts]
        return batch

    def _finish(self, going: Going) -> ConvertedFrame:
        return self._clock.timed("composite", self._cast.finish, going.frame, going.parts, going.answers)


def _each(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    with closing(items):  # type: ignore[type-var]
        for item in items:
            yield function(item)


def _flat(lists: Iterable[list[T]]) -> Iterator[T]:
    with closing(lists):  # type: ignore[type-var]
        for items in lists:
            yield from items
