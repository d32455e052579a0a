"""What a colour method and a writer promise; adding one means one file and one row in `core.options.rows`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np

from ..media.source import Source
from ..options.convert_look import ConvertLookOptions
from ..options.convert_writing import ConvertWritingOptions
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
    unless `parallel` is true: then `write` may be called from several threads at once, in any order, and writers of
    other processes or machines may write other frames to the same place.

    Attributes:
        warnings: what a person should know before it begins.
    """

    parallel: ClassVar[bool]
    warnings: list[str]

    def __init__(self, output: Path, source: Source, keys: dict[int, str], options: ConvertWritingOptions) -> None:
        """Prepare to write, making folders as needed.

        Args:
            output: the folder or file that the person named.
            source: where the frames come from.
            keys: for each frame to write, a short text that changes whenever its picture would.
            options: how to write; `writers.choices` says what they come to.

        Raises:
            UsageError: options that do not go together.
            OutputError: the place cannot be written, or holds something that is not ours to replace.
        """

    @property
    def total(self) -> int:
        """How many frames the whole result has."""

    def missing(self) -> Sequence[int]:
        """The frames that still have to be converted, ascending: those of `keys` not there already."""

    def write(self, converted: ConvertedFrame) -> None:
        """Write one frame.

        Raises:
            OutputError: the place can no longer be written.
        """

    def finish(self) -> None:
        """What is to be done once when all frames are written, whichever process or machine wrote them.

        Raises:
            OutputError: the place can no longer be written.
        """

    def result(self) -> Path:
        """What has been made: the folder or file."""

    def made(self) -> dict[str, Any]:
        """What has been made, in words that a strip can be made from (JSON-ready).

        kind: "pictures" (one file a frame), "video", "gif". path: the folder, or the file. shows: "frames" (whole),
        "overlay" (the swapped faces over nothing), "layers" or "patches". alpha: "none", "straight", "premultiplied".
        frames: of the source that it holds, such as "0-99,150"; a video's follow each other without gaps. suffix: of
        the files; pictures are called <source.name(frame)><suffix>. first_file: name of the first. masks: folder of
        separate masks, or "". size: [width, height]. depth: bits. linear: scene-linear, else display values.
        matrices: of patches, the file that places them, or "".
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None: ...
