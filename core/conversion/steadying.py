"""Colours that do not flicker: what a colour method measures, smoothed over the frames before and after.

A second look at the footage runs ahead of the conversion by as many frames as count, and measures each face. It depends
on nothing but these frames, so that a run that was stopped, a range of frames and a part on another machine all come
to the same pictures.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Protocol, TypeVar

import numpy as np

from ..faces.nouns import Face
from ..media.frame import Frame
from ..media.source import Source
from .neighbours import Neighbours
from .protocols import Statistics
from .stages import ahead, spread

_LEVEL = 1.0 / 255  # the least noise that is reckoned with
_TOLERANCE = 3.0  # multiples of the noise by which a frame may differ and still count
Measured = dict[str, Statistics]
P = TypeVar("P")


class Measurer(Protocol[P]):
    """What measures: a `Cast` of its own, used by this thread alone."""

    batch_size: int

    def cut(self, frame: Frame, faces: Sequence[Face]) -> tuple[P, ...]: ...

    def measured(self, parts: Sequence[P]) -> Measured:
        """What the colour method measures of the faces, by their uuid; those that it cannot measure are left out."""


class Steady:
    """The smoothed statistics of faces, asked for in ascending order of frames; measures ahead as far as needed.

    Args:
        source: opened for this alone.
        measurer: see there.
        neighbours: of the faces.
        wanted: the faces that will be asked for.
        of_original_only: the swapped face's own statistics are left as they are.
        workers: threads that measure.
    """

    def __init__(self, source: Source, measurer: Measurer[P], neighbours: Neighbours, wanted: Iterable[Face],
                 of_original_only: bool, workers: int) -> None:
        self._neighbours, self._original = neighbours, of_original_only
        needed: dict[int, dict[str, Face]] = {}
        for face in wanted:
            for other in neighbours.within(face):
                needed.setdefault(other.frame, {})[other.uuid] = other
        self._measuring = ahead(_measure(source, measurer, needed, workers), 1)
        self._known: dict[int, Measured] = {}
        self._last = -1

    def close(self) -> None:
        """End the measuring; nothing can be asked for any more."""
        self._measuring.close()

    def of(self, face: Face) -> Statistics | None:
        """A face's statistics; None where it could not be measured.

        Raises:
            SourceError, AlignmentsError: from the second look.
        """
        reach = self._neighbours.reach
        others = self._neighbours.within(face)
        while self._last < others[-1].frame:
            frame, measured = next(self._measuring)
            self._known[frame], self._last = measured, frame
        for frame in [frame for frame in self._known if frame < face.frame - reach]:
            del self._known[frame]
        own = self._known.get(face.frame, {}).get(face.uuid)
        if own is None:
            return None
        near = [(other.frame, found) for other in others
                if (found := self._known.get(other.frame, {}).get(other.uuid)) is not None]
        frames = np.array([frame for frame, _ in near])
        old = np.stack([found.old for _, found in near])
        if self._original:
            return Statistics(own.new, smoothed(frames, old, face.frame, reach))
        both = smoothed(frames, np.concatenate([np.stack([found.new for _, found in near]), old], 1), face.frame, reach)
        return Statistics(both[:len(own.new)], both[len(own.new):])


def _measure(source: Source, measurer: Measurer[P], needed: Mapping[int, Mapping[str, Face]],
             workers: int) -> Generator[tuple[int, Measured], None, None]:
    def measure(batch: list[tuple[int, tuple[P, ...]]]) -> list[tuple[int, Measured]]:
        found = measurer.measured([part for _, parts in batch for part in parts])
        return [(frame, {uuid: found[uuid] for uuid in needed[frame] if uuid in found}) for frame, _ in batch]

    def batches() -> Iterator[list[tuple[int, tuple[P, ...]]]]:
        held: list[tuple[int, tuple[P, ...]]] = []
        for frame in source.frames(sorted(needed)):
            held.append((frame.index, measurer.cut(frame, list(needed[frame.index].values()))))
            if sum(len(parts) for _, parts in held) >= measurer.batch_size:
                yield held
                held = []
        if held:
            yield held

    with closing(spread(measure, batches(), workers)) as found:
        for batch in found:
            yield from batch


def smoothed(frames: np.ndarray, values: np.ndarray, at: int, reach: int) -> np.ndarray:
    """What was measured around a frame, as a line through it has it there.

    A straight line is fitted with weights (W. Cleveland, JASA 74, 1979) that fall off with time, tricube, and with the
    distance from the middle of the frames next to it: changes of the light by more than the noise from frame to frame
    are followed at once, single frames that stand out are not.

    Args:
        frames: int [N], ascending, all within `reach` of `at`.
        values: float64 [N, K].
        at: the frame.

    Returns:
        float64 [K].
    """
    offset = (frames - at).astype(np.float64)
    middle = np.median(values[np.abs(offset) <= 2], axis=0)
    noise = _LEVEL
    if len(values) > 2:
        steps = np.sqrt((np.diff(values, axis=0) ** 2).mean(1))
        noise = max(noise, float(np.median(steps)) * 1.2 / np.sqrt(2))
    distance = np.sqrt(((values - middle) ** 2).mean(1))
    weight = (1 - (np.abs(offset) / (reach + 1)) ** 3) ** 3 * np.exp(-0.5 * (distance / (_TOLERANCE * noise)) ** 2)
    moments = [float((weight * offset ** power).sum()) for power in range(3)]
    determinant = moments[0] * moments[2] - moments[1] ** 2
    if determinant > 1e-9 * moments[0] ** 2:
        weight = weight * (moments[2] - moments[1] * offset) / determinant
    else:
        weight = weight / max(moments[0], 1e-12)
    return weight @ values
