"""What a colour method and a writer promise; adding one means one file and one row in `core.options.rows`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, NamedTuple, Protocol, Self

import numpy as np

from ..media.source import Source
from ..options.convert_look import ConvertLookOptions
from .nouns import ConvertedFrame


class Statistics(NamedTuple):
    """What a colour method measured of a face: numbers whose means over several frames make sense, 0..1 or near it.

    Attributes:
        new: float64 [K], of the swapped face.
        old: float64 [L], of the original.
    """

    new: np.ndarray
    old: np.ndarray


class ColourMethod(Protocol):
    """Brings the colours of a swapped face to those of the original; holds no state beside its options.

    Measuring and adjusting are apart, so that what is measured can be smoothed over time (`stable`).
    """

    def __init__(self, options: ConvertLookOptions) -> None: ...

    def measure(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray) -> Statistics | None:
        """What `adjusted` needs to know of both pictures, arguments as there; None: nothing can be measured."""

    def adjusted(self, new: np.ndarray, old: np.ndarray, mask: np.ndarray,
                 statistics: Statistics | None = None) -> np.ndarray:
        """The swapped face with its colours adjusted.

        Args:
            new: float32 [S, S, 3], RGB 0..1: the swapped face.
            old: float32 [S, S, 3], RGB 0..1: the original in the same crop.
            mask: float32 [S, S], 0..1: what belongs to the face, before erosion.
            statistics: what was measured of this face, smoothed over time; None: these pictures are measured.

        Returns:
            float32 [S, S, 3], RGB 0..1; right also outside the mask, since that may be widened later.
        """


class Writer(Protocol):
    """Puts converted frames where the person wants them, marked as altered.

    A context manager: leaving it by an exception leaves nothing half-written behind. Frames come in ascending order,
    unless `parallel` is true: then `write` may be called from several threads at once, in any order.
    """

    parallel: ClassVar[bool]

    def __init__(self, output: Path, source: Source, keys: dict[int, str]) -> None:
        """Prepare to write, making folders as needed.

        Args:
            output: the folder or file that the person named.
            source: where the frames come from.
            keys: for each frame to write, a short text that changes whenever its picture would.

        Raises:
            OutputError: the place cannot be written, or holds something that is not ours to replace.
        """

    def missing(self) -> Sequence[int]:
        """The frames that still have to be converted, ascending: those of `keys` not there already."""

    def write(self, converted: ConvertedFrame) -> None:
        """Write one frame.

        Raises:
            OutputError: the place can no longer be written.
        """

    def result(self) -> Path:
        """What has been made: the folder or file."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None: ...
