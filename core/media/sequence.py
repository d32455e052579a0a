"""A folder of images, or a single one, as a source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self

from ..errors import SourceError
from .colour import Colour
from .depth import depth_of
from .frame import Frame
from .images import load_image, read_image
from .listing import IMAGE_SUFFIXES, image_frame_names, list_images
from .source import check_ascending


class ImageSource:
    """Images in natural order of their names (img_2 before img_10); gaps in their numbers take up no frames.

    See `source.Source` for the attributes. Hidden files and anything that is not an image are passed over.
    """

    kind: Literal["video", "images"] = "images"

    def __init__(self, path: Path, rate: Fraction = Fraction(25)) -> None:
        self.path = path
        self.rate = rate
        self.colour = Colour()
        self.has_audio = False
        self.constant_rate = True
        self.files = [path] if path.is_file() else [path / name for name in list_images(path)]
        if not self.files:
            raise SourceError(f"There are no images in {path}",
                              f"Choose a folder with {', '.join(s[1:] for s in IMAGE_SUFFIXES)} files")
        self._names = image_frame_names([f.name for f in self.files])
        first = load_image(self.files[0])
        self.size = (first.shape[1], first.shape[0])
        self.bits = depth_of(first)
        self.depth = 8
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        self.fingerprint = digest.hexdigest()[:32]

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self._names[index]

    def time(self, index: int) -> float:
        return float(index / self.rate)

    def read(self, index: int) -> Frame:
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        return Frame(str(self.path), index, self.time(index), read_image(self.files[index], self.depth))

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[Frame]:
        for index in check_ascending(indices, len(self)):
            yield self.read(index)

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
