"""Opening footage: one door for video files and image sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol, Self

from ..errors import SourceError
from .colour import Colour
from .frame import Frame
from .listing import IMAGE_SUFFIXES


class Source(Protocol):
    """Pictures by number, in order of presentation, counted from 0.

    Attributes:
        path: the absolute path of the file or folder.
        kind: "video" or "images".
        size: (width, height) in pixels of the first picture, upright. Pictures of a folder may differ in size.
        rate: pictures per second; for a variable rate the average, for images the 25 that nobody has chosen yet.
        constant_rate: whether picture n is shown at n / rate, up to the rounding of the file's clock.
        fingerprint: names the content whatever its path or date: the size and both ends of a file, or all the names
            and sizes of a folder.
        colour: how the video's colours are coded (of BT.709 for images, which carry none).
        has_audio: whether there is a sound track.
        bits: how finely the footage holds its values: 8, 9, 10, 12, 14, 16, or 32 for floating-point pictures.
        depth: how finely frames are given: 8 (uint8), 16 (uint16) or 32 (float32, scene-linear). It is 8 until set,
            whatever the footage holds, and may be set before frames are asked for.
    """

    path: Path
    kind: Literal["video", "images"]
    size: tuple[int, int]
    rate: Fraction
    constant_rate: bool
    fingerprint: str
    colour: Colour
    has_audio: bool
    bits: int
    depth: int

    def __len__(self) -> int:
        """Number of pictures, at least 1."""

    def name(self, index: int) -> str:
        """File stem, unique in the source, for what is made of a picture: "clip_000012", or the image's own stem."""

    def time(self, index: int) -> float:
        """Seconds from the first picture to picture `index`."""

    def read(self, index: int) -> Frame:
        """Any one picture. Safe to call from several threads, which then take turns.

        Raises:
            IndexError: outside 0..len - 1.
            SourceError: a picture that cannot be decoded.
        """

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[Frame]:
        """The pictures of ascending `indices` (None: all), decoded once forward, skipping over large gaps.

        Every call has a decoder of its own: several can run at once, beside `read`.

        Raises:
            ValueError: indices that do not ascend.
            IndexError, SourceError: as for `read`.
        """

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_source(path: Path | str) -> Source:
    """The footage at `path`: a video file, a folder of images, or one image.

    The first opening of a video reads through the file once to index its frames (no decoding); the index is kept in
    the user's cache.

    Raises:
        SourceError: nothing there, not footage, damaged, or empty.
    """
    # Imported here: reading images must not wait for PyAV, and the other way round.
    from .sequence import ImageSource
    from .video import VideoSource

    place = Path(path).expanduser().absolute()
    if not str(path).strip():
        raise SourceError("No footage is given", "Name a video file or a folder of images")
    try:
        if place.is_dir() or (place.is_file() and place.suffix.lower() in IMAGE_SUFFIXES):
            return ImageSource(place)
        if not place.exists():
            raise SourceError(f"There is nothing at {place}", "Check the path")
        if place.stat().st_size == 0:
            raise SourceError(f"{place} is empty", "Copy the file again")
    except OSError as error:
        raise SourceError(f"Cannot read {place} ({error.strerror or error})", "Check the file's permissions") from error
    return VideoSource(place)


def check_ascending(indices: Iterable[int] | None, length: int) -> Iterator[int]:
    """`indices`, each checked to follow the one before it and to lie in the source; None: all.

    Raises:
        ValueError: indices that do not ascend.
        IndexError: outside 0..length - 1.
    """
    last = -1
    for index in range(length) if indices is None else indices:
        if not 0 <= index < length:
            raise IndexError(f"frame {index} of {length}")
        if index <= last:
            raise ValueError(f"frames must ascend: {index} after {last}")
        last = index
        yield index
